"""`kill -9` in the middle of each story: the supervisor starts the process again, and the work is finished once."""

import re
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import START_SECONDS, Megabox, log_in, start_site
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
    page.locator("#sections").get_by_role("link", name="Publish").click()
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
    # The browser says so for whatever it was fetching: a page, a report, the file that plays.
    page.expected_complaints = ("net::ERR_", "Failed to fetch")  # type: ignore[attr-defined]
    choose_a_track_with_an_ad(page)
    page.get_by_role("button", name=re.compile("^Watch . ad")).click()
    page.locator("[data-gate-start]").click()
    expect(page.locator("[data-gate-stage]")).to_be_visible()
    megabox.kill("web")
    megabox.await_well()
    # The ad still runs; or, where the machine is slow, it ended while nobody could confirm it.
    page.wait_for_function(IS_OVER_OR_UNCONFIRMED, timeout=60_000)
    if (again := page.get_by_role("button", name="Try to confirm again")).count():
        again.click()
    if not sees_receipt(page):
        watch_ads(page)
    assert "clean" in megabox.manage("audit_books")


@pytest.mark.xdist_group("payouts")  # on one site, in this order: the story pays what the demo left
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


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_site_told_to_stop_while_it_makes_its_demo_leaves_no_process(tmp_path: Path) -> None:
    site, supervisor = start_site(tmp_path)
    await_text(tmp_path / "supervisor.log", "Making the demo")
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    assert left_of(site) == []


def await_text(log: Path, text: str) -> None:
    until = time.monotonic() + START_SECONDS
    while text not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def left_of(site: Megabox) -> list[str]:
    """The commands of processes that still run for this site, a moment after its supervisor ended."""
    mine = f"VAR_DIR={site.var}".encode()
    for _ in range(100):
        left = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                if mine in (process / "environ").read_bytes().split(b"\0"):
                    left.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        if not left:
            break
        time.sleep(0.1)
    return left


IS_OVER_OR_UNCONFIRMED = """() => {
    const stage = document.querySelector("[data-gate-stage]");
    return location.pathname.endsWith("/receipt/") || stage?.hidden || stage?.textContent.includes("Try to confirm");
}"""

MAKE_SOMETHING_DUE = """
from django.utils import timezone
from artists.models import Payee
from megabox.demo import history
for payee in Payee.objects.filter(name="Maeve Quinn"):
    history.onboard(payee, timezone.now())
Payee.objects.filter(name="Maeve Quinn").update(threshold_micros=10_000_000)
"""
"""A collaborator of the demo who earned enough, but whose payouts are not set up."""
