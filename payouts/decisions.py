"""What the staff decide while a run is paid: pause and resume it, try a failed payout again, give one back.

Each is one conditional change, kept with who did it, when and why; done twice it is refused with a sentence.
"""

from datetime import datetime

from django.db import transaction

from ledger import chart, journal
from payouts import booking, reservations
from payouts.models import Attempt, Decision, Payout, PayoutRun, Rail
from payouts.runs import CannotRun, Changed, WrongState, require_later
from users.models import User

What = Decision.What
RunState = PayoutRun.State


class NoReason(CannotRun):
    """A decision about somebody's money needs a reason."""


def pause(run_id: int, *, by: User, why: str, at: datetime) -> PayoutRun:
    """Let workers start no more payouts of an executing run; what is in flight is still resolved.

    Raises NoReason, ClockWentBack, WrongState.
    """
    why = reason(why)
    with transaction.atomic():
        run = PayoutRun.objects.get(pk=run_id)
        require_later(run, at)
        running = PayoutRun.objects.filter(pk=run_id, state=RunState.EXECUTING, paused_at__isnull=True)
        if not running.update(paused_at=at):
            run.refresh_from_db()
            raise WrongState(
                "Somebody paused this run before you."
                if run.paused_at
                else f"This run is {run.get_state_display()}, so it cannot be paused."
            )
        record(run_id, What.PAUSED, by=by, why=why, at=at)
    run.refresh_from_db()
    return run


def resume(run_id: int, *, by: User, at: datetime) -> PayoutRun:
    """Let workers go on with a paused run. Raises ClockWentBack, WrongState."""
    with transaction.atomic():
        run = PayoutRun.objects.get(pk=run_id)
        require_later(run, at)
        paused = PayoutRun.objects.filter(pk=run_id, state=RunState.EXECUTING, paused_at__isnull=False)
        if not paused.update(paused_at=None):
            raise WrongState("This run is not paused.")
        record(run_id, What.RESUMED, by=by, why="", at=at)
    run.refresh_from_db()
    return run


def retry(payout_id: int, *, by: User, why: str, at: datetime) -> Payout:
    """Reserve a payout again that definitely failed, and send it with a new attempt under a new key.

    The failure gave its money back, so what is payable now must cover it, and nothing may speak against the payee.
    Never for an outcome that is not known, nor for one that a file for the bank has named. Raises NoReason, WrongState,
    Changed, ClockWentBack.
    """
    why = reason(why)
    with transaction.atomic():
        payout = _locked(payout_id)
        _require_retryable(payout)
        require_later(payout.run, at)
        if against := reservations.why_not([payout], at).get(payout.pk):
            raise Changed(f"{payout.payee} cannot be paid by this run now. {against}")
        code = chart.payee(payout.payee_id, "payable", payout.unit)
        if journal.lock([code])[code] < payout.amount_micros:
            raise Changed("Less is available now than this payout is. The next run pays what is available.")
        payout.retries += 1
        payout.state, payout.reason, payout.tries, payout.next_try_at = Payout.State.RESERVED, "", 0, None
        payout.save()
        booking.reserve_again(payout, at=at)
        over = [RunState.COMPLETED, RunState.COMPLETED_WITH_ERRORS]
        PayoutRun.objects.filter(pk=payout.run_id, state__in=over).update(state=RunState.EXECUTING, finished_at=None)
        record(payout.run_id, What.RETRIED, by=by, why=why, at=at, payout=payout)
    return payout


def _require_retryable(payout: Payout) -> None:
    if payout.state in Payout.OPEN:
        raise WrongState(
            f"This payout is {payout.get_state_display()}. Only one that definitely failed is tried again."
        )
    if payout.state != Payout.State.FAILED:
        raise WrongState(f"This payout is {payout.get_state_display()}, so it is not tried again.")
    if payout.run.state not in PayoutRun.AGREED:
        raise WrongState(f"Its run is {payout.run.get_state_display()}. The next run pays what is available.")
    assert not payout.attempts.filter(state=Attempt.State.OPEN).exists(), "a failed payout has no open attempt"
    if payout.file_id or (payout.rail != Rail.STRIPE and payout.run.files.filter(rail=payout.rail).exists()):
        raise WrongState("The file for the bank is issued already. The next run pays what is available.")


def release(payout_id: int, *, by: User, why: str, at: datetime) -> Payout:
    """Give the money of a payout that waits to be sent back to its payee: transit -> payable.

    Failed and returned payouts were given back when they failed. Raises NoReason, WrongState, ClockWentBack.
    """
    why = reason(why)
    with transaction.atomic():
        payout = _locked(payout_id)
        require_later(payout.run, at)
        if payout.state in (Payout.State.FAILED, Payout.State.RETURNED):
            raise WrongState("The money is the payee's again already: it was given back when this happened.")
        if payout.state != Payout.State.RESERVED or payout.attempts.filter(state=Attempt.State.OPEN).exists():
            raise WrongState(f"This payout is {payout.get_state_display()}. Only one that was not sent is given back.")
        give_back(payout, f"Given back: {why}", at=at)
        record(payout.run_id, What.RELEASED, by=by, why=why, at=at, payout=payout)
    return payout


def give_back(payout: Payout, reason: str, *, at: datetime) -> None:
    """A reserved payout is not sent after all. The caller holds its row and knows that nothing is in flight."""
    payout.state, payout.reason, payout.next_try_at = Payout.State.FAILED, reason[:300], None
    payout.claimed_by, payout.claimed_until = "", None
    payout.save()
    booking.failed(payout, at=at)


def record(run_id: int, what: What, *, by: User, why: str, at: datetime, payout: Payout | None = None) -> Decision:
    """Keep what was decided, by whom and why."""
    return Decision.objects.create(run_id=run_id, payout=payout, what=what, why=why[:300], by=by, at=at)


def reason(why: str) -> str:
    """What was typed as the reason, trimmed, without what no row can hold. Raises NoReason."""
    typed = why.replace("\0", "").strip()
    if not typed:
        raise NoReason("Say why, in a few words: it is kept with the run.")
    return typed[:250]


def _locked(payout_id: int) -> Payout:
    """A payout, with its run: a file that is being issued and a decision about a payout wait for each other."""
    run_id = Payout.objects.values_list("run_id", flat=True).get(pk=payout_id)
    PayoutRun.objects.select_for_update(of=("self",)).get(pk=run_id)
    return Payout.objects.select_for_update(of=("self",)).select_related("run", "payee").get(pk=payout_id)
