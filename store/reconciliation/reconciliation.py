"""Matches Stripe's balance transactions with the books: for each of them, the entries that name it sum to its net.

What matches nothing is booked to suspense, so that our mirror is Stripe's balance all the same. What only Stripe knows
of (a payout to our bank, a fee of its own) is booked from what it tells; all else waits for the entry of its event.
Source: docs/money.md, "Reconciliation".
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from ledger import chart, journal, months
from ledger.journal import Line
from ledger.models import Entry, Posting
from megabox import money
from payouts.models import Payout
from store.models import BalanceTransaction, Decision, Dispute, Naming, Order
from store.reconciliation import naming
from store.sales import fees
from store.sales.checkout import Fee
from users.models import User

log = logging.getLogger(__name__)

GRACE = timedelta(hours=2)
"""How long a transaction may wait for the entry of its event before it goes to suspense."""

SUSPENSE = "stripe suspense"

CHARGES = ("charge", "payment")
REFUNDS = ("refund", "payment_refund")
SENT_BACK = ("refund_failure",)
TRANSFERS = ("transfer",)
RETURNS = ("transfer_refund", "transfer_cancel", "transfer_failure")
DISPUTES = ("adjustment",)

TOLD_BY_STRIPE: dict[str, tuple[str, Callable[[str], str]]] = {
    "payout": ("stripe payout", chart.bank),
    "payout_cancel": ("stripe payout came back", chart.bank),
    "payout_failure": ("stripe payout came back", chart.bank),
    "topup": ("stripe top-up", chart.bank),
    "topup_reversal": ("stripe top-up came back", chart.bank),
    "stripe_fee": ("stripe fee", chart.stripe_fees),
    "stripe_fx_fee": ("stripe fee", chart.stripe_fees),
    "tax_fee": ("stripe fee", chart.stripe_fees),
}
"""What only Stripe knows of: the kind of its entry, and the account on the other side."""

CHOICES: dict[str, Callable[[str], str]] = {
    Decision.Choice.STRIPE_FEES: chart.stripe_fees,
    Decision.Choice.DISPUTE_FEES: chart.dispute_fees,
    Decision.Choice.BANK: chart.bank,
    Decision.Choice.CLAWBACK_LOSS: chart.clawback_loss,
}


class NotInSuspense(Exception):
    """There is nothing to decide (any more): the transaction is matched, or not in suspense yet."""


def settle_due(*, at: datetime) -> int:
    """Try to match everything that is not matched yet; return how many transactions are matched now that were not."""
    waiting = BalanceTransaction.objects.exclude(state=BalanceTransaction.State.MATCHED)
    subjects = waiting.order_by("subject").values_list("subject", flat=True).distinct()
    return sum(_settled(subject, at) for subject in list(subjects))


def _settled(subject: str, at: datetime) -> int:
    """As `settle`; what the books refuse is noted on its transaction and tried again next time."""
    try:
        return settle(subject, at=at)
    except journal.Refused as refusal:
        log.error("The books refuse what Stripe tells about %s: %s", subject, refusal)
        waiting = BalanceTransaction.objects.filter(subject=subject).exclude(state=BalanceTransaction.State.MATCHED)
        waiting.update(note=f"The books refuse it: {refusal}")
        return 0


def settle(subject: str, *, at: datetime) -> int:
    """Match the transactions of one subject, oldest first; return how many are matched now that were not.

    One transaction of the database. Two at once wait for each other at the subject's first row, so that no entry is
    named twice. Safe to repeat and to kill.
    """
    with transaction.atomic():
        rows = list(BalanceTransaction.objects.select_for_update().filter(subject=subject).order_by("pk"))
        waiting = [row for row in rows if row.state != BalanceTransaction.State.MATCHED]
        return sum(_match(row, at) for row in sorted(waiting, key=lambda row: (row.created_at, row.pk)))


def _match(row: BalanceTransaction, at: datetime) -> bool:
    """Name what can be named; the rest waits, and goes to suspense when it has waited long enough."""
    note = ""
    if row.type in TOLD_BY_STRIPE:
        _book_told(row, at)
    elif row.type in CHARGES:
        note = _match_charge(row, at)
    else:
        note = _match_other(row, at)
    return _leave(row, note, at)


def _book_told(row: BalanceTransaction, at: datetime) -> None:
    """Book what nobody but Stripe can tell: one line for the sum, one for what Stripe took for moving it."""
    kind, other = TOLD_BY_STRIPE[row.type]
    lines = [
        *_lines(row, row.gross_micros, other(row.unit)),
        *_lines(row, -row.fee_micros, chart.stripe_fees(row.unit)),
    ]
    if lines:
        posted = journal.post(f"stripe:{row.stripe_id}", kind, lines, occurred_at=_moment(row, at))
        naming.name(row, posted.entry, row.net_micros, at)


def _match_charge(row: BalanceTransaction, at: datetime) -> str:
    """A card payment: its gross is the sale's entry, its fee an entry of its own, booked now if it is not yet."""
    order = _order(row)
    if order is None:
        return f"No order of ours was paid by {row.subject}. It may wait for its webhook, or belong to another shop."
    if row.unit != order.unit:
        return (
            f"{order} is in {order.unit}, but Stripe settled it in {row.unit}: no conversion is booked by itself. "
            f"Let your accountant say what the {row.unit} are and how the {order.unit} leave the mirror of Stripe."
        )
    if row.gross_micros == order.total_micros:
        told = [money.floor_to_minor(micros, row.unit) for micros in (row.fee_micros, row.gross_micros)]
        fees.record(order, Fee(row.stripe_id, row.unit, *told), at=at)
    about = entries_about(order)
    naming.name_part(
        row, row.gross_micros, [entry for entry in about if entry.kind in ("sale", "pre-order", "deposit")], at
    )
    naming.name_part(row, -row.fee_micros, [entry for entry in about if entry.kind == "card fee"], at)
    return f"{order} is booked with another sum or another fee than Stripe tells: compare both."


def _match_other(row: BalanceTransaction, at: datetime) -> str:
    """A refund, a transfer, a dispute: the entries of its event, in the order they were booked."""
    if row.type in (*TRANSFERS, *RETURNS):
        payout = Payout.objects.filter(transfer_id=row.subject).first()
        candidates = _touching([payout.source], row.unit) if payout else []
        note = f"The books know no payout by {row.subject} with this sum." if payout else f"No payout is {row.subject}."
    elif row.type in REFUNDS and (order := _order(row)) is not None:
        candidates = [entry for entry in entries_about(order) if entry.kind == "refund"]
        note = f"{order} has no refund of this sum yet."
    elif row.type in SENT_BACK and (order := _order(row)) is not None:
        candidates = [entry for entry in entries_about(order) if entry.kind == "refund failed"]
        note = f"A refund of {order} was sent back by the card's bank; no entry of this sum is booked yet."
    elif row.type in DISPUTES and (dispute := Dispute.objects.filter(stripe_id=row.source).first()) is not None:
        candidates = _touching([dispute.source], row.unit)
        note = f"{dispute} has no entry of this sum yet."
    else:
        candidates, note = [], f"Nothing of ours is called {row.source or row.stripe_id}: decide what it is."
    naming.name_part(row, row.net_micros, candidates, at)
    return note


def _order(row: BalanceTransaction) -> Order | None:
    """The order a payment paid; none for what is about no payment."""
    return Order.objects.filter(payment_intent=row.subject).first() if row.subject != row.stripe_id else None


def entries_about(order: Order) -> list[Entry]:
    """The entries about an order that move our money at Stripe, in the order they were booked."""
    sources = [one.source for one in (*order.lines.all(), *order.disputes.all())]
    return _touching([*sources, f"store.order:{order.pk}"], order.unit)


def _touching(sources: Sequence[str], unit: str) -> list[Entry]:
    """Entries from these sources that move the mirror of Stripe's balance in `unit`."""
    code = chart.stripe(unit)
    moved = Posting.objects.filter(source__in=sources).filter(Q(debit__code=code) | Q(credit__code=code))
    return list(Entry.objects.filter(pk__in=moved.values("entry")).order_by("pk"))


# --- suspense


def suspended(row: BalanceTransaction) -> int:
    """Micros of a transaction that are in suspense now."""
    return sum(one.micros for one in _namings(row) if _is_suspense(row, one.entry))


def _namings(row: BalanceTransaction) -> list[Naming]:
    return list(Naming.objects.filter(transaction=row).select_related("entry"))


def _is_suspense(row: BalanceTransaction, entry: Entry) -> bool:
    """An entry that put this transaction into suspense, or took it out again."""
    return entry.key.startswith(f"stripe:{row.stripe_id}:suspense:")


def _leave(row: BalanceTransaction, note: str, at: datetime) -> bool:
    """Bring suspense to what is left without an entry, and write down how things stand; whether it is matched."""
    namings = _namings(row)
    held = sum(one.micros for one in namings if _is_suspense(row, one.entry))
    rest = row.net_micros - sum(one.micros for one in namings) + held
    if held != rest:
        if held:
            _clear(row, namings, at)
        if rest and (row.suspended_at or at - row.imported_at >= GRACE):
            _suspend(row, rest, namings, at)
            row.state, row.suspended_at = BalanceTransaction.State.SUSPENSE, row.suspended_at or at
    if not rest:
        row.state, row.suspended_at = BalanceTransaction.State.MATCHED, None
    row.note = note if rest else ""
    row.save(update_fields=["state", "note", "suspended_at"])
    return not rest


def _suspend(row: BalanceTransaction, micros: int, namings: Sequence[Naming], at: datetime) -> None:
    """Book what nothing explains, in the direction that makes our mirror equal Stripe's balance."""
    number = 1 + sum(one.entry.kind == SUSPENSE for one in namings)
    posted = journal.post(
        f"stripe:{row.stripe_id}:suspense:{number}",
        SUSPENSE,
        _lines(row, micros, chart.suspense(row.unit)),
        occurred_at=at,
        why=f"No entry explains this {row.type} of Stripe's yet.",
    )
    naming.name(row, posted.entry, micros, at)


def _clear(row: BalanceTransaction, namings: Sequence[Naming], at: datetime) -> None:
    """Take back the suspense that stands: what it stood for is known now."""
    newest = next(one for one in reversed(namings) if one.entry.kind == SUSPENSE)
    key = f"{newest.entry.key}:back"
    posted = journal.reverse(newest.entry, key=key, occurred_at=at, why="What it stood for is booked.")
    naming.name(row, posted.entry, -newest.micros, at)


def decide(pk: int, choice: Decision.Choice, reason: str, *, by: User, at: datetime) -> Decision:
    """Book a transaction in suspense as what a person says it is. Raises NotInSuspense.

    Suspense is taken back and an entry on the chosen account takes its place: the mirror of Stripe stays as it is.
    """
    with transaction.atomic():
        row = _locked(pk)
        namings = _namings(row)
        micros = suspended(row)
        if row.state != BalanceTransaction.State.SUSPENSE or not micros:
            raise NotInSuspense(f"{row} is {row.get_state_display()}: there is nothing to decide.")
        _clear(row, namings, at)
        posted = journal.post(
            f"stripe:{row.stripe_id}:decided:{row.decisions.count() + 1}",
            "stripe decided",
            _lines(row, micros, CHOICES[choice](row.unit)),
            occurred_at=at,
            why=reason[:200],
        )
        naming.name(row, posted.entry, micros, at)
        BalanceTransaction.objects.filter(pk=pk).update(
            state=BalanceTransaction.State.MATCHED, note="", suspended_at=None
        )
        return Decision.objects.create(
            transaction=row, choice=choice, reason=reason, decided_by=by, decided_at=at, entry=posted.entry
        )


def take_back(decision_id: int, *, by: User, at: datetime) -> bool:
    """Take a decision back, because the entry of the event came after all; False when that was done before.

    What the transaction is about is looked for again at once.
    """
    with transaction.atomic():
        decision = Decision.objects.select_related("transaction", "entry").get(pk=decision_id)
        row = _locked(decision.transaction_id)
        stands = Decision.objects.filter(pk=decision_id, taken_back_at=None)
        if not stands.update(taken_back_by=by, taken_back_at=at):
            return False
        key = f"{decision.entry.key}:back"
        posted = journal.reverse(decision.entry, key=key, occurred_at=at, why="The decision was taken back.")
        micros = Naming.objects.get(transaction=row, entry=decision.entry).micros
        naming.name(row, posted.entry, -micros, at)
        BalanceTransaction.objects.filter(pk=row.pk).update(
            state=BalanceTransaction.State.SUSPENSE, suspended_at=at, note="A decision about it was taken back."
        )
        settle(row.subject, at=at)
    return True


def _locked(pk: int) -> BalanceTransaction:
    """A transaction, its subject locked as matching locks it."""
    subject = BalanceTransaction.objects.values_list("subject", flat=True).get(pk=pk)
    rows = BalanceTransaction.objects.select_for_update().filter(subject=subject).order_by("pk")
    return next(row for row in rows if row.pk == pk)


# --- what matching books itself


def _lines(row: BalanceTransaction, micros: int, other: str) -> list[Line]:
    """The line that lets Stripe's mirror grow by `micros` (below zero: shrink), against the account `other`."""
    stripe = chart.stripe(row.unit)
    if not micros:
        return []
    debit, credit = (stripe, other) if micros > 0 else (other, stripe)
    facts = {"balance_transaction": row.stripe_id, "type": row.type}
    return [Line(debit, credit, abs(micros), row.unit, source=f"store.balance:{row.pk}", facts=facts)]


def _moment(row: BalanceTransaction, at: datetime) -> datetime:
    """When it happened at Stripe; now, if the books of that month are closed."""
    closed = months.closed_until()
    return at if closed is not None and row.created_at < closed else row.created_at
