"""What pages and the gate ask: an ad for this place, this listener, now.

`pick` gives `choosing.choose` the snapshot of this moment, which is read again every few seconds and never for each
request.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from ads import tokens
from ads.budgets import leases
from ads.budgets.leases import NothingLeft
from ads.delivery import choosing, decisions, frequency, snapshots
from ads.delivery.candidates import MOST_GATE_ADS
from ads.delivery.choosing import Context, Decision, Plan, plan
from ads.delivery.frequency import Seen
from ads.delivery.remembered import Remembered
from ads.models import Wallet
from ads.tokens import Choice
from ledger import policy

__all__ = [
    "MOST_GATE_ADS",
    "Choice",
    "Context",
    "Decision",
    "NothingLeft",
    "Plan",
    "context_for",
    "decide",
    "forget",
    "offer",
    "pick",
    "pick_and_offer",
    "plan",
]


_policies: Remembered[int] = Remembered(1_000)


def forget() -> None:
    """Ask the database again, after a change that should show at once in this process."""
    snapshots.forget()
    _policies.forget()


def pick(place: str, context: Context, at: datetime, *, count: int = 1) -> list[Choice]:
    """At most `count` ads to show at `place` at `at`; beside music also those that nobody pays for."""
    return choosing.choose(snapshots.current(at), place, context, at, count=count)


def decide(place: str, context: Context, at: datetime, *, count: int = 1, without: Collection[int] = ()) -> Decision:
    """What `pick` gives, of other campaigns than those `without`, and what it was asked.

    Pass it to `offer`, so that it can be replayed.
    """
    return choosing.decide(snapshots.current(at), place, context, at, count=count, without=without)


def pick_and_offer(
    place: str,
    context: Context,
    at: datetime,
    *,
    wallet: Wallet | None = None,
    artist_id: int | None = None,
    album_id: int | None = None,
    shares: Sequence[Sequence[int]] = (),
) -> tuple[Choice, str] | None:
    """The ad to show at `place` at `at` and its token: the best whose money can be had; None when there is none."""
    without: set[int] = set()
    while (decision := decide(place, context, at, without=without)).choices:
        choice = decision.choices[0]
        try:
            token = offer(
                choice,
                place,
                at,
                wallet=wallet,
                user_id=context.user_id,
                artist_id=artist_id,
                album_id=album_id,
                shares=shares,
                decision=decision,
            )
        except NothingLeft:
            without.add(choice.campaign_id)
        else:
            return choice, token
    decisions.record(decision, tokens.uuid7(at), None)
    return None


def offer(
    choice: Choice,
    place: str,
    at: datetime,
    *,
    wallet: Wallet | None = None,
    user_id: int | None = None,
    artist_id: int | None = None,
    album_id: int | None = None,
    shares: Sequence[Sequence[int]] = (),
    decision: Decision | None = None,
) -> str:
    """The token for showing `choice`, with who pays for it, whom it is shown to, and who earns.

    The `decision` that it comes from is recorded under the token's number. Raises NothingLeft when the campaign's money
    went since it was picked: pick another.
    """
    token_id = tokens.uuid7(at)
    token = tokens.issue(
        choice,
        place,
        at=at,
        token_id=token_id,
        wallet_id=wallet.pk if wallet else None,
        artist_id=artist_id,
        album_id=album_id,
        shares=shares,
        policy_version=_policies.get(at.date(), lambda: policy.current(at).version),
        lease_id=leases.reserve(choice.campaign_id, choice.price_micros, at, tokens.LIFETIMES[place]),
        is_proven=wallet is not None and wallet.proven_at is not None,
        user_id=user_id,
    )
    if decision is not None:
        decisions.record(decision, token_id, choice.ad_id)
    return token


def context_for(
    wallet: Wallet | None,
    at: datetime,
    *,
    genre: str = "",
    artist_id: int | None = None,
    mood: str = "",
    language: str = "",
    country: str = "",
    user_id: int | None = None,
    seed: str | None = None,
    seen: Seen | None = None,
) -> Context:
    """The context of a listener at `at`; one query for what their wallet saw today, unless `seen` says it."""
    if seen is None:
        seen = frequency.seen(wallet.pk, at) if wallet else Seen()
    return Context(
        genre=genre,
        artist_id=artist_id,
        mood=mood,
        language=language,
        country=country,
        user_id=user_id,
        views_today=seen.views_today,
        recent_ads=seen.recent_ads,
        seed=secrets.token_hex(8) if seed is None else seed,
    )
