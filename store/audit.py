"""The store's part of the audit: paid orders, refunds, fees and gates against the books, and the library against both.

Each sum of the books is compared with the row that should have made it, both ways round, a few hundred at a time.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.utils import timezone

from ledger.audit import Check, Finding, all_findings
from ledger.models import Posting
from store.cases import deposit_refunds, dispute_audit, preorder_audit, preorder_refunds, sale_checks
from store.models import (
    Adjustment,
    BalanceTransaction,
    DepositRefund,
    Discount,
    Dispute,
    DownloadCode,
    Gate,
    HandEntry,
    LibraryItem,
    Order,
    OrderLine,
    PreOrder,
    StripeEvent,
)
from store.reconciliation import balance_audit

ROOM = "store"
AT_ONCE = 500
MOST_REFUSED = 8
"""So often Stripe may refuse to give a pre-order back before a person is asked."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Item = TypeVar("Item")


def checks(at: datetime) -> Sequence[Check]:
    """Every question about orders, gates and libraries against the books."""
    return (
        Check(ROOM, "payments are booked, and nothing else is", _payments, Order),
        Check(ROOM, "sales recompute from their lines", sale_checks.findings, OrderLine),
        Check(ROOM, "refunds are booked, and nothing else is", _refunds, Order),
        Check(ROOM, "what went back to advertisers is booked", _deposit_refunds, DepositRefund),
        Check(ROOM, "card fees are booked, and nothing else is", _fees, Order),
        Check(ROOM, "what was bought is in a library", _libraries, LibraryItem),
        Check(ROOM, "what is held for pre-orders is theirs", preorder_audit.findings, PreOrder),
        Check(ROOM, "downloads for credits are booked, and nothing else is", _gates, Gate),
        Check(ROOM, "download codes gave what they are for", _download_codes, DownloadCode),
        Check(ROOM, "discounts count the orders that hold them", _discounts, Discount),
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


Pairs = Iterable[tuple[str, int]]
"""Keys of entries, and the micros that they must have moved."""


def _both_ways(
    rule: str, what: str, rows: Pairs, known: Callable[[Sequence[str]], Pairs], *, prefix: str, side: str, account: str
) -> Iterator[Finding]:
    """Rows whose entry does not move their micros on the `side` of `account`, and entries that have no row.

    `known` gives the rows of some keys. Both are read a few hundred at a time, however many there are.
    """
    moved = Posting.objects.filter(**{f"{side}__code__startswith": account})
    for some in _few_at_a_time(rows):
        booked = _sums(moved, [key for key, _ in some])
        for key, micros in some:
            if booked.get(key, 0) != micros:
                yield _differ(rule, what, key, micros, booked.get(key, 0))
    keys = moved.filter(entry__key__startswith=prefix).order_by("entry").values_list("entry__key", flat=True)
    for some_keys in _few_at_a_time(keys.distinct().iterator()):
        if missing := sorted(set(some_keys) - {key for key, _ in known(some_keys)}):
            booked = _sums(moved, missing)
            for key in missing:
                yield _differ(rule, what, key, 0, booked[key])


def _sums(postings: QuerySet[Posting], keys: Sequence[str]) -> dict[str, int]:
    """Micros of these postings by the key of their entry."""
    some = postings.filter(entry__key__in=keys).order_by()
    return dict(some.values_list("entry__key").annotate(total=Sum("amount")))


def _few_at_a_time(items: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(items)
    while some := list(islice(source, AT_ONCE)):
        yield some


def _differ(rule: str, what: str, key: str, row: int, books: int) -> Finding:
    return Finding(ROOM, rule, f"{what} {key}: the row says {row} micros, the books {books}.")


def _orders_of(orders: QuerySet[Order], keys: Sequence[str]) -> QuerySet[Order]:
    """Those of `orders` that these keys name; a key that names none is nobody's."""
    ids = {key.split(":")[1] for key in keys}
    return orders.filter(pk__in=[uuid.UUID(pk) for pk in ids if _UUID.fullmatch(pk)])


def _payments() -> Iterator[Finding]:
    """Every paid order has exactly its money in its entry; what nobody paid has none."""
    paid = Order.objects.filter(state__in=[Order.State.PAID, Order.State.REFUNDED], total_micros__gt=0)

    def pairs(orders: QuerySet[Order]) -> Pairs:
        return ((order.entry_key, order.total_micros) for order in orders.iterator(AT_ONCE))

    yield from _both_ways(
        "I4",
        "Payment",
        pairs(paid),
        lambda keys: pairs(_orders_of(paid, keys)),
        prefix="order:",
        side="debit",
        account="stripe:balance:",
    )


def _refunds() -> Iterator[Finding]:
    """What an order gave back, and what of it a bank sent back, is what its entries moved."""
    given = F("refunded_micros") + F("returned_micros")
    yield from _moved(
        "Refund of order", Q(entry__key__startswith="order:", entry__key__contains=":refund:"), "credit", given
    )
    came_back = Q(entry__key__startswith="refund-failed:")
    yield from _moved("What came back of the refunds of order", came_back, "debit", F("returned_micros"))


def _moved(what: str, entries: Q, side: str, wanted_micros: Combinable) -> Iterator[Finding]:
    rows = Order.objects.annotate(wanted=wanted_micros).filter(wanted__gt=0).values_list("pk", "wanted")
    wanted = {str(pk): micros for pk, micros in rows.iterator(AT_ONCE)}
    moved = Posting.objects.filter(entries, **{f"{side}__code__startswith": "stripe:balance:"}).order_by()
    booked: dict[str, int] = {}
    for key, micros in moved.values_list("entry__key").annotate(total=Sum("amount")).iterator(AT_ONCE):
        order = key.split(":")[1]
        booked[order] = booked.get(order, 0) + micros
    for order in sorted(wanted.keys() | booked.keys()):
        if wanted.get(order, 0) != booked.get(order, 0):
            yield _differ("refund", what, order, wanted.get(order, 0), booked.get(order, 0))


def _deposit_refunds() -> Iterator[Finding]:
    """What an advertiser got back of a deposit is part of what was refunded of its order."""
    given = DepositRefund.objects.filter(state=DepositRefund.State.REFUNDED).order_by()
    refunded = dict(Order.objects.filter(deposit_refunds__isnull=False).values_list("pk", "refunded_micros"))
    for order_id, micros in given.values_list("order").annotate(total=Sum("amount_micros")):
        if micros > refunded[order_id]:
            yield _differ("deposit refund", "Deposit", str(order_id), micros, refunded[order_id])


def _fees() -> Iterator[Finding]:
    """Every fee Stripe told is booked, and no other."""
    told = Order.objects.filter(fee_micros__gt=0)

    def pairs(orders: QuerySet[Order]) -> Pairs:
        return ((order.fee_key, order.fee_micros or 0) for order in orders.iterator(AT_ONCE))

    yield from _both_ways(
        "fee",
        "Card fee",
        pairs(told),
        lambda keys: pairs(_orders_of(told, keys)),
        prefix="order:",
        side="debit",
        account="exp:stripe_fees:",
    )


def _libraries() -> Iterator[Finding]:
    """A paid line has its music in its buyer's library; a refunded one has not."""
    same_music = Q(album=OuterRef("album"), track=None) | Q(track=OuterRef("track"), album=None)
    mine = Q(user=OuterRef("order__user")) | Q(user=None, guest_key=OuterRef("order__guest_key"))
    items = LibraryItem.objects.filter(same_music).filter(mine)
    given = Q(order__kind=Order.Kind.SALE) | Q(order__preorder__state=PreOrder.State.DELIVERED)
    paid = OrderLine.objects.filter(given, order__state=Order.State.PAID)
    of_somebody = paid.exclude(order__user=None, order__guest_key="")
    for line in of_somebody.exclude(Exists(items)).select_related("order"):
        yield Finding(ROOM, "I4", f"{line.order} is paid, but line {line.pk} is in nobody's library.")
    kept = LibraryItem.objects.filter(reason=LibraryItem.Reason.ORDER).exclude(
        order_line__order__state=Order.State.PAID
    )
    for item in kept:
        yield Finding(ROOM, "I4", f"Library item {item.pk} has an order as its reason that is not paid.")


def _gates() -> Iterator[Finding]:
    """Every download for credits has its entry, every entry its gate, and every gate that is granted its music."""
    granted = Gate.objects.filter(entry_key__isnull=False)

    def pairs(gates: QuerySet[Gate]) -> Pairs:
        return ((str(key), micros) for key, micros in gates.values_list("entry_key", "spent_micros").iterator(AT_ONCE))

    yield from _both_ways(
        "gate",
        "Download",
        pairs(granted),
        lambda keys: pairs(granted.filter(entry_key__in=keys)),
        prefix="gate:",
        side="debit",
        account="credits:backing:",
    )
    given = LibraryItem.objects.filter(reason=LibraryItem.Reason.CREDITS).exclude(gate__state=Gate.State.GRANTED)
    for item in given:
        yield Finding(ROOM, "gate", f"Library item {item.pk} was paid with credits at a gate that is not granted.")


def _download_codes() -> Iterator[Finding]:
    """What a code gave is the album of its batch, and the code is used."""
    given = LibraryItem.objects.filter(download_code__isnull=False)
    wrong = given.exclude(album=F("download_code__batch__album"), download_code__redeemed_at__isnull=False)
    for item in wrong:
        yield Finding(ROOM, "I4", f"Library item {item.pk} does not go with the download code it names.")


def _discounts() -> Iterator[Finding]:
    """A code's uses are the orders that it took something off and that were not given up."""
    holding = ~Q(order_lines__order__state=Order.State.CANCELLED)
    counted = Discount.objects.annotate(orders=Count("order_lines__order", filter=holding, distinct=True)).order_by()
    wrong = counted.exclude(orders=F("use_count")).values_list("pk", "use_count", "orders")
    for pk, uses, orders in wrong.iterator(AT_ONCE):
        yield Finding(ROOM, "discount", f"Discount {pk} counts {uses} uses; {orders} orders hold it.")


def _for_a_person() -> Iterator[Finding]:
    """What was parked waits for somebody; until then the books may lack it."""
    for event in StripeEvent.objects.filter(state=StripeEvent.State.PARKED):
        yield Finding(ROOM, "I7", f"{event} is parked: {event.error[:200]}")
    refused = PreOrder.objects.filter(state=PreOrder.State.ENDING, tries__gte=MOST_REFUSED)
    held = Dispute.objects.undecided().filter(order=OuterRef("order"))
    for row in refused.exclude(Exists(held)).select_related("order"):
        yield Finding(ROOM, "I4", f"{row.order} is not given back: {row.problem[:200]} Pay the buyer another way.")
    for text in _what_failed():
        yield Finding(ROOM, "I4", text)
    for order in Order.objects.exclude(problem=""):
        yield Finding(ROOM, "I4", f"{order} needs a person: {order.problem[:200]}")


def _what_failed() -> Iterator[str]:
    """What cannot go on because of a fault of ours, and is tried again all the same."""
    asked = Q(problem=preorder_refunds.SILENT) | Q(problem__startswith=preorder_refunds.REFUSED)
    rows = PreOrder.objects.filter(state__in=[PreOrder.State.WAITING, PreOrder.State.ENDING]).exclude(problem="")
    for row in rows.exclude(asked).select_related("order"):
        yield f"The pre-order of {row.order} cannot go on: {row.problem[:200]}"
    refunds = DepositRefund.objects.filter(state=DepositRefund.State.WANTED).exclude(problem="")
    for refund in refunds.exclude(problem=deposit_refunds.SILENT).select_related("order"):
        yield f"A refund of {refund.order} cannot be made: {refund.problem[:200]}"
