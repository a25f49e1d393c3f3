"""How long the oldest file, sheet or export has waited to be stored, to be checked, or to be made."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from artists.models import Export, Rendition, Sheet, Transfer, Upload


def oldest_waiting() -> datetime | None:
    """When the oldest of what nobody works on became due; None if nothing waits."""
    now = timezone.now()
    uploads: datetime | None = Upload.objects.waiting(now).aggregate(at=Min("received_at"))["at"]
    renditions: datetime | None = Rendition.objects.waiting(now).aggregate(at=Min("next_try_at"))["at"]
    sheets: datetime | None = Sheet.objects.waiting(now).aggregate(at=Min("asked_at"))["at"]
    exports: datetime | None = Export.objects.waiting(now).aggregate(at=Min("asked_at"))["at"]
    # What arrived is kept so many days from then on.
    kept_until: datetime | None = Transfer.objects.waiting(now).aggregate(at=Min("expires_at"))["at"]
    transfers = kept_until and kept_until - timedelta(days=settings.TRANSFER_DAYS)
    return min((at for at in (transfers, uploads, renditions, sheets, exports) if at), default=None)
