"""Three things of the studio, as people do them: a sheet is imported, a split is signed, numbers are looked at."""

import csv
import email
import email.policy
import re
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.artists.factories import tone
from tests.browser.conftest import PASSWORD, Megabox, log_in
from tests.browser.walks import SOON, drop, start_album

# All on one site, and nothing here earns: what the payouts count stays as it is.
pytestmark = pytest.mark.xdist_group("payouts")

EMMA = "emma@demo.megabox.test"
LETTER_SECONDS = 60
LINK = re.compile(r"https?://\S+/studio/splits/sign/\S+")


def test_an_artist_imports_a_sheet_corrects_it_and_drops_the_sounds(page: Page, tmp_path: Path) -> None:
    log_in(page, "nina")
    page.goto("/studio/")
    page.locator("#main").get_by_role("link", name="Import a sheet").click()
    look_at(page, sheet(tmp_path, isrc="none yet"))
    expect(page.get_by_role("heading", name="Nothing can be made yet")).to_be_visible()
    expect(page.locator("#main li", has_text="Row 3, ISRC: “none yet” is no ISRC.")).to_be_visible()

    page.get_by_role("link", name="choose the sheet again").click()
    look_at(page, sheet(tmp_path, isrc="DE-ABC-26-00002"))
    page.get_by_role("button", name="Make 1 draft").click()
    expect(page.locator("#sheet")).to_contain_text("1 new draft, 0 albums changed.", timeout=SOON)

    page.get_by_role("link", name="See your albums").click()
    page.locator("#main").get_by_role("link", name="Harbour Lights").click()
    tracks = page.locator("[data-track]")
    expect(tracks).to_contain_text(["Waits for “take-7.wav”.", "Waits for “take-4.wav”."])
    drop(page, [tone(tmp_path / "take-4.wav", hertz=311), tone(tmp_path / "take-7.wav", hertz=277)])
    expect(tracks.locator(".badge--ok")).to_have_text(["ready", "ready"], timeout=SOON)
    expect(tracks.locator("th a")).to_have_text(["First Ferry", "Last Ferry"])


def test_a_collaborator_signs_by_the_letter_and_the_split_is_in_force(
    page: Page, browser: Browser, megabox: Megabox
) -> None:
    start_album(page, "Shared Lines")
    page.locator("#sections").get_by_role("link", name="Splits").click()
    lines = page.locator(".split-row")
    lines.nth(0).get_by_label("Per cent").fill("70")
    lines.nth(1).get_by_label("Name").fill("Emma Novak")
    lines.nth(1).get_by_label("E-mail").fill(EMMA)
    lines.nth(1).get_by_label("Per cent").fill("30")
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("heading", name="Version 1 waits: 1 of 2 signed")).to_be_visible()

    link = link_in_letter(megabox, EMMA, "Shared Lines")
    assert link.startswith(megabox.url)
    emmas = browser.new_context().new_page()
    emmas.goto(link)
    expect(emmas.get_by_role("heading", level=1)).to_have_text("30 % of “Shared Lines” would be yours")
    emmas.locator("#main").get_by_role("link", name="Log in").click()
    emmas.get_by_label("E-mail").first.fill(EMMA)
    emmas.get_by_label("Password").first.fill(PASSWORD)
    emmas.locator("#main").get_by_role("button", name="Log in").click()
    emmas.locator("#main").get_by_label("Your name").fill("Emma Novak")
    emmas.get_by_role("button", name="Sign version 1").click()
    expect(emmas.locator("body")).to_contain_text("You signed version 1 of “Shared Lines”. It is in force now.")
    emmas.context.close()

    page.reload()
    page.get_by_role("link", name="Version 1, all versions").click()
    expect(page.locator(".section-head .badge")).to_have_text("in force")
    expect(page.locator("#main tbody tr", has_text="Emma Novak")).to_contain_text("30 %")


def test_an_artist_chooses_days_and_takes_the_numbers_home(page: Page) -> None:
    log_in(page, "nina")
    page.goto("/studio/")
    page.locator("#main").get_by_role("link", name="Statistics").click()
    page.get_by_role("link", name="Own days").click()
    until = date.fromisoformat(page.get_by_label("To", exact=True).input_value())
    since = until - timedelta(days=9)
    page.get_by_label("From", exact=True).fill(since.isoformat())
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".lede")).to_contain_text(f"{since:%-d %b %Y} to {until:%-d %b %Y}")

    plays = page.locator("section[aria-labelledby=plays]")
    expect(plays.get_by_role("img")).to_be_visible()
    plays.get_by_text("The same as a table").click()
    expect(plays.get_by_role("table").locator("tbody tr")).to_have_count(10)
    shown = plays.get_by_role("table").locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert any(text != "0" for text in shown), "the demo was played"
    with page.expect_download() as waiting:
        plays.get_by_role("link", name=re.compile("as CSV$")).click()
    assert waiting.value.suggested_filename == f"megabox-plays-{since}-{until}.csv"
    rows = list(csv.reader(Path(waiting.value.path()).read_text("utf-8-sig").splitlines()))
    assert [row[1] for row in rows[1:11]] == shown


def sheet(folder: Path, *, isrc: str) -> Path:
    """A sheet of one album with two tracks, the second with this code."""
    path = folder / "catalogue.csv"
    path.write_text(
        "Album,Title,Track,ISRC,File\n"
        "Harbour Lights,First Ferry,1,DE-ABC-26-00001,take-7.wav\n"
        f"Harbour Lights,Last Ferry,2,{isrc},take-4.wav\n"
    )
    return path


def look_at(page: Page, chosen: Path) -> None:
    """From the page where a sheet is chosen to what will be made of it: its columns are guessed right."""
    page.get_by_label("Sheet").set_input_files(chosen)
    page.get_by_role("button", name="Look at the sheet").click()
    page.get_by_role("button", name="Look at the albums").click()


def link_in_letter(megabox: Megabox, to: str, title: str) -> str:
    """The link in the letter that asks somebody to sign a split; a worker sends it soon."""
    until = time.monotonic() + LETTER_SECONDS
    while time.monotonic() < until:
        for file in (megabox.var / "mail").glob("*"):
            letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            body = letter.get_body()
            text = body.get_content() if letter["To"] == to and body else ""
            if title in text and (found := LINK.search(text)):
                return found.group()
        time.sleep(0.25)
    raise AssertionError(f"no letter about “{title}” came to {to} in {LETTER_SECONDS} s")
