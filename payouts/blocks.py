"""Why a payee is not paid now: what is missing at Stripe, what changed lately, and what the staff decided."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress

from artists.models import Payee
from payouts import rails
from payouts.models import Block
from users.models import User

BANK_CHANGE_DAYS = 7
"""After a change of bank details nothing is paid for so long: a thief with the password must wait, the owner reads
the mail about it."""


def reasons(payees: Iterable[Payee], at: datetime) -> dict[int, str]:
    """For each payee that may not be paid at `at` the sentence that says why, by payee id."""
    payees = list(payees)
    held = {block.payee_id: sentence(block) for block in _active(payees, at)}
    confirmed = set(
        EmailAddress.objects.filter(verified=True, user__in=[payee.user_id for payee in payees if payee.user_id])
        .values_list("user_id", flat=True)
        .distinct()
    )
    by_file = rails.in_use([payee.pk for payee in payees])
    found = {payee.pk: held.get(payee.pk) or _missing(payee, confirmed, payee.pk in by_file, at) for payee in payees}
    return {payee_id: why for payee_id, why in found.items() if why}


def reason(payee: Payee, at: datetime) -> str:
    """The sentence that says why this payee may not be paid at `at`; empty when nothing stands in the way."""
    return reasons([payee], at).get(payee.pk, "")


def paid_again_from(payee: Payee) -> datetime | None:
    """From when on a payee whose bank details changed is paid again; None when they never changed."""
    return payee.bank_changed_at and payee.bank_changed_at + timedelta(days=BANK_CHANGE_DAYS)


def sentence(block: Block) -> str:
    """A block as payees and clerks read it."""
    text = f"On hold: {block.get_reason_display()}."
    return f"{text} Until {block.until:%Y-%m-%d}." if block.until else text


def place(payee: Payee, *, reason: str, note: str, until: datetime | None, by: User, at: datetime) -> Block:
    """Hold a payee for one of `Block.Reason`; the note stays with the staff."""
    return Block.objects.create(payee=payee, reason=reason, note=note, until=until, created_by=by, created_at=at)


def lift(block_id: int, *, by: User, at: datetime) -> bool:
    """End a block; False when it was lifted before."""
    return Block.objects.filter(pk=block_id, lifted_at__isnull=True).update(lifted_by=by, lifted_at=at) == 1


def place_for_case(payee_id: int, case: str, *, reason: str, note: str, at: datetime) -> None:
    """Hold a payee for a case, once; what a person lifted stays lifted."""
    Block.objects.get_or_create(
        payee_id=payee_id, case=case, defaults={"reason": reason, "note": note[:300], "created_at": at}
    )


def lift_for_case(case: str, *, at: datetime) -> int:
    """End the blocks of a case that is over; return how many."""
    return Block.objects.filter(case=case, lifted_at__isnull=True).update(lifted_at=at)


def _active(payees: list[Payee], at: datetime) -> Iterable[Block]:
    return Block.objects.active(at).filter(payee__in=payees).order_by("-pk")


def _missing(payee: Payee, confirmed: set[int], is_by_file: bool, at: datetime) -> str:
    """What the payee themselves can do something about."""
    if payee.user_id is not None and payee.user_id not in confirmed:
        return "The e-mail address is not confirmed yet."
    if not is_by_file and not payee.stripe_account:
        return "Payouts are not set up yet."
    if not is_by_file and not payee.is_payouts_enabled:
        return "Stripe has not enabled payouts for this account yet."
    again = paid_again_from(payee)
    if payee.bank_changed_at and again and at < again:
        return f"Bank details changed on {payee.bank_changed_at:%Y-%m-%d}; paid again from {again:%Y-%m-%d}."
    return ""
