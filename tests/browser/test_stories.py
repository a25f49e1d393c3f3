"""The four stories, walked in a real browser on the running site; the books are clean after each."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import Megabox, log_in
from tests.browser.walks import (
    SOON,
    buy_by_card,
    choose_a_track_with_an_ad,
    drop,
    open_album,
    prepare_run,
    real_files,
    start_album,
    watch_ads,
)


@pytest.fixture(autouse=True)
def _books_stay_clean(megabox: Megabox) -> object:
    yield
    assert "clean" in megabox.manage("audit_books")


def test_an_artist_uploads_prices_and_publishes_an_album(page: Page, tmp_path: Path) -> None:
    page.expected_complaints = ("422",)  # type: ignore[attr-defined]  # the wrong price; read by the page fixture
    start_album(page, "Night Lines")
    broken = tmp_path / "05 Diary.mp3"
    broken.write_text("Dear diary, this is no music at all.\n" * 50)
    drop(page, [*real_files(tmp_path), broken])
    expect(page.locator(".upload__reason").first).to_contain_text("not", timeout=SOON)
    for title in ("Night Bus", "Rain On Glass", "Third Rail", "Last Stop"):
        expect(page.locator("#progress")).to_contain_text(title, timeout=SOON)

    page.locator("#progress").get_by_role("button", name="Put away").click()
    page.locator("#sections").get_by_role("link", name="Price and free").click()
    page.locator("#id_price").fill("1,99")
    page.get_by_role("button", name="Save price").click()
    expect(page.locator(".field__error").first).to_contain_text("Write the amount with a point")
    expect(page.locator("#sections")).to_contain_text("look again")
    page.locator("#id_price").fill("7.00")
    expect(page.locator("[data-autosave-state]")).to_contain_text("Saved at")
    expect(page.locator("#sections")).not_to_contain_text("look again")
    expect(page.locator("#simulation")).to_contain_text("$630.00")

    page.locator("#sections").get_by_role("link", name="Publish").click()
    expect(page.get_by_role("heading", name="Ready to publish")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Publish album").click()
    expect(page.locator("#main")).to_contain_text("is published")
    page.get_by_role("link", name="See its page").click()
    expect(page.locator("#tracks .track-row")).to_have_count(4)
    page.locator("#tracks [data-play]").first.click()
    expect(page.locator("#player")).to_have_attribute("data-state", "playing", timeout=20_000)


@pytest.mark.parametrize("who", ["leo", "a guest"])
def test_a_listener_watches_an_ad_and_gets_the_file(page: Page, tmp_path: Path, who: str) -> None:
    if who == "leo":
        log_in(page, "leo")
    choose_a_track_with_an_ad(page)
    page.get_by_text("MP3 320").click()
    title, _, artist = (page.locator(".page-head .eyebrow").text_content() or "").strip().rpartition(" by ")
    page.get_by_role("button", name=re.compile("^Watch . ad")).click()
    watch_ads(page)

    expect(page.locator(".lede")).to_contain_text(re.compile(rf"ads? paid {re.escape(artist)}"))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{title} is yours")
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("^Download as")).click()
    path = tmp_path / "got.mp3"
    waiting.value.save_as(path)
    assert waiting.value.suggested_filename.endswith(".mp3")
    tags = MP3(path).tags
    assert tags is not None
    assert (str(tags["TIT2"]), str(tags["TPE1"])) == (title, artist)
    assert len(tags.getall("APIC")[0].data) > 1_000

    page.goto("/library/")
    expect(page.locator(".library-item__title").first).to_be_visible()


def test_a_listener_buys_an_album(page: Page, megabox: Megabox, tmp_path: Path) -> None:
    log_in(page, "leo")
    open_album(page, buyable(page))
    buy_by_card(page)
    expect(page.get_by_role("heading", name="Thank you. It is yours.")).to_be_visible(timeout=SOON)
    shares = page.locator("#shares")
    expect(shares).to_contain_text("90 %")
    page.locator("#main").get_by_role("link", name="Open library").first.click()
    row = page.locator(".library-item").first
    with page.expect_download() as waiting:
        choose_format(row, "FLAC")
    archive = tmp_path / "album.zip"
    waiting.value.save_as(archive)
    assert_whole_album(archive, tmp_path)
    # A format nobody asked for is made while the page follows it; then its download begins by itself.
    with page.expect_download(timeout=SOON) as made:
        choose_format(row, "WAV")
        expect(page.get_by_role("heading", level=1)).to_have_text("WAV")
    made.value.save_as(archive)
    with ZipFile(archive) as zipped:
        assert zipped.testzip() is None
        assert [name for name in zipped.namelist() if name.endswith(".wav")]


def test_a_payment_that_is_left_charges_nothing(page: Page) -> None:
    page.expected_complaints = ("402",)  # type: ignore[attr-defined]  # the declined card
    log_in(page, "leo")
    open_album(page, buyable(page))
    page.locator("#buy").get_by_role("button", name="Buy album").click()
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    page.get_by_role("heading", name="Pay Megabox").wait_for()
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.locator("body")).to_contain_text("Nothing was charged")
    page.locator(".bill a").click()
    expect(page.get_by_role("heading", name="Nothing was charged")).to_be_visible()
    page.goto("/cart/")
    page.get_by_role("button", name=re.compile("^Remove")).first.click()


@pytest.mark.xdist_group("payouts")
def test_two_of_the_staff_pay_what_is_due(page: Page, browser: Browser, megabox: Megabox) -> None:
    address = prepare_run(page)
    maxs = signed_in(browser, megabox, "max")
    maxs.goto(address)
    maxs.get_by_role("button", name="Approve and reserve").click()
    expect(maxs.locator("#run")).to_contain_text("approved")
    page.goto(address)
    page.get_by_role("button", name=re.compile("^Pay [1-9]")).click()
    expect(page.locator("#run")).to_contain_text("completed", timeout=SOON)
    expect(page.locator("[data-difference]")).to_have_attribute("data-difference", "0")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Register as CSV").click()
    register = Path(waiting.value.path()).read_text("utf-8-sig").splitlines()
    assert register[-1].startswith("TOTAL,")
    maxs.context.close()

    ninas = signed_in(browser, megabox, "nina")
    ninas.goto("/studio/earnings/")
    expect(ninas.locator("#main")).to_contain_text("Paid")
    ninas.goto("/studio/earnings/statement/?page=999")  # the last one: oldest lines come first
    expect(ninas.locator("#lines ~ .table-wrap")).to_contain_text("paid")
    ninas.context.close()


def signed_in(browser: Browser, megabox: Megabox, name: str) -> Page:
    """Another person at another computer."""
    context: BrowserContext = browser.new_context(base_url=megabox.url)
    page = context.new_page()
    log_in(page, name)
    return page


def buyable(page: Page) -> str:
    """The title of an album that is sold at a fixed price and not yet in leo's library."""
    page.goto("/")
    titles = page.locator(".album-card:has([data-play-from]) .album-card__title a").all_inner_texts()
    for title in titles:
        open_album(page, title)
        page.wait_for_load_state("networkidle")
        is_fixed = "or more" not in page.locator("#buy").inner_text()
        if page.locator("#buy").get_by_role("button", name="Buy album").count() and is_fixed:
            return title
    raise AssertionError("no album is for sale")


def choose_format(row: Locator, label: str) -> None:
    """Open the sheet of formats of one thing in the library, by the keyboard, and take one."""
    row.get_by_role("button", name=re.compile("^All formats")).press("Enter")
    row.get_by_role("link", name=re.compile(f"^{label} ")).press("Enter")


def assert_whole_album(archive: Path, folder: Path) -> None:
    """Every member decodes as FLAC with tags and a cover."""
    with ZipFile(archive) as zipped:
        assert zipped.testzip() is None
        names = [name for name in zipped.namelist() if name.endswith(".flac")]
        assert len(names) >= 2
        zipped.extractall(folder / "album")
    for name in names:
        tagged = FLAC(folder / "album" / name)
        assert tagged["title"]
        assert tagged.pictures
