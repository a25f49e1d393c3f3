"""Every sale, deposit and refund computed again from its order's lines, and compared with its entry to the micro."""

from collections.abc import Iterator, Sequence

from django.db.models import QuerySet

from ledger import chart, policy
from ledger.audit import Finding
from ledger.models import Policy, Posting
from megabox import money
from store.models import Order, OrderLine

ROOM = "store"
AT_ONCE = 500

Amounts = dict[tuple[str, str], int]
"""(debit, credit) -> micros"""


def findings() -> Iterator[Finding]:
    """Orders whose lines do not share what was paid, and entries that do not move what the lines say."""
    policies = Policy.objects.in_bulk()
    after = None
    while orders := list(_paid(after)):
        after = orders[-1].pk
        moved = _moved([key for order in orders for key in {order.entry_key, order.sale_key}])
        for order in orders:
            yield from _of(order, list(order.lines.all()), policies, moved)


def _paid(after: object) -> QuerySet[Order]:
    paid = Order.objects.filter(paid_at__isnull=False, total_micros__gt=0).order_by("pk").prefetch_related("lines")
    return (paid.filter(pk__gt=after) if after else paid)[:AT_ONCE]


def _moved(keys: Sequence[str]) -> dict[str, Amounts]:
    """What the entries of these keys move between which accounts."""
    found: dict[str, Amounts] = {}
    columns = ("entry__key", "debit__code", "credit__code", "amount")
    for key, debit, credit, amount in Posting.objects.filter(entry__key__in=keys).values_list(*columns):
        _add(found.setdefault(key, {}), debit, credit, amount)
    return found


def _of(
    order: Order, lines: Sequence[OrderLine], policies: dict[int, Policy], moved: dict[str, Amounts]
) -> Iterator[Finding]:
    prices = [line.price_micros for line in lines]
    if not sum(prices):
        yield Finding(ROOM, "I4", f"{order} was paid, but none of its lines asked for anything.")
        return
    if [line.net_micros for line in lines] != money.allocate(order.net_micros, prices):
        yield Finding(ROOM, "I4", f"The lines of {order} do not share what was paid without tax.")
    if missing := sorted({line.policy_version for line in lines} - policies.keys()):
        yield Finding(ROOM, "I4", f"{order} was sold under policy {missing[0]}, which is not there.")
        return
    wanted: dict[str, Amounts] = {order.entry_key: {}, order.sale_key: {}}
    for line, tax in zip(lines, money.allocate(order.tax_micros, prices), strict=True):
        _expect(wanted, order, line, tax, policies)
    for key, amounts in wanted.items():
        if moved.get(key) and moved[key] != amounts:  # an entry that is missing is found by its sum
            yield Finding(ROOM, "I4", f"The entry {key} does not share what was paid as the lines say.")


def _expect(wanted: dict[str, Amounts], order: Order, line: OrderLine, tax: int, policies: dict[int, Policy]) -> None:
    """Add what a line's part of the order's entries must be; a pre-order is paid first and shared later."""
    unit, cash, net = order.unit, chart.stripe(order.unit), line.net_micros or 0
    paid, shared = wanted[order.entry_key], wanted[order.sale_key]
    if order.kind == Order.Kind.DEPOSIT:
        _add(paid, cash, chart.prepaid(line.advertiser_id or 0, unit), net)
        return
    if tax:
        _add(paid, cash, chart.vat(order.country, unit), tax)
    if order.kind == Order.Kind.PREORDER:
        _add(paid, cash, chart.preorders(unit), net)
        cash = chart.preorders(unit)
    shares = policy.split(net, policies[line.policy_version])
    parts = money.allocate(shares.payee, [points for _, points in line.shares])
    for (payee_id, _), part in zip(line.shares, parts, strict=True):
        _add(shared, cash, chart.payee(payee_id, "pending", unit), part)
    _add(shared, cash, chart.commission(unit), shares.commission)


def _add(amounts: Amounts, debit: str, credit: str, micros: int) -> None:
    if micros:
        amounts[debit, credit] = amounts.get((debit, credit), 0) + micros
