"""A guest's tab remembers what it was shown, so an ad is not shown to them more often than its campaign wants."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Megabox

TWICE, OFTEN = "Twice is enough", "As often as you like"
SOON = 30  # seconds within which the site must have read its campaigns again

TWO_ADS_ONLY = f"""
import json
from django.utils import timezone
from ads.models import Ad, Campaign

live = Campaign.objects.live()
ids = list(live.values_list("pk", flat=True))
payer = live.paid().order_by("-budget_micros").first().advertiser
live.update(state="PAUSED", stopped_at=timezone.now())
for title, cpm, cap in (({TWICE!r}, 90_000_000, 2), ({OFTEN!r}, 6_000_000, 50)):
    campaign = Campaign.objects.create(
        advertiser=payer, name=title, state="LIVE", budget_micros=1_000_000, cpm_micros=cpm, frequency_cap=cap,
        starts_at=timezone.now(), places=["page"], pacing="FAST",
    )
    Ad.objects.create(campaign=campaign, kind="TEXT", title=title, body="x", duration_ms=5000, review="APPROVED")
print("PAUSED" + json.dumps(ids))
"""
AS_BEFORE = """
from django.utils import timezone
from ads.models import Campaign

Campaign.objects.live().filter(name__in=[{0!r}, {1!r}]).update(state="PAUSED", stopped_at=timezone.now())
Campaign.objects.filter(pk__in={2}).update(state="LIVE", stopped_at=None)
"""


@pytest.fixture
def two_ads(megabox: Megabox, page: Page) -> Iterator[None]:
    """For a while no other ads are live: one that may be seen twice, and one that pays less."""
    printed = megabox.manage("shell", "-v", "0", "-c", TWO_ADS_ONLY)
    ids = json.loads(printed.split("PAUSED", 1)[1])
    _await(page, lambda shown: TWICE in shown or OFTEN in shown)
    yield
    megabox.manage("shell", "-v", "0", "-c", AS_BEFORE.format(TWICE, OFTEN, ids))
    _await(page, lambda shown: TWICE not in shown and OFTEN not in shown)


def _await(page: Page, is_wanted: Callable[[str], bool]) -> None:
    """Wait until the site shows what is wanted beside its newest album: it reads its campaigns every few seconds."""
    page.goto("/")
    page.locator(".album-card__title a").first.click()
    place = page.locator("[data-ad-place]").get_attribute("data-ad-place") or ""
    until = time.monotonic() + SOON
    while not is_wanted(page.request.get(place).text()):
        assert time.monotonic() < until, f"the site still shows other ads after {SOON} s"
        time.sleep(0.5)


def test_a_guest_sees_an_ad_twice_at_most_in_one_tab_when_its_campaign_wants_so(page: Page, two_ads: None) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.headers.get("megabox-ads-seen", "")))
    page.goto("/")
    page.evaluate("window.isSameTab = true")
    told = [_look_at_an_album(page) for _ in range(6)]
    assert Counter(told) == {TWICE: 2, OFTEN: 4}
    assert page.evaluate("window.isSameTab"), "no page was loaded anew, so the tab has its memory still"
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage])") + json.dumps(page.context.cookies())
    told_to_us = [one for one in sent if one]
    assert told_to_us
    assert not [one for one in told_to_us if one in kept or one.rpartition("/")[2] in kept], "in memory only"
    assert "sessionid" not in kept


def _look_at_an_album(page: Page) -> str:
    """From the home page to an album until its ad counts, and back; the ad's title."""
    page.locator(".album-card__title a").first.click()
    ad = page.locator("#ad-slot [data-ad-token]")
    ad.scroll_into_view_if_needed()
    expect(ad).to_have_attribute("data-ad-done", "true")
    expect(ad).to_contain_text(re.compile(f"{TWICE}|{OFTEN}"))
    title = TWICE if TWICE in ad.inner_text() else OFTEN
    page.go_back()
    expect(page.locator(".album-card__title a").first).to_be_visible()
    return title
