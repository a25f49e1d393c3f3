"""How long the oldest work of the ads room has waited."""

from datetime import datetime, timedelta

from django.db.models import Min

from ads.models import Ad, Impression

SETTLED_WITHIN = timedelta(hours=1, minutes=15)
"""Views are settled hourly: only later than this one has waited too long."""


def oldest_waiting() -> datetime | None:
    """When the oldest spot came that has no file yet, or the oldest view became due that is not settled."""
    spot: datetime | None = Ad.objects.filter(media_state=Ad.MediaState.WANTED).aggregate(at=Min("created_at"))["at"]
    view: datetime | None = Impression.objects.unposted().aggregate(at=Min("viewed_at"))["at"]
    times = [at for at in (spot, view and view + SETTLED_WITHIN) if at is not None]
    return min(times, default=None)
