"""Disputes: a cardholder's bank takes a payment back, evidence is sent, and the bank decides.

As in Stripe's test mode a test card decides whether a payment is disputed, and the text of the evidence who wins it.
"""

from megabox.standin import balance, errors
from megabox.standin.call import Call
from megabox.standin.events import emit
from megabox.standin.forms import EXPAND, PAGING, Fields, flag, group, pairs, text
from megabox.standin.store import Obj, new_id

FEE_CENTS = 1_500
ANSWER_SECONDS = 7 * 24 * 3600
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
WINNING, LOSING = "winning_evidence", "losing_evidence"
"""What Stripe's test mode takes as the text of evidence to decide a dispute."""

LIST: Fields = PAGING | {"charge": text(), "payment_intent": text()}
UPDATE: Fields = EXPAND | {
    "evidence": group({name: text() for name in EVIDENCE}),
    "metadata": pairs(),
    "submit": flag(),
}


def open_for(
    call: Call, charge: Obj, reason: str, *, cents: int = 0, is_inquiry: bool = False, created: int = 0
) -> Obj:
    """The bank disputes `cents` of a charge (all of it unless told); an inquiry asks first and takes nothing."""
    cents = cents or charge["amount"]
    if not charge["paid"] or not 1 <= cents <= charge["amount"]:
        raise errors.invalid("amount", f"{cents} of charge {charge['id']} cannot be disputed.")
    created = created or call.now
    dispute = call.objects.add(_new(charge, reason, cents, is_inquiry, created))
    charge["disputed"] = True
    call.objects.save(charge)
    if not is_inquiry:
        _withdraw(call, dispute, created)
    emit(call, "charge.dispute.created", dispute, created=created)
    if not is_inquiry:
        emit(call, "charge.dispute.funds_withdrawn", dispute, created=created)
    return dispute


def _new(charge: Obj, reason: str, cents: int, is_inquiry: bool, created: int) -> Obj:
    return {
        "id": new_id("dp_"),
        "object": "dispute",
        "amount": cents,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "evidence": dict.fromkeys(EVIDENCE),
        "evidence_details": {
            "due_by": created + ANSWER_SECONDS,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": charge["payment_method_details"]["card"]["brand"], "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }


def _withdraw(call: Call, dispute: Obj, created: int) -> None:
    """Take the money and the fee out of the balance, below zero if need be."""
    taken = balance.move(
        call,
        "adjustment",
        dispute["id"],
        -dispute["amount"],
        dispute["currency"],
        created,
        FEE_CENTS,
        category="dispute",
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )
    dispute["balance_transactions"].append(taken)
    dispute["is_charge_refundable"] = False
    call.objects.save(dispute)


def escalate(call: Call, dispute: Obj) -> Obj:
    """The bank was not content with the answer to its inquiry and takes the money."""
    before = dict(dispute)
    if not dispute["status"].startswith("warning_") or dispute["status"] == "warning_closed":
        raise errors.invalid("dispute", "Only an inquiry that is open can become a dispute.")
    dispute["status"] = "needs_response"
    _withdraw(call, dispute, call.now)
    emit(call, "charge.dispute.updated", dispute, before=before)
    emit(call, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(call: Call, dispute: Obj, *, is_won: bool, is_fee_back: bool = False) -> Obj:
    """The bank decides. What is won comes back; the fee does not, unless `is_fee_back`."""
    if dispute["status"] not in OPEN:
        raise errors.invalid("dispute", "This dispute is already closed.")
    before = dict(dispute)
    is_inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_closed" if is_inquiry else "won" if is_won else "lost"
    if is_won and not is_inquiry:
        fee = -FEE_CENTS if is_fee_back else 0
        about = f"Chargeback reversal for {dispute['charge']}"
        cents, unit = dispute["amount"], dispute["currency"]
        back = balance.move(
            call,
            "adjustment",
            dispute["id"],
            cents,
            unit,
            call.now,
            fee,
            category="dispute_reversal",
            description=about,
        )
        dispute["balance_transactions"].append(back)
    call.objects.save(dispute)
    emit(call, "charge.dispute.closed", dispute, before=before)
    if is_won and not is_inquiry:
        emit(call, "charge.dispute.funds_reinstated", dispute)
    return dispute


def retrieve(call: Call) -> Obj:
    """GET /v1/disputes/{id}."""
    return call.objects.get("dispute", call.path_id)


def listing(call: Call) -> Obj:
    """GET /v1/disputes, by `charge` and `payment_intent`."""
    filters = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return call.objects.page("dispute", "/v1/disputes", call.params, **filters)


def update(call: Call) -> Obj:
    """POST /v1/disputes/{id}: evidence; once submitted the bank looks at it, and test evidence decides at once."""
    dispute = call.objects.get("dispute", call.path_id)
    if dispute["status"] not in OPEN:
        raise errors.invalid("dispute", "This dispute is already closed.")
    before = {**dispute, "evidence": dict(dispute["evidence"]), "evidence_details": dict(dispute["evidence_details"])}
    sent = {name: value for name, value in (call.params.get("evidence") or {}).items() if value is not None}
    dispute["evidence"] |= sent
    dispute["metadata"] |= call.params.get("metadata") or {}
    details = dispute["evidence_details"]
    details["has_evidence"] = any(dispute["evidence"].values())
    is_submitted = call.params.get("submit") is not False and bool(sent)
    if is_submitted:
        details["submission_count"] += 1
        is_inquiry = dispute["status"].startswith("warning_")
        dispute["status"] = "warning_under_review" if is_inquiry else "under_review"
    call.objects.save(dispute)
    emit(call, "charge.dispute.updated", dispute, before=before)
    verdict = dispute["evidence"]["uncategorized_text"]
    if is_submitted and verdict in (WINNING, LOSING):
        return decide(call, dispute, is_won=verdict == WINNING)
    return dispute


def close(call: Call) -> Obj:
    """POST /v1/disputes/{id}/close: we accept it, so it is lost."""
    return decide(call, call.objects.get("dispute", call.path_id), is_won=False)


def dispute_charge(call: Call) -> Obj:
    """POST /_test/charges/{id}/dispute: the bank disputes `amount` of it for `reason`; `inquiry=true` asks first.

    The id may be the payment's.
    """
    found = call.objects.find(call.path_id)
    charge_id = found["latest_charge"] if found and found["object"] == "payment_intent" else call.path_id
    charge = call.objects.get("charge", charge_id)
    is_inquiry = str(call.params.get("inquiry", "")).lower() == "true"
    cents = int(call.params.get("amount", 0))
    return open_for(call, charge, str(call.params.get("reason", "fraudulent")), cents=cents, is_inquiry=is_inquiry)


def decide_charge(call: Call) -> Obj:
    """POST /_test/disputes/{id}/decide: the bank decides: `verdict` is won, lost or escalate; `fee_back=true`."""
    dispute = call.objects.get("dispute", call.path_id)
    verdict = call.params.get("verdict")
    if verdict == "escalate":
        return escalate(call, dispute)
    if verdict not in ("won", "lost"):
        raise errors.WireError(400, "Send a verdict: won, lost or escalate.")
    is_fee_back = str(call.params.get("fee_back", "")).lower() == "true"
    return decide(call, dispute, is_won=verdict == "won", is_fee_back=is_fee_back)
