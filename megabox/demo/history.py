"""Lives through the plan day by day, through the same functions as the site: sales, gates, ads, nights, a payout."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

from ads.budgets import leases
from ads.delivery import hours, serving
from ads.measurement import counting
from ads.models import Impression, Place
from ads.revenue import settlement
from ads.rewards import wallets
from artists import plays, splits
from artists.models import Album, Payee, Play, Rendition, Track
from ledger import payees
from megabox.claims import worker_name
from payouts import issuing, pool, reservations, runs, transfers
from payouts.models import Payout, PayoutRun
from store.access import downloads, gate, library
from store.cases import refunds
from store.listeners import Listener
from store.models import Download, Gate, Order
from store.music import Music
from store.sales import fees, orders
from store.sales.orders import Wish
from store.stats import figures, prices
from users.models import User

from . import adverts, charges, people, plan
from .catalogue import Say
from .plan import Event

NAMESPACE = uuid.UUID("6d656761-626f-5864-8d6f-000000000001")
"""Orders of the demo have ids made from this and what they are about, so that placing one twice is placing it once."""
DEPOSIT_ID = uuid.uuid5(NAMESPACE, "deposit")
DEPOSIT_DAYS_AGO = 44
MAGAZINE = "sleeves.example"
PLACES = ("album", "album", "home", "search", "artist", "library")
SMALLER_THRESHOLD_MICROS = 10_000_000
PAID_THROUGH_STRIPE = ("Nova Kit", "The Paper Boats", "Lowland Brass")


def is_made(anchor: datetime) -> bool:
    """Whether everything has happened."""
    return _is_deposited() and not _waiting(Story.read(anchor), anchor) and _is_paid(_run_at(anchor))


def deposit(anchor: datetime) -> bool:
    """Pay the advertiser's money in; False when it was there."""
    if _is_deposited():
        return False
    advertiser, at, buyer = adverts.advertiser(), anchor - timedelta(days=DEPOSIT_DAYS_AGO), people.of("acme")
    order = orders.place_deposit(
        advertiser, adverts.budget_micros(), Listener(buyer.pk), order_id=DEPOSIT_ID, at=at, email=buyer.email
    )
    pay(order, buyer.name, at)
    return True


def live(anchor: datetime, say: Say) -> int:
    """Do what of the plan was not done yet, and the nights between; return how many things are new.

    Safe to repeat and to kill: things happen in order, so all before the last that left a trace has happened.
    """
    story, run_at = Story.read(anchor), _run_at(anchor)
    waiting, has_run = _waiting(story, anchor), _is_paid(run_at)
    if not waiting and has_run:
        return 0
    day = min([event.at for event in waiting] + ([] if has_run else [run_at])).date()
    while day <= anchor.date():
        _night(day, anchor)
        today = [event for event in waiting if event.at.date() == day]
        for event in today:
            story.do(event)
        if day == run_at.date():
            _pay_out(run_at)
        if today and day.toordinal() % 7 == 0:
            say(f"  {day:%d %B}: {len(today)} things happened")
        day += timedelta(days=1)
    return len(waiting) + (not has_run)


def count(anchor: datetime) -> None:
    """Count all of it for the statistics, and predict last month as if nobody knew it yet."""
    figures.count_again(timezone.now)
    prices.predict((anchor.date().replace(day=1) - timedelta(days=1)).replace(day=1), at=anchor)


def _is_deposited() -> bool:
    return Order.objects.filter(pk=DEPOSIT_ID, fee_micros__isnull=False).exists()


def _run_at(anchor: datetime) -> datetime:
    return anchor - timedelta(days=plan.PAYOUT_DAYS_AGO)


def _waiting(story: "Story", anchor: datetime) -> list[Event]:
    """What of the plan comes after the last that left a trace."""
    events = plan.events(anchor)
    done = max((index for index, event in enumerate(events, 1) if story.has(event)), default=0)
    return [event for event in events[done:] if story.is_possible(event)]


@dataclass
class Story:
    """What is known of the catalogue and of what has happened already."""

    anchor: datetime
    albums: dict[str, Album]
    tracks: dict[tuple[str, str], Track]
    users: dict[str, User]
    seen: dict[str, set[datetime]]

    @classmethod
    def read(cls, anchor: datetime) -> "Story":
        """Read it once; the plan is long."""
        since = anchor - timedelta(days=plan.DAYS + 2)
        tracks = Track.objects.select_related("album__artist", "original").all()
        paid = Order.objects.filter(placed_at__gte=since, fee_micros__isnull=False)
        return cls(
            anchor,
            {album.title: album for album in Album.objects.published().select_related("artist")},
            {(track.album.title, track.title): track for track in tracks},
            {name: people.of(name) for name in people.CAST},
            {
                "sale": set(paid.values_list("placed_at", flat=True)),
                "refund": set(),
                "gate": set(Download.objects.filter(at__gte=since).values_list("at", flat=True)),
                "view": set(Impression.objects.filter(viewed_at__gte=since).values_list("viewed_at", flat=True)),
                "play": set(Play.objects.filter(created_at__gte=since).values_list("created_at", flat=True)),
            },
        )

    def is_possible(self, event: Event) -> bool:
        """Whether what it is about is still there: artists may have taken it away since."""
        return event.album in self.albums and (not event.song or (event.album, event.song) in self.tracks)

    def has(self, event: Event) -> bool:
        """Whether it left its trace."""
        kind = "view" if event.kind in ("short view", "click") else event.kind
        return self._mark(event) in self.seen[kind]

    def _mark(self, event: Event) -> datetime:
        """The moment by which what the event left behind is found again."""
        if event.kind == "gate":
            return event.at + timedelta(minutes=2)
        if event.kind in ("view", "short view", "click"):
            return event.at + timedelta(seconds=event.seconds)
        return event.at

    def do(self, event: Event) -> None:
        """Let it happen."""
        doers: dict[str, Callable[[Event], None]] = {
            "sale": self._buy,
            "refund": self._give_back,
            "gate": self._get_free,
            "play": self._listen,
        }
        doers.get(event.kind, self._see)(event)

    def _music(self, event: Event) -> Music:
        if event.song:
            return Music(track=self.tracks[event.album, event.song])
        return Music(album=self.albums[event.album])

    def _listener(self, event: Event) -> Listener:
        user = self.users.get(event.who)
        return Listener(user.pk) if user else Listener(guest_key=event.who)

    def _buy(self, event: Event) -> None:
        """Buy an album or a song by card."""
        music, user = self._music(event), self.users.get(event.who)
        if library.has(self._listener(event), music) and not Order.objects.filter(pk=_order_id(event)).exists():
            return  # they got it free meanwhile
        price = event.micros or music.least_micros
        email = user.email if user else people.address(event.who)
        order = orders.place(
            [Wish(music, price)], self._listener(event), order_id=_order_id(event), at=event.at, email=email
        )
        pay(order, user.name if user else "A guest", event.at)

    def _give_back(self, event: Event) -> None:
        """Somebody changes their mind: the last sale before it is given back."""
        sale = Order.objects.filter(
            state=Order.State.PAID, kind=Order.Kind.SALE, placed_at__lt=event.at - timedelta(days=2), user__isnull=False
        )
        order = sale.exclude(user=self.users["leo"]).order_by("-placed_at").first()
        if order is None or Order.objects.filter(state=Order.State.REFUNDED).exists():
            return
        cents = charges.refund(order, at=event.at)
        refunds.refund(order.pk, cents, order.unit, at=event.at)

    def _get_free(self, event: Event) -> None:
        """Go through the gate: watch what is asked, then download."""
        music, listener, at = self._music(event), self._listener(event), event.at
        opened = Gate.objects.filter(wallet=gate.wallet_of(listener), opened_at=event.at).first()
        if opened is None:
            opened = gate.open_gate(music, event.recipe, listener, at=at)
        for _ in range(serving.MOST_GATE_ADS + 1):
            show = gate.start(opened, at=at)
            if show is None:
                break
            at += timedelta(milliseconds=show.started.ad.duration_ms + 400)
            gate.viewed(opened, show.token, "audio" if show.started.ad.kind == "AUDIO" else "visible", at=at)
            at += timedelta(seconds=2)
        item = library.item_for(listener, music)
        assert item is not None, f"the gate for {music.title} stayed closed"
        made = Rendition.objects.filter(recipe=event.recipe, original__tracks__in=self._tracks(music))
        size = sum(made.values_list("size_bytes", flat=True))
        downloads.record(item, music, listener, event.recipe, size, at=self._mark(event))

    def _tracks(self, music: Music) -> list[Track]:
        return [music.track] if music.track else list(music.home.tracks.all())

    def _see(self, event: Event) -> None:
        """See an ad beside music: on the album's page, or in the player."""
        album, user = self.albums[event.album], self.users.get(event.who)
        wallet = wallets.for_listener(user, event.who) if event.who else None
        place = Place.PLAYER if event.seconds % 3 == 0 else Place.PAGE
        seed = f"{event.at:%f}"
        context = serving.context_for(
            wallet,
            event.at,
            genre=album.genre,
            artist_id=album.artist_id,
            user_id=user.pk if user else None,
            seed=seed,
        )
        offered = serving.pick_and_offer(
            place,
            context,
            event.at,
            wallet=wallet,
            artist_id=album.artist_id,
            album_id=album.pk,
            shares=splits.current(album).pairs,
        )
        if offered is None:
            return
        choice, token = offered
        hours.count_served(choice.campaign_id, place, event.at)
        seen_at = self._mark(event)
        long_enough = event.seconds * 1000 if event.kind != "short view" else 400
        claims = {"visible_ms": long_enough, "audible_ms": long_enough if place == Place.PLAYER else 0}
        counting.record(token, "viewed", claims, seen_at)
        if event.kind == "click":
            counting.record(token, "clicked", {}, seen_at + timedelta(seconds=1))

    def _listen(self, event: Event) -> None:
        """Hear a song."""
        track, user = self.tracks[event.album, event.song], self.users.get(event.who)
        key, length = self._listener(event).key, track.duration_ms // 1000
        place = PLACES[event.seconds % len(PLACES)]
        origin = plays.origin(place, "" if event.seconds % 4 else MAGAZINE, user.country if user else "")
        plays.record(track, key, event.at, seconds=event.seconds, user=user, origin=origin)
        if event.seconds % 3:
            plays.complete(track, key, event.at + timedelta(seconds=length), seconds=length)
        else:
            plays.skip(track, key, event.at, seconds=event.seconds // 3)


def _order_id(event: Event) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{event.at.microsecond}:{event.who}:{event.album}:{event.song}")


def pay(order: Order, name: str, at: datetime) -> None:
    """Pay an order at the stand-in, fulfil it with what Stripe tells, and book the fee."""
    if order.state == Order.State.PENDING:
        orders.fulfil(order.pk, charges.pay(order, at=at, name=name), at=at)
    fees.book(order.pk, at=at + timedelta(minutes=1))


def _night(day: date, anchor: datetime) -> None:
    """What the clock does in the night before `day`: settle, close, make final, share out, issue, mature."""
    at = datetime.combine(day, time(1, 10), UTC)
    if at > anchor:
        return  # that night is not over yet: the site's own clock does it
    leases.return_due(at)
    settlement.settle_due(at)
    settlement.close_due(at)
    settlement.close_months(at)
    pool.share_due(at)
    issuing.issue_due(at)
    payees.mature(day, at=at)


# --- the payout run


def _is_paid(at: datetime) -> bool:
    run = PayoutRun.objects.filter(created_at=at).first()
    done = (PayoutRun.State.COMPLETED, PayoutRun.State.COMPLETED_WITH_ERRORS)
    return run is not None and run.state in done


def _pay_out(at: datetime) -> None:
    """Ada opens a run, Max approves it, and it is paid: two people, one transfer each."""
    for payee in Payee.objects.filter(artists__name__in=PAID_THROUGH_STRIPE):
        onboard(payee, at)
    period = f"{(at.replace(day=1) - timedelta(days=1)):%Y-%m}"
    run = PayoutRun.objects.filter(created_at=at).first()
    if run is None:
        run = runs.open_run(unit=settings.ADS_CURRENCY, period=period, by=people.of("ada"), at=at)
    if run.state == PayoutRun.State.DRAFT:
        run = runs.prepare(run.pk, at=at + timedelta(minutes=2))  # a killed demo's claim is over by then
    approved_at = at + timedelta(hours=2)
    if run.state == PayoutRun.State.COMPUTED:
        run = runs.approve(run.pk, by=people.of("max"), seen_hash=run.content_hash, at=approved_at)
    if run.state == PayoutRun.State.APPROVED:
        reservations.reserve_all(run.pk, at=approved_at)  # a killed demo may have left some
        runs.execute(run.pk, by=people.of("max"), at=approved_at)
    sent_at = approved_at + timedelta(minutes=1)
    for payout_id in run.payouts.filter(state__in=Payout.OPEN).values_list("pk", flat=True):
        transfers.send(payout_id, by=worker_name(), at=sent_at, metadata=charges.stamp(sent_at))
    runs.finish(run.pk, at=sent_at)


def onboard(payee: Payee, at: datetime) -> None:
    """Tell Stripe who is paid, and choose the smallest threshold."""
    if payee.is_payouts_enabled:
        return
    page = f"{settings.SITE_URL}/studio/earnings/"
    transfers.onboarding_url(payee, return_url=page, refresh_url=page)
    payee.refresh_from_db()
    charges.enable(payee.stripe_account)
    transfers.refresh_account(payee, at=at)
    Payee.objects.filter(pk=payee.pk).update(threshold_micros=SMALLER_THRESHOLD_MICROS)
