"""What a worker does before its first task."""

import gc

from celery.signals import worker_process_init

from megabox import celery  # noqa: F401 - it listens


def test_a_worker_spares_the_garbage_collector_what_was_loaded_before_its_first_task() -> None:
    frozen = gc.get_freeze_count()
    try:
        worker_process_init.send(sender=None)
        assert gc.get_freeze_count() > frozen + 10_000
    finally:
        gc.unfreeze()
