"""How long the oldest waiting letter has waited."""

from datetime import datetime

from django.db.models import Min

from users.models import Mail


def oldest_waiting() -> datetime | None:
    """When the oldest letter that should be sent by now became due; None if none waits."""
    oldest: datetime | None = Mail.objects.filter(state=Mail.State.QUEUED).aggregate(at=Min("next_try_at"))["at"]
    return oldest
