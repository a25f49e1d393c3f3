"""The player that never stops: the same audio goes on through every navigation, and nothing sounds without a press."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Megabox

EXPECTED_FAULTS = (
    "404",
    "ERR_INTERNET_DISCONNECTED",
    "status code",
    "Status Error Code",
    "htmx:sendError",
    "htmx:afterRequest",
)


@pytest.fixture
def album(page: Page) -> Page:
    """The first album of today's box, from the home page by its link."""
    page.expected_complaints = EXPECTED_FAULTS  # type: ignore[attr-defined]  # read by the page fixture
    page.goto("/")
    page.locator(".album-card__title a").first.click()
    page.wait_for_selector("[data-tracklist] [data-play]")
    return page


def play(page: Page, row: int = 0) -> None:
    """Press a row's key and wait until it really sounds."""
    page.locator("[data-tracklist] [data-play]").nth(row).click()
    expect(page.locator("#player")).to_have_attribute("data-state", "playing", timeout=20_000)
    page.wait_for_function(
        "() => [...document.querySelectorAll('audio')].some((a) => !a.paused && a.currentTime > 0.2)"
    )
    page.evaluate("""() => {
        window.sounding = [...document.querySelectorAll("audio")].find((a) => !a.paused);
        window.breaks = [];
        for (const what of ["pause", "seeking", "emptied", "ended"]) {
            window.sounding.addEventListener(what, () => window.breaks.push(what));
        }
    }""")


def heard(page: Page) -> float:
    """Seconds the very node that began has played; fails when it is gone, another one or silent."""
    return float(
        page.evaluate("""() => {
            const audio = window.sounding;
            if (!audio || !audio.isConnected || audio.paused) throw new Error("the audio is gone or silent");
            return audio.currentTime;
        }""")
    )


def goes_on_through(page: Page, step: Callable[[], object], *, arrives: str | None = None) -> None:
    """`step` is done; meanwhile, and for a second of music after it, the same node plays without a break."""
    page.evaluate("window.breaks.length = 0")
    position = heard(page)
    step()
    if arrives:
        page.wait_for_url(arrives)
    assert heard(page) >= position
    page.wait_for_function("(until) => window.sounding.currentTime >= until", arg=heard(page) + 1)
    heard(page)
    assert page.evaluate("window.breaks") == [], "the music stood still"


def link(page: Page, href: str) -> None:
    """Press a link to `href`, as if the page had it."""
    page.evaluate(
        """(href) => {
            const a = Object.assign(document.createElement("a"), {href, textContent: "on"});
            document.getElementById("main").append(a);
            window.htmx.process(a);
            a.click();
        }""",
        href,
    )


def test_the_same_audio_plays_on_through_links_search_and_missing_pages(album: Page) -> None:
    play(album)
    goes_on_through(album, lambda: album.locator(".album-hero__artist a").click(), arrives="**/artists/*/")
    goes_on_through(album, lambda: link(album, "/there/is/nothing/"), arrives="**/nothing/")
    expect(album.locator("h1")).to_have_text("There is nothing at this address")

    def search() -> None:
        album.fill("#site-search", "a")
        album.press("#site-search", "Enter")

    goes_on_through(album, search, arrives="**/search?q=a")


def test_the_same_audio_plays_on_back_and_forward(album: Page) -> None:
    play(album)
    address = album.url
    link(album, "/search")
    album.wait_for_url("**/search")
    link(album, "/there/is/nothing/")
    album.wait_for_url("**/nothing/")
    goes_on_through(album, lambda: album.evaluate("history.back()"), arrives="**/search")
    goes_on_through(album, lambda: album.evaluate("history.back()"), arrives=address)
    expect(album.locator("[data-tracklist]").first).to_be_visible()
    goes_on_through(album, lambda: album.evaluate("history.go(2)"), arrives="**/nothing/")
    expect(album.locator("h1")).to_have_text("There is nothing at this address")


def test_the_same_audio_plays_on_offline_and_through_hash_links_and_double_clicks(album: Page) -> None:
    play(album)
    goes_on_through(album, lambda: link(album, "#tracks"), arrives="**#tracks")
    album.context.set_offline(True)
    goes_on_through(album, lambda: link(album, "/search"))
    expect(album.locator("#toasts")).to_contain_text("No connection")
    album.context.set_offline(False)
    goes_on_through(album, lambda: album.locator(".album-hero__artist a").dblclick(), arrives="**/artists/*/")


def test_focus_goes_to_the_new_heading_and_the_title_is_told(album: Page) -> None:
    album.locator(".album-hero__artist a").click()
    album.wait_for_url("**/artists/*/")
    expect(album.locator("h1")).to_be_focused()
    expect(album.locator("#live")).to_have_text(album.title())


def test_nothing_sounds_after_a_full_load_but_it_can_be_resumed(album: Page) -> None:
    play(album, 1)
    title = album.locator("[data-player-title]").inner_text()
    album.wait_for_function("() => window.sounding.currentTime > 2.5")
    position = heard(album)
    album.reload()
    toggle = album.locator("[data-player-toggle]")
    expect(toggle).to_have_attribute("aria-label", re.compile("^Resume at 0:"))
    resumes_at = int((toggle.get_attribute("aria-label") or "").rpartition(":")[2])
    assert int(position) <= resumes_at <= position + 15, "it goes on where it was left, however slow the reload began"
    album.wait_for_timeout(700)
    assert album.evaluate("[...document.querySelectorAll('audio')].every((a) => a.paused)")
    expect(album.locator("[data-player-title]")).to_have_text(title)
    toggle.click()
    album.wait_for_function(
        "(at) => [...document.querySelectorAll('audio')].some((a) => !a.paused && a.currentTime > at)", arg=position
    )


def test_the_next_track_follows_without_a_gap(album: Page) -> None:
    play(album)
    first = album.locator("[data-player-title]").inner_text()
    album.evaluate("""() => {
        const audios = [...document.querySelectorAll("audio")];
        for (const a of audios) a.addEventListener("ended", () => { window.ended = performance.now(); });
        const begin = () => { if (window.ended) window.began ??= performance.now(); };
        for (const a of audios) a.addEventListener("playing", begin);
        window.sounding.currentTime = window.sounding.duration - 6;
    }""")
    album.wait_for_function("() => window.began", timeout=30_000)
    assert album.evaluate("window.began - window.ended") <= 150
    expect(album.locator("[data-player-title]")).not_to_have_text(first)


def test_keys_move_the_player_and_can_be_switched_off(album: Page) -> None:
    play(album)
    album.locator("h1").evaluate("(h) => { h.tabIndex = -1; h.focus(); }")
    album.keyboard.press("k")
    expect(album.locator("#player")).to_have_attribute("data-state", "paused")
    album.keyboard.press("Space")
    expect(album.locator("#player")).to_have_attribute("data-state", "playing")
    before = heard(album)
    album.keyboard.press("l")
    assert heard(album) > before + 8
    album.keyboard.press("m")
    assert album.evaluate("window.sounding.muted")
    album.keyboard.press("m")
    album.keyboard.press("?")
    expect(album.locator("#keys")).to_be_visible()
    album.get_by_label("Use these keys").uncheck()
    album.keyboard.press("Escape")
    album.locator("h1").focus()
    album.keyboard.press("k")
    album.wait_for_timeout(300)
    heard(album)


def test_the_keys_are_letters_where_somebody_writes(album: Page) -> None:
    play(album)
    album.locator("#site-search").press_sequentially("kl m")
    assert album.locator("#site-search").input_value() == "kl m"
    heard(album)


def test_one_tab_sounds(album: Page, context: BrowserContext) -> None:
    play(album)
    other = context.new_page()
    other.goto(album.url)
    play(other, 1)
    expect(album.locator("#player")).to_have_attribute("data-state", "paused")


def test_a_play_is_told_once_after_thirty_different_seconds(album: Page) -> None:
    told: list[str] = []
    album.on("request", lambda r: told.append(r.post_data or "") if r.url.endswith("/plays/") else None)
    lengths = album.locator("[data-tracklist] [data-play]").evaluate_all(
        "(all) => all.map((a) => +a.dataset.durationMs)"
    )
    assert max(lengths) > 33_000, "the demo's tracks are too short for a play to count"
    play(album, lengths.index(max(lengths)))
    album.evaluate("window.sounding.playbackRate = 3")
    with album.expect_response("**/plays/", timeout=40_000) as answer:
        pass
    assert answer.value.ok
    assert '"seconds":30' in told[0]
    assert '"place":"album"' in told[0]
    album.wait_for_timeout(1500)
    assert sum('"stage":"counted"' in one for one in told) == 1


def test_what_is_left_soon_is_told_as_skipped_once(album: Page) -> None:
    told: list[str] = []
    album.on("request", lambda r: told.append(r.post_data or "") if r.url.endswith("/plays/") else None)
    play(album)
    album.wait_for_function("() => window.sounding.currentTime > 1.2")
    with album.expect_response("**/plays/") as answer:
        play(album, 1)
    assert answer.value.json() == {"counted": True}
    assert '"stage":"skipped"' in told[0]
    assert len(told) == 1


def test_a_queue_can_be_seen_and_walked(album: Page) -> None:
    play(album)
    album.get_by_role("button", name="Queue", exact=True).click()
    rows = album.locator("[data-queue-list] > li")
    expect(rows).to_have_count(album.locator("[data-tracklist]").first.locator("[data-play]").count())
    expect(rows.first).to_have_attribute("aria-current", "true")
    rows.nth(1).locator("button").first.click()
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")


def test_an_album_plays_from_its_card(album: Page, megabox: Megabox) -> None:
    album.goto("/")
    card = album.locator(".album-card").first
    card.hover()
    card.locator("[data-play-from]").click()
    expect(album.locator("#player")).to_have_attribute("data-state", "playing", timeout=20_000)
    expect(card.locator("[data-play-from]")).to_have_class("play-key album-card__play js-only is-current is-playing")
