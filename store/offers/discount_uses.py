"""What a discount took off, line by line: for its artist's page and file. Nobody who bought is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from megabox.reporting import Queried
from megabox.tables import Column, Kind, Row, Table, Total
from store.models import Discount, Order, OrderLine


@dataclass(frozen=True, slots=True)
class Sums:
    """In one currency: how many payments, what was taken off, and what was paid without tax; in micros."""

    unit: str
    payments: int
    off: int
    paid: int


def lines(discount: Discount) -> QuerySet[OrderLine]:
    """The lines of paid orders that it took something off, newest first; refunded ones too, with their state."""
    paid = OrderLine.objects.filter(discount=discount, order__paid_at__isnull=False)
    return paid.select_related("order").order_by("-order__paid_at", "-pk")


def sums(discount: Discount) -> Sequence[Sums]:
    """All of them together, by currency."""
    found = lines(discount).order_by("order__unit").values_list("order__unit")
    counted = found.annotate(n=Count("order", distinct=True), off=Sum("discount_micros"), paid=Sum("net_micros"))
    return [Sums(*row) for row in counted]


def table(discount: Discount) -> Table:
    """The same lines as a file; the last one adds them up."""
    columns = [
        Column("paid_at", "Paid", Kind.MOMENT),
        Column("code", "Code"),
        Column("music", "Music", total=Total.COUNT),
        Column("state", "State"),
        Column("unit", "Unit", Kind.UNIT),
        Column("price", "Price", Kind.MONEY, Total.SUM),
        Column("taken_off", "Taken off", Kind.MONEY, Total.SUM),
        Column("paid", "Paid, without tax", Kind.MONEY, Total.SUM),
    ]
    states = dict(Order.State.choices)

    def row(values: tuple[Any, ...]) -> Row:
        paid_at, music, state, *amounts = values
        return (paid_at, discount.code, music, str(states[state]), *amounts)

    query = lines(discount).order_by("order__paid_at", "pk").annotate(full=F("price_micros") + F("discount_micros"))
    fields = ["order__paid_at", "title", "order__state", "order__unit", "full", "discount_micros", "net_micros"]
    return Table("Discount", columns, Queried(query, fields, row))
