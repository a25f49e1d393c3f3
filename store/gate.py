"""The gate: a free download, paid by an ad that is watched, by credits, or by nobody when there is no ad.

A view credits the wallet in ads' own transaction; here the credits are spent and the music granted in one
transaction. Between the two anything may be killed: the gate stays open, what was earned stays in the wallet, and the
next request or the sweeper goes on. Source of the rules: docs/money.md, "Gate".
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db import transaction

from ads import credits, impressions, serving, tokens, wallets
from ads.fraud import Signals
from ads.impressions import Mode, Started, ViewRefused
from ads.models import Impression, Place, Wallet
from artists.models import FreeMode
from megabox import money
from store import library
from store.listeners import Listener
from store.models import Gate, GateView, LibraryItem
from store.music import Music
from users.models import User

HOUSE_PER_DAY = 10
"""So many downloads a listener gets on the house a day, while no ad is paid for."""

LOOK_BACK = timedelta(days=1)
"""How old an open gate may be for the sweeper to finish it."""

log = logging.getLogger(__name__)


class CannotGet(Exception):
    """The music cannot be had free now; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Show:
    """An ad to show, with the token that counts its view."""

    token: str
    started: Started


@dataclass(frozen=True, slots=True)
class State:
    """Where a gate stands. Amounts in micros of money behind credits."""

    is_granted: bool
    is_on_the_house: bool
    asked: int
    balance: int
    views: int

    @property
    def needs(self) -> int:
        """What the wallet still lacks."""
        return 0 if self.is_granted else max(0, self.asked - self.balance)


def quote(music: Music, wallet: Wallet | None, listener: Listener, *, at: datetime) -> serving.Plan:
    """What a free download would ask now, and the ads that would cover it; nothing is kept."""
    balance = wallet.balance_micros() if wallet else 0
    price = money.credits_to_micros(music.credit_price)
    ads = serving.pick(Place.GATE, _context(music, wallet, listener, at), at, count=serving.MOST_GATE_ADS)
    return serving.plan(price, balance, ads)


def open_gate(music: Music, recipe: str, listener: Listener, *, at: datetime) -> Gate:
    """Open a gate for `music` as `recipe`; what is simply free is granted at once. Raises CannotGet."""
    if not music.is_published:
        raise CannotGet(f"“{music.title}” is not published any more.")
    if music.free_mode == FreeMode.OFF:
        raise CannotGet(
            f"“{music.title}” is not given away free. You can buy it, and play it here as often as you like."
        )
    wallet = wallet_of(listener)
    asked = 0 if music.free_mode == FreeMode.FREE else quote(music, wallet, listener, at=at).asked_micros
    with transaction.atomic():
        gate = Gate.objects.create(
            wallet=wallet, **listener.owner, **music.columns, recipe=recipe, asked_micros=asked, opened_at=at
        )
        if music.free_mode == FreeMode.FREE:
            _grant_free(gate, at, is_on_the_house=False)
    return gate


def wallet_of(listener: Listener) -> Wallet:
    """The wallet of a person or a guest; made on first use."""
    user = User.objects.get(pk=listener.user_id) if listener.user_id is not None else None
    return wallets.for_listener(user, listener.guest_key)


def start(gate: Gate, *, at: datetime) -> Show | None:
    """The next ad of an open gate, started and stamped; None when the gate is granted, by this call or before.

    What the gate asks falls to what the ads that are left can pay, and without any ad the download is on the house.
    Raises CannotGet when that was used up today, ViewRefused when the wallet cannot earn.
    """
    if gate.state == Gate.State.GRANTED or finish(gate, at=at):
        return None
    wallet = _holder(gate)
    music = Music.of(gate)
    left = serving.MOST_GATE_ADS - len(counted(gate))
    is_retry = False
    while True:
        context = _context(music, wallet, _owner(gate), at)
        ads = serving.pick(Place.GATE, context, at, count=left) if left > 0 else []
        plan = serving.plan(gate.asked_micros, wallet.balance_micros(), ads)
        _lower(gate, plan.asked_micros)
        if not plan.ads:
            _grant_without_ad(gate, at)
            return None
        try:
            return _offer(gate, wallet, plan.ads[0], at)
        except ViewRefused as reason:
            if not reason.is_our_fault or is_retry:
                raise
            serving.forget()  # the ad is gone and our picture of what is live is old: look again, once
            is_retry = True


def viewed(gate: Gate, token: str, mode: Mode, *, at: datetime, signals: Signals | None = None) -> State:
    """Count an ad that was watched at this gate, credit the wallet, and grant the music once it is covered.

    Safe to repeat, in two tabs too. Raises ViewRefused.
    """
    try:
        offer = tokens.verify(token)
    except tokens.BadToken as fault:
        raise ViewRefused(str(fault)) from None
    if not gate.views.filter(token_id=offer.id).exists():
        raise ViewRefused("This ad was started at another gate. Start one here.")
    impressions.confirm_gate_view(token, _holder(gate), mode, at, signals=signals)
    finish(gate, at=at)
    return state(gate)


def finish(gate: Gate, *, at: datetime) -> bool:
    """Grant an open gate if the wallet covers what it asks by now, and something was asked; True when it is granted."""
    if gate.state == Gate.State.OPEN and gate.asked_micros and _holder(gate).balance_micros() >= gate.asked_micros:
        _grant_for_credits(gate, at)
    gate.refresh_from_db()
    return gate.state == Gate.State.GRANTED


def finish_waiting(at: datetime) -> int:
    """Grant what an ad covered and a killed process left open; return how many gates."""
    seen = Impression.objects.viewed().filter(place=Place.GATE, viewed_at__gte=at - LOOK_BACK).values("pk")
    waiting = Gate.objects.filter(state=Gate.State.OPEN, opened_at__gte=at - LOOK_BACK, views__token_id__in=seen)
    # Most that wait were left before their last ad: they take no place from those that are covered.
    asked = list(
        waiting.distinct().order_by("opened_at").values_list("pk", "asked_micros", "wallet__merged_into", "wallet")
    )
    balances = wallets.balances({merged_into or wallet for _, _, merged_into, wallet in asked})
    covered = [pk for pk, micros, merged_into, wallet in asked if balances.get(merged_into or wallet, 0) >= micros]
    return sum(_finish_one(pk, at) for pk in covered[:100])


def _finish_one(pk: uuid.UUID, at: datetime) -> bool:
    """Grant one gate for the sweeper; one that cannot be granted is told and keeps nobody else waiting."""
    try:
        return finish(Gate.objects.get(pk=pk), at=at)
    except Exception:
        log.exception("Gate %s is covered, but cannot be granted.", pk)
        return False


def state(gate: Gate) -> State:
    """Where the gate stands now."""
    gate.refresh_from_db()
    return State(
        is_granted=gate.state == Gate.State.GRANTED,
        is_on_the_house=gate.is_on_the_house,
        asked=gate.asked_micros,
        balance=_holder(gate).balance_micros(),
        views=len(counted(gate)),
    )


def counted(gate: Gate) -> list[Impression]:
    """The ads that were watched to their end at this gate, in order."""
    ids = gate.views.values("token_id")
    return list(Impression.objects.viewed().filter(pk__in=ids).select_related("ad", "campaign").order_by("viewed_at"))


# --- inside


def _owner(gate: Gate) -> Listener:
    return Listener(user_id=gate.user_id, guest_key=gate.guest_key)


def _holder(gate: Gate) -> Wallet:
    """The wallet that pays: the gate's own, or the one that took it over at log-in."""
    return Wallet.objects.get(pk=wallets.holder(gate.wallet_id))


def _context(music: Music, wallet: Wallet | None, listener: Listener, at: datetime) -> serving.Context:
    genre = (music.track.genre if music.track else "") or music.home.genre
    return serving.context_for(wallet, at, genre=genre, user_id=listener.user_id)


def _offer(gate: Gate, wallet: Wallet, choice: tokens.Choice, at: datetime) -> Show:
    music = Music.of(gate)
    token = tokens.issue(
        choice, Place.GATE, at=at, wallet_id=wallet.pk, artist_id=music.home.artist_id, album_id=music.home.pk
    )
    token_id = tokens.verify(token).id
    # The gate knows the token before it can be watched: a view that no gate knows would be worth nothing.
    GateView.objects.create(gate=gate, token_id=token_id, price_micros=choice.price_micros, offered_at=at)
    return Show(token, impressions.start_gate_view(token, wallet, at))


def _lower(gate: Gate, asked: int) -> None:
    """Ask less if the ads that are left pay less; never more than was asked before."""
    if asked < gate.asked_micros:
        Gate.objects.filter(pk=gate.pk, state=Gate.State.OPEN, asked_micros__gt=asked).update(asked_micros=asked)
        gate.refresh_from_db(fields=["asked_micros"])


def _grant_without_ad(gate: Gate, at: datetime) -> None:
    """No ad is lacking any more: spend what is asked, or give it on the house when there is nothing to spend."""
    if gate.asked_micros:
        finish(gate, at=at)
        return
    with transaction.atomic():
        wallet = Wallet.objects.select_for_update().get(pk=wallets.holder(gate.wallet_id))
        day = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
        given = Gate.objects.filter(wallet=wallet, is_on_the_house=True, granted_at__gte=day).count()
        if given >= HOUSE_PER_DAY:
            raise CannotGet(
                f"No ad is running now, and you had today's {HOUSE_PER_DAY} downloads on the house. "
                "Come back tomorrow, or buy it: 90 % of the price goes to the artist."
            )
        _grant_free(gate, at, is_on_the_house=True)
    gate.refresh_from_db()


def _grant_free(gate: Gate, at: datetime, *, is_on_the_house: bool) -> None:
    granted = Gate.objects.filter(pk=gate.pk, state=Gate.State.OPEN).update(
        state=Gate.State.GRANTED, granted_at=at, is_on_the_house=is_on_the_house
    )
    if granted:
        library.grant(Music.of(gate), _owner(gate), LibraryItem.Reason.FREE, at=at, gate=gate)
        gate.refresh_from_db()


def _grant_for_credits(gate: Gate, at: datetime) -> None:
    """Spend what is asked and give the music: one transaction, once a gate.

    The wallet's row is locked first, so two gates for the same music, open in two tabs, are not both paid.
    """
    with transaction.atomic():
        wallet = Wallet.objects.select_for_update().get(pk=wallets.holder(gate.wallet_id))
        open_one = Gate.objects.select_for_update().filter(pk=gate.pk, state=Gate.State.OPEN).first()
        if open_one is None:
            return
        music, owner = Music.of(open_one), _owner(open_one)
        if library.has(owner, music):
            open_one.state, open_one.granted_at = Gate.State.GRANTED, at
            open_one.save(update_fields=["state", "granted_at"])
            return
        if wallet.balance_micros() < open_one.asked_micros:
            return  # another gate was faster: this one asks for an ad again
        key = f"gate:{open_one.pk}"
        facts = {**music.facts(), "quantity": 1, "price_micros": open_one.asked_micros}
        try:
            credits.spend(
                wallet, open_one.asked_micros, music.shares(), key=key, source=open_one.source, facts=facts, at=at
            )
        except credits.NotEnough:
            return  # credits expired, or were taken back, this very moment
        open_one.state, open_one.granted_at, open_one.entry_key = Gate.State.GRANTED, at, key
        open_one.spent_micros = open_one.asked_micros
        open_one.save(update_fields=["state", "granted_at", "entry_key", "spent_micros"])
        library.grant(music, owner, LibraryItem.Reason.CREDITS, at=at, gate=open_one)
