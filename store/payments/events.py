"""Stripe's events: stored once, worked on once, in any order; what cannot be worked on is parked for a person."""

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction

from artists.models import Payee
from ledger.journal import Refused
from megabox import claims
from payouts import transfers
from payouts.models import Payout
from store.cases import deposit_refunds, disputes, refunds, taking
from store.models import Order, StripeEvent
from store.sales import checkout, orders

MOST_TRIES = 8
FIRST_RETRY = timedelta(seconds=10)
log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any], datetime], str]


class Unhandled(Exception):
    """An event that moves money and that nobody has written code for yet."""


class UnknownOrder(Exception):
    """An event about an order of ours that we do not have."""


def receive(body: bytes, signature: str, *, at: datetime) -> StripeEvent:
    """Store the event of a webhook, once per event id. Raises checkout.Forged."""
    payload = checkout.read_event(body, signature)
    event, _ = StripeEvent.objects.get_or_create(
        event_id=payload["id"],
        defaults={"type": payload["type"][:80], "payload": payload, "received_at": at, "next_try_at": at},
    )
    return event


def process(pk: int, *, at: datetime) -> StripeEvent.State | None:
    """Work on one stored event; None when it is done, parked, or somebody else has it.

    The event's effect and its state are one transaction, so it has its effect exactly once. A failure that may pass is
    tried again, ever later; one that cannot pass, and the last try, park the event with its reason.
    """
    by = claims.worker_name()
    if not claims.claim(StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED), pk, by, at):
        return None
    event = StripeEvent.objects.get(pk=pk)
    try:
        if event.type in ASKED_FIRST:
            ASKED_FIRST[event.type](event.payload["data"]["object"], at)
        with transaction.atomic():
            note = _handle(event, at)
            _finish(event, by, StripeEvent.State.PROCESSED, note, at)
        return StripeEvent.State.PROCESSED
    except (orders.Mismatch, Refused, Unhandled, UnknownOrder) as reason:
        return _park(event, by, str(reason), at)
    except (taking.NotYet, transfers.NoAccount, checkout.Unreachable, OperationalError) as reason:
        return _retry(event, by, str(reason), at)
    except Exception:  # a bug of ours or a shape we do not know: kept in sight, never answered with "done"
        log.exception("Event %s cannot be processed.", event.event_id)
        return _retry(event, by, traceback.format_exc(limit=-3), at)


def _handle(event: StripeEvent, at: datetime) -> str:
    """Do what the event says; return a note on what was done."""
    handler = HANDLERS.get(event.type)
    if handler is None:
        return "Nothing to do."
    return handler(event.payload["data"]["object"], at)


def _finish(event: StripeEvent, by: str, state: StripeEvent.State, note: str, at: datetime) -> None:
    mine = StripeEvent.objects.filter(pk=event.pk, claimed_by=by, state=StripeEvent.State.RECEIVED)
    changed = mine.update(
        state=state,
        error=note,
        tries=event.tries + 1,
        processed_at=at if state == StripeEvent.State.PROCESSED else None,
        claimed_by="",
        claimed_until=None,
    )
    if not changed:
        raise OperationalError(f"Somebody else took over event {event.event_id}.")  # rolls our work back


def _park(event: StripeEvent, by: str, reason: str, at: datetime) -> StripeEvent.State:
    log.error("Event %s (%s) needs a person: %s", event.event_id, event.type, reason)
    _finish(event, by, StripeEvent.State.PARKED, reason[:4000], at)
    return StripeEvent.State.PARKED


def _retry(event: StripeEvent, by: str, reason: str, at: datetime) -> StripeEvent.State:
    if event.tries + 1 >= MOST_TRIES:
        return _park(event, by, reason, at)
    StripeEvent.objects.filter(pk=event.pk, claimed_by=by).update(
        tries=event.tries + 1,
        error=reason[:4000],
        next_try_at=at + FIRST_RETRY * 2**event.tries,
        claimed_by="",
        claimed_until=None,
    )
    return StripeEvent.State.RECEIVED


# --- what each event does


def _session_paid(data: Mapping[str, Any], at: datetime) -> str:
    session = checkout.read_session(data)
    order = _order(session.order_id)
    if order is None:
        return "Not one of our orders."
    if not session.is_paid:
        return "Complete, but the money is still on its way."
    return "Fulfilled." if orders.fulfil(order.pk, session, at=at) else "Fulfilled before."


def _session_over(data: Mapping[str, Any], at: datetime) -> str:
    order = _order(checkout.read_session(data).order_id)
    if order is None:
        return "Not one of our orders."
    return "Cancelled." if orders.cancel(order.pk) else "Not waiting any more."


def _refunded(data: Mapping[str, Any], at: datetime) -> str:
    order = _order_of_charge(data)
    if order is None:
        return "Not one of our orders."
    if order.kind == Order.Kind.DEPOSIT:
        return "Known."  # by all that Stripe told of its refunds just now
    unit = str(data["currency"]).upper()
    is_new = refunds.refund(order.pk, int(data["amount_refunded"]), unit, at=at)
    return "Taken back." if is_new else "Taken back before."


def _refund_told(data: Mapping[str, Any], at: datetime) -> str:
    """A refund changed; only one that failed concerns us, and Stripe may tell that in three events."""
    order = _order_of_charge(data)
    if data.get("status") not in checkout.FAILED:
        return "Nothing to do."
    if order is None:
        return "Not one of our orders."
    if order.kind != Order.Kind.DEPOSIT:
        raise Unhandled(
            f"The refund {data['id']} of {order} was sent back by the buyer's bank. Pay the buyer another way, then "
            "decide its balance transaction at the desk."
        )
    return "Known."


def _learn_refunds(data: Mapping[str, Any], at: datetime) -> None:
    """Ask Stripe for every refund of a deposit: an event tells a sum of one moment, and they come in any order.

    It is booked in a transaction of its own; what was booked before is not booked again.
    """
    order = _order_of_charge(data)
    is_news = data["object"] == "charge" or data.get("status") in checkout.FAILED
    if order is None or order.kind != Order.Kind.DEPOSIT or not is_news:
        return
    if deposit_refunds.is_asked_for(order):  # whoever asked was killed, or is reading the answer this moment
        raise taking.NotYet(f"A refund of {order} that we asked for is not booked yet.")
    deposit_refunds.learn(order, checkout.refunds_of(order.payment_intent), at)


def _disputed(data: Mapping[str, Any], at: datetime) -> str:
    """All events of a dispute tell all that is known of it, so they may come in any order."""
    told = disputes.read(data)
    order = _order_of_charge(data)
    if order is None:
        raise taking.NotYet(f"The dispute {told.stripe_id} is about {told.payment}, which paid no order of ours yet.")
    return disputes.learn(order.pk, told, at=at)


def _transfer_reversed(data: Mapping[str, Any], at: datetime) -> str:
    payout = transfers.payout_of(str(data["id"]), str(data.get("transfer_group") or ""))
    if payout is None:
        return "Not one of our transfers."
    if payout.state in Payout.OPEN:  # whoever sends it was killed, or is asking this moment
        raise taking.NotYet(f"{payout} is {payout.get_state_display()}: its transfer is not booked yet.")
    if not data.get("reversed"):
        raise Unhandled(f"Only a part of {payout} came back: book it by hand.")
    is_new = transfers.record_return(payout.pk, why="Stripe reversed the transfer.", at=at)
    return "Payable again." if is_new else "Known before."


def _refresh_account(data: Mapping[str, Any], at: datetime) -> None:
    """Ask Stripe whether a payee can be paid now, and where to; before the transaction, because it is a call.

    The event is about the account, or about a bank account of it.
    """
    account = data["id"] if data["object"] == "account" else data.get("account")
    payee = Payee.objects.filter(stripe_account=str(account)).first() if account else None
    if payee is not None:
        transfers.refresh_account(payee, at=at)


def _order(order_id: str) -> Order | None:
    """The order an event names; None when it names none. Raises UnknownOrder for one we do not have."""
    if not order_id:
        return None
    try:
        return Order.objects.get(pk=order_id)
    except (Order.DoesNotExist, ValueError):
        raise UnknownOrder(f"There is no order {order_id}.") from None


def _order_of_charge(data: Mapping[str, Any]) -> Order | None:
    """The order a charge paid, by its payment or by what we wrote on it."""
    intent = checkout.id_of(data.get("payment_intent"))
    found = Order.objects.filter(payment_intent=intent).first() if intent else None
    return found or _order(str((data.get("metadata") or {}).get("order") or ""))


HANDLERS: dict[str, Handler] = {
    "checkout.session.completed": _session_paid,
    "checkout.session.async_payment_succeeded": _session_paid,
    "checkout.session.async_payment_failed": _session_over,
    "checkout.session.expired": _session_over,
    "charge.refunded": _refunded,
    "charge.refund.updated": _refund_told,
    "refund.updated": _refund_told,
    "refund.failed": _refund_told,
    "charge.dispute.created": _disputed,
    "charge.dispute.updated": _disputed,
    "charge.dispute.funds_withdrawn": _disputed,
    "charge.dispute.funds_reinstated": _disputed,
    "charge.dispute.closed": _disputed,
    "transfer.reversed": _transfer_reversed,
}
ASKED_FIRST: dict[str, Callable[[Mapping[str, Any], datetime], None]] = {
    "charge.refunded": _learn_refunds,
    "charge.refund.updated": _learn_refunds,
    "refund.updated": _learn_refunds,
    "refund.failed": _learn_refunds,
    "account.updated": _refresh_account,
    "account.external_account.created": _refresh_account,
    "account.external_account.updated": _refresh_account,
    "account.external_account.deleted": _refresh_account,
}
"""What is asked of Stripe before the event's own transaction."""
