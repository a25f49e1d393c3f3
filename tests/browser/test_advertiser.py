"""A new advertiser makes a campaign in four steps: with the mouse, by keyboard only, and without JavaScript."""

import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from tests.artists.factories import tone
from tests.browser.conftest import Megabox, log_in

_numbers = itertools.count(1)


def _picture() -> FilePayload:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((1_200, 500)).convert("RGB").save(out, "PNG")
    return {"name": "bus.png", "mimeType": "image/png", "buffer": out.getvalue()}


def _open_account(page: Page) -> None:
    log_in(page, "leo")
    page.goto("/advertise/new/")
    page.get_by_label("Who advertises?").fill(f"Night Bus {next(_numbers)}")
    page.get_by_role("button", name="Open the account").click()
    expect(page.get_by_role("heading", name="Five steps to your first view")).to_be_visible()
    page.locator("#main").get_by_role("link", name="Make a campaign").last.click()


def _head(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_a_new_advertiser_makes_a_campaign_and_sends_it(page: Page) -> None:
    page.expected_complaints = ("422",)  # type: ignore[attr-defined]  # the budget in words
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    _open_account(page)
    _head(page, "What do you show?")
    page.get_by_label("Name of the campaign").fill("Autumn rides")
    page.get_by_role("button", name="Add a picture").click()

    page.get_by_label("Picture", exact=True).set_input_files(_picture())
    page.get_by_label("Title").fill("Ride the night bus")
    page.get_by_label("What the picture shows").fill("A bus in the rain")
    page.get_by_label("Where a click goes").fill("https://bus.example/night")
    card = page.locator("[data-gate-card]")
    expect(card.locator("[data-gate-still]")).to_contain_text("Ride the night bus")
    expect(card.locator("img")).to_have_attribute("src", re.compile("^data:image/png"))
    page.get_by_role("button", name="Try it").click()
    stage = card.locator("[data-gate-stage]")
    expect(stage.get_by_role("heading", name="Ride the night bus")).to_be_visible()
    expect(stage.get_by_role("link", name="Visit bus.example")).to_be_visible()
    expect(stage.locator(".gate__clock")).to_have_text("0:13")
    stage.get_by_role("button", name=re.compile("^Leave")).click()
    expect(card.locator("[data-gate-card-status]")).to_contain_text("no view to pay for")
    assert not [one for one in asked if "/ads/events" in one or "/get/" in one], "a preview counts nothing"
    page.get_by_role("button", name="Add the ad").click()

    page.get_by_role("button", name="Go on: whom and where").click()
    _head(page, "Whom does it reach, and where?")
    page.locator("#main summary", has_text="Mood").click()
    page.get_by_label("Calm").check()
    page.get_by_role("button", name="Go on: money and dates").click()
    _head(page, "What may it cost, and when?")
    page.get_by_label("Price of 1 000 views").fill("5")
    page.get_by_label("Budget", exact=True).fill("10")
    expect(page.locator("#sum")).to_contain_text(re.compile(r"\$10.00 at \$5.00 for 1.000 views = 2.000 views"))

    page.get_by_label("Budget", exact=True).fill("much")
    page.get_by_role("button", name="Back").click()
    _head(page, "Whom does it reach, and where?")
    expect(page.get_by_label("Calm")).to_be_checked()
    page.get_by_role("button", name="Money and dates", exact=True).click()
    expect(page.get_by_label("Budget", exact=True)).to_have_value("much")
    expect(page.locator(".field__error").first).to_contain_text("is not an amount")
    page.get_by_label("Budget", exact=True).fill("10")
    page.get_by_role("button", name="Go on: check it").click()
    _head(page, "Check it, then send it")
    expect(page.locator("#main")).to_contain_text("Its budget is not prepaid: add $10.00")
    page.get_by_role("button", name="Send for review").click()
    expect(page.locator("#ad-list")).to_contain_text("Waiting for review")


def test_a_spot_is_heard_on_the_stage_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    _open_account(page)
    page.get_by_label("Name of the campaign").fill("Heard")
    page.get_by_role("button", name="Add a spot").click()
    _head(page, "Add a spot")
    page.get_by_label("Spot", exact=True).set_input_files(tone(tmp_path / "spot.wav", seconds=6))
    page.get_by_label("Words of the spot").fill("Ride the bus.")
    card = page.locator("[data-gate-card]")
    expect(card.locator("[data-gate-still] .gate__clock")).to_have_text("0:06")
    page.get_by_role("button", name="Try it").click()
    expect(card.locator("[data-gate-card-status]")).to_contain_text("Here nothing was counted", timeout=20_000)
    expect(card.locator("[data-gate-stage]")).to_be_hidden()


def _press_until(page: Page, key: str, name: str) -> None:
    """Press a key until the thing of this name has the focus."""
    for _ in range(90):
        page.keyboard.press(key)
        has = page.evaluate("() => (document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()")
        if has.startswith(name):
            return
    raise AssertionError(f"no way to {name!r} by {key}")


def test_the_four_steps_are_taken_by_keyboard_alone(page: Page) -> None:
    _open_account(page)
    _head(page, "What do you show?")
    _press_until(page, "Tab", "Name of the campaign")
    page.keyboard.type("Keys")
    _press_until(page, "Tab", "Add a text")
    page.keyboard.press("Enter")
    _head(page, "Add a text")
    _press_until(page, "Tab", "Title")
    page.keyboard.type("Ride")
    page.keyboard.press("Tab")
    page.keyboard.type("All night.")
    _press_until(page, "Tab", "Add the ad")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ads of this campaign")).to_be_visible()
    _press_until(page, "Tab", "Go on: whom and where")
    page.keyboard.press("Enter")
    _head(page, "Whom does it reach, and where?")
    _press_until(page, "Tab", "In the Megakey extension")
    page.keyboard.press("Space")
    _press_until(page, "Tab", "Views per listener and day")
    page.keyboard.press("Enter")  # in a field: the next step, not one that stands before it
    _head(page, "What may it cost, and when?")
    _press_until(page, "Tab", "Budget")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    _head(page, "Check it, then send it")
    expect(page.locator("#main")).to_contain_text("In the Megakey extension")
    _press_until(page, "Tab", "Send for review")
    page.keyboard.press("Enter")
    expect(page.locator("#ad-list")).to_contain_text("Waiting for review")


@pytest.fixture
def plain(browser: Browser, megabox: Megabox) -> Iterator[Page]:
    """A page without JavaScript."""
    context: BrowserContext = browser.new_context(base_url=megabox.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_the_four_steps_need_no_javascript(plain: Page) -> None:
    _open_account(plain)
    plain.get_by_label("Name of the campaign").fill("Plain")
    plain.get_by_role("button", name="Add a picture").click()
    plain.get_by_label("Picture", exact=True).set_input_files(_picture())
    plain.get_by_label("Title").fill("Ride")
    plain.get_by_label("What the picture shows").fill("A bus")
    plain.get_by_role("button", name="Add the ad").click()
    plain.get_by_role("button", name="Go on: whom and where").click()
    plain.get_by_role("button", name="Go on: money and dates").click()
    plain.get_by_label("Budget", exact=True).fill("much")
    plain.get_by_role("button", name="Whom and where").click()
    _head(plain, "Whom does it reach, and where?")
    plain.get_by_role("button", name="Money and dates", exact=True).click()
    expect(plain.get_by_label("Budget", exact=True)).to_have_value("much")
    plain.get_by_label("Budget", exact=True).fill("10")
    plain.get_by_role("button", name="Go on: check it").click()
    expect(plain.locator(".sum")).to_contain_text(re.compile("1.666 views"))
    plain.get_by_role("button", name="Send for review").click()
    expect(plain.locator("#ad-list")).to_contain_text("Waiting for review")


@pytest.mark.parametrize("width", [360, 1_280])
def test_no_page_of_an_advertiser_is_wider_than_its_window(page: Page, width: int) -> None:
    log_in(page, "acme")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/advertise/")
    campaign = page.locator("#main td a").first.get_attribute("href")
    for path in ("/advertise/", f"{campaign}", f"{campaign}report/", f"{campaign}ads/spot/new/"):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
