"""The Celery application. A task is only a nudge: the rows are the queue, the sweepers the guarantee."""

from celery import Celery

app = Celery("megabox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
