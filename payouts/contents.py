"""What a run contains: a pure function of the postings up to a high-water mark, the policy, blocks and thresholds.

Nothing here writes. The content hash covers every figure and reason, and binds the approval to them.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from artists.models import Payee
from ledger import marks
from ledger.models import Policy
from megabox import money
from payouts import blocks, rails
from payouts.models import Payout, PayoutRun
from payouts.rails import Route

AT_ONCE = 1_000
"""Payees read by one query, so that ten thousand cost some dozens of queries and little memory."""


@dataclass(frozen=True, slots=True)
class Item:
    """One payee in a run, in micros; with a reason it is skipped."""

    payee_id: int
    payable_micros: int
    threshold_micros: int
    amount_micros: int
    amount_cents: int
    rail: str
    destination: str
    reason: str


def compute(unit: str, high_water: int, policy: Policy, at: datetime) -> list[Item]:
    """Every payee with something to be paid in `unit` as of posting `high_water`, by payee id."""
    payable = {payee_id: micros for payee_id, micros in payable_at(unit, high_water).items() if micros > 0}
    ids = sorted(payable)
    return [
        item for i in range(0, len(ids), AT_ONCE) for item in _items(ids[i : i + AT_ONCE], payable, unit, policy, at)
    ]


def _items(ids: list[int], payable: dict[int, int], unit: str, policy: Policy, at: datetime) -> list[Item]:
    """The items of some payees, in the order of their ids."""
    payees = Payee.objects.in_bulk(ids)
    reasons = blocks.reasons(payees.values(), at)
    routes = rails.routes(payees.values(), unit)
    return [_item(payees[pk], payable[pk], unit, policy, routes[pk], reasons.get(pk, "")) for pk in ids if pk in payees]


def threshold(payee: Payee, policy: Policy) -> int:
    """The least that is paid out to this payee, in micros: their choice, but no less than the policy allows."""
    return max(payee.threshold_micros or policy.payout_threshold_micros, policy.payout_threshold_min_micros)


def _item(payee: Payee, payable: int, unit: str, policy: Policy, route: Route, why_not: str) -> Item:
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
        rail=route.rail.value,
        destination=route.destination,
        reason=why_not,
    )


def payable_at(unit: str, high_water: int) -> dict[int, int]:
    """Micros each payee could be paid in `unit` after posting `high_water`: the sum of the postings up to it."""
    return marks.payees_at("payable", unit, high_water)


def content_hash(unit: str, period: str, high_water: int, policy_version: int, items: Iterable[Item]) -> str:
    """SHA-256 of all a run says."""
    text = json.dumps(
        ["megabox.payouts/2", unit, period, high_water, policy_version, [asdict(item) for item in items]],
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


def stored_hash(run: PayoutRun) -> str:
    """The hash of what a computed run's rows say now; another than its content hash means that they were changed."""
    rows = run.payouts.order_by("payee_id").values_list(
        "payee_id",
        "payable_micros",
        "threshold_micros",
        "amount_micros",
        "amount_cents",
        "rail",
        "destination",
        "reason",
    )
    items = [Item(*row) for row in rows.iterator(chunk_size=AT_ONCE)]
    return content_hash(run.unit, run.period, run.high_water or 0, run.policy_version or 0, items)


def payout(run: PayoutRun, item: Item) -> Payout:
    """The row of an item, not saved yet."""
    state = Payout.State.SKIPPED if item.reason else Payout.State.PROPOSED
    return Payout(run=run, unit=run.unit, state=state, **asdict(item))
