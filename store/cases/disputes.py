"""Disputes (chargebacks): a card issuer takes a payment back, and a person has to show that it was right.

Each event of Stripe's tells all that is known of a dispute, so what is learnt only ever grows: events may be lost, come
twice, late, or in any order, and the books end the same. Source: docs/money.md, "Disputes".
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from ads.demand import campaigns
from ads.models import Advertiser
from artists.models import Payee
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Posting
from megabox import money
from payouts import blocks
from payouts.models import Block
from store.cases import taking
from store.cases.taking import Case
from store.models import Dispute, Order
from store.sales.checkout import id_of
from store.sales.orders import Mismatch

State = Dispute.State

STATUSES: dict[str, tuple[int, State]] = {
    "warning_needs_response": (0, State.INQUIRY),
    "warning_under_review": (1, State.INQUIRY),
    "warning_closed": (2, State.CLOSED),
    "needs_response": (3, State.OPEN),
    "under_review": (4, State.OPEN),
    "charge_refunded": (5, State.CLOSED),
    "prevented": (5, State.CLOSED),
    "won": (6, State.WON),
    "lost": (6, State.LOST),
}
"""Stripe's words, how far along each is, and what they are to us. A late event never takes a dispute back."""


HELD_FOR = "The buyer disputes this payment at their bank. It is yours again if the bank decides for us."
"""What a payee reads beside money that is held."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A balance transaction of a dispute, in minor units of `unit`; `amount` is below zero for a withdrawal."""

    id: str
    unit: str
    amount_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class Told:
    """What an event says of a dispute. Amounts in minor units."""

    stripe_id: str
    payment: str
    status: str
    reason: str
    unit: str
    amount_minor: int
    moved: tuple[Moved, ...]
    due_by: datetime | None
    opened_at: datetime


def read(data: Mapping[str, Any]) -> Told:
    """A dispute as Stripe writes it. Raises Mismatch for a status that nobody has written code for."""
    status = str(data["status"])
    if status not in STATUSES:
        raise Mismatch(f"Dispute {data['id']} is “{status}”, which is not known here: look at it at Stripe.")
    due_by = (data.get("evidence_details") or {}).get("due_by")
    return Told(
        stripe_id=str(data["id"]),
        payment=id_of(data.get("payment_intent")) or id_of(data.get("charge")),
        status=status,
        reason=str(data.get("reason") or ""),
        unit=str(data["currency"]).upper(),
        amount_minor=int(data["amount"]),
        moved=tuple(
            Moved(str(one["id"]), str(one["currency"]).upper(), int(one["amount"]), int(one["fee"]))
            for one in data.get("balance_transactions") or ()
        ),
        due_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        opened_at=datetime.fromtimestamp(int(data["created"]), UTC),
    )


def learn(order_id: uuid.UUID, told: Told, *, at: datetime) -> str:
    """Take down what an event tells of a dispute and book what follows from it; return a note on what was booked.

    One transaction: the dispute, the entries, the library. Raises Order.DoesNotExist, taking.NotYet while the payment
    is not booked, and Mismatch when what Stripe says does not fit the sale: a person must look.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        if order.paid_at is None:
            raise taking.NotYet(f"{order} is not booked as paid yet.")
        withdrawal, reinstatement = _moves(order, told)
        dispute = _row(order, told)
        booked = [
            _withdraw(dispute, order, withdrawal, at) if withdrawal and not dispute.withdrawal else "",
            _reinstate(dispute, order, reinstatement, at) if reinstatement and not dispute.reinstatement else "",
        ]
        _advance(dispute, told, at)
        booked.append(_lose(dispute, order, at) if _is_lost(dispute) else "")
        dispute.save()
        if dispute.withdrawal and not dispute.open_micros:
            _let_go(dispute, order, at)
    return " ".join(filter(None, booked)) or "Nothing new to book."


def _moves(order: Order, told: Told) -> tuple[Moved | None, Moved | None]:
    """The withdrawal and the reinstatement, as far as told. Raises Mismatch unless they fit the order."""
    if {told.unit, *(one.unit for one in told.moved)} != {order.unit}:
        raise Mismatch(
            f"Dispute {told.stripe_id} of {order} is not all in {order.unit}: book it by hand, Stripe's exchange rate "
            "stands in its balance transactions."
        )
    out = [one for one in told.moved if one.amount_minor < 0]
    back = [one for one in told.moved if one.amount_minor > 0]
    if len(out) > 1 or len(back) > 1 or len(out) + len(back) < len(told.moved) or (back and not out):
        raise Mismatch(f"Dispute {told.stripe_id} of {order} moved money another way than out and back: look at it.")
    most = money.floor_to_minor(order.total_micros, order.unit)
    if out and (-out[0].amount_minor > most or (back and back[0].amount_minor > -out[0].amount_minor)):
        raise Mismatch(f"Dispute {told.stripe_id} moved more than {order} came to, or more back than out: look at it.")
    return (out[0] if out else None), (back[0] if back else None)


def _row(order: Order, told: Told) -> Dispute:
    """The dispute's row, made by the first event that tells of it."""
    rank, state = STATUSES[told.status]
    dispute, _ = Dispute.objects.get_or_create(
        stripe_id=told.stripe_id,
        defaults={
            "order": order,
            "state": State.OPEN if rank > 2 else State.INQUIRY,
            "status": told.status if state in (State.OPEN, State.INQUIRY) else "",
            "reason": told.reason[:60],
            "unit": order.unit,
            "amount_micros": money.from_minor(told.amount_minor, order.unit),
            "opened_at": told.opened_at,
            "due_by": told.due_by,
        },
    )
    if dispute.order_id != order.pk:
        raise Mismatch(f"{dispute} is about order {dispute.order_id}, and now about {order}: look at it.")
    return dispute


def _advance(dispute: Dispute, told: Told, at: datetime) -> None:
    """Take over Stripe's status, unless we know a later one."""
    rank, state = STATUSES[told.status]
    known = STATUSES[dispute.status][0] if dispute.status else -1
    if dispute.state in (State.WON, State.LOST) and state in (State.WON, State.LOST) and dispute.state != state:
        raise Mismatch(f"{dispute} was {dispute.state.lower()} and is now {told.status}: book the difference by hand.")
    if rank < known:
        return
    dispute.status, dispute.state = told.status, state
    dispute.due_by = told.due_by or dispute.due_by
    if state not in (State.OPEN, State.INQUIRY):
        dispute.closed_at = dispute.closed_at or at
    else:
        dispute.closed_at = None


def _is_lost(dispute: Dispute) -> bool:
    """Whether what is still out will not come back: lost, or won for a part, or over without a word."""
    if dispute.open_micros == 0 or dispute.closed_at is None:
        return False
    return dispute.state == State.LOST or (dispute.state == State.WON and bool(dispute.reinstatement))


# --- what is booked


def _withdraw(dispute: Dispute, order: Order, moved: Moved, at: datetime) -> str:
    """Opened: receivable -> stripe, the fee is ours, and what is there of the payees' part is held."""
    unit, facts = order.unit, _facts(dispute, moved)
    amount, fee = money.from_minor(-moved.amount_minor, unit), money.from_minor(moved.fee_minor, unit)
    lines = [Line(chart.receivable(unit), chart.stripe(unit), amount, unit, dispute.source, facts)]
    lines += _fee_lines(dispute, fee, facts)
    if order.kind != Order.Kind.DEPOSIT:
        others = sum(one.open_micros for one in Dispute.objects.undecided().filter(order=order).exclude(pk=dispute.pk))
        before = min(order.taken_micros + others, order.total_micros)
        held, missing = taking.hold_lines(order, amount, before=before, case=_case(dispute))
        lines += held
        _block(dispute, missing, at)
    else:
        campaigns.stop_all(_advertiser(order), at)
    journal.post(dispute.key("opened"), "dispute opened", lines, occurred_at=at)
    dispute.withdrawal, dispute.withdrawn_micros = moved.id, amount
    dispute.fee_micros += fee
    return "Withdrawn."


def _reinstate(dispute: Dispute, order: Order, moved: Moved, at: datetime) -> str:
    """Money came back: all of it and the dispute is won; a part, when a refund and the issuer gave it back twice."""
    unit, facts = order.unit, _facts(dispute, moved)
    amount, fee = money.from_minor(moved.amount_minor, unit), money.from_minor(moved.fee_minor, unit)
    lines = [Line(chart.stripe(unit), chart.receivable(unit), amount, unit, dispute.source, facts)]
    lines += _fee_lines(dispute, fee, facts)
    released: list[Line] = []
    if dispute.lost_micros:
        lines.append(_give_back_loss(dispute, order, amount))
        dispute.lost_micros -= amount
        order.charged_back_micros -= amount
        order.save(update_fields=["charged_back_micros"])
    elif amount == dispute.open_micros:
        released = list(taking.release_lines(_case(dispute), amount))
        payees.lock(payees_of(released), unit)  # all places at once, for settling locks more of them below
    event = "won" if amount == dispute.withdrawn_micros else "reinstated"
    key = dispute.key(event)
    journal.post(key, f"dispute {event}", [*lines, *released], occurred_at=at)
    settle_owed(payees_of(released), unit, key=key, at=at)
    dispute.reinstatement, dispute.reinstated_micros = moved.id, amount
    dispute.fee_micros += fee
    return "Reinstated."


def _give_back_loss(dispute: Dispute, order: Order, amount: int) -> Line:
    """After a loss only what nobody else bore comes back: what a buyer got twice. Raises NotYet for more than that.

    The refund that makes it twice may be told later.
    """
    twice = order.refunded_micros + order.charged_back_micros - order.total_micros
    if amount > twice:
        raise taking.NotYet(f"{dispute} was lost, and now {amount} micros come back that people bore: book it by hand.")
    return Line(chart.receivable(order.unit), chart.clawback_loss(order.unit), amount, order.unit, dispute.source)


def _lose(dispute: Dispute, order: Order, at: datetime) -> str:
    """Lost: what is held, then what can be found, then what is owed goes to the issuer, with our part and the tax."""
    amount, case, key = dispute.open_micros, _case(dispute), dispute.key("lost")
    released = release_for(order, taking.lacking(order, amount, case), key=key, at=at, but=dispute)
    lines = taking.lines(order, amount, to=chart.receivable(order.unit), case=case)
    journal.post(key, "dispute lost", lines, occurred_at=at)
    settle_owed(released | payees_of(lines), order.unit, key=key, at=at)
    dispute.lost_micros = amount
    order.charged_back_micros += amount
    order.save(update_fields=["charged_back_micros"])
    taking.done(order, at)
    return "Lost."


def _block(dispute: Dispute, missing: Mapping[int, int], at: datetime) -> None:
    """Hold payees whose part of the disputed money is not there any more: a hold of theirs covers nothing.

    Where the hold covers it, the payee is paid on: the disputed money is safe. Where it does not, what they earn next
    is all that the loss could be taken from, so it is not paid out while the outcome is open.
    """
    for payee_id, short in sorted(missing.items()):
        note = f"{dispute} of {dispute.order}: {money.display_exact(short, dispute.unit)} of it was not there to hold."
        blocks.place_for_case(payee_id, dispute.source, reason=Block.Reason.DISPUTE, note=note, at=at)


def _let_go(dispute: Dispute, order: Order, at: datetime) -> None:
    """A dispute that is settled in the books keeps nobody from being paid, and no advertiser from advertising."""
    blocks.lift_for_case(dispute.source, at=at)
    if order.kind == Order.Kind.DEPOSIT:
        advertiser = _advertiser(order)
        if not Dispute.objects.undecided().filter(order__lines__advertiser=advertiser).exists():
            campaigns.allow(advertiser)


def _advertiser(order: Order) -> Advertiser:
    advertiser = order.lines.select_related("advertiser").get().advertiser
    assert advertiser is not None
    return advertiser


def _fee_lines(dispute: Dispute, fee: int, facts: Mapping[str, Any]) -> list[Line]:
    """Stripe's fee is ours, and so is a fee that Stripe gives back (below zero)."""
    if not fee:
        return []
    ours, cash = chart.dispute_fees(dispute.unit), chart.stripe(dispute.unit)
    debit, credit = (ours, cash) if fee > 0 else (cash, ours)
    return [Line(debit, credit, abs(fee), dispute.unit, dispute.source, facts)]


def _facts(dispute: Dispute, moved: Moved) -> dict[str, Any]:
    return {"title": "Dispute", **_case_facts(dispute), "balance_transaction": moved.id}


def _case_facts(dispute: Dispute) -> dict[str, Any]:
    return {"dispute": dispute.stripe_id, "held_for": HELD_FOR}


# --- what is held


def _case(dispute: Dispute) -> Case:
    """What a dispute holds now, by the earning it was taken from. Exact only while the order is locked."""
    found = list(
        Posting.objects.filter(source=dispute.source, credit__code__startswith="payee:", reverses__isnull=False)
        .filter(credit__code__contains=":hold:")
        .select_related("credit", "debit")
        .order_by("pk")
    )
    released = journal.reversed_micros([posting.pk for posting in found])
    holds: dict[int, list[tuple[Posting, int]]] = {}
    if not dispute.lost_micros:
        for posting in found:
            assert posting.reverses_id is not None
            holds.setdefault(posting.reverses_id, []).append((posting, posting.amount - released[posting.pk]))
    return Case(dispute.source, _case_facts(dispute), holds)


def release_for(order: Order, needed: int, *, key: str, at: datetime, but: Dispute | None = None) -> frozenset[int]:
    """Release `needed` micros of what disputes of an order hold, newest first, for a take-back that needs them.

    Returns the payees who got it back; `settle_owed` must follow. Must run in the transaction of the take-back.
    """
    lines: list[Line] = []
    for dispute in Dispute.objects.undecided().filter(order=order) if needed else ():
        if dispute == but:
            continue
        lines += taking.release_lines(_case(dispute), needed - sum(line.amount for line in lines))
    if lines:
        journal.post(f"{key}:released", "hold released", lines, occurred_at=at)
    return payees_of(lines)


def payees_of(lines: Iterable[Line]) -> frozenset[int]:
    """The payees whose payable these lines add to."""
    return frozenset(chart.owner_id(line.credit) for line in lines if ":payable:" in line.credit)


def settle_owed(payee_ids: Iterable[int], unit: str, *, key: str, at: datetime) -> None:
    """Settle what these payees owe from what became payable."""
    for payee_id in sorted(payee_ids):
        payees.settle_owed(payee_id, unit, key=f"{key}:owed:{payee_id}", at=at)


# --- what people see


@dataclass(frozen=True, slots=True)
class Totals:
    """Disputes of one unit: how much is out, held, won back and lost, in micros."""

    unit: str
    out: int
    won: int
    lost: int
    fees: int


def totals() -> list[Totals]:
    """The sums of all disputes, by unit."""
    sums = (
        Dispute.objects.order_by("unit")
        .values("unit")
        .annotate(
            withdrawn=Sum("withdrawn_micros"),
            won=Sum("reinstated_micros"),
            lost=Sum("lost_micros"),
            fees=Sum("fee_micros"),
        )
    )
    return [
        Totals(row["unit"], row["withdrawn"] - row["won"] - row["lost"], row["won"], row["lost"], row["fees"])
        for row in sums
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """What a dispute holds of one payee, in micros."""

    payee: Payee
    micros: int


def holds(dispute: Dispute) -> list[Held]:
    """What a dispute holds now, by payee."""
    sums: dict[int, int] = {}
    for earning in _case(dispute).holds.values() if dispute.open_micros else ():
        for posting, left in earning:
            payee_id = taking.payee_of(posting)
            sums[payee_id] = sums.get(payee_id, 0) + left
    people = Payee.objects.in_bulk(sums)
    return [Held(people[payee_id], micros) for payee_id, micros in sorted(sums.items()) if micros]
