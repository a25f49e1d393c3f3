"""Public pages and the main ones of each of the cast against axe-core's rules of WCAG 2.1 A and AA, in both themes.

On a phone's width, so that the same visit tells what is wider than the screen and what a thumb misses.
"""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import log_in
from tests.browser.test_styleguide import small_targets
from tests.browser.walks import choose_a_track_with_an_ad

WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}

PAGES = {
    "anybody": """
        / /search?q=night /artists/nova-kit/ /artists/nova-kit/night-bus-maps/
        /artists/nova-kit/night-bus-maps/line-nine/ /cart/ /library/ /redeem/ /wallet/ /privacy/ /advertise/
        /styleguide/
        /accounts/login/ /accounts/signup/ /accounts/password/reset/ /nothing-is-here/
    """,
    "leo": """
        /library/ /wallet/ /megakey/ /megakey/sites/ /advertise/new/ /studio/start/ /accounts/email/ /accounts/2fa/
    """,
    "nina": """
        /studio/ /studio/stats/ /studio/ads/ /studio/promotions/ /studio/promotions/new/
        /studio/codes/ /studio/codes/discounts/new/ /studio/codes/downloads/new/
        /studio/earnings/ /studio/earnings/pool/ /studio/earnings/statement/ /studio/earnings/statements/
    """,
    "acme": "/advertise/",
    "ada": """
        /desk/ /desk/books/ /desk/reports/ /desk/ads/ /desk/ads/house/ /desk/ads/house/new/ /desk/megakey/
        /desk/megakey/import/ /desk/traffic/ /desk/traffic/decisions/ /desk/payouts/ /desk/payouts/blocks/
        /desk/disputes/ /desk/owed/ /desk/stripe/ /desk/by-hand/
    """,
}
FOLLOWED = {
    "anybody": (r"/get/track/\d+/",),
    "leo": (),
    "nina": (
        r"/studio/artists/\d+/",
        r"/studio/albums/\d+/",
        r"/studio/albums/\d+/words/",
        r"/studio/albums/\d+/tracks/",
        r"/studio/promotions/\d+/",
        r"/studio/codes/discounts/\d+/",
        r"/studio/codes/downloads/\d+/",
        r"/studio/codes/downloads/\d+/cards/",
        r"/studio/earnings/lines/\d+/\S*",
    ),
    "acme": (
        r"/advertise/campaigns/\d+/",
        r"/advertise/campaigns/\d+/report/",
        r"/advertise/campaigns/\d+/ads/spot/new/",
        r"/advertise/ads/\d+/",
        r"/advertise/\d+/give-back/",
        r"/advertise/\d+/campaigns/new/",
    ),
    "ada": (r"/desk/ads/house/\d+/", r"/desk/reports/[a-z-]+/", r"/desk/payouts/\d+/"),
}
"""Of each kind of address, the first that a page links to is visited too."""


def complaints(page: Page) -> list[str]:
    """What is wrong with the page that is open, in words; the light theme is looked at for its colours alone."""
    found = []
    for scheme, rules in (("dark", WCAG), ("light", CONTRAST)):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        result = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        found += [f"{scheme}: {_in_words(one)}" for one in result.response["violations"]]
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if over > 0:
        found.append(f"{over} px wider than the screen")
    return found + [f"too small for a thumb: {one}" for one in small_targets(page)]


def _in_words(violation: dict[str, Any]) -> str:
    nodes = [f"{' '.join(node['target'])} {node['failureSummary']}" for node in violation["nodes"]]
    return f"{violation['id']}, {violation['help']}: {'; '.join(nodes)}"


@pytest.mark.parametrize("who", PAGES)
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(page: Page, who: str) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.expected_complaints = ("404",)  # type: ignore[attr-defined]  # read by the page fixture
    if who != "anybody":
        log_in(page, who)
    wanted, found = list(FOLLOWED[who]), {}
    queue = PAGES[who].split()
    for path in queue:
        page.goto(path)
        found[path] = complaints(page)
        links = page.eval_on_selector_all("#main a[href]", "(all) => all.map((one) => one.getAttribute('href'))")
        for kind in list(wanted):
            if fitting := next((link for link in links if re.fullmatch(kind, link) and link not in queue), None):
                queue.append(fitting)
                wanted.remove(kind)
    assert {path: faults for path, faults in found.items() if faults} == {}
    assert wanted == [], "no page links there any more"


def test_the_gate_is_accessible_while_an_ad_runs(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    choose_a_track_with_an_ad(page)
    page.get_by_role("button", name=re.compile("^Watch . ad")).click()
    page.locator("[data-gate-start]").wait_for()
    assert complaints(page) == []
    page.locator("[data-gate-start]").click()
    page.locator(".gate__clock").wait_for()
    assert complaints(page) == []


def test_the_steps_of_a_campaign_are_accessible(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    log_in(page, "acme")
    page.goto("/advertise/")
    draft = page.get_by_role("row", name="Draft").get_by_role("link").first.get_attribute("href")
    found = {}
    for step in ("show", "reach", "money", "check"):
        page.goto(f"{draft}edit/{step}/")
        found[step] = complaints(page)
    assert {step: faults for step, faults in found.items() if faults} == {}
