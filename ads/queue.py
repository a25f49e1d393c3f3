"""How long the oldest work of the ads room has waited."""

from datetime import datetime, timedelta

from django.db.models import Min

from ads.measurement import consumer, stream
from ads.models import Ad, Impression

SETTLED_WITHIN = timedelta(hours=1, minutes=15)
"""Views are settled hourly: only later than this one has waited too long."""


def oldest_waiting() -> datetime | None:
    """When the oldest spot came that has no file yet, or the oldest view became due that is not settled."""
    spot: datetime | None = Ad.objects.filter(media_state=Ad.MediaState.WANTED).aggregate(at=Min("created_at"))["at"]
    return min((at for at in (spot, settlement_due_at()) if at is not None), default=None)


def settlement_due_at() -> datetime | None:
    """When the oldest view that is not settled should be by the latest; None when all are."""
    view: datetime | None = Impression.objects.unposted().aggregate(at=Min("viewed_at"))["at"]
    return view and view + SETTLED_WITHIN


def oldest_report() -> datetime | None:
    """When the oldest report came that waits in the stream; None too when Redis does not say, which is told apart."""
    try:
        return consumer.oldest_waiting() if stream.is_wanted() else None
    except stream.StreamDown:
        return None
