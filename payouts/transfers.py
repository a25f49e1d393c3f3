"""Sending payouts through Stripe Connect, exactly once whatever is killed. The only module here that talks to Stripe.

One payout: T1 commits its attempt (with the idempotency key) -> Stripe is called outside any transaction -> T2 commits
the result and its entry. A worker killed anywhere leaves a row from which the next one goes on: the reservation belongs
to the payout, the key to the attempt, and at most one attempt of a payout is unresolved.
Source: docs/money.md, "Payout runs".
"""

import functools
import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import stripe
from django.conf import settings
from django.db import transaction

from artists.models import Payee
from megabox import steps
from megabox.claims import claim
from payouts import bank_details, booking, reservations, runs
from payouts.models import Attempt, Payout
from payouts.queue import due

if TYPE_CHECKING:
    from stripe.params import AccountCreateParams, AccountLinkCreateParams, TransferCreateParams, TransferListParams

log = logging.getLogger(__name__)

KEY_LIVES = timedelta(hours=23)
"""Stripe remembers idempotency keys for at least 24 hours; younger than this, the same key is safe to send again."""

CALL_SECONDS = 20
LONGEST_PAUSE = timedelta(minutes=10)


class NoAccount(Exception):
    """Stripe could not be asked, or would not make the account; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Stripe made the transfer."""

    transfer_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Stripe definitely did not make the transfer, and the same request will not do better."""

    code: str
    message: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class NeverMade:
    """Stripe's list shows that this attempt made no transfer, and its key is used up: another attempt may."""

    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether Stripe made the transfer is not known; nothing new may be tried before it is."""

    code: str
    message: str
    request_id: str = ""


Outcome = Sent | Refused | NeverMade | Unknown


def send(payout_id: int, *, by: str, at: datetime, metadata: Mapping[str, str] | None = None) -> bool:
    """Send one payout, or find out what became of it; False when it is not due or somebody else has it.

    Safe to repeat, to run twice at once and to kill.
    """
    if not claim(due(at), payout_id, by, at):
        return False
    attempt = _begin(payout_id, by, at)  # T1
    if attempt is not None:
        outcome = _ask(attempt, at, metadata or {})  # no transaction is open here
        _conclude(attempt.pk, outcome, at)  # T2
    runs.finish(Payout.objects.values_list("run_id", flat=True).get(pk=payout_id), at=at)
    return True


def send_due(clock: Callable[[], datetime], *, by: Callable[[], str], until: datetime) -> int:
    """Send what is due, one payout after another, until nothing is left or it is `until`; how many were taken."""
    ids = list(due(clock()).values_list("pk", flat=True)[:500])
    count = steps.all_of(functools.partial(send, pk, by=by(), at=now) for pk in ids if (now := clock()) < until)
    runs.finish_all(at=clock())
    return count


def _begin(payout_id: int, by: str, at: datetime) -> Attempt | None:
    """T1: the payout is being sent, and its unresolved attempt exists; None when there is nothing to send any more."""
    with transaction.atomic():
        rows = Payout.objects.select_for_update(of=("self",)).select_related("run", "payee")
        payout = rows.get(pk=payout_id)
        if payout.state not in Payout.OPEN or payout.claimed_by != by:
            return None
        attempt = payout.attempts.filter(state=Attempt.State.OPEN).first()
        if attempt is None:
            if payout.run.paused_at is not None:
                _put_down(payout, None)
                return None
            if why_not := reservations.why_not([payout], at).get(payout.pk):
                _fail(payout, why_not, at)
                return None
            number = payout.attempts.count() + 1
            attempt = payout.attempts.create(
                number=number, idempotency_key=f"payout-{payout.reference}-{number}", created_at=at
            )
        payout.state, payout.tries = Payout.State.SENDING, payout.tries + 1
        payout.save(update_fields=["state", "tries"])
    attempt.payout = payout
    return attempt


def _ask(attempt: Attempt, at: datetime, metadata: Mapping[str, str]) -> Outcome:
    """Make the transfer with the attempt's key; when the key no longer speaks for itself, look the transfer up."""
    if at < attempt.created_at:  # how old the key is cannot be known, so it must not be sent
        return Unknown("clock went back", "It is earlier here than when the attempt was made. Set the clock right.")
    if at - attempt.created_at >= KEY_LIVES:
        return _look_up(attempt.payout, "The attempt is too old to send its key again.")
    payout = attempt.payout
    params: TransferCreateParams = {
        "amount": payout.amount_cents,
        "currency": payout.unit.lower(),
        "destination": payout.destination,
        "transfer_group": payout.transfer_group,
        "metadata": {"payout": str(payout.reference), **metadata},
    }
    try:
        transfer = _client().v1.transfers.create(params, {"idempotency_key": attempt.idempotency_key})
    except stripe.StripeError as error:
        if _is_key_spent(error):
            return _look_up(payout, str(error.user_message or error))
        return _verdict(error)
    return Sent(transfer.id)


def _is_key_spent(error: stripe.StripeError) -> bool:
    """Whether the key answers for ever with a failure that does not say what happened."""
    if isinstance(error, stripe.IdempotencyError):
        return error.http_status == 400
    is_replay = any(name.lower() == "idempotent-replayed" for name in error.headers or {})
    return is_replay and (error.http_status or 0) >= 500


def _verdict(error: stripe.StripeError) -> Outcome:
    """What an error means: a definite refusal, or an open question."""
    message = str(error.user_message or error)[:300]
    request_id = str(error.request_id or "")
    status = error.http_status
    is_definite = status is not None and 400 <= status < 500 and status not in (401, 409, 429)
    code = error.code or getattr(error.error, "code", None) or str(status or "no answer")
    if is_definite and not isinstance(error, stripe.RateLimitError | stripe.IdempotencyError):
        return Refused(code, message, request_id)
    return Unknown(code, message, request_id)


def _look_up(payout: Payout, why: str) -> Outcome:
    """Find the transfer of a payout by its group."""
    params: TransferListParams = {"transfer_group": payout.transfer_group, "limit": 10}
    try:
        found = _client().v1.transfers.list(params).data
    except stripe.StripeError as error:
        return Unknown("look-up", str(error.user_message or error)[:300], str(error.request_id or ""))
    if len(found) > 1:
        log.critical("Stripe shows %d transfers for payout %s.", len(found), payout.pk)
        return Unknown("several", f"Stripe shows {len(found)} transfers for this payout: ask Stripe.")
    return Sent(found[0].id) if found else NeverMade(why[:300])


def _conclude(attempt_id: int, outcome: Outcome, at: datetime) -> None:
    """T2: commit what became of an attempt, with its entry in the books; give the claim back.

    An attempt that another worker concluded meanwhile stays as it is: one key has one outcome.
    """
    with transaction.atomic():
        attempt = Attempt.objects.select_for_update(of=("self",)).get(pk=attempt_id)
        payout = Payout.objects.select_for_update(of=("self",)).get(pk=attempt.payout_id)
        if attempt.state != Attempt.State.OPEN:
            return
        match outcome:
            case Sent(transfer_id):
                _resolve(attempt, Attempt.State.SUCCEEDED, at)
                payout.state, payout.reason = Payout.State.PAID, ""
                payout.transfer_id, payout.paid_at = transfer_id, at
                booking.paid(payout, at=at)
                _put_down(payout, None)
            case Refused(code, message, request_id):
                attempt.error_code, attempt.error, attempt.request_id = code[:100], message, request_id[:64]
                _resolve(attempt, Attempt.State.FAILED, at)
                _fail(payout, message, at)
            case NeverMade(message):
                attempt.error_code, attempt.error = "never made", message
                _resolve(attempt, Attempt.State.FAILED, at)
                payout.state, payout.reason = Payout.State.RESERVED, ""
                _put_down(payout, at)
            case Unknown(code, message, request_id):
                attempt.error_code, attempt.error, attempt.request_id = code[:100], message, request_id[:64]
                attempt.save()
                payout.state, payout.reason = Payout.State.UNKNOWN, f"Not known yet: {message}"[:300]
                _put_down(payout, at + min(timedelta(seconds=5 * 2 ** min(payout.tries, 10)), LONGEST_PAUSE))


def _resolve(attempt: Attempt, state: Attempt.State, at: datetime) -> None:
    attempt.state, attempt.resolved_at = state, at
    attempt.save()


def _fail(payout: Payout, reason: str, at: datetime) -> None:
    """The payout failed for good: its reservation goes back to the payee, and the next run pays it."""
    payout.state, payout.reason = Payout.State.FAILED, reason[:300]
    booking.failed(payout, at=at)
    _put_down(payout, None)


def _put_down(payout: Payout, next_try_at: datetime | None) -> None:
    payout.next_try_at = next_try_at
    payout.claimed_by, payout.claimed_until = "", None
    payout.save()


def payout_of(transfer_id: str, transfer_group: str) -> Payout | None:
    """The payout that a transfer of Stripe's pays, booked or not yet; None for a transfer that is not ours."""
    payout = Payout.objects.filter(transfer_id=transfer_id).first()
    reference = transfer_group.removeprefix(Payout.GROUP)
    if payout is not None or reference == transfer_group:
        return payout
    with suppress(ValueError):
        return Payout.objects.filter(reference=uuid.UUID(reference), transfer_id="").first()
    return None


def record_return(payout_id: int, *, why: str, at: datetime) -> bool:
    """A transfer that was paid came back: the money is payable again. False when that is known already."""
    with transaction.atomic():
        payout = Payout.objects.select_for_update(of=("self",)).get(pk=payout_id)
        if payout.state != Payout.State.PAID:
            return False
        payout.state, payout.reason = Payout.State.RETURNED, why[:300]
        payout.save()
        booking.returned(payout, at=at)
    return True


# --- the accounts of those who are paid


def onboarding_url(payee: Payee, *, return_url: str, refresh_url: str) -> str:
    """The address where a payee tells Stripe who they are; makes their connected account the first time.

    Raises NoAccount.
    """
    try:
        if not payee.stripe_account:
            _make_account(payee)
        params: AccountLinkCreateParams = {
            "account": payee.stripe_account,
            "type": "account_onboarding",
            "return_url": return_url,
            "refresh_url": refresh_url,
        }
        return _client().v1.account_links.create(params).url
    except stripe.StripeError as error:
        log.warning("Stripe did not open the onboarding of payee %s: %s", payee.pk, error)
        raise NoAccount("Stripe could not be reached or refused. Nothing was lost: try again in a minute.") from error


def _make_account(payee: Payee) -> None:
    """Make the connected account. The key belongs to the payee, so a double click makes one account."""
    params: AccountCreateParams = {
        "controller": {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "stripe_dashboard": {"type": "express"},
        },
        "capabilities": {"transfers": {"requested": True}},
        "metadata": {"payee": str(payee.pk)},
    }
    if payee.country:
        params["country"] = payee.country
    key = f"payee-{payee.pk}-account-{payee.created_at:%Y%m%d%H%M%S%f}"
    account = _client().v1.accounts.create(params, {"idempotency_key": key})
    Payee.objects.filter(pk=payee.pk, stripe_account="").update(stripe_account=account.id)
    payee.refresh_from_db(fields=["stripe_account"])


def refresh_account(payee: Payee, *, at: datetime) -> bool:
    """Ask Stripe whether this payee can be paid now, and to which bank accounts, and keep the answers.

    Raises NoAccount.
    """
    if not payee.stripe_account:
        return False
    try:
        account = _client().v1.accounts.retrieve(payee.stripe_account)
    except stripe.StripeError as error:
        raise NoAccount("Stripe did not answer. Open this page again in a minute.") from error
    capabilities = account.capabilities
    can_receive = capabilities is not None and getattr(capabilities, "transfers", None) == "active"
    payee.is_payouts_enabled = bool(account.payouts_enabled) and can_receive
    payee.save(update_fields=["is_payouts_enabled"])
    accounts = account.external_accounts.data if account.external_accounts else []
    bank_details.stripe_tells(payee, [(each.id, each.fingerprint or "") for each in accounts], at=at)
    return payee.is_payouts_enabled


def _client() -> stripe.StripeClient:
    return _client_for(settings.STRIPE_API_KEY, settings.STRIPE_API_BASE or "")


@functools.lru_cache(maxsize=8)
def _client_for(key: str, base: str) -> stripe.StripeClient:
    """The official client; it never retries by itself, because the rows decide what is tried again and when."""
    http = stripe.RequestsClient(timeout=CALL_SECONDS)
    return stripe.StripeClient(
        key, base_addresses={"api": base} if base else {}, http_client=http, max_network_retries=0
    )
