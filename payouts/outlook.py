"""What a payee gets next, and why, in a sentence; and how they choose the least that is paid out."""

from dataclasses import dataclass
from datetime import datetime

from artists.models import Payee
from ledger import chart, journal
from ledger import policy as policies
from megabox import money
from payouts import blocks, contents
from payouts.models import Payout, PayoutRun


class BadThreshold(ValueError):
    """The threshold asked for is not possible; the message says what is."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next payout: what can be paid in micros, whether the next run pays it, and why or why not."""

    payable_micros: int
    amount_micros: int
    threshold_micros: int
    is_next: bool
    why: str


def outlook(payee: Payee, unit: str, at: datetime) -> Outlook:
    """What the next run will do for this payee, as things are at `at`."""
    least = contents.threshold(payee, policies.current(at))
    payable = journal.balance(chart.payee(payee.pk, "payable", unit))
    amount = money.from_minor(money.floor_to_minor(payable, unit), unit)
    waiting = (
        Payout.objects.filter(payee=payee, unit=unit, run__state=PayoutRun.State.COMPUTED)
        .filter(state=Payout.State.PROPOSED)
        .select_related("run")
        .first()
    )
    block = blocks.reason(payee, at)
    if not payable:
        is_next, why = False, "Nothing is available yet."
    elif block:
        is_next, why = False, block
    elif payable < least:
        missing = money.display_exact(least - payable, unit)
        is_next, why = False, f"{missing} more until your threshold of {money.display(least, unit)}."
    elif waiting is not None:
        is_next, why = True, f"In the run of {waiting.run.period}, which waits for its approval."
    else:
        is_next, why = True, "With the next run."
    return Outlook(payable, amount, least, is_next, why)


def least_threshold(at: datetime) -> int:
    """The least threshold that a payee may choose, in micros."""
    return policies.current(at).payout_threshold_min_micros


def choose_threshold(payee: Payee, micros: int, unit: str, at: datetime) -> None:
    """Let a payee choose the least that is paid out, in micros. Raises BadThreshold below the policy's minimum."""
    least = least_threshold(at)
    if micros < least:
        raise BadThreshold(f"The least you can choose is {money.display(least, unit)}.")
    Payee.objects.filter(pk=payee.pk).update(threshold_micros=micros)
    payee.threshold_micros = micros
