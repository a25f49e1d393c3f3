"""The clock of the ads room."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ads import queue, tasks
from ads.budgets import leases
from ads.models import BudgetLease, Impression
from tests.ads.factories import make_ad, make_campaign, see

pytestmark = pytest.mark.django_db


def test_the_sweeper_settles_what_the_hourly_clock_missed() -> None:
    now = timezone.now()
    see(make_ad(make_campaign(starts_at=now - timedelta(days=2))), at=now - timedelta(hours=3))
    due_at = queue.oldest_waiting()
    assert due_at is not None
    assert due_at < now
    tasks.sweep()
    assert not Impression.objects.unposted().exists()
    assert queue.oldest_waiting() is None


def test_the_sweeper_leaves_fresh_views_to_the_hour() -> None:
    now = timezone.now()
    see(make_ad(make_campaign(starts_at=now - timedelta(days=2))), at=now - timedelta(minutes=5))
    tasks.sweep()
    assert Impression.objects.unposted().count() == 1


def test_the_night_forgets_leases_that_were_returned_long_ago() -> None:
    now = timezone.now()
    campaign = make_campaign(starts_at=now - timedelta(days=2))
    for returned_at in (now - leases.FORGET_AFTER - timedelta(hours=1), now - timedelta(hours=1)):
        BudgetLease.objects.create(
            campaign=campaign,
            holder="web",
            granted_micros=6_000,
            day=returned_at.date(),
            granted_at=returned_at - timedelta(minutes=31),
            ends_at=returned_at,
            returns_at=returned_at,
            returned_at=returned_at,
        )
    tasks.close_days()
    assert BudgetLease.objects.get().returned_at == now - timedelta(hours=1)
