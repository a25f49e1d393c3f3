"""The bank accounts that connected accounts are paid out to, and the events that tell of a change."""

import hashlib

from megabox.standin.call import Call
from megabox.standin.events import emit
from megabox.standin.store import Obj, new_id

NUMBER = "000123456789"
"""What the set-up page proposes, and what an account has that was enabled without it."""


def pay_to(call: Call, account: Obj, number: str) -> Obj:
    """Pay this account out to another bank account; the same number again changes nothing.

    Stripe tells of the new one, of the old one, and of the account itself, in this order.
    """
    listed = account["external_accounts"]
    old = list(listed["data"])
    fingerprint = hashlib.sha256(number.encode()).hexdigest()[:16]
    if [each["fingerprint"] for each in old] == [fingerprint]:
        return account
    before = dict(account)
    new = _bank_account(account, number, fingerprint)
    account["external_accounts"] = listed | {"data": [new], "url": f"/v1/accounts/{account['id']}/external_accounts"}
    call.objects.save(account)
    emit(call, "account.external_account.created", new)
    for each in old:
        emit(call, "account.external_account.deleted", each)
    emit(call, "account.updated", account, before=before)
    return account


def _bank_account(account: Obj, number: str, fingerprint: str) -> Obj:
    return {
        "id": new_id("ba_1", 23),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": None,
        "account_holder_type": None,
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": account["country"],
        "currency": account["default_currency"],
        "default_for_currency": True,
        "fingerprint": fingerprint,
        "future_requirements": None,
        "last4": number[-4:],
        "metadata": {},
        "requirements": None,
        "routing_number": None,
        "status": "new",
    }
