"""What waits to be sent: the rows are the queue."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from megabox.claims import unclaimed
from payouts.models import Payout, PayoutRun, Rail


def due(at: datetime, *, run_id: int | None = None) -> QuerySet[Payout]:
    """Payouts of executing runs that Stripe should be asked for, or about, at `at`, oldest first.

    Of a paused run only what is in flight. What a file pays waits for people, not for workers.
    """
    payouts = Payout.objects.filter(run__state=PayoutRun.State.EXECUTING, state__in=Payout.OPEN, rail=Rail.STRIPE)
    payouts = payouts.filter(Q(run__paused_at__isnull=True) | ~Q(state=Payout.State.RESERVED))
    if run_id is not None:
        payouts = payouts.filter(run_id=run_id)
    return payouts.filter(unclaimed(at)).filter(Q(next_try_at__isnull=True) | Q(next_try_at__lte=at)).order_by("pk")


def oldest_waiting() -> datetime | None:
    """Since when the oldest payout that should be sent has been waiting; None when nothing waits."""
    now = timezone.now()
    waiting = due(now).annotate(since=Coalesce("next_try_at", "run__executed_at")).order_by("since")
    return waiting.values_list("since", flat=True).first()
