"""What must always be true of disputes and of what the staff decided about money: rows against entries, both ways."""

from collections.abc import Iterator

from django.db.models import Sum

from ledger.audit import Finding
from ledger.models import Posting
from store.models import Adjustment, Dispute, Order

ROOM = "store"
RULE = "dispute"


def findings() -> Iterator[Finding]:
    """Disputes whose rows and books disagree. Reads only."""
    disputes = list(Dispute.objects.all())
    yield from _receivable(disputes)
    yield from _cash(disputes)
    yield from _held(disputes)
    yield from _orders(disputes)
    for dispute in disputes:
        if dispute.state == Dispute.State.CLOSED and dispute.open_micros:
            yield Finding(ROOM, RULE, f"{dispute} is over, but {dispute.open_micros} micros never came back.")


def _sums(side: str, account: str) -> dict[str, int]:
    """Micros by source that were moved on one side of the accounts whose code begins so."""
    postings = Posting.objects.filter(**{f"{side}__code__startswith": account})
    return dict(postings.order_by().values_list("source").annotate(total=Sum("amount")))


def _net(account: str) -> dict[str, int]:
    """Debits less credits of an account, by source."""
    out, back = _sums("debit", account), _sums("credit", account)
    return {source: out.get(source, 0) - back.get(source, 0) for source in out.keys() | back.keys()}


def _compare(what: str, rows: dict[str, int], booked: dict[str, int]) -> Iterator[Finding]:
    for source in sorted(rows.keys() | booked.keys()):
        expected, found = rows.get(source, 0), booked.get(source, 0)
        if expected != found:
            name = source or "a posting without a source"
            yield Finding(ROOM, RULE, f"{what} of {name}: the row says {expected} micros, the books {found}.")


def _receivable(disputes: list[Dispute]) -> Iterator[Finding]:
    """What is receivable is what open disputes took, dispute by dispute, and nothing else is."""
    rows = {dispute.source: dispute.open_micros for dispute in disputes}
    yield from _compare("Receivable", rows, _net("dispute:receivable:"))


def _cash(disputes: list[Dispute]) -> Iterator[Finding]:
    """What Stripe took and gave back, fees included, is what the dispute's entries moved at Stripe."""
    rows = {one.source: one.reinstated_micros - one.withdrawn_micros - one.fee_micros for one in disputes}
    of_disputes = {name: net for name, net in _net("stripe:balance:").items() if name.startswith("store.dispute:")}
    yield from _compare("Stripe's part", rows, of_disputes)
    fees = {dispute.source: dispute.fee_micros for dispute in disputes}
    yield from _compare("Fee", fees, _net("exp:dispute_fees:"))


def _held(disputes: list[Dispute]) -> Iterator[Finding]:
    """Only disputes whose money is out hold money, and none holds more than it took."""
    most = {dispute.source: dispute.open_micros for dispute in disputes}
    held: dict[str, int] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        postings = Posting.objects.filter(
            **{f"{side}__code__startswith": "payee:", f"{side}__code__contains": ":hold:"}
        )
        for source, total in postings.order_by().values_list("source").annotate(total=Sum("amount")):
            held[source] = held.get(source, 0) + sign * total
    for source, amount in sorted(held.items()):
        if not 0 <= amount <= most.get(source, 0):
            yield Finding(
                ROOM, RULE, f"{amount} micros are held for {source or 'nothing'}, which took {most.get(source, 0)}."
            )


def _orders(disputes: list[Dispute]) -> Iterator[Finding]:
    """What an order was charged back is what its lost disputes took."""
    lost: dict[str, int] = {}
    for dispute in disputes:
        lost[str(dispute.order_id)] = lost.get(str(dispute.order_id), 0) + dispute.lost_micros
    orders = Order.objects.filter(charged_back_micros__gt=0).values_list("pk", "charged_back_micros")
    yield from _compare("Charge-back", {str(pk): micros for pk, micros in orders}, lost)


def adjustments() -> Iterator[Finding]:
    """Every decision about money that is owed or withheld is booked, and none was booked that nobody made."""
    rows = {each.source: each.amount_micros for each in Adjustment.objects.all()}
    booked = Posting.objects.filter(entry__key__startswith="adjustment:")
    found = dict(booked.order_by().values_list("source").annotate(total=Sum("amount")))
    yield from _compare("Decision", rows, found)
