"""The Celery application. A task is only a nudge: the rows are the queue, the sweepers the guarantee."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "megabox.settings")
app = Celery("megabox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
