"""The receipt of a gate: what each ad paid, what the artists got, what we kept; summed from the postings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import QuerySet

from ads.measurement.gate_views import entry_key
from ads.models import Impression
from artists.models import Payee
from ledger import chart, journal
from ledger.models import Posting
from payouts import tracing
from payouts.models import Payout
from store.models import Gate
from store.music import Music


@dataclass(frozen=True)
class PaidView:
    """One ad that was watched: its title, and what its advertiser paid, in micros; nothing if it was found invalid.

    `withheld` is what it would have paid more if it had counted in full.
    """

    title: str
    paid: int
    is_invalid: bool
    withheld: int = 0


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
    checks_on: date | None
    checked_at: datetime | None
    paid: int
    paid_at: datetime | None

    @property
    def is_checked(self) -> bool:
        """Whether the artists' part can be paid: the books of its day are final."""
        return self.checked_at is not None

    @property
    def is_paid(self) -> bool:
        """Whether payouts brought all of the artists' part to them."""
        return 0 < self.artists <= self.paid

    @property
    def withheld(self) -> int:
        """What the advertisers kept because some of these views counted for less."""
        return sum(view.withheld for view in self.views)

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
    to_payees = {posting: micros for posting, micros in to_payees.items() if micros}
    checked_at, (paid, paid_at) = _checked_at(list(to_payees)), _paid(list(to_payees))
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
        checks_on=max((one.matures_on for one in to_payees if one.matures_on), default=None),
        checked_at=checked_at,
        paid=paid,
        paid_at=paid_at,
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
        paid = 0 if is_invalid else booked.get(entry_key(one), 0)
        withheld = 0 if is_invalid else one.offered_micros - one.price_micros
        views.append(PaidView(one.ad.title, paid, is_invalid, withheld))
    return views


def _impressions(gate: Gate) -> QuerySet[Impression]:
    return Impression.objects.filter(pk__in=gate.views.values("token_id")).select_related("ad")


def _checked_at(earnings: Sequence[Posting]) -> datetime | None:
    """When the last of these earnings became payable; None while one of them is being checked."""
    matured = [tracing.maturity_of(earning) for earning in earnings]
    moments = [one.entry.occurred_at for one in matured if one is not None]
    return max(moments) if moments and len(moments) == len(matured) else None


def _paid(earnings: Sequence[Posting]) -> tuple[int, datetime | None]:
    """How many micros of these earnings payouts have paid, and when the last of them did."""
    parts = [part for earning in earnings for part in tracing.payouts_of(earning)]
    paid = [(payout, micros) for payout, micros in parts if payout.state == Payout.State.PAID]
    moments = [payout.paid_at for payout, _ in paid if payout.paid_at]
    return sum(micros for _, micros in paid), max(moments, default=None)


def _named(parts: Mapping[Posting, int]) -> list[tuple[str, int]]:
    """Who got what, by the payees' names of today."""
    ids = {posting: chart.owner_id(posting.credit.code) for posting in parts}
    names = dict(Payee.objects.filter(pk__in=ids.values()).values_list("pk", "name"))
    return [(names.get(ids[posting], "a payee"), micros) for posting, micros in parts.items()]
