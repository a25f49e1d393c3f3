"""Steps of the stories that several tests take, each as a person takes it."""

import itertools
import re
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, expect

from tests.artists.factories import tone
from tests.browser.conftest import log_in

SOON = 120_000
"""Milliseconds a killed worker's work may take to be finished by another."""

_numbers = itertools.count(1)


def real_files(folder: Path) -> list[Path]:
    """A WAV, FLAC, MP3 and Ogg of three seconds each, never the same twice."""
    number = next(_numbers)
    pitch = 200 + 37 * number
    return [
        tone(folder / "01 Night Bus.wav", seconds=3, hertz=pitch),
        tone(folder / "b.flac", seconds=3, hertz=pitch + 5, tags={"title": "Rain On Glass", "track": "2"}),
        tone(folder / "c.mp3", seconds=3, hertz=pitch + 10, tags={"title": "Third Rail", "track": "3"}),
        tone(folder / "04 - Last Stop.ogg", seconds=3, hertz=pitch + 15, codec_a="libvorbis"),
    ]


def start_album(page: Page, title: str) -> None:
    """Nina starts an album; the page where files are dropped is open."""
    log_in(page, "nina")
    page.goto("/studio/")
    page.locator("#main").get_by_role("link", name="Start an album").click()
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Start album").click()
    expect(page.get_by_role("heading", name="Drop your files")).to_be_visible()


def drop(page: Page, files: list[Path]) -> None:
    """Choose files; the page shows them on their way."""
    page.set_input_files("#files", [str(file) for file in files])


def open_album(page: Page, title: str) -> None:
    """From the home page's search to an album's page."""
    page.goto("/")
    page.fill("#site-search", title)
    page.press("#site-search", "Enter")
    page.locator("#main").get_by_role("link", name=title, exact=True).first.click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def choose_a_track_with_an_ad(page: Page) -> None:
    """From the home page over an album that is free with an ad to the choice for a track the listener has not got."""
    page.goto("/")
    albums = page.locator(".album-card", has_text="free with an ad").locator(".album-card__title a")
    for album in dict.fromkeys(link.get_attribute("href") or "" for link in albums.all()):
        page.goto(album)
        tracks = page.locator("#tracks a[href^='/get/track/']")
        for track in [link.get_attribute("href") or "" for link in tracks.all()]:
            page.goto(track)
            if page.get_by_role("button", name=re.compile("^Watch . ad")).count():
                return
    raise AssertionError("every track is in the library")


def buy_by_card(page: Page) -> None:
    """From an album's page over cart and payment page back to us."""
    page.locator("#buy").get_by_role("button", name="Buy album").click()
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    page.get_by_role("heading", name="Pay Megabox").wait_for()
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    page.wait_for_url("**/orders/**")


def watch_ads(page: Page) -> None:
    """At the gate's stage: start each ad and stay to its end, until the receipt is there."""
    for _ in range(3):
        page.locator("[data-gate-start]").click()
        if sees_receipt(page):
            return
    raise AssertionError("three ads were watched, and there is no receipt")


def sees_receipt(page: Page) -> bool:
    """Stay until the running ad has ended; whether the receipt follows, or another ad is to be started."""
    page.wait_for_function(
        """() => location.pathname.endsWith('/receipt/')
            || document.querySelector('[data-gate-stage]')?.hidden
                && !document.querySelector('[data-gate-start]').disabled""",
        timeout=60_000,
    )
    try:
        page.wait_for_url("**/receipt/", timeout=5_000)
    except TimeoutError:
        return False
    return True


def prepare_run(page: Page) -> str:
    """Ada opens a run over what is due; its address."""
    log_in(page, "ada")
    page.goto("/desk/payouts/")
    page.get_by_role("button", name="Open run").click()
    expect(page.get_by_role("heading", name="Register")).to_be_visible()
    expect(page.locator("[data-difference]")).to_have_attribute("data-difference", "0")
    expect(page.get_by_role("button", name="Approve and reserve")).to_be_disabled()
    return page.url
