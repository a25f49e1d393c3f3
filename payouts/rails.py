"""How a payee is paid in a unit: through Stripe, or by a file for the operator's bank.

Whoever gave bank details is paid by file: euros to an IBAN by a SEPA file where the operator has an account for it,
all else by a CSV file that the operator pays by hand. Everybody else is paid through Stripe.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import checks

from artists.models import Payee
from megabox import money
from payouts import iban
from payouts.models import BankAccount, Rail

SEPA_UNIT = "EUR"


@dataclass(frozen=True, slots=True)
class Route:
    """The rail a payee's money takes, and where it ends."""

    rail: Rail
    destination: str


def is_sepa_on() -> bool:
    """Whether the operator has named the account that SEPA files are paid from."""
    return bool(settings.SEPA_DEBTOR_NAME and settings.SEPA_DEBTOR_IBAN)


def account_of(payee: Payee) -> BankAccount | None:
    """The bank account in use; None for somebody who is paid through Stripe."""
    return in_use([payee.pk]).get(payee.pk)


def in_use(payee_ids: Collection[int]) -> dict[int, BankAccount]:
    """The bank accounts in use of these payees, by payee id."""
    accounts = BankAccount.objects.filter(payee__in=payee_ids, replaced_at__isnull=True)
    return {account.payee_id: account for account in accounts}


def routes(payees: Collection[Payee], unit: str) -> dict[int, Route]:
    """The route of every one of these payees in `unit`, by payee id."""
    accounts = in_use([payee.pk for payee in payees])
    return {payee.pk: _route(payee, accounts.get(payee.pk), unit) for payee in payees}


def _route(payee: Payee, account: BankAccount | None, unit: str) -> Route:
    if account is None:
        return Route(Rail.STRIPE, payee.stripe_account)
    is_in_sepa = account.kind == BankAccount.Kind.IBAN and account.number[:2] in iban.SEPA_COUNTRIES
    is_sepa = is_in_sepa and unit == SEPA_UNIT and is_sepa_on()
    return Route(Rail.SEPA if is_sepa else Rail.CSV, account.destination)


@checks.register
def check(app_configs: object, **_: Any) -> Sequence[checks.CheckMessage]:
    """What of the operator's settings would send wrong sums, or files that no bank takes; told at the start."""
    faults = [
        checks.Error(f"{unit}: Stripe counts it in other coins than we do. Choose another.", id="payouts.E001")
        for unit in dict.fromkeys([settings.ADS_CURRENCY, *settings.SALE_CURRENCIES])
        if not money.is_counted_alike(unit)
    ]
    if is_sepa_on():
        faults += [checks.Error(said, id="payouts.E002") for said in _wrong_debtor()]
    return faults


def _wrong_debtor() -> list[str]:
    found = []
    if not re.search("[A-Za-z]", iban.latin(settings.SEPA_DEBTOR_NAME)):
        found.append("SEPA_DEBTOR_NAME: Write the name in Latin letters, as the bank does.")
    try:
        if iban.parse(settings.SEPA_DEBTOR_IBAN) != settings.SEPA_DEBTOR_IBAN:
            found.append("SEPA_DEBTOR_IBAN: Write it without spaces, in capitals.")
    except iban.BadIban as bad:
        found.append(f"SEPA_DEBTOR_IBAN: {bad}")
    if settings.SEPA_DEBTOR_BIC and not iban.is_bic(settings.SEPA_DEBTOR_BIC):
        found.append("SEPA_DEBTOR_BIC: A BIC has 8 or 11 letters and digits, like COBADEFFXXX.")
    return found
