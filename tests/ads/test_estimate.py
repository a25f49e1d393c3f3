"""What a budget buys is said of the days a campaign really runs."""

from datetime import UTC, date, datetime

from ads.budgets import estimate
from ads.forms.campaigns import MoneyForm
from ads.models import Campaign

BEGINS = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_campaign_that_ends_in_the_afternoon_runs_on_that_day_too() -> None:
    campaign = Campaign(cpm_micros=6_000_000, starts_at=BEGINS, ends_at=datetime(2026, 12, 5, 15, tzinfo=UTC))
    assert estimate.terms_of(campaign).ends_on == date(2026, 12, 5)
    assert MoneyForm(campaign=campaign, today=BEGINS.date()).initial["ends_on"] == date(2026, 12, 5)


def test_a_campaign_that_ends_at_midnight_does_not_run_on_the_day_that_begins_then() -> None:
    campaign = Campaign(cpm_micros=6_000_000, starts_at=BEGINS, ends_at=datetime(2026, 12, 6, tzinfo=UTC))
    assert estimate.terms_of(campaign).ends_on == date(2026, 12, 5)
