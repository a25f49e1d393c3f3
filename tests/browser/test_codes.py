"""Codes in a real browser: an artist makes them, a guest redeems one, and somebody else pays less with the other."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Megabox
from tests.browser.test_stories import signed_in
from tests.browser.walks import SOON, open_album

ALBUM = "Ferry Songs"


@pytest.fixture(autouse=True)
def _books_stay_clean(megabox: Megabox) -> object:
    yield
    assert "clean" in megabox.manage("audit_books")


def test_codes_are_made_redeemed_and_used_in_a_cart(page: Page, browser: Browser, megabox: Megabox) -> None:
    page.expected_complaints = ("422",)  # type: ignore[attr-defined]  # the mistyped codes; read by the page fixture
    artist = signed_in(browser, megabox, "tom")
    artist.goto("/studio/codes/")
    artist.locator("#main").get_by_role("link", name="Make a discount code").first.click()
    artist.locator("#id_code").fill("boats-50")
    artist.get_by_label("For", exact=True).select_option(label="All music by The Paper Boats")
    artist.get_by_label("Takes off").fill("50")
    artist.get_by_role("button", name="Make code").click()
    expect(artist.get_by_role("heading", name="BOATS50")).to_be_visible()
    artist.goto("/studio/codes/downloads/new/")
    artist.get_by_label("Album", exact=True).select_option(label=f"{ALBUM} by The Paper Boats")
    artist.get_by_label("How many codes").fill("3")
    artist.get_by_role("button", name="Make codes").click()
    code = artist.locator("#main .code").first.inner_text()
    artist.context.close()

    page.goto("/redeem/")
    page.locator("#id_code").fill(code[:-1])
    page.get_by_role("button", name="Redeem code").click()
    expect(page.locator(".field__error")).to_contain_text("these are 11")
    page.locator("#id_code").fill(code.lower().replace("-", " "))
    page.get_by_role("button", name="Redeem code").dblclick()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.locator(".library-item")).to_have_count(1)
    expect(page.locator(".library-item")).to_contain_text(ALBUM)

    other = signed_in(browser, megabox, "ada")
    open_album(other, ALBUM)
    other.locator("#buy").get_by_role("button", name="Buy album").click()
    other.get_by_label("Discount code").fill("Boats50")
    other.get_by_role("button", name="Use code").click()
    expect(other.locator(".slab .receipt")).to_contain_text("Code BOATS50")
    other.get_by_role("button", name=re.compile("^Pay ")).click()
    other.get_by_role("heading", name="Pay Megabox").wait_for()
    other.get_by_role("button", name=re.compile("^Pay ")).click()
    other.wait_for_url("**/orders/**")
    expect(other.get_by_role("heading", name="Thank you. It is yours.")).to_be_visible(timeout=SOON)
    expect(other.locator("#main")).to_contain_text("with code BOATS50")
    other.context.close()
