"""Orders of the staff to reject many views: looked at first, done in steps by workers, killable between any two.

The row is the queue. Each step rejects some views and moves `done` in one transaction, for the worker that holds the
claim; so two workers do nothing twice, and a killed one's order is gone on with by the next. An order that fails, or
kills who works on it, is tried again ever later, and given up after the last try: a person reads why, and tries again.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import ExtractHour
from django.db.models.query import QuerySet

from ads.models import BookDay, Campaign, Impression, Invalidation, Place
from ads.models.impressions import ImpressionQuerySet
from ads.revenue import rejections
from ads.traffic.fraud import Reason
from artists.models import Artist
from megabox import claims
from users.models import User

MOST_DAYS = 31
"""An order covers at most so many days: what is looked at costs what was seen in them."""
MOST_PARTS = 10
STEPS_AT_ONCE = 100
"""After so many steps a worker lets others have the order."""
MOST_TRIES = 8
"""So often an order is begun without one step that works."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)

log = logging.getLogger(__name__)


class BadOrder(Exception):
    """The order cannot be given or stopped; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which views: of these UTC days, and where named of one hour, campaign, artist, place, network or reason."""

    first: date
    last: date
    hour: int | None = None
    campaign: int | None = None
    artist: int | None = None
    place: str = ""
    network: str = ""
    rejected: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "first": self.first.isoformat(), "last": self.last.isoformat()}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Criteria":
        return cls(**{**said, "first": date.fromisoformat(said["first"]), "last": date.fromisoformat(said["last"])})

    def views(self) -> ImpressionQuerySet:
        """All of them, counted or rejected. A view belongs to the day in whose book it stands."""
        found = Impression.objects.filter(day__gte=self.first, day__lte=self.last)
        if self.hour is not None:
            if self.first == self.last:
                ends = (time(self.hour), time(self.hour, 59, 59, 999_999))
                found = found.filter(viewed_at__range=[datetime.combine(self.first, end, UTC) for end in ends])
            else:
                found = found.filter(viewed_at__hour=self.hour)
        named = {"campaign": self.campaign, "artist": self.artist, "place": self.place, "prefix_hash": self.network}
        named["reason"] = self.rejected
        return found.filter(**{name: value for name, value in named.items() if value})

    def __str__(self) -> str:
        parts = [f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"]
        parts += [f"{self.hour:02}:00 to {self.hour:02}:59 UTC"] if self.hour is not None else []
        parts += [f"campaign “{_name(Campaign, self.campaign)}”"] if self.campaign else []
        parts += [f"artist {_name(Artist, self.artist)}"] if self.artist else []
        parts += [Place(self.place).label.lower()] if self.place in Place.values else []
        parts += [f"network {self.network[:12]}"] if self.network else []
        parts += [f"rejected: {Reason.say(self.rejected).lower()}"] if self.rejected else []
        return ", ".join(parts)


def _name(model: Any, pk: int) -> str:
    return model.objects.filter(pk=pk).values_list("name", flat=True).first() or f"number {pk}"


@dataclass(frozen=True, slots=True)
class Kind:
    """Views that share a fate: counted (no reason), or rejected for one reason. Money in micros."""

    reason: str
    count: int
    charged: int
    offered: int

    @property
    def label(self) -> str:
        return Reason.say(self.reason) or "Counted"

    @property
    def withheld(self) -> int:
        """What weights kept of the offered price."""
        return self.offered - self.charged


@dataclass(frozen=True, slots=True)
class Part:
    """Those of the views that share a campaign, artist, network or hour; `value` is what criteria name it by."""

    value: str
    label: str
    count: int
    micros: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would do: to `count` views, with `micros` for their advertisers, and what is around them."""

    kinds: tuple[Kind, ...]
    count: int
    micros: int
    through: int
    artists: int
    campaigns: int
    wallets: int
    final_days: int
    most: Mapping[str, tuple[Part, ...]]
    """By campaign, artist, network and hour: those with most of the views."""


def preview(wanted: Criteria) -> Preview:
    """Count and sum the views that an order would reject, and those that were rejected already. It changes nothing."""
    seen = wanted.views().order_by()
    sums = seen.values("state", "reason").annotate(
        n=Count("pk"), charged=Sum("price_micros"), offered=Sum("offered_micros")
    )
    kinds = sorted(
        (Kind(row["reason"], row["n"], row["charged"], row["offered"]) for row in sums),
        key=lambda kind: (bool(kind.reason), -kind.count, kind.reason),
    )
    standing = seen.viewed()
    around = standing.aggregate(
        through=Max("number"),
        artists=Count("artist", distinct=True),
        campaigns=Count("campaign", distinct=True),
        wallets=Count("wallet", distinct=True),
    )
    counted = next((kind for kind in kinds if not kind.reason), Kind("", 0, 0, 0))
    final = BookDay.objects.filter(state=BookDay.State.FINAL, day__range=(wanted.first, wanted.last))
    return Preview(
        kinds=tuple(kinds),
        count=counted.count,
        micros=counted.charged,
        through=around["through"] or 0,
        artists=around["artists"],
        campaigns=around["campaigns"],
        wallets=around["wallets"],
        final_days=final.count(),
        most=_most(seen if wanted.rejected else standing),
    )


def _most(views: ImpressionQuerySet) -> dict[str, tuple[Part, ...]]:
    """Of which campaigns, artists, networks and hours most of the views are."""
    fields = {
        "campaign": ("campaign", "campaign__name"),
        "artist": ("artist", "artist__name"),
        "network": ("prefix_hash", "prefix_hash"),
        "hour": ("of_hour", "of_hour"),
    }
    timed = views.annotate(of_hour=ExtractHour("viewed_at"))
    found = {}
    for name, (value, label) in fields.items():
        empty = {"prefix_hash": ""} if name == "network" else {f"{value}__isnull": True}
        rows = timed.exclude(**empty).values_list(value, label).annotate(n=Count("pk"), micros=Sum("price_micros"))
        found[name] = tuple(
            Part(str(pk), f"{pk:02}:00" if name == "hour" else str(text), n, micros)
            for pk, text, n, micros in rows.order_by("-n", value)[:MOST_PARTS]
        )
    return found


def order(
    wanted: Criteria, *, through: int, total: int, reason: Reason, note: str, by: User, at: datetime
) -> Invalidation:
    """Order that the `total` views with numbers up to `through`, as they were looked at, be rejected.

    Raises BadOrder when they are not those any more, or when the same is at work already.
    """
    with transaction.atomic():
        # Whoever orders at the same moment waits here, and then finds the first order.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        if Invalidation.objects.filter(state=Invalidation.State.OPEN, criteria=wanted.to_json()).exists():
            raise BadOrder("These views are being rejected already. Look at the order below.")
        count = wanted.views().viewed().filter(number__lte=through).count()
        if not count:
            raise BadOrder("No view that counts matches. Look again with other dates or names.")
        if count != total:
            raise BadOrder(f"You looked at {total} views, and {count} are left of them. Look again.")
        return Invalidation.objects.create(
            criteria=wanted.to_json(), reason=reason, note=note, by=by, through=through, total=total, created_at=at
        )


def stop(pk: int, at: datetime) -> None:
    """Stop an order between two steps; what was rejected stays so. Raises BadOrder when it has ended."""
    open_one = Invalidation.objects.filter(pk=pk, state=Invalidation.State.OPEN)
    if not open_one.update(state=Invalidation.State.STOPPED, ended_at=at, claimed_by="", claimed_until=None):
        raise BadOrder("This order has ended already.")


def retry(pk: int, at: datetime) -> None:
    """Go on with an order that was given up. Raises BadOrder when it was not, or the same is at work again."""
    given_up = Invalidation.objects.filter(pk=pk, state=Invalidation.State.FAILED)
    with transaction.atomic():
        found = given_up.select_for_update().first()
        if found is None:
            raise BadOrder("This order was not given up. Look at what it says now.")
        if Invalidation.objects.filter(state=Invalidation.State.OPEN, criteria=found.criteria).exists():
            raise BadOrder("The same views are being rejected by another order. Wait until that has ended.")
        given_up.update(state=Invalidation.State.OPEN, ended_at=None, tries=0, next_try_at=None)


def waiting_ids(at: datetime) -> list[int]:
    """Orders that are due and that nobody works on, oldest first."""
    waiting = _due(at).filter(claims.unclaimed(at))
    return list(waiting.order_by("created_at").values_list("pk", flat=True)[:10])


def work(pk: int, at: datetime) -> int:
    """Do some steps of an order; return how many views were rejected. One that somebody has, or that ended, stays.

    Raises nothing that a step does: it is noted, and tried again later.
    """
    rows, worker = Invalidation.objects.filter(state=Invalidation.State.OPEN), claims.worker_name()
    if not claims.claim(_due(at), pk, worker, at) or not _begin(pk, worker, at):
        return 0
    rejected = 0
    try:
        with claims.renewing(rows, pk, worker):
            for _ in range(STEPS_AT_ONCE):
                step = _step(pk, worker, at)
                if not step:
                    break
                rejected += step
    except Exception as fault:  # whatever it is, it may not be tried for ever
        log.exception("A step of the order %s to reject views failed.", pk)
        _failed(pk, worker, f"{type(fault).__name__}: {fault}", at)
    claims.release(rows, pk, worker)
    return rejected


def _due(at: datetime) -> QuerySet[Invalidation]:
    is_due = Q(next_try_at=None) | Q(next_try_at__lte=at)
    return Invalidation.objects.filter(is_due, state=Invalidation.State.OPEN)


def _begin(pk: int, worker: str, at: datetime) -> bool:
    """Count the try before it is made, so that one that kills its worker counts too; False when it was the last."""
    mine = Invalidation.objects.filter(pk=pk, claimed_by=worker)
    tries = mine.values_list("tries", flat=True).get() + 1
    if tries > MOST_TRIES:
        _give_up(pk, worker, "Whoever worked on it was killed, each time.", at)
        return False
    mine.update(tries=tries, next_try_at=at + min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE))
    return True


def _failed(pk: int, worker: str, why: str, at: datetime) -> None:
    mine = Invalidation.objects.filter(pk=pk, claimed_by=worker, state=Invalidation.State.OPEN)
    if mine.update(problem=_text(why)) and mine.filter(tries__gte=MOST_TRIES).exists():
        _give_up(pk, worker, why, at)


def _give_up(pk: int, worker: str, why: str, at: datetime) -> None:
    log.error("The order %s to reject views is given up: %s", pk, why)
    Invalidation.objects.filter(pk=pk, claimed_by=worker, state=Invalidation.State.OPEN).update(
        state=Invalidation.State.FAILED,
        problem=_text(why),
        ended_at=at,
        next_try_at=None,
        claimed_by="",
        claimed_until=None,
    )


def _text(why: str) -> str:
    """A reason that every database takes."""
    return why.replace("\0", "")[:500]


class _Lost(Exception):
    """The order was stopped, or taken over by another worker; undoes the step."""


def _step(pk: int, worker: str, at: datetime) -> int:
    """Reject the next views and count them, in one transaction; 0 when the order is ended, or not ours any more."""
    mine = Invalidation.objects.filter(pk=pk, claimed_by=worker, state=Invalidation.State.OPEN)
    found = mine.select_related("by").first()
    if found is None:
        return 0
    views = Criteria.from_json(found.criteria).views().viewed().filter(number__lte=found.through)
    # Those of one wallet together: each step replays a wallet once.
    ids = list(views.order_by("wallet", "pk").values_list("pk", flat=True)[: rejections.VIEWS_AT_ONCE])
    if not ids:
        mine.update(
            state=Invalidation.State.DONE,
            ended_at=at,
            tries=0,
            problem="",
            next_try_at=None,
            claimed_by="",
            claimed_until=None,
        )
        return 0
    try:
        with transaction.atomic():
            rejected = rejections.reject_batch(ids, at=at, reason=Reason(found.reason), by=found.by)
            # A step that worked: what comes is a new beginning.
            if not mine.update(done=F("done") + rejected, tries=0, problem="", next_try_at=None):
                raise _Lost
    except _Lost:
        return 0
    return rejected
