"""How long the oldest file has waited to be checked, or to be made."""

from datetime import datetime

from django.db.models import Min
from django.utils import timezone

from artists.models import Rendition, Upload


def oldest_waiting() -> datetime | None:
    """When the oldest upload or rendition that nobody works on became due; None if none waits."""
    now = timezone.now()
    uploads: datetime | None = Upload.objects.waiting(now).aggregate(at=Min("received_at"))["at"]
    renditions: datetime | None = Rendition.objects.waiting(now).aggregate(at=Min("next_try_at"))["at"]
    return min((at for at in (uploads, renditions) if at), default=None)
