"""The store's part of the audit: paid orders, refunds, fees and gates against the books, and the library against both.

Each sum of the books is read in one query and compared with the rows that should have made it, both ways round.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone

from ledger.audit import Check, Finding, all_findings
from ledger.models import Posting
from store import balance_audit, dispute_audit, sale_checks
from store.models import (
    Adjustment,
    BalanceTransaction,
    Dispute,
    Gate,
    HandEntry,
    LibraryItem,
    Order,
    OrderLine,
    StripeEvent,
)

ROOM = "store"


def checks(at: datetime) -> Sequence[Check]:
    """Every question about orders, gates and libraries against the books."""
    return (
        Check(ROOM, "payments are booked, and nothing else is", _payments, Order),
        Check(ROOM, "sales recompute from their lines", sale_checks.findings, OrderLine),
        Check(ROOM, "refunds are booked, and nothing else is", _refunds, Order),
        Check(ROOM, "card fees are booked, and nothing else is", _fees, Order),
        Check(ROOM, "what was bought is in a library", _libraries, LibraryItem),
        Check(ROOM, "downloads for credits are booked, and nothing else is", _gates, Gate),
        Check(ROOM, "disputes are booked, and nothing else is held or receivable", dispute_audit.findings, Dispute),
        Check(ROOM, "what the staff gave up or withheld is booked", dispute_audit.adjustments, Adjustment),
        Check(ROOM, "entries and Stripe's transactions name each other", balance_audit.sums, BalanceTransaction),
        Check(ROOM, "suspense is what its transactions say", balance_audit.suspense, BalanceTransaction),
        Check(ROOM, "what is booked by hand has its person", balance_audit.hand_entries, HandEntry),
        Check(ROOM, "nothing stays open with Stripe", partial(balance_audit.unmatched, at), BalanceTransaction),
        Check(ROOM, "nothing waits for a person", _for_a_person, StripeEvent),
    )


def findings() -> Iterator[Finding]:
    """Everything that is wrong between the store and the books. Reads only."""
    yield from all_findings(checks(timezone.now()))


def _booked(prefix: str, side: str, account: str) -> dict[str, int]:
    """Micros that entries whose key begins with `prefix` moved on the `side` of accounts that begin with `account`."""
    postings = Posting.objects.filter(**{"entry__key__startswith": prefix, f"{side}__code__startswith": account})
    return dict(postings.order_by().values_list("entry__key").annotate(total=Sum("amount")))


def _compare(rule: str, what: str, expected: dict[str, int], booked: dict[str, int]) -> Iterator[Finding]:
    for key in sorted(expected.keys() | booked.keys()):
        if expected.get(key, 0) != booked.get(key, 0):
            message = f"{what} {key}: the row says {expected.get(key, 0)} micros, the books {booked.get(key, 0)}."
            yield Finding(ROOM, rule, message)


def _payments() -> Iterator[Finding]:
    """Every paid order has exactly its money in its entry; what nobody paid has none."""
    paid = Order.objects.filter(state__in=[Order.State.PAID, Order.State.REFUNDED], total_micros__gt=0)
    expected = {order.entry_key: order.total_micros for order in paid.only("pk", "kind", "total_micros").iterator()}
    booked = _booked("order:", "debit", "stripe:balance:")
    yield from _compare("I4", "Payment", expected, booked)


def _refunds() -> Iterator[Finding]:
    """What an order gave back is what its refund entries moved."""
    rows = Order.objects.filter(refunded_micros__gt=0).values_list("pk", "refunded_micros")
    booked: dict[str, int] = {}
    for key, micros in _booked("order:", "credit", "stripe:balance:").items():
        order, kind = key.split(":")[1:3]
        if kind == "refund":
            booked[order] = booked.get(order, 0) + micros
    yield from _compare("refund", "Refund of order", {str(pk): micros for pk, micros in rows}, booked)


def _fees() -> Iterator[Finding]:
    """Every fee Stripe told is booked, and no other."""
    rows = Order.objects.filter(fee_micros__gt=0).only("pk", "fee_micros")
    expected = {order.fee_key: order.fee_micros or 0 for order in rows.iterator()}
    yield from _compare("fee", "Card fee", expected, _booked("order:", "debit", "exp:stripe_fees:"))


def _libraries() -> Iterator[Finding]:
    """A paid line has its music in its buyer's library; a refunded one has not."""
    same_music = Q(album=OuterRef("album"), track=None) | Q(track=OuterRef("track"), album=None)
    mine = Q(user=OuterRef("order__user")) | Q(user=None, guest_key=OuterRef("order__guest_key"))
    items = LibraryItem.objects.filter(same_music).filter(mine)
    of_somebody = OrderLine.objects.filter(order__kind=Order.Kind.SALE, order__state=Order.State.PAID).exclude(
        order__user=None, order__guest_key=""
    )
    for line in of_somebody.exclude(Exists(items)).select_related("order"):
        yield Finding(ROOM, "I4", f"{line.order} is paid, but line {line.pk} is in nobody's library.")
    kept = LibraryItem.objects.filter(reason=LibraryItem.Reason.ORDER).exclude(
        order_line__order__state=Order.State.PAID
    )
    for item in kept:
        yield Finding(ROOM, "I4", f"Library item {item.pk} has an order as its reason that is not paid.")


def _gates() -> Iterator[Finding]:
    """Every download for credits has its entry, every entry its gate, and every gate that is granted its music."""
    rows = Gate.objects.filter(entry_key__isnull=False).values_list("entry_key", "spent_micros")
    expected = {str(key): micros for key, micros in rows}
    yield from _compare("gate", "Download", expected, _booked("gate:", "debit", "credits:backing:"))
    given = LibraryItem.objects.filter(reason=LibraryItem.Reason.CREDITS).exclude(gate__state=Gate.State.GRANTED)
    for item in given:
        yield Finding(ROOM, "gate", f"Library item {item.pk} was paid with credits at a gate that is not granted.")


def _for_a_person() -> Iterator[Finding]:
    """What was parked waits for somebody; until then the books may lack it."""
    for event in StripeEvent.objects.filter(state=StripeEvent.State.PARKED):
        yield Finding(ROOM, "I7", f"{event} is parked: {event.error[:200]}")
    for order in Order.objects.exclude(problem=""):
        yield Finding(ROOM, "I4", f"{order} needs a person: {order.problem[:200]}")
