"""What a run contains: a pure function of the postings up to a high-water mark, the policy, blocks and thresholds.

Nothing here writes. The content hash covers every figure and reason, and binds the approval to them.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import QuerySet, Sum

from artists.models import Payee
from ledger import chart
from ledger.models import Account, Policy, Posting
from megabox import money
from payouts import blocks


@dataclass(frozen=True, slots=True)
class Item:
    """One payee in a run, in micros; with a reason it is skipped."""

    payee_id: int
    payable_micros: int
    threshold_micros: int
    amount_micros: int
    amount_cents: int
    destination: str
    reason: str


def compute(unit: str, high_water: int, policy: Policy, at: datetime) -> list[Item]:
    """Every payee with something to be paid in `unit` as of posting `high_water`, by payee id."""
    payable = {payee_id: micros for payee_id, micros in payable_at(unit, high_water).items() if micros > 0}
    payees = Payee.objects.in_bulk(payable)
    reasons = blocks.reasons(payees.values(), at)
    return [
        _item(payees[payee_id], payable[payee_id], unit, policy, reasons.get(payee_id, ""))
        for payee_id in sorted(payable)
    ]


def threshold(payee: Payee, policy: Policy) -> int:
    """The least that is paid out to this payee, in micros: their choice, but no less than the policy allows."""
    return max(payee.threshold_micros or policy.payout_threshold_micros, policy.payout_threshold_min_micros)


def _item(payee: Payee, payable: int, unit: str, policy: Policy, why_not: str) -> Item:
    least = threshold(payee, policy)
    cents = money.floor_to_minor(payable, unit)
    if not why_not and payable < least:
        why_not = f"Below the threshold of {money.display(least, unit)}."
    return Item(
        payee_id=payee.pk,
        payable_micros=payable,
        threshold_micros=least,
        amount_micros=money.from_minor(cents, unit),
        amount_cents=cents,
        destination=payee.stripe_account,
        reason=why_not,
    )


def payable_at(unit: str, high_water: int) -> dict[int, int]:
    """Micros each payee could be paid in `unit` after posting `high_water`, from the postings alone."""
    accounts = payable_accounts(unit)
    postings = Posting.objects.filter(pk__lte=high_water)
    credited = _sums(postings.filter(credit__in=accounts), "credit")
    debited = _sums(postings.filter(debit__in=accounts), "debit")
    return {payee_id: credited.get(pk, 0) - debited.get(pk, 0) for pk, payee_id in accounts.items()}


def payable_accounts(unit: str) -> dict[int, int]:
    """The payable accounts of `unit`: account id to payee id."""
    pattern = chart.payee(0, "payable", unit).replace(":0:", r":(\d+):")
    found = Account.objects.filter(code__startswith="payee:", code__endswith=f":payable:{unit}", unit=unit)
    matches = ((pk, re.fullmatch(pattern, code)) for pk, code in found.values_list("pk", "code"))
    return {pk: int(match[1]) for pk, match in matches if match}


def _sums(postings: QuerySet[Posting], side: str) -> Mapping[int, int]:
    return dict(postings.values_list(side).annotate(total=Sum("amount")).order_by())


def content_hash(unit: str, period: str, high_water: int, policy_version: int, items: Sequence[Item]) -> str:
    """SHA-256 of all a run says."""
    text = json.dumps(
        ["megabox.payouts/1", unit, period, high_water, policy_version, [asdict(item) for item in items]],
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()
