"""The receipt of a gate: what each ad paid, what the artists got, what we kept; summed from the postings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import QuerySet

from ads.impressions import entry_key
from ads.models import BookDay, Impression
from artists.models import Payee
from ledger import chart, journal
from ledger.models import Posting
from store.models import Gate
from store.music import Music


@dataclass(frozen=True)
class PaidView:
    """One ad that was watched: its title, and what its advertiser paid, in micros; nothing if it was found invalid."""

    title: str
    paid: int
    is_invalid: bool


@dataclass(frozen=True)
class Receipt:
    """All amounts in micros of the ads currency, none of them made up."""

    unit: str
    artist: str
    views: Sequence[PaidView]
    spent: int
    artists: int
    commission: int
    payees: Sequence[tuple[str, int]]
    from_wallet: int
    left_in_wallet: int
    counted_at: datetime | None
    checked_on: date | None
    is_checked: bool

    @property
    def advertisers(self) -> int:
        """What the advertisers paid for the views at this gate."""
        return sum(view.paid for view in self.views)


def of(gate: Gate) -> Receipt:
    """The receipt of a granted gate."""
    unit = settings.ADS_CURRENCY
    views = _views(gate)
    spent_on = list(Posting.objects.filter(entry__key=gate.entry_key or "").select_related("credit").order_by("line"))
    gone = journal.reversed_micros([posting.pk for posting in spent_on])
    left = {posting: posting.amount - gone[posting.pk] for posting in spent_on}
    to_payees = {posting: micros for posting, micros in left.items() if posting.credit.code.startswith("payee:")}
    commission = sum(micros for posting, micros in left.items() if posting.credit.code == chart.commission(unit))
    artists = sum(to_payees.values())
    advertisers = sum(view.paid for view in views)
    checked_on = max((one.matures_on for one in to_payees if one.matures_on), default=None)
    return Receipt(
        unit=unit,
        artist=Music.of(gate).home.artist.name,
        views=views,
        spent=artists + commission,
        artists=artists,
        commission=commission,
        payees=_named(to_payees),
        from_wallet=max(0, artists + commission - advertisers),
        left_in_wallet=max(0, advertisers - artists - commission),
        counted_at=gate.granted_at,
        checked_on=checked_on,
        is_checked=_is_checked(gate),
    )


def _views(gate: Gate) -> list[PaidView]:
    """The ads watched to their end here, and what each was booked at; those found invalid later pay nothing."""
    watched = list(_impressions(gate).order_by("viewed_at"))
    revenue = Posting.objects.filter(
        entry__key__in=[entry_key(one) for one in watched], credit__code=chart.ads_revenue(settings.ADS_CURRENCY)
    )
    booked = dict(revenue.values_list("entry__key", "amount"))
    views = []
    for one in watched:
        is_invalid = one.state == Impression.State.REJECTED
        if is_invalid and entry_key(one) not in booked:
            continue  # refused at the gate already: it never counted
        views.append(PaidView(one.ad.title, 0 if is_invalid else booked.get(entry_key(one), 0), is_invalid))
    return views


def _impressions(gate: Gate) -> QuerySet[Impression]:
    return Impression.objects.filter(pk__in=gate.views.values("token_id")).select_related("ad")


def _is_checked(gate: Gate) -> bool:
    """Whether the books of the days of all its views are final."""
    days = {one.day for one in _impressions(gate)}
    return bool(days) and all(BookDay.objects.is_final(day) for day in days)


def _named(parts: Mapping[Posting, int]) -> list[tuple[str, int]]:
    """Who got what, by the payees' names of today."""
    ids = {posting: int(posting.credit.code.split(":")[1]) for posting in parts}
    names = dict(Payee.objects.filter(pk__in=ids.values()).values_list("pk", "name"))
    return [(names.get(ids[posting], "a payee"), micros) for posting, micros in parts.items()]
