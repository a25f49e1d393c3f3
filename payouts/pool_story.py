"""What the artists' pool paid one payee, month by month, and what every model would have paid: read, not computed."""

from collections.abc import Sequence
from dataclasses import dataclass

from artists.models import Payee
from ledger.models import Posting
from payouts import pictures, pool
from payouts.models import PoolShare
from payouts.pictures import GroupChart
from payouts.split_models import Model

MONTHS_DRAWN = 12


@dataclass(frozen=True, slots=True)
class Month:
    """One month of one payee; amounts in micros in the order of the models, None for the posting when nothing moved."""

    name: str
    share: PoolShare
    amounts: Sequence[tuple[Model, int]]
    posting_id: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """All months of one payee in one unit, the latest first, and the last twelve drawn."""

    months: Sequence[Month]
    chart: GroupChart

    @property
    def total(self) -> int:
        """Micros that the pools paid in all these months."""
        return sum(month.share.micros for month in self.months)

    @property
    def totals(self) -> list[tuple[Model, int]]:
        """Micros that each model would have paid in all of them."""
        return [(model, sum(dict(month.amounts)[model] for month in self.months)) for model in Model]


def story(payee: Payee, unit: str) -> Story:
    """What was stored when each pool was shared out, in two queries."""
    shares = list(
        PoolShare.objects.filter(payee=payee, sharing__unit=unit)
        .select_related("sharing")
        .order_by("-sharing__month", "-pk")
    )
    posted = Posting.objects.filter(source__in=[share.source for share in shares], entry__kind=pool.SHARED)
    posting_ids = dict(posted.values_list("source", "pk"))
    months = [
        Month(
            f"{pool.window(share.sharing.month)[0]:%B %Y}",
            share,
            list(share.by_model.items()),
            posting_ids.get(share.source),
        )
        for share in shares
    ]
    return Story(months, _chart(shares))


def share(payee: Payee, source: str) -> PoolShare | None:
    """The part of a pool that a posting of this payee comes from; None when it comes from something else."""
    name, _, number = source.partition(":")
    if name != "payouts.poolshare" or not number.isdecimal():
        return None
    return PoolShare.objects.filter(pk=int(number), payee=payee).select_related("sharing").first()


def _chart(shares: Sequence[PoolShare]) -> GroupChart:
    """The last twelve months up to the latest, those without anything too."""
    names = [model.label for model in Model]
    if not shares:
        return pictures.group_chart(names, {})
    kept = {share.sharing.month: list(share.by_model.values()) for share in shares}
    months = [shares[0].sharing.month]
    while len(months) < MONTHS_DRAWN:
        months.insert(0, pool.before(months[0]))
    return pictures.group_chart(names, {month: kept.get(month, [0] * len(names)) for month in months})
