"""The receipt of a gate: what each ad paid, what the artists got, what we kept; summed from the postings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings

from ads.impressions import entry_key
from ads.models import BookDay, Impression
from artists.models import Payee
from ledger import chart
from ledger.models import Posting
from store import gate as gates
from store.models import Gate
from store.music import Music


@dataclass(frozen=True)
class PaidView:
    """One ad that was watched: its title, and what its advertiser paid, in micros."""

    title: str
    paid: int


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
    views = gates.counted(gate)
    paid = _paid_for(views)
    spent_on = list(Posting.objects.filter(entry__key=gate.entry_key or "").select_related("credit").order_by("line"))
    to_payees = [posting for posting in spent_on if posting.credit.code.startswith("payee:")]
    unit = settings.ADS_CURRENCY
    commission = sum(one.amount for one in spent_on if one.credit.code == chart.commission(unit))
    artists = sum(one.amount for one in to_payees)
    advertisers = sum(paid.get(entry_key(view), 0) for view in views)
    checked_on = max((one.matures_on for one in to_payees if one.matures_on), default=None)
    return Receipt(
        unit=unit,
        artist=Music.of(gate).home.artist.name,
        views=[PaidView(view.ad.title, paid.get(entry_key(view), 0)) for view in views],
        spent=artists + commission,
        artists=artists,
        commission=commission,
        payees=_named(to_payees),
        from_wallet=max(0, artists + commission - advertisers),
        left_in_wallet=max(0, advertisers - artists - commission),
        counted_at=gate.granted_at,
        checked_on=checked_on,
        is_checked=bool(views) and all(BookDay.objects.is_final(view.day) for view in views),
    )


def _paid_for(views: Sequence[Impression]) -> dict[str, int]:
    """What each view was booked at, by the key of its entry."""
    keys = [entry_key(view) for view in views]
    revenue = Posting.objects.filter(entry__key__in=keys, credit__code=chart.ads_revenue(settings.ADS_CURRENCY))
    return dict(revenue.values_list("entry__key", "amount"))


def _named(postings: Sequence[Posting]) -> list[tuple[str, int]]:
    """Who got what, by the payees' names of today."""
    ids = {posting.pk: int(posting.credit.code.split(":")[1]) for posting in postings}
    names = dict(Payee.objects.filter(pk__in=ids.values()).values_list("pk", "name"))
    return [(names.get(ids[posting.pk], "a payee"), posting.amount) for posting in postings]
