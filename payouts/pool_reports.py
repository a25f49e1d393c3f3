"""Reports about the artists' pools: what was in each and where it went, and who got what by which model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Count, Q, QuerySet, Sum, Value, When

from ledger import chart
from ledger.models import Posting
from megabox.reporting import Bars, Filters, Queried, Report, account_url, source_url
from megabox.tables import Column, Kind, Listed, Row, Table, Total
from payouts.models import PoolShare, PoolSharing
from payouts.split_models import Model

GROUP = "What we owe"
TOP = 10
COLUMNS_OF: Mapping[Model, str] = {
    Model.USER_CENTRIC: "user_centric_micros",
    Model.PRO_RATA: "pro_rata_micros",
    Model.ARTIST_CENTRIC: "artist_centric_micros",
}


@dataclass(slots=True)
class _Flow:
    """What moved on one pool's account, in micros."""

    carried_in: int = 0
    expired: int = 0
    taken_back: int = 0
    shared: int = 0
    carried_on: int = 0

    @property
    def left(self) -> int:
        """What is still in it."""
        return self.carried_in + self.expired - self.taken_back - self.shared - self.carried_on


def pools(filters: Filters) -> Table:
    """Each month's pool: what was carried into it, what came in, what left it and where to, and what is left."""
    flows = _flows(filters)
    shared = {(one.month, one.unit): one for one in _within(PoolSharing.objects.filter(carried_to=""), filters, "")}
    payees = dict(
        PoolShare.objects.filter(sharing__in=[one.pk for one in shared.values()], micros__gt=0)
        .order_by()
        .values_list("sharing")
        .annotate(count=Count("pk"))
    )
    rows = [_pool_row(key, flows[key], shared.get(key), payees) for key in sorted(flows, reverse=True)]
    columns = [
        Column("month", "Month", link=lambda row: account_url(chart.pool(str(row[0]), str(row[1])))),
        Column("unit", "Unit", Kind.UNIT),
        Column("opening", "Opening", Kind.MONEY, Total.SUM),
        Column("expired", "Came in", Kind.MONEY, Total.SUM),
        Column("taken_back", "Taken back", Kind.MONEY, Total.SUM),
        Column("shared", "Shared out", Kind.MONEY, Total.SUM),
        Column("carried", "Carried on", Kind.MONEY, Total.SUM),
        Column("closing", "Left in it", Kind.MONEY, Total.SUM),
        Column("model", "Shared by"),
        Column("plays", "Plays", Kind.COUNT, Total.SUM),
        Column("listeners", "Listeners", Kind.COUNT),
        Column("guests", "Of them guests", Kind.COUNT),
        Column("payees", "Payees paid", Kind.COUNT),
        *(Column(f"top_{model.name.lower()}", f"Top {TOP}, {model.label.lower()}", Kind.MONEY) for model in Model),
    ]
    return Table("Artists' pools", columns, Listed(rows), empty="Nothing came into a pool in these months.")


def _pool_row(key: tuple[str, str], flow: _Flow, sharing: PoolSharing | None, payees: Mapping[int, int]) -> Row:
    month, unit = key
    moved = [flow.carried_in, flow.expired, flow.taken_back, flow.shared, flow.carried_on, flow.left]
    if sharing is None:
        return [month, unit, *moved, None, *[None] * (4 + len(Model))]
    counts = [sharing.plays, sharing.listeners, sharing.guests, payees.get(sharing.pk, 0)]
    return [month, unit, *moved, sharing.get_model_display(), *counts, *_top(sharing)]


def _top(sharing: PoolSharing) -> list[int]:
    """Micros of the ten who get most, by each model: how much of a pool goes to few."""
    shares = PoolShare.objects.filter(sharing=sharing)
    return [sum(shares.order_by(f"-{name}").values_list(name, flat=True)[:TOP]) for name in COLUMNS_OF.values()]


def _flows(filters: Filters) -> dict[tuple[str, str], _Flow]:
    """What moved on each pool's account, by month and unit, in two queries."""
    flows: dict[tuple[str, str], _Flow] = defaultdict(_Flow)
    for side, other, names in (
        ("credit", "debit", {"pool:": "carried_in", "": "expired"}),
        ("debit", "credit", {"pool:": "carried_on", "payee:": "shared", "": "taken_back"}),
    ):
        kinds = [
            When(**{f"{other}__code__startswith": start}, then=Value(name)) for start, name in names.items() if start
        ]
        kind = Case(*kinds, default=Value(names[""]), output_field=CharField())
        moved = Posting.objects.filter(**{f"{side}__code__startswith": "pool:"}).order_by()
        for code, name, total in moved.annotate(name=kind).values_list(f"{side}__code", "name").annotate(Sum("amount")):
            _, month, unit = code.split(":")
            if _first(filters) <= month <= _last(filters) and filters.unit in ("", unit):
                setattr(flows[month, unit], name, total)
    return dict(flows)


def _first(filters: Filters) -> str:
    return f"{filters.since:%Y-%m}"


def _last(filters: Filters) -> str:
    return f"{filters.until:%Y-%m}"


def _within(rows: "QuerySet[Any]", filters: Filters, path: str) -> "QuerySet[Any]":
    """Those of the months and the unit asked for; `path` leads from the rows to their sharing."""
    months = Q(**{f"{path}month__gte": _first(filters), f"{path}month__lte": _last(filters)})
    return rows.filter(months, **({f"{path}unit": filters.unit} if filters.unit else {}))


def parts(filters: Filters) -> Table:
    """Every payee's part of the pools that were shared out, the largest first, and what each model would have paid."""
    found = _within(PoolShare.objects.all(), filters, "sharing__")
    if filters.text:
        found = found.filter(payee__name__icontains=filters.text)
    columns = [
        Column("month", "Month"),
        Column("unit", "Unit", Kind.UNIT),
        Column("payee", "Payee", link=lambda row: source_url(f"payouts.poolshare:{row[-1]}")),
        Column("payee_id", "Payee's number", is_shown=False),
        Column("plays", "Plays", Kind.COUNT, Total.SUM),
        Column("listeners", "Listeners", Kind.COUNT),
        Column("amount", "Got", Kind.MONEY, Total.SUM),
        *(Column(model.name.lower(), model.label, Kind.MONEY, Total.SUM) for model in Model),
        Column("model", "Shared by"),
        Column("part", "Part", Kind.COUNT, Total.COUNT, is_shown=False),
    ]
    fields = [
        "sharing__month",
        "sharing__unit",
        "payee__name",
        "payee_id",
        "plays",
        "listeners",
        "micros",
        *COLUMNS_OF.values(),
        "sharing__model",
        "pk",
    ]
    rows = Queried(found.order_by("-sharing__month", "-micros", "pk"), fields, _with_model(len(fields) - 2))
    return Table("Parts of the artists' pools", columns, rows, empty="No pool was shared out in these months.")


def _with_model(position: int) -> Any:
    labels = dict(Model.choices)

    def make(values: tuple[Any, ...]) -> Row:
        return (*values[:position], labels[values[position]], *values[position + 1 :])

    return make


def _bars(filters: Filters) -> Bars:
    unit = filters.unit or settings.ADS_CURRENCY
    shared = {month: flow.shared for (month, of), flow in sorted(_flows(filters).items()) if of == unit}
    return Bars("Shared out among artists, by the month of the pool", shared, unit)


REPORTS: Sequence[Report] = (
    Report(
        "pool",
        "Artists' pools",
        "What was in each month's pool, where did it go, and how much of it went to few?",
        GROUP,
        pools,
        bars=_bars,
    ),
    Report(
        "pool-parts",
        "Parts of the artists' pools",
        "Who got what of the pools, and what would every model have paid?",
        GROUP,
        parts,
        asks=("since", "until", "unit", "text"),
        labels={"text": "Payee's name has"},
    ),
)
