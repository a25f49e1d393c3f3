"""What must always be true of pre-orders: what is held is theirs, order by order, and nothing else is held."""

from collections.abc import Iterator

from ledger import chart, journal
from ledger.audit import Finding
from ledger.models import Account, Posting
from store.cases import taking
from store.models import Order, PreOrder

ROOM = "store"
RULE = "pre-order"
HELD = "preorders:held:"


def findings() -> Iterator[Finding]:
    """Pre-orders whose rows and books disagree, and money that is held for none. Reads only."""
    rows = PreOrder.objects.filter(order__paid_at__isnull=False).select_related("order").order_by("pk")
    paid = {key: (pk, micros) for key, pk, micros in _postings("credit")}
    shared: dict[str, int] = {}
    for key, _, micros in _postings("debit"):
        shared[key] = shared.get(key, 0) + micros
    gone = journal.reversed_micros([pk for pk, _ in paid.values()])
    wanted: dict[str, int] = {}
    for row in rows.iterator(500):
        order = row.order
        pk, micros = paid.get(order.entry_key, (0, 0))
        held = micros - gone.get(pk, 0) - shared.get(order.sale_key, 0)
        expected = _expected(row, order)
        wanted[order.unit] = wanted.get(order.unit, 0) + expected
        if held != expected:
            yield Finding(ROOM, RULE, f"{held} micros are held for {order}, whose pre-order says {expected}.")
    units = Account.objects.filter(code__startswith=HELD).values_list("unit", flat=True)
    for unit in sorted({*units, *wanted}):
        balance = journal.balance(chart.preorders(unit))
        if balance != wanted.get(unit, 0):
            yield Finding(ROOM, RULE, f"{balance} micros of {unit} are held, and pre-orders say {wanted.get(unit, 0)}.")


def _postings(side: str) -> Iterator[tuple[str, int, int]]:
    """(key of the entry, id, micros) of what payments put there, or deliveries took."""
    kind = "pre-order" if side == "credit" else "sale"
    found = Posting.objects.filter(**{f"{side}__code__startswith": HELD}, entry__kind=kind).order_by("pk")
    return found.values_list("entry__key", "pk", "amount").iterator(500)


def _expected(row: PreOrder, order: Order) -> int:
    """What is held for a pre-order: its price until it is delivered, less what of it was taken back."""
    if row.state == PreOrder.State.DELIVERED:
        return 0
    parts = taking.parts_of(order.taken_micros, total=order.total_micros, tax=order.tax_micros, commission=0)
    return order.net_micros - parts.payees
