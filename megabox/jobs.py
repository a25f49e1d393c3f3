"""Long work that is asked for at the desk, by the clock or on the command line: asked, taken, finished.

The row is the queue. A worker claims it and renews its claim; a killed worker's job is taken by the next.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import F

from megabox import claims
from megabox.models import Job
from users.models import User

AnyJob = TypeVar("AnyJob", bound=Job)

MOST_TRIES = 3
"""After so many workers were lost over a job, something is wrong with the job."""


def ask(kind: type[AnyJob], *, origin: Job.Origin, at: datetime, by: User | None = None, **wanted: Any) -> AnyJob:
    """A new job that waits for a worker; the one that waits already, if there is one."""
    try:
        with transaction.atomic():
            return kind._default_manager.create(origin=origin, asked_by=by, asked_at=at, **wanted)
    except IntegrityError:
        waiting = kind._default_manager.filter(state=Job.State.WAITING).first()
        return waiting or ask(kind, origin=origin, at=at, by=by, **wanted)


def begin(kind: type[AnyJob], *, origin: Job.Origin, at: datetime, worker: str, **wanted: Any) -> AnyJob:
    """A new job that `worker` does at once."""
    until = at + timedelta(seconds=claims.CLAIM_SECONDS)
    running = {"state": Job.State.RUNNING, "started_at": at, "tries": 1, "claimed_by": worker, "claimed_until": until}
    return kind._default_manager.create(origin=origin, asked_at=at, **running, **wanted)


def take(kind: type[AnyJob], pk: int, *, by: str, at: datetime) -> AnyJob | None:
    """Claim an open job for the worker `by` and start it; None when somebody has it, or it is finished.

    A job that cost `MOST_TRIES` workers their lives is given up.
    """
    if not claims.claim(kind._default_manager.filter(state__in=Job.OPEN), pk, by, at):
        return None
    mine = kind._default_manager.filter(pk=pk, claimed_by=by)
    if mine.filter(tries__gte=MOST_TRIES).exists():
        why = f"{MOST_TRIES} workers ended before they had finished it. Look into their log."
        end(kind, pk, by=by, at=at, state=Job.State.FAILED, error=why)
        return None
    mine.update(state=Job.State.RUNNING, started_at=at, tries=F("tries") + 1)
    return mine.get()


def end(kind: type[AnyJob], pk: int, *, by: str, at: datetime, state: Job.State, **said: Any) -> bool:
    """Finish a job as DONE or FAILED; False when it is not the worker's any more."""
    mine = kind._default_manager.filter(pk=pk, claimed_by=by, state=Job.State.RUNNING)
    return mine.update(state=state, finished_at=at, claimed_by="", claimed_until=None, **said) == 1


def open_ids(kind: type[AnyJob], at: datetime) -> list[int]:
    """Jobs that wait for a worker at `at`, or have lost theirs; oldest first."""
    waiting = kind._default_manager.filter(claims.unclaimed(at), state__in=Job.OPEN)
    return list(waiting.order_by("pk").values_list("pk", flat=True))
