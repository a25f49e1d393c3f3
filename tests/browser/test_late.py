"""Ads beside music are asked for when somebody is about to look at them, and anew when they waited for too long."""

import json
import re
from typing import Any

from playwright.sync_api import Page, Request, expect

FAR_DOWN = """() => {
    const far = new CSSStyleSheet();
    far.replaceSync("#ad-slot { margin-block-start: 4000px; min-block-size: 10px }");
    document.adoptedStyleSheets = [far];
}"""
AD = "#ad-slot [data-ad-token]"
OFFER_SECONDS = 180


def _open_an_album(page: Page) -> tuple[list[str], list[dict[str, Any]]]:
    """An album whose ad is far down; what is asked of slots and what is reported from now on."""
    asked: list[str] = []
    told: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if "/ads/slot/" in request.url:
            asked.append(request.url)
        elif request.url.endswith("/ads/events"):
            told.extend(json.loads(request.post_data or "[]"))

    page.on("request", note)
    page.goto("/")
    page.evaluate(FAR_DOWN)
    page.locator(".album-card__title a").first.click()
    expect(page.locator("#ad-slot")).to_be_attached()
    page.wait_for_load_state("networkidle")
    return asked, told


def _scroll_to(page: Page, below_the_window: int) -> None:
    """Have the place of the ad begin so many pixels below the window."""
    page.evaluate(
        """(below) => {
            const top = document.getElementById("ad-slot").getBoundingClientRect().top;
            scrollBy({top: top - innerHeight - below, behavior: "instant"});
        }""",
        below_the_window,
    )


def test_an_ad_is_asked_for_when_its_place_comes_near_the_window_and_not_before(page: Page) -> None:
    asked, told = _open_an_album(page)
    _scroll_to(page, 1_000)
    page.wait_for_timeout(500)
    assert asked == []
    with page.expect_response(lambda answer: "/ads/slot/" in answer.url):
        _scroll_to(page, 100)
    expect(page.locator(AD)).to_be_attached()
    assert len(asked) == 1
    assert not [one for one in told if one["stage"] in ("started", "viewed")], "it is near, and not in view"
    page.locator(AD).scroll_into_view_if_needed()
    expect(page.locator(AD)).to_have_attribute("data-ad-done", "true")
    assert len(asked) == 1


def test_who_never_comes_near_asks_for_nothing(page: Page) -> None:
    asked, _ = _open_an_album(page)
    page.go_back()
    expect(page.locator(".album-card__title a").first).to_be_visible()
    assert asked == []


def test_an_ad_that_waited_for_longer_than_its_offer_lives_is_asked_for_anew_when_somebody_looks(page: Page) -> None:
    page.clock.install()
    asked, told = _open_an_album(page)
    with page.expect_response(lambda answer: "/ads/slot/" in answer.url):
        _scroll_to(page, 100)
    expect(page.locator(AD)).to_have_attribute("data-ad-until", re.compile(r"\d"))  # the script knows of it
    old = page.locator(AD).get_attribute("data-ad-token")
    page.clock.fast_forward(1_000 * OFFER_SECONDS)
    page.wait_for_timeout(300)
    assert len(asked) == 1, "nobody looks yet"
    with page.expect_response(lambda answer: "/ads/slot/" in answer.url):
        page.locator("#ad-slot").scroll_into_view_if_needed()
        _scroll_to(page, -400)
    expect(page.locator(AD)).not_to_have_attribute("data-ad-token", str(old))
    new = page.locator(AD).get_attribute("data-ad-token")
    page.locator(AD).scroll_into_view_if_needed()
    expect(page.locator(AD)).to_have_attribute("data-ad-done", "true")
    page.wait_for_timeout(1_000)
    assert len(asked) == 2
    assert {one["stage"] for one in told if one["token"] == new} == {"started", "viewed"}
    assert not [one for one in told if one["token"] == old], "nothing is said of an offer that nobody looked at in time"
