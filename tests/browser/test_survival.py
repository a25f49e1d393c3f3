"""`kill -9` in the middle of each story: the supervisor starts the process again, and the work is finished once."""

import re
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Megabox, log_in
from tests.browser.test_stories import buyable, signed_in
from tests.browser.walks import (
    SOON,
    buy_by_card,
    choose_a_track_with_an_ad,
    drop,
    open_album,
    prepare_run,
    real_files,
    sees_receipt,
    start_album,
    watch_ads,
)


def test_a_worker_killed_while_it_checks_an_upload(page: Page, megabox: Megabox, tmp_path: Path) -> None:
    start_album(page, "Killed Lines")
    drop(page, real_files(tmp_path))
    expect(page.locator(".uploads .upload").first).to_be_visible()
    megabox.kill("worker")
    for title in ("Night Bus", "Rain On Glass", "Third Rail", "Last Stop"):
        expect(page.locator("#progress")).to_contain_text(title, timeout=SOON)
    expect(page.get_by_role("heading", name="Ready to publish")).to_be_visible(timeout=SOON)
    assert "clean" in megabox.manage("audit_books")


def test_a_worker_killed_after_the_payment(page: Page, megabox: Megabox) -> None:
    log_in(page, "leo")
    open_album(page, buyable(page))
    megabox.kill("worker")
    buy_by_card(page)
    expect(page.get_by_role("heading", name="Thank you. It is yours.")).to_be_visible(timeout=SOON)
    assert "clean" in megabox.manage("audit_books")


def test_the_web_process_killed_while_an_ad_runs(page: Page, megabox: Megabox) -> None:
    page.expected_complaints = ("ERR_CONNECTION", "Failed to fetch", "ERR_EMPTY_RESPONSE")  # type: ignore[attr-defined]
    choose_a_track_with_an_ad(page)
    page.get_by_role("button", name=re.compile("^Watch . ad")).click()
    page.locator("[data-gate-start]").click()
    expect(page.locator("[data-gate-stage]")).to_be_visible()
    megabox.kill("web")
    time.sleep(4)  # so long the supervisor needs to start it again; the ad still runs
    if not sees_receipt(page):
        watch_ads(page)
    assert "clean" in megabox.manage("audit_books")


def test_a_worker_killed_while_it_pays(page: Page, browser: Browser, megabox: Megabox) -> None:
    megabox.manage("shell", "-c", MAKE_SOMETHING_DUE)
    address = prepare_run(page)
    maxs = signed_in(browser, megabox, "max")
    maxs.goto(address)
    maxs.get_by_role("button", name="Approve and reserve").click()
    expect(maxs.locator("#run")).to_contain_text("approved")
    maxs.context.close()
    page.goto(address)
    page.get_by_role("button", name=re.compile("^Pay [1-9]")).click()
    megabox.kill("worker")
    expect(page.locator("#run")).to_contain_text("completed", timeout=SOON)
    expect(page.locator("[data-difference]")).to_have_attribute("data-difference", "0")
    assert "clean" in megabox.manage("audit_books")


MAKE_SOMETHING_DUE = """
from django.utils import timezone
from artists.models import Payee
from megabox.demo import history
for payee in Payee.objects.filter(name="Maeve Quinn"):
    history.onboard(payee, timezone.now())
Payee.objects.filter(name="Maeve Quinn").update(threshold_micros=10_000_000)
"""
"""A collaborator of the demo who earned enough, but whose payouts are not set up."""
