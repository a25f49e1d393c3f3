"""Giving an advertiser back what is left of their deposits: by the payments it came with, the newest first.

What is wanted is a row before Stripe is asked, and no longer free for anything else. Each row is asked for outside of
every transaction with a key that is committed before, so a lost answer is not a failure: the same key again is the
same refund. The books learn of it by the sums that Stripe says it gave back and that came back, so a webhook and a
worker never book anything twice. A bank may send a refund back long after: then the money is prepaid again.
Source: docs/money.md, "top-up" and "refund sent back".
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from ads.budgets import funds
from ads.demand import campaigns
from ads.models import Advertiser
from ledger import chart, journal
from megabox import claims, money
from store.cases import refunds
from store.models import DepositRefund, Order
from store.sales import checkout
from users import mail
from users.models import User

SILENT = "Stripe has not answered yet."

State = DepositRefund.State
log = logging.getLogger(__name__)

KEY_LIVES = timedelta(hours=23)
"""Stripe forgets a key after a day; from then on it is asked what became of it, before a new key is used."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
AT_ONCE = 50


class CannotGiveBack(Exception):
    """Nothing can be given back now; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """So many micros of one deposit."""

    order: Order
    micros: int


def plan(advertiser: Advertiser, at: datetime) -> list[Part]:
    """What would be given back now, all campaigns stopped, newest deposit first. Raises CannotGiveBack."""
    return _plan(advertiser, funds.of(advertiser, at).refundable)


def want(
    advertiser: Advertiser, at: datetime, by: User | None = None, *, most: int | None = None
) -> list[DepositRefund]:
    """Stop the advertiser's campaigns and want back what is left, at most `most` micros; the rows are the queue.

    While some is on its way, a second press finds that and wants nothing more. Raises CannotGiveBack.
    """
    if not (open_ones := _open(advertiser)):
        try:
            plan(advertiser, at)  # nothing is stopped for nothing
        except CannotGiveBack:
            if open_ones := _open(advertiser):  # another press wanted all of it since we looked
                return open_ones
            raise
        campaigns.pause_all(advertiser, at)
        with transaction.atomic():
            advertiser = Advertiser.objects.select_for_update().get(pk=advertiser.pk)
            open_ones = _open(advertiser)
            if not open_ones:
                journal.lock([chart.prepaid(advertiser.pk, settings.ADS_CURRENCY)])
                free = max(0, funds.of(advertiser, at).free)
                open_ones = [
                    DepositRefund.objects.create(
                        advertiser=advertiser,
                        order=part.order,
                        unit=part.order.unit,
                        amount_micros=part.micros,
                        wanted_by=by,
                        wanted_at=at,
                        next_try_at=at,
                    )
                    for part in _plan(advertiser, free if most is None else min(free, most))
                ]
    return open_ones


def send_due(at: datetime) -> int:
    """Ask Stripe for every refund that is due, or what became of it; return how many were asked about."""
    due = DepositRefund.objects.filter(claims.unclaimed(at), state=State.WANTED, next_try_at__lte=at)
    return sum(send(pk, at) for pk in list(due.order_by("next_try_at").values_list("pk", flat=True)[:AT_ONCE]))


def send(refund_id: int, at: datetime) -> bool:
    """Ask Stripe for one refund, or what became of it; False when it is not due or somebody else has it.

    Safe to repeat, to run twice at once and to kill.
    """
    by = claims.worker_name()
    if not claims.claim(DepositRefund.objects.filter(state=State.WANTED, next_try_at__lte=at), refund_id, by, at):
        return False
    row = DepositRefund.objects.select_related("order").get(pk=refund_id)
    try:
        made = _ask(row, at)
        told = checkout.refunds_of(row.order.payment_intent)
        if made not in told.made:  # Stripe's list lags behind its answers
            raise checkout.Unreachable
        _book(row, made, told, at)
    except checkout.Refused as refusal:
        _fail(row, str(refusal), at)
    except checkout.Unreachable:
        # It may have been given back all the same: unknown is not failed.
        _pause(row, by, SILENT, at)
    except Exception as fault:  # a bug of ours or an answer we do not know: kept in sight, and nobody else waits
        log.exception("The deposit refund %s cannot be made.", row.pk)
        _pause(row, by, f"{type(fault).__name__}: {fault}", at)
    return True


def learn(order: Order, told: checkout.Refunds, at: datetime) -> int:
    """Book all that Stripe tells of a deposit's refunds, and write to whom it concerns; return what came back now.

    In micros. Whatever was told before, in whatever order: both sums only grow. Raises NotYet and Mismatch.
    """
    with transaction.atomic():
        amount = _catch_up(order, told, at)
        for pk, reason in told.failed.items():
            DepositRefund.objects.filter(order=order, provider_id=pk, state=State.REFUNDED).update(
                state=State.FAILED, problem=_why(reason), ended_at=at
            )
        if amount:
            _write_letters(order, amount, told, at)
    return amount


def _catch_up(order: Order, told: checkout.Refunds, at: datetime) -> int:
    """Book what was given back and what came back, so that never more is given back than was paid."""
    order, amount = Order.objects.select_for_update().get(pk=order.pk), 0
    total = money.floor_to_minor(order.total_micros, order.unit)
    while True:
        made = min(told.made_minor, total + money.floor_to_minor(order.returned_micros + amount, order.unit))
        refunds.refund(order.pk, made, order.unit, at=at)
        new = refunds.came_back(order.pk, min(told.failed_minor, made), at=at)
        amount += new
        if not new:
            refunds.refund(order.pk, told.made_minor, order.unit, at=at)  # refuses what cannot be
            return amount


def is_asked_for(order: Order) -> bool:
    """Whether Stripe was asked to give something of this deposit back, and we do not know yet what came of it."""
    return DepositRefund.objects.filter(order=order, state=State.WANTED, sent_at__isnull=False).exists()


# --- how much, of what


def _open(advertiser: Advertiser) -> list[DepositRefund]:
    return list(DepositRefund.objects.filter(advertiser=advertiser, state=State.WANTED).order_by("pk"))


def _plan(advertiser: Advertiser, free: int) -> list[Part]:
    """Share `free` micros over the deposits that can still be given back, in whole cents."""
    if advertiser.stopped_at is not None:
        raise CannotGiveBack(
            "A payment of yours is disputed at your bank. Nothing is given back until the bank has decided."
        )
    least = money.micros_per_minor(settings.ADS_CURRENCY)
    if free < least:
        raise CannotGiveBack("There is no free money to give back. What was seen and not billed yet is spent.")
    parts = []
    for order in _deposits(advertiser):
        left = min(free, order.total_micros - order.taken_micros)
        left -= left % least
        if left:
            parts.append(Part(order, left))
            free -= left
    if not parts:
        raise CannotGiveBack(
            "What is left came with payments that were disputed or given back already, or with cards whose bank sent "
            "it back, so no card can take it. "
            "Write to us: we send it another way."
        )
    return parts


def _deposits(advertiser: Advertiser) -> Sequence[Order]:
    """The deposits a card can still take back: paid, not wholly taken back, and not disputed, unless that was won.

    A card whose bank sent a refund back once does not get another one by itself.
    """
    undisputed = ~Q(pk__in=Order.objects.filter(disputes__isnull=False).exclude(disputes__state="WON").values("pk"))
    paid = Order.objects.filter(
        undisputed,
        kind=Order.Kind.DEPOSIT,
        state=Order.State.PAID,
        lines__advertiser=advertiser,
        unit=settings.ADS_CURRENCY,
    )
    sent_back = DepositRefund.objects.filter(state=State.FAILED, provider_id__isnull=False)
    return list(paid.exclude(pk__in=sent_back.values("order")).order_by("-paid_at", "-pk").distinct())


# --- one row


def _ask(row: DepositRefund, at: datetime) -> str:
    """Stripe's id: asked for with the row's key, or a new one that is committed first. Raises Refused, Unreachable."""
    if row.sent_at is not None and at - row.sent_at >= KEY_LIVES:
        found = checkout.find_refund(row.order.payment_intent, row.pk)
        if found is not None:
            return found
        row.sent_at = None  # it never came to be: nobody can find what does not exist
    if row.sent_at is None:
        row.attempt += 1
        row.idempotency_key = f"deposit_refund:{row.pk}:{row.attempt}:{uuid.uuid4().hex[:8]}"
        row.sent_at = at
        row.save(update_fields=["attempt", "idempotency_key", "sent_at"])
    assert row.idempotency_key is not None
    minor = money.floor_to_minor(row.amount_micros, row.unit)
    return checkout.refund(row.order.payment_intent, minor, row.pk, key=row.idempotency_key)


def _book(row: DepositRefund, made: str, told: checkout.Refunds, at: datetime) -> None:
    """Write down what Stripe gave back, and book it, sent back already or not: one transaction, once."""
    with transaction.atomic():
        open_ones = DepositRefund.objects.filter(pk=row.pk, state=State.WANTED)
        ended = open_ones.update(
            state=State.REFUNDED,
            provider_id=made,
            problem="",
            ended_at=at,
            next_try_at=None,
            claimed_by="",
            claimed_until=None,
        )
        if ended:
            learn(row.order, told, at)


def _fail(row: DepositRefund, why: str, at: datetime) -> None:
    """It is certain that nothing was given back: the money is free again, and the row says why."""
    DepositRefund.objects.filter(pk=row.pk, state=State.WANTED, idempotency_key=row.idempotency_key).update(
        state=State.FAILED, problem=why[:500], ended_at=at, next_try_at=None, claimed_by="", claimed_until=None
    )


def _pause(row: DepositRefund, by: str, problem: str, at: datetime) -> None:
    waited = at - row.wanted_at
    DepositRefund.objects.filter(pk=row.pk, claimed_by=by, state=State.WANTED).update(
        problem=problem[:500],
        next_try_at=at + max(FIRST_PAUSE, min(waited, LONGEST_PAUSE)),
        claimed_by="",
        claimed_until=None,
    )


# --- what a bank sent back

_REASONS = {
    "lost_or_stolen_card": "the card was lost or stolen",
    "expired_or_canceled_card": "the card has expired or was cancelled",
    "charge_for_pending_refund_disputed": "the payment was disputed meanwhile",
    "insufficient_funds": "we had too little money at Stripe",
    "declined": "it declined the refund",
    "merchant_request": "we cancelled the refund",
}


def _why(reason: str) -> str:
    known = _REASONS.get(reason)
    return f"The card's bank sent it back, {f'because {known}' if known else 'and did not say why'}. Write to us."


def _write_letters(order: Order, amount: int, told: checkout.Refunds, at: datetime) -> None:
    """Once to the advertiser and to every member of the staff, each time more came back."""
    advertiser = order.lines.select_related("advertiser__owner").get().advertiser
    assert advertiser is not None, "a deposit is somebody's"
    total = money.display(amount, order.unit)
    key = f"refund-failed:{order.pk}:{told.failed_minor}"
    subject = f"{total} could not be given back to the card"
    if advertiser.owner is not None:
        body = (
            f"{total} of what you prepaid for {advertiser.name} was sent back to us by the bank of the card. Nothing "
            "is lost: it is prepaid again, and you can advertise with it. If you want it back, write to us: we send "
            f"it another way.\n\nYour money: {settings.SITE_URL}{reverse('ads:overview')}"
        )
        mail.queue(advertiser.owner.email, subject, body, key=f"{key}:advertiser")
    reasons = ", ".join(sorted({_REASONS.get(reason, reason or "no reason given") for reason in told.failed.values()}))
    for person in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
        body = (
            f"{total} that we gave back to {advertiser.name} (order {order.pk}) came back from the card's bank: "
            f"{reasons}. It is booked as prepaid again. If they ask for it, pay it another way, and have your "
            "accountant book that."
        )
        mail.queue(person.email, subject, body, key=f"{key}:{person.pk}")
