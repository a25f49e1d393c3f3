"""Checks of the books, kept: asked for, done by a worker one by one, and told to the staff when something is found."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from ledger.audit import Finding
from megabox import audit, claims, jobs
from megabox.models import AuditRun, Job
from users import mail
from users.models import User

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Hear = Callable[[audit.Result], None]
Tell = Callable[[Finding], None]

MOST_KEPT = 500
"""So many findings of one run are kept; all are counted."""


class TakenOver(Exception):
    """Another worker took this run, because this one was silent for too long."""


def ask(*, origin: Job.Origin, at: datetime, by: User | None = None) -> AuditRun:
    """A check of the books that waits for a worker; the one that waits already, if there is one."""
    return jobs.ask(AuditRun, origin=origin, at=at, by=by)


def ask_by_the_clock(at: datetime) -> AuditRun | None:
    """The hourly check; None while one is being done."""
    if AuditRun.objects.filter(state=Job.State.RUNNING, claimed_until__gt=at).exists():
        return None
    return ask(origin=Job.Origin.CLOCK, at=at)


def work(run_id: int, *, now: Clock) -> bool:
    """Do one run unless somebody else does; False when it is not to be done. Repairs nothing.

    After each check the row says how far it is. What breaks on the way makes the run FAILED, with the reason.
    """
    by = claims.worker_name()
    run = jobs.take(AuditRun, run_id, by=by, at=now())
    return run is not None and _do(run, by, now)


def check_now(*, now: Clock, hear: Hear | None = None, tell: Tell | None = None) -> AuditRun:
    """Check all books here and now; `hear` and `tell` hear every result and every finding."""
    by = claims.worker_name()
    run = jobs.begin(AuditRun, origin=Job.Origin.COMMAND, at=now(), worker=by)
    _do(run, by, now, hear, tell)
    run.refresh_from_db()
    return run


def work_on_open(now: Clock) -> int:
    """Do every run that waits, or whose worker was lost; return how many."""
    return sum(work(pk, now=now) for pk in jobs.open_ids(AuditRun, now()))


def oldest_waiting() -> datetime | None:
    """When the oldest run was asked for that no worker has taken."""
    waiting = AuditRun.objects.filter(state=Job.State.WAITING)
    return waiting.order_by("asked_at").values_list("asked_at", flat=True).first()


def latest() -> AuditRun | None:
    """The last run that came to its end."""
    return AuditRun.objects.filter(state__in=[Job.State.DONE, Job.State.FAILED]).first()


def _do(run: AuditRun, by: str, now: Clock, hear: Hear | None = None, tell: Tell | None = None) -> bool:
    running = AuditRun.objects.filter(state=Job.State.RUNNING)
    with claims.renewing(running, run.pk, by):
        try:
            _check_all(run, by, now(), hear, tell)
        except TakenOver:
            return False
        except Exception as failure:  # whatever it is, whoever asked must see it
            log.exception("%s failed", run)
            why = f"{type(failure).__name__}: {failure}"[:2_000]
            return jobs.end(AuditRun, run.pk, by=by, at=now(), state=Job.State.FAILED, error=why)
        done = jobs.end(AuditRun, run.pk, by=by, at=now(), state=Job.State.DONE)
    if done:
        run.refresh_from_db()
        _tell_staff(run)
    return done


def _check_all(run: AuditRun, by: str, at: datetime, hear: Hear | None, tell: Tell | None) -> None:
    checks = audit.checks(at)
    run.checks_count, run.checks, run.findings, run.findings_count, mark = len(checks), [], [], 0, 0
    _keep(run, by)
    for check in checks:
        result = audit.look(check, tell)
        if hear:
            hear(result)
        run.checks.append(
            {
                "room": check.room,
                "name": check.name,
                "over": str(check.over._meta.verbose_name_plural),
                "rows": result.rows,
                "findings": result.count,
                "seconds": round(result.seconds, 3),
            }
        )
        kept = [[each.room, each.rule, each.message[:1_000]] for each in result.findings]
        run.findings += kept[: MOST_KEPT - len(run.findings)]
        run.findings_count += result.count
        mark = (mark + result.mark) % 2**256
        run.mark = f"{mark:064x}" if run.findings_count else ""
        _keep(run, by)


def _keep(run: AuditRun, by: str) -> None:
    mine = AuditRun.objects.filter(pk=run.pk, claimed_by=by, state=Job.State.RUNNING)
    kept = ("checks_count", "checks", "findings", "findings_count", "mark")
    if not mine.update(**{name: getattr(run, name) for name in kept}):
        raise TakenOver


def _tell_staff(run: AuditRun) -> None:
    """A letter to every member of the staff when the clock found what it had not found since the books were clean."""
    if run.origin != Job.Origin.CLOCK or not run.findings_count:
        return
    before = AuditRun.objects.filter(state=Job.State.DONE, origin=Job.Origin.CLOCK, pk__lt=run.pk)
    clean = before.filter(findings_count=0).first()
    if before.filter(pk__gt=clean.pk if clean else 0, mark=run.mark).exists():
        return
    many = "finding" if run.findings_count == 1 else "findings"
    shown = "\n".join(f"- {room}, {rule}: {message}" for room, rule, message in run.findings[:20])
    rest = run.findings_count - min(20, len(run.findings))
    body = (
        f"The hourly check of the books has {run.findings_count} {many}. Nothing was changed.\n\n{shown}\n"
        + (f"and {rest} more.\n" if rest else "")
        + "\nDo not approve payouts before these are explained:\n"
        + f"{settings.SITE_URL}{reverse('desk_audit_run', args=[run.pk])}\n"
    )
    for user in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
        mail.queue(user.email, f"The books have {run.findings_count} {many}", body, key=f"audit:{run.pk}:{user.pk}")
