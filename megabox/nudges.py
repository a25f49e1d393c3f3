"""The nudge: a message to the workers that a row waits. Losing one loses nothing, for the sweepers come anyway."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

if TYPE_CHECKING:
    from celery import Task


def nudge(task: "Task[..., None]", *args: Any) -> None:
    """Send `task` once the transaction is committed. Without a broker nothing is raised: the sweeper finds the work."""
    transaction.on_commit(partial(task.delay, *args), robust=True)
