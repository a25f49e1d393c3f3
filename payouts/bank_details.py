"""Where a payee's money goes, and what happens when that changes: nothing is paid for a week, and the payee is told.

Whoever stole a password changes the bank details first. So a change stops payouts at once, also those that are reserved
already, and the owner reads the letter before anything is sent (docs/money.md, "Payout runs").
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string

from artists.models import Payee
from payouts import blocks
from payouts.models import BankAccount
from users import mail
from users.models import User


def stripe_tells(payee: Payee, accounts: Iterable[tuple[str, str]], *, at: datetime) -> bool:
    """Keep which bank accounts (id, fingerprint) Stripe pays this payee to; True when they changed.

    The first ones Stripe ever tells of are no change. Told twice, or by two events at once, it is one change.
    """
    payee.refresh_from_db(fields=["bank_fingerprint"])
    known, told = payee.bank_fingerprint, sorted(accounts)
    if not told and not known:
        return False
    fingerprint = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    if fingerprint == known:
        return False
    rows = Payee.objects.filter(pk=payee.pk, bank_fingerprint=known)
    payee.bank_fingerprint = fingerprint
    if not known:
        rows.update(bank_fingerprint=fingerprint)
        return False
    with transaction.atomic():
        if not rows.update(bank_fingerprint=fingerprint):
            return False
        _changed(payee, "The bank account that Stripe pays you to was changed.", at)
    return True


def choose_account(
    payee: Payee, *, kind: str, holder: str, number: str, bic: str, by: User, at: datetime
) -> BankAccount:
    """Pay this payee to a bank account from now on. The same details again change nothing."""
    details = {"kind": kind, "holder": holder, "number": number, "bic": bic}
    with transaction.atomic():
        Payee.objects.select_for_update().get(pk=payee.pk)
        used = BankAccount.objects.filter(payee=payee, replaced_at__isnull=True).first()
        if used is not None and details == {name: getattr(used, name) for name in details}:
            return used
        BankAccount.objects.filter(payee=payee, replaced_at__isnull=True).update(replaced_at=at)
        account = BankAccount.objects.create(payee=payee, created_by=by, created_at=at, **details)
        _changed(payee, f"From now on you are paid to {account}.", at)
    return account


def choose_stripe(payee: Payee, *, at: datetime) -> bool:
    """Pay this payee through Stripe again; False when that is so already."""
    with transaction.atomic():
        Payee.objects.select_for_update().get(pk=payee.pk)
        if not BankAccount.objects.filter(payee=payee, replaced_at__isnull=True).update(replaced_at=at):
            return False
        _changed(payee, "From now on you are paid through Stripe.", at)
    return True


def _changed(payee: Payee, what: str, at: datetime) -> None:
    """Stop payouts for a while, and write to whoever is paid."""
    Payee.objects.filter(pk=payee.pk).update(bank_changed_at=at)
    payee.bank_changed_at = at
    if payee.user is None or not payee.user.email:
        return
    context = {
        "payee": payee,
        "what": what,
        "again": blocks.paid_again_from(payee),
        "page": f"{settings.SITE_URL}/studio/earnings/?payee={payee.pk}",
    }
    body = render_to_string("payouts/mail/bank_changed.txt", context)
    key = f"bank-changed:{payee.pk}:{at.isoformat()}"
    mail.queue(payee.user.email, "Your bank details at Megabox were changed", body, key=key)
