"""Editing an album in a real browser: what one types is saved by itself, and never lost."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in

STATE = "[data-autosave-state]"


@pytest.fixture
def words(page: Page) -> Page:
    """The words of a new album of nina's."""
    log_in(page, "nina")
    page.goto("/studio/albums/new/")
    page.get_by_label("Title").fill("Tides")
    page.get_by_role("button", name="Start album").click()
    page.locator("#sections").get_by_role("link", name="Words").click()
    expect(page.locator("#id_title")).to_have_value("Tides")
    return page


def test_words_are_saved_by_themselves_offline_and_back_and_over_pages(words: Page) -> None:
    words.expected_complaints = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError")  # type: ignore[attr-defined]
    words.locator("#id_description").fill("Slow water.")
    expect(words.locator(STATE)).to_contain_text("Saved at")

    words.context.set_offline(True)
    words.locator("#id_title").fill("High Tides")
    expect(words.locator(STATE)).to_contain_text("no connection. What you typed is kept here")
    words.get_by_role("button", name="Save words").click()
    expect(words.locator(STATE)).to_contain_text("no connection")
    words.context.set_offline(False)
    expect(words.locator(STATE)).to_contain_text("Saved at", timeout=40_000)

    # Whoever leaves before it is saved loses nothing either.
    words.locator("#id_tags").fill("water, slow")
    words.locator("#sections").get_by_role("link", name="Price and free").click()
    expect(words.locator("#id_price")).to_be_visible()
    words.locator("#sections").get_by_role("link", name="Words").click()
    expect(words.locator("#id_tags")).to_have_value("water, slow")
    expect(words.locator(STATE)).not_to_contain_text(re.compile("Saving|Not saved"))
    words.reload()
    expect(words.locator("#id_title")).to_have_value("High Tides")
    expect(words.locator("#id_tags")).to_have_value("water, slow")


def test_what_is_wrong_is_said_beside_its_field_while_one_types_and_kept(words: Page) -> None:
    words.expected_complaints = ("422",)  # type: ignore[attr-defined]
    words.locator("#id_title").fill("")
    expect(words.locator("#id_title_error")).to_contain_text("Give the album a title.")
    expect(words.locator("#sections")).to_contain_text("look again")
    words.locator("#id_title").fill("Tides again")
    expect(words.locator(STATE)).to_contain_text("Saved at")
    expect(words.locator("#id_title_error")).to_have_count(0)
    expect(words.locator("#sections")).not_to_contain_text("look again")


def test_two_windows_are_told_of_one_another(words: Page) -> None:
    words.expected_complaints = ("422",)  # type: ignore[attr-defined]
    other = words.context.new_page()
    other.goto(words.url)
    words.locator("#id_title").fill("High Tides")
    words.locator("#id_description").fill("Slow water.")
    expect(words.locator(STATE)).to_contain_text("Saved at")
    other.locator("#id_title").fill("Low Tides")
    expect(other.locator("#id_title_error")).to_contain_text("Meanwhile “High Tides” was saved here")
    expect(other.locator("#id_description")).to_have_value("Slow water.")
    expect(other.locator("#id_title")).to_have_value("Low Tides")
    other.get_by_role("button", name="Save words").click()
    expect(other.locator(STATE)).to_contain_text(re.compile("Saved at"))


@pytest.fixture
def tracks(page: Page) -> Page:
    """The tracks of an album of nina's from the demo."""
    log_in(page, "nina")
    page.goto("/studio/")
    page.locator("#main").get_by_role("link", name="Night Bus Maps").click()
    expect(page.locator("[data-track]")).to_have_count(3)
    return page


def titles(page: Page) -> list[str]:
    return page.locator("[data-track] th a").all_inner_texts()


def test_tracks_are_put_in_order_by_keys_alone_over_discs_and_it_is_told(tracks: Page) -> None:
    one, two, three = titles(tracks)
    grip = tracks.get_by_role("button", name=f"Take {one}")
    grip.focus()
    tracks.keyboard.press("Space")
    expect(tracks.locator("#live")).to_contain_text(f"{one} is taken, place 1 of 3")
    tracks.keyboard.press("ArrowDown")
    expect(tracks.locator("#live")).to_have_text("place 2 of 3")
    tracks.keyboard.press("Escape")
    expect(tracks.locator("#live")).to_contain_text(f"{one} is back, place 1 of 3")
    assert titles(tracks) == [one, two, three]

    tracks.keyboard.press("Space")
    for _ in range(2):
        tracks.keyboard.press("ArrowDown")
    tracks.keyboard.press("Space")
    expect(tracks.locator("#live")).to_contain_text(f"{one} is put down, place 3 of 3")
    expect(grip).to_be_focused()
    tracks.reload()
    assert titles(tracks) == [two, three, one]

    tracks.get_by_role("button", name="Add a disc").click()
    grip.focus()
    for key in ("Space", "ArrowDown", "Space"):
        tracks.keyboard.press(key)
    expect(tracks.locator("#live")).to_contain_text(f"{one} is put down, place 1 of 1, disc 2")
    expect(tracks.get_by_role("rowheader", name="Disc 2")).to_be_visible()
    tracks.reload()
    expect(tracks.get_by_role("rowheader", name="Disc 2")).to_be_visible()


def test_a_track_is_dragged_to_its_place(tracks: Page) -> None:
    tracks.set_viewport_size({"width": 1280, "height": 1600})
    before = titles(tracks)
    grip = tracks.get_by_role("button", name=f"Take {before[0]}").bounding_box()
    last = tracks.locator("[data-track]").last.bounding_box()
    assert grip
    assert last
    tracks.mouse.move(grip["x"] + 10, grip["y"] + 10)
    tracks.mouse.down()
    tracks.mouse.move(grip["x"] + 10, last["y"] + last["height"] - 8, steps=8)
    tracks.mouse.up()
    expect(tracks.locator("#live")).to_contain_text("is put down")
    tracks.reload()
    assert titles(tracks) == [*before[1:], before[0]]


def test_an_order_that_cannot_be_saved_stands_as_before_and_says_so(tracks: Page) -> None:
    tracks.expected_complaints = ("ERR_INTERNET_DISCONNECTED",)  # type: ignore[attr-defined]
    before = titles(tracks)
    tracks.context.set_offline(True)
    tracks.get_by_role("button", name=f"Take {before[0]}").focus()
    for key in ("Space", "ArrowDown", "Space"):
        tracks.keyboard.press(key)
    expect(tracks.locator("#toasts")).to_contain_text("The new order was not saved: no connection.")
    assert titles(tracks) == before
    tracks.context.set_offline(False)
