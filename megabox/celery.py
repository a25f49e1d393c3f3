"""The Celery application. A task is only a nudge: the rows are the queue, the sweepers the guarantee."""

import gc
import os

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "megabox.settings")
app = Celery("megabox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def keep_what_is_loaded(**_: object) -> None:
    """Take all that is loaded out of the garbage collector's rounds: a settlement makes it go round often."""
    gc.freeze()
