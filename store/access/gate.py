"""The gate: a free download, paid by an ad that is watched, by credits, or by nobody when there is no ad.

A view credits the wallet in ads' own transaction; here the credits are spent and the music granted in one
transaction. Between the two anything may be killed: the gate stays open, what was earned stays in the wallet, and the
next request or the sweeper goes on. Source of the rules: docs/money.md, "Gate".
"""

import logging
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.utils.formats import date_format

from ads import tokens
from ads.delivery import decisions, hours, serving
from ads.measurement import gate_views
from ads.measurement.gate_views import Mode, Started, ViewRefused
from ads.models import Impression, Place, Wallet
from ads.rewards import credits, wallets
from ads.traffic.fraud import Signals
from artists.models import FreeMode
from megabox import money
from store.access import library
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
    return serving.plan(price, balance, ads, is_full=music.wants_full_credit_price)


def open_gate(music: Music, recipe: str, listener: Listener, *, at: datetime) -> Gate:
    """Open a gate for `music` as `recipe`; what is simply free, or the listener's own, is granted at once.

    Raises CannotGet.
    """
    if not music.is_published:
        raise CannotGet(f"“{music.title}” is not published any more.")
    is_own = music.is_of(listener.user_id)
    if music.free_mode == FreeMode.OFF and not is_own:
        raise CannotGet(
            f"“{music.title}” is not given away free. You can buy it, and play it here as often as you like."
        )
    if music.free_mode == FreeMode.LATER and not is_own:
        day = f"from {date_format(music.free_from, 'j F Y')}" if music.free_from else "later"
        until = "play it here, or buy it" if music.is_sold else "play it here as often as you like"
        raise CannotGet(f"“{music.title}” is free with an ad {day}. Until then you can {until}.")
    wallet = wallet_of(listener)
    is_free = music.free_mode == FreeMode.FREE or is_own
    asked = 0 if is_free else quote(music, wallet, listener, at=at).asked_micros
    with transaction.atomic():
        gate = Gate.objects.create(
            wallet=wallet, **listener.owner, **music.columns, recipe=recipe, asked_micros=asked, opened_at=at
        )
        if is_free:
            _grant_free(gate, at, is_on_the_house=False)
    return gate


def is_own(gate: Gate) -> bool:
    """Whether it is the listener's own music: then nobody pays for it, and nobody earns."""
    return Music.of(gate).is_of(gate.user_id)


def wallet_of(listener: Listener) -> Wallet:
    """The wallet of a person or a guest; made on first use."""
    user = User.objects.get(pk=listener.user_id) if listener.user_id is not None else None
    return wallets.for_listener(user, listener.guest_key)


def start(gate: Gate, *, at: datetime) -> Show | None:
    """The next ad of an open gate, started and stamped; None when the gate is granted, by this call or before.

    What the gate asks falls to what the ads that are left can pay, and without any ad the download is on the house.
    Raises CannotGet when that was used up today, or when the artist wants the full price and no ad is left that would
    bring it nearer; ViewRefused when the wallet cannot earn.
    """
    if gate.state == Gate.State.OPEN and is_own(gate):  # who opened it as somebody else, or before the music was theirs
        with transaction.atomic():
            Gate.objects.filter(pk=gate.pk, state=Gate.State.OPEN).update(asked_micros=0)
            _grant_free(gate, at, is_on_the_house=False)
        return None
    if gate.state == Gate.State.GRANTED or finish(gate, at=at):
        return None
    wallet = _holder(gate)
    music = Music.of(gate)
    watched = counted(gate)
    left, asked = serving.MOST_GATE_ADS - len(watched), _asked(gate, watched)
    forgone = gate.asked_micros - asked
    is_retry = False
    broke: set[int] = set()
    while True:
        context = _context(music, wallet, _owner(gate), at)
        decision = serving.decide(Place.GATE, context, at, count=left, without=broke) if left > 0 else None
        ads = decision.choices if decision else ()
        is_full = music.wants_full_credit_price
        plan = serving.plan(asked, wallet.balance_micros(), ads, is_full=is_full)
        _lower(gate, plan.asked_micros + forgone)
        if not plan.ads:
            hours.count_asked(Place.GATE, at, is_filled=False)
            if decision and not ads:
                decisions.record(decision, tokens.uuid7(at), None)
            _grant_without_ad(gate, at)
            return None
        try:
            show = _offer(gate, wallet, plan.ads[0], at, decision)
        except serving.NothingLeft:
            broke.add(plan.ads[0].campaign_id)  # others spent it since we looked: the next best ad
        except ViewRefused as reason:
            if not reason.is_our_fault or is_retry:
                raise
            serving.forget()  # the ad is gone and our picture of what is live is old: look again, once
            is_retry = True
        else:
            hours.count_asked(Place.GATE, at, is_filled=True)
            return show


def viewed(
    gate: Gate, token: str, mode: Mode, *, at: datetime, signals: Signals | None = None, prefix_hash: str = ""
) -> State:
    """Count an ad that was watched at this gate, credit the wallet, and grant the music once it is covered.

    Safe to repeat, in two tabs too. Raises ViewRefused.
    """
    try:
        offer = tokens.verify(token)
    except tokens.BadToken as fault:
        raise ViewRefused(str(fault)) from None
    if not gate.views.filter(token_id=offer.id).exists():
        raise ViewRefused("This ad was started at another gate. Start one here.")
    gate_views.confirm(token, _holder(gate), mode, at, signals=signals, prefix_hash=prefix_hash)
    finish(gate, at=at)
    return state(gate)


def finish(gate: Gate, *, at: datetime) -> bool:
    """Grant an open gate if the wallet covers what it asks by now, and something was asked; True when it is granted."""
    if (
        gate.state == Gate.State.OPEN
        and gate.asked_micros
        and _holder(gate).balance_micros() >= _asked(gate, counted(gate))
    ):
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
    weighed = _weighed_at([pk for pk, *_ in asked])
    covered = [
        pk
        for pk, micros, merged_into, wallet in asked
        if balances.get(merged_into or wallet, 0) >= _lowered(micros, weighed.get(pk, ()))
    ]
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
    watched, is_granted = counted(gate), gate.state == Gate.State.GRANTED
    return State(
        is_granted=is_granted,
        is_on_the_house=gate.is_on_the_house,
        asked=gate.asked_micros if is_granted else _asked(gate, watched),
        balance=_holder(gate).balance_micros(),
        views=len(watched),
    )


def counted(gate: Gate) -> list[Impression]:
    """The ads that were watched to their end at this gate, in order."""
    ids = gate.views.values("token_id")
    return list(Impression.objects.viewed().filter(pk__in=ids).select_related("ad", "campaign").order_by("viewed_at"))


# --- inside


def _asked(gate: Gate, watched: Sequence[Impression]) -> int:
    """What an open gate asks after these views of its ads."""
    return _lowered(gate.asked_micros, [(view.offered_micros, view.price_micros) for view in watched])


def _lowered(asked: int, views: Sequence[tuple[int, int]]) -> int:
    """What is asked after views that were offered for so much and earned so much, in micros.

    Whoever watched has done their part, so what was withheld for the neighbours in their network is not asked of
    them. The artist bears it, but for what would have been left over: all that was earned here is still asked.
    """
    offered, earned = (sum(column) for column in zip(*views, strict=True)) if views else (0, 0)
    return max(asked - (offered - earned), min(asked, earned))


def _weighed_at(gate_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[int, int]]]:
    """What the views at each of these gates were offered for and what they earned."""
    gates = dict(GateView.objects.filter(gate__in=gate_ids).values_list("token_id", "gate"))
    views = Impression.objects.viewed().filter(pk__in=gates)
    found: dict[uuid.UUID, list[tuple[int, int]]] = {}
    for pk, offered, earned in views.values_list("pk", "offered_micros", "price_micros"):
        found.setdefault(gates[pk], []).append((offered, earned))
    return found


def _owner(gate: Gate) -> Listener:
    return Listener(user_id=gate.user_id, guest_key=gate.guest_key)


def _holder(gate: Gate) -> Wallet:
    """The wallet that pays: the gate's own, or the one that took it over at log-in."""
    return Wallet.objects.get(pk=wallets.holder(gate.wallet_id))


def _context(music: Music, wallet: Wallet | None, listener: Listener, at: datetime) -> serving.Context:
    user = User.objects.filter(pk=listener.user_id) if listener.user_id is not None else User.objects.none()
    return serving.context_for(
        wallet,
        at,
        genre=music.said("genre"),
        mood=music.said("mood"),
        language=music.said("language"),
        artist_id=music.home.artist_id,
        country=user.values_list("country", flat=True).first() or "",
        user_id=listener.user_id,
    )


def _offer(gate: Gate, wallet: Wallet, choice: tokens.Choice, at: datetime, decision: serving.Decision | None) -> Show:
    music = Music.of(gate)
    token = serving.offer(
        choice,
        Place.GATE,
        at,
        wallet=wallet,
        user_id=wallet.user_id,
        artist_id=music.home.artist_id,
        album_id=music.home.pk,
        decision=decision,
    )
    token_id = tokens.verify(token).id
    # The gate knows the token before it can be watched: a view that no gate knows would be worth nothing.
    GateView.objects.create(gate=gate, token_id=token_id, price_micros=choice.price_micros, offered_at=at)
    return Show(token, gate_views.start(token, wallet, at))


def _lower(gate: Gate, asked: int) -> None:
    """Ask less if the ads that are left pay less; never more than was asked before."""
    if asked < gate.asked_micros:
        Gate.objects.filter(pk=gate.pk, state=Gate.State.OPEN, asked_micros__gt=asked).update(asked_micros=asked)
        gate.refresh_from_db(fields=["asked_micros"])


def _grant_without_ad(gate: Gate, at: datetime) -> None:
    """No ad is lacking any more: spend what is asked, or give it on the house when there is nothing to spend."""
    if gate.asked_micros:
        if not finish(gate, at=at) and Music.of(gate).wants_full_credit_price:
            raise CannotGet(_full_price(gate))
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


def _full_price(gate: Gate) -> str:
    """What to do where the artist wants the full price and the ads do not bring so much."""
    music = Music.of(gate)
    asked, have = (
        money.display(money.micros_to_xcr(micros), money.CREDIT)
        for micros in (gate.asked_micros, _holder(gate).balance_micros())
    )
    return (
        f"{music.home.artist.name} wants the full price of “{music.title}”, {asked}, and you have {have}. "
        "They stay in your wallet. Come back for more ads later, or buy it: 90 % of the price goes to the artist."
    )


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
        open_one.asked_micros = _asked(open_one, counted(open_one))
        if wallet.balance_micros() < open_one.asked_micros:
            return  # another gate was faster: this one asks for an ad again
        if not open_one.asked_micros:
            open_one.save(update_fields=["asked_micros"])
            _grant_free(open_one, at, is_on_the_house=False)
            return
        key = f"gate:{open_one.pk}"
        sheet = music.sheet()
        facts = {**music.facts(sheet), "quantity": 1, "price_micros": open_one.asked_micros}
        try:
            credits.spend(
                wallet, open_one.asked_micros, sheet.shares, key=key, source=open_one.source, facts=facts, at=at
            )
        except credits.NotEnough:
            return  # credits expired, or were taken back, this very moment
        open_one.state, open_one.granted_at, open_one.entry_key = Gate.State.GRANTED, at, key
        open_one.spent_micros = open_one.asked_micros
        open_one.save(update_fields=["state", "granted_at", "entry_key", "asked_micros", "spent_micros"])
        library.grant(music, owner, LibraryItem.Reason.CREDITS, at=at, gate=open_one)
