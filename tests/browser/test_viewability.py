"""What counts as seen and heard, in a real browser: asserted in the rows of the database, not in what was sent.

The browser's clock stands still and is moved by hand, so that nine tenths of a second are exactly that on any machine;
what lies on screen, what covers it and what sounds is real.
"""

import base64
import json
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserType, Page, Route, expect

from tests.browser.conftest import Megabox
from tests.browser.headed import Tab, a_screen
from tests.browser.walks import choose_a_track_with_an_ad

SOON_SECONDS = 20
FAULTS = (
    "ERR_FAILED",
    "ERR_INTERNET_DISCONNECTED",
    "ERR_BLOCKED_BY_CLIENT",
    "503",
    "htmx:sendError",
    "htmx:afterRequest",
)

IS_OVER = "() => location.pathname.endsWith('/receipt/') || document.querySelector('[data-gate-stage]').hidden"
HEARD_FOR = "location.protocol === 'about:' || (localStorage['megabox:music-since-spot'] ??= '%s')"

OFFERS = """
import json
from django.template.loader import render_to_string
from django.utils import timezone
from ads import tokens
from ads.assets import creatives
from ads.budgets import leases
from ads.models import Ad, Place
from ads.tokens import Choice
from artists.models import Album

album = Album.objects.published().select_related("artist").first()
live = Ad.objects.showable().filter(kind=Ad.Kind.IMAGE, campaign__state="LIVE").select_related("campaign")
ad = live.order_by("-campaign__budget_micros").first()
choice = Choice(ad_id=ad.pk, campaign_id=ad.campaign_id, price_micros=ad.campaign.price_micros)
made = []
for _ in range(40):
    now = timezone.now()
    token = tokens.issue(choice, Place.PAGE, at=now, artist_id=album.artist_id, album_id=album.pk,
                         shares=[[album.artist.payee_id, 10_000]], lifetime_seconds=tokens.LIFETIME_SECONDS,
                         lease_id=leases.reserve(choice.campaign_id, choice.price_micros, now))
    html = render_to_string("ads/_slot.html", {"ad": ad, "token": token, "image_url": creatives.image_url(ad)})
    made.append([tokens.verify(token).id.hex, html])
print("OFFERS" + json.dumps(made))
"""


PUT = """([html, width, height, seen]) => {
    const box = document.createElement("div");
    box.id = "box";
    box.innerHTML = html;
    document.body.append(box);
    const ad = box.querySelector("[data-ad-click]");
    const set = (node, rules) => {
        for (const [name, value] of Object.entries(rules)) node.style.setProperty(name, value, "important");
    };
    const top = innerHeight - height * seen + "px";
    set(box, {position: "fixed", left: "0px", top, width: width + "px", "z-index": "99"});
    set(box.querySelector(".ad-slot__label"), {display: "none"});
    set(ad, {display: "block", width: width + "px", height: height + "px"});
    set(ad, {"box-sizing": "border-box", border: "0", overflow: "hidden"});
    document.dispatchEvent(new CustomEvent("megabox:page"));
}"""
"""Lays an offer out in a box of its own."""


@dataclass
class Offer:
    """An offer the server signed, and its slot as the server renders it."""

    id: str
    html: str


class Books:
    """What the server counted."""

    def __init__(self, megabox: Megabox) -> None:
        self._path = megabox.var / "db.sqlite3"

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        reader = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)
        try:
            return reader.execute(question, values).fetchall()
        finally:
            reader.close()

    def stages(self, token_id: str) -> list[str]:
        """What was counted, by name: of two reports sent at once either may come first."""
        return [
            stage
            for (stage,) in self.rows(
                "SELECT stage FROM ads_adevent WHERE token_id = ? AND stage <> 'ended' ORDER BY stage", token_id
            )
        ]

    def views(self, token_id: str) -> list[tuple[Any, ...]]:
        """State and mode of what was counted."""
        return self.rows("SELECT state, mode FROM ads_impression WHERE id = ?", token_id)

    def await_stage(self, token_id: str, stage: str) -> None:
        until = time.monotonic() + SOON_SECONDS
        while stage not in self.stages(token_id):
            assert time.monotonic() < until, f"{stage} was never counted: {self.stages(token_id)}"
            time.sleep(0.1)

    def await_stages(self, token_id: str, *stages: str) -> None:
        """These and no others."""
        for stage in stages:
            self.await_stage(token_id, stage)
        assert self.stages(token_id) == sorted(stages)


@pytest.fixture(scope="module")
def offers(megabox: Megabox) -> Iterator[Offer]:
    """Offers of a picture, one after the other, each used once."""
    printed = megabox.manage("shell", "-v", "0", "-c", OFFERS)
    return iter([Offer(*one) for one in json.loads(printed.split("OFFERS", 1)[1])])


@pytest.fixture(scope="module")
def books(megabox: Megabox) -> Books:
    return Books(megabox)


class Stage:
    """A page of ours with one slot in a box whose size and place the test decides; its clock stands still."""

    def __init__(self, page: Page, offer: Offer) -> None:
        self.page, self.offer = page, offer

    def put(self, *, width: int, height: int, seen: float) -> None:
        """Lay the ad out so that the share `seen` of its pixels is on screen, above the lower edge."""
        self.page.evaluate(
            PUT,
            [self.offer.html, width, height, seen],
        )
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('#box img')].every((one) => one.complete && one.naturalWidth)"
        )
        self.settle()

    def move(self, seen: float) -> None:
        self.page.evaluate(
            """(seen) => {
                const box = document.getElementById("box");
                const height = box.querySelector("[data-ad-click]").getBoundingClientRect().height;
                box.style.setProperty("top", (innerHeight - height * seen) + "px", "important");
            }""",
            seen,
        )
        self.settle()

    def settle(self) -> None:
        """Wait until the browser has drawn and has told what it drew, however slow this machine is."""
        self.page.evaluate(
            """() => new Promise((done) => {
                const probe = document.createElement("i");
                document.body.append(probe);
                const observer = new IntersectionObserver(() => { observer.disconnect(); probe.remove(); done(); });
                observer.observe(probe);
            })"""
        )
        self.page.screenshot(clip={"x": 0, "y": 0, "width": 1, "height": 1})

    def passes(self, ms: int) -> None:
        self.page.clock.run_for(ms)

    def close(self) -> None:
        """Leave the page and let everything it says arrive."""
        self.page.goto("about:blank")


@pytest.fixture
def stage(page: Page, offers: Iterator[Offer]) -> Stage:
    page.expected_complaints = FAULTS  # type: ignore[attr-defined]  # read by the page fixture
    page.route("**/ads/slot/**", lambda route: route.fulfill(status=204))
    page.clock.install()
    page.goto("/search")
    page.wait_for_function("() => document.hasFocus()")
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 5)
    return Stage(page, next(offers))


def hide(page: Page) -> None:
    """As settled for headless Chromium: its tabs stay visible, so the answer is overridden and the event sent."""
    page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", {configurable: true, get: () => "hidden"});
            Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )


def blur(page: Page) -> None:
    """Somebody works in another window; this one is still on screen."""
    page.evaluate("() => { document.hasFocus = () => false; dispatchEvent(new Event('blur')); }")


def focus(page: Page) -> None:
    page.evaluate("() => { delete document.hasFocus; dispatchEvent(new Event('focus')); }")


SMALL = (400, 300)
BIG = (1000, 400)


@pytest.mark.parametrize(
    ("size", "seen", "is_counted"),
    [(SMALL, 0.49, False), (SMALL, 0.51, True), (BIG, 0.29, False), (BIG, 0.31, True)],
    ids=["49 % of a small one", "51 % of a small one", "29 % of a big one", "31 % of a big one"],
)
def test_half_of_an_ad_must_be_on_screen_and_three_tenths_of_a_big_one(
    stage: Stage, books: Books, size: tuple[int, int], seen: float, is_counted: bool
) -> None:
    stage.put(width=size[0], height=size[1], seen=seen)
    stage.passes(3000)
    stage.close()
    if is_counted:
        books.await_stage(stage.offer.id, "viewed")
        assert books.views(stage.offer.id) == [("VIEWED", "visible")]
    else:
        time.sleep(1)
        assert books.stages(stage.offer.id) == []
        assert books.views(stage.offer.id) == []


@pytest.mark.parametrize(("ms", "is_counted"), [(900, False), (1100, True)])
def test_it_must_be_there_for_a_second(stage: Stage, books: Books, ms: int, is_counted: bool) -> None:
    stage.put(width=400, height=300, seen=1)
    stage.passes(ms)
    stage.close()
    books.await_stages(stage.offer.id, "started", "viewed" if is_counted else "skipped")
    assert books.views(stage.offer.id) == ([("VIEWED", "visible")] if is_counted else [])


def interrupted(stage: Stage, books: Books, leave: Callable[[], object], back: Callable[[], object]) -> None:
    """Twice nine tenths of a second with a break between them are not a second; one whole second after it is."""
    stage.put(width=400, height=300, seen=1)
    stage.passes(900)
    leave()
    stage.passes(5000)
    back()
    stage.passes(900)
    time.sleep(0.5)
    assert books.views(stage.offer.id) == []
    stage.passes(600)
    books.await_stage(stage.offer.id, "viewed")
    assert books.views(stage.offer.id) == [("VIEWED", "visible")]


def test_the_second_is_one_piece_when_it_is_scrolled_out_half_way(stage: Stage, books: Books) -> None:
    interrupted(stage, books, lambda: stage.move(0.2), lambda: stage.move(1))


def test_an_unfocused_window_does_not_count(stage: Stage, books: Books) -> None:
    interrupted(stage, books, lambda: blur(stage.page), lambda: focus(stage.page))


def test_what_something_covers_does_not_count(stage: Stage, books: Books) -> None:
    cover = """() => {
        document.body.insertAdjacentHTML("beforeend", "<dialog id=over>Over it</dialog>");
        document.getElementById("over").showModal();
    }"""
    interrupted(
        stage,
        books,
        lambda: stage.page.evaluate(cover),
        lambda: stage.page.evaluate("document.getElementById('over').remove()"),
    )


def test_a_hidden_tab_never_counts(stage: Stage, books: Books) -> None:
    stage.put(width=400, height=300, seen=1)
    stage.passes(900)
    hide(stage.page)
    stage.passes(60_000)
    stage.close()
    books.await_stage(stage.offer.id, "skipped")
    assert books.views(stage.offer.id) == []


def test_a_tab_that_is_really_behind_another_one_counts_when_it_comes_to_the_front(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    megabox: Megabox,
    offers: Iterator[Offer],
    books: Books,
) -> None:
    offer = next(offers)
    with a_screen() as display:
        environment: dict[str, str | float | bool] = {**os.environ, "DISPLAY": display}
        arguments = {**browser_type_launch_args, "headless": False, "env": environment}
        with browser_type.launch(**arguments) as browser:
            session = browser.new_browser_cdp_session()
            tab = Tab(session, f"{megabox.url}/search")
            _await(tab, "location.pathname === '/search' && document.readyState === 'complete'")
            assert tab.evaluate("() => document.visibilityState") == "visible"
            Tab(session, "about:blank")
            _await(tab, "document.visibilityState === 'hidden'")
            tab.evaluate(PUT, [offer.html, 400, 300, 1])
            time.sleep(3)
            assert books.stages(offer.id) == [], "nobody saw it"
            tab.to_front()
            books.await_stage(offer.id, "viewed")
            assert books.views(offer.id) == [("VIEWED", "visible")]


def _await(tab: Tab, condition: str) -> None:
    until = time.monotonic() + SOON_SECONDS
    while not tab.evaluate(f"() => {condition}"):
        assert time.monotonic() < until, f"not in {SOON_SECONDS} s: {condition}"
        time.sleep(0.1)


@pytest.mark.parametrize("rule", ["display: none", "visibility: hidden", "opacity: 0", "height: 0"])
def test_an_ad_that_a_content_blocker_hides_never_counts_and_nobody_is_turned_away(
    stage: Stage, books: Books, rule: str
) -> None:
    name, value = rule.split(": ")
    stage.page.evaluate(
        """([name, value]) => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(`.ad-slot { ${name}: ${value} !important; overflow: hidden }`);
            document.adoptedStyleSheets = [sheet];
        }""",
        [name, value],
    )
    stage.page.evaluate(
        "(html) => document.getElementById('main').insertAdjacentHTML('beforeend', html)", stage.offer.html
    )
    stage.page.evaluate("document.dispatchEvent(new CustomEvent('megabox:page'))")
    stage.settle()
    stage.passes(5000)
    expect(stage.page.locator("#main h1")).to_be_visible()
    assert stage.page.locator("#toasts").inner_text() == ""
    stage.close()
    time.sleep(1)
    assert books.stages(stage.offer.id) == []
    assert books.views(stage.offer.id) == []


def test_a_slot_whose_address_is_blocked_is_no_lost_connection(page: Page) -> None:
    page.expected_complaints = FAULTS  # type: ignore[attr-defined]
    page.route("**/ads/**", lambda route: route.abort("blockedbyclient"))
    page.goto("/")
    with page.expect_event("requestfailed", lambda request: "/ads/slot/" in request.url):
        page.locator(".album-card__title a").first.click()
    page.wait_for_timeout(500)
    assert page.locator("#toasts").inner_text() == ""


def test_nothing_is_lost_and_nothing_doubled_when_the_network_fails_and_comes_back(stage: Stage, books: Books) -> None:
    sent: list[str] = []
    is_down = True

    def deliver(route: Route) -> None:
        sent.append(route.request.post_data or "")
        if len(sent) == 2:  # the server counts it, and its answer is lost
            route.fetch()
        route.abort() if is_down else route.continue_()

    stage.page.route("**/ads/events", deliver)
    stage.put(width=400, height=300, seen=1)
    stage.passes(1100)
    for _ in range(4):
        stage.passes(20_000)
        stage.settle()
    assert len(sent) >= 3, "it was not tried again"
    is_down = False
    stage.passes(70_000)
    stage.settle()
    tries = [one for batch in sent for one in json.loads(batch) if one["stage"] == "viewed"]
    assert len(tries) >= 3
    assert all(one == tries[0] for one in tries), "the same report was told in other words"
    books.await_stages(stage.offer.id, "started", "viewed")
    assert books.views(stage.offer.id) == [("VIEWED", "visible")]


def test_a_click_is_counted_with_its_view(stage: Stage, books: Books) -> None:
    stage.put(width=400, height=300, seen=1)
    stage.passes(1100)
    stage.page.evaluate(
        "document.querySelector('#box [data-ad-click]').addEventListener('click', (e) => e.preventDefault())"
    )
    stage.page.locator("#box [data-ad-click]").click()
    stage.close()
    books.await_stages(stage.offer.id, "clicked", "started", "viewed")
    assert books.rows("SELECT clicked_at IS NOT NULL FROM ads_impression WHERE id = ?", stage.offer.id) == [(1,)]


def test_a_picture_says_in_words_what_it_shows(stage: Stage) -> None:
    stage.put(width=400, height=300, seen=1)
    assert stage.page.locator("#box img").get_attribute("alt")


# --- the gate


@dataclass
class GateAd:
    """The ad that a gate began."""

    id: str
    kind: str
    duration_ms: int


def id_of(token: str) -> str:
    """The id inside a token, as the database writes it."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    begins = 2 + raw[1]
    return raw[begins : begins + 16].hex()


def start_ad(page: Page, kind: str = "") -> GateAd:
    """From the home page to the stage of a gate, where an ad of this kind has begun; any, where none is named."""
    page.expected_complaints = FAULTS  # type: ignore[attr-defined]  # read by the page fixture
    choose_a_track_with_an_ad(page)
    page.get_by_role("button", name=re.compile("^Watch . ad")).click()
    for _ in range(20):
        with page.expect_response("**/start/") as answer:
            page.locator("[data-gate-start]").click()
        said = answer.value.json()
        expect(page.locator("[data-gate-stage]")).to_be_visible()
        if kind in ("", said["kind"]):
            return GateAd(id_of(said["token"]), said["kind"], said["duration_ms"])
        page.get_by_role("button", name=re.compile("^Leave")).click()  # equal prices take turns
    raise AssertionError(f"twenty ads, and no {kind}")


def test_a_spot_that_loses_its_volume_is_read_and_its_clock_waits_for_whoever_looks_away(
    page: Page, books: Books
) -> None:
    ad = start_ad(page, "audio")
    page.wait_for_timeout(1500)
    page.keyboard.press("m")
    expect(page.locator("[data-gate-status]")).to_contain_text("Sound is off")
    expect(page.locator(".gate__transcript")).to_be_visible()
    blur(page)
    expect(page.locator(".gate__waits")).to_contain_text("back in this window")
    stands = page.locator(".gate__clock").inner_text()
    page.wait_for_timeout(2500)
    assert page.locator(".gate__clock").inner_text() == stands
    assert books.views(ad.id) == []
    focus(page)
    page.wait_for_function(IS_OVER, timeout=40_000)
    assert books.views(ad.id) == [("VIEWED", "reading")]


def test_leaving_an_ad_early_is_said_and_costs_nobody(page: Page, books: Books) -> None:
    ad = start_ad(page)
    page.wait_for_timeout(1500)
    page.get_by_role("button", name=re.compile("^Leave")).click()
    expect(page.locator("[data-gate-status]")).to_contain_text("nobody was charged")
    expect(page.locator("[data-gate-start]")).to_be_focused()
    books.await_stage(ad.id, "skipped")
    assert books.views(ad.id) == []


def test_an_ad_that_is_blocked_is_said_once_and_its_key_keeps_the_focus(page: Page) -> None:
    page.expected_complaints = FAULTS  # type: ignore[attr-defined]  # read by the page fixture
    choose_a_track_with_an_ad(page)
    page.get_by_role("button", name=re.compile("^Watch . ad")).click()
    page.route("**/start/", lambda route: route.abort("blockedbyclient"))
    page.locator("[data-gate-start]").click()
    expect(page.locator("[data-gate-status]")).to_contain_text("If an ad blocker is on")
    expect(page.locator("[data-gate-start]")).to_be_focused()


def test_closing_the_page_half_way_says_so_too(page: Page, books: Books) -> None:
    ad = start_ad(page)
    page.wait_for_timeout(1000)
    page.goto("about:blank")
    books.await_stage(ad.id, "skipped")
    assert books.views(ad.id) == []


def test_a_confirmation_that_is_lost_on_its_way_is_repeated_and_pays_once(page: Page, books: Books) -> None:
    tries = 0

    def deliver(route: Route) -> None:
        nonlocal tries
        tries += 1
        if tries == 2:  # counted, and the answer is lost
            route.fetch()
        route.abort() if tries < 3 else route.continue_()

    ad = start_ad(page, "audio")
    page.route("**/viewed/", deliver)
    for _ in range(2):
        again = page.get_by_role("button", name="Try to confirm again")
        again.click(timeout=30_000)
    # One ad pays for some tracks, others ask for another one.
    page.wait_for_function(IS_OVER)
    assert tries == 3
    assert books.views(ad.id) == [("VIEWED", "audio")]
    key = str(uuid.UUID(ad.id))
    assert books.rows("SELECT count(*) FROM ledger_entry WHERE key = ?", f"view:{key}") == [(1,)]


def test_who_blocks_the_stage_of_the_gate_is_told_why_and_can_go_on_otherwise(page: Page, books: Books) -> None:
    page.add_init_script("localStorage['megabox:volume'] = '{\"level\": 1, \"isMuted\": true}'")
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(".gate__ad { display: none !important }");
            document.adoptedStyleSheets = [sheet];
        })"""
    )
    ad = start_ad(page)
    expect(page.locator("[data-gate-status]")).to_contain_text("ad blocker")
    page.wait_for_timeout(ad.duration_ms)
    assert page.url.endswith("/"), "nobody is sent away"
    assert books.views(ad.id) == []
    page.get_by_role("button", name=re.compile("^Leave")).click()
    expect(page.locator("[data-gate-start]")).to_be_visible()


# --- spots between tracks


def play_to_the_spot(page: Page) -> str:
    """Fifteen minutes were heard; the first track of an album ends, and a spot begins. Its token's id."""
    page.expected_complaints = FAULTS  # type: ignore[attr-defined]  # read by the page fixture
    page.add_init_script(HEARD_FOR % 900)
    with page.expect_response("**/ads/spot/*/", timeout=40_000) as answer:
        near_the_end(page)
    token = answer.value.text().split('data-ad-spot="')[1].split('"')[0]
    expect(page.locator("#player[data-spot]")).to_be_visible(timeout=20_000)
    return id_of(token)


def near_the_end(page: Page) -> None:
    page.goto("/")
    page.locator(".album-card__title a").first.click()
    page.locator("[data-tracklist] [data-play]").first.click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('audio')].some((a) => !a.paused && a.currentTime > 0.3)"
    )
    page.evaluate(
        """() => {
            const audio = [...document.querySelectorAll("audio")].find((a) => !a.paused);
            audio.currentTime = audio.duration - 4;
        }"""
    )


def second_track_plays(page: Page) -> None:
    second = page.locator("[data-tracklist] [data-play]").nth(1).get_attribute("data-title") or ""
    expect(page.locator("[data-player-title]")).to_have_text(second, timeout=20_000)
    expect(page.locator("#player")).to_have_attribute("data-state", "playing", timeout=20_000)
    expect(page.locator("[data-player-spot]")).to_be_hidden()


def test_a_spot_sounds_between_two_tracks_is_labelled_and_can_be_skipped_after_five_seconds(
    page: Page, books: Books
) -> None:
    ad = play_to_the_spot(page)
    spot = page.locator("[data-player-spot]")
    expect(spot).to_contain_text("Advertisement")
    expect(spot.get_by_role("button", name=re.compile("^Skip in"))).to_be_disabled()
    page.keyboard.press("Shift+N")
    expect(spot).to_be_visible()
    spot.get_by_text("Words of the spot").click()
    expect(spot.locator("details p")).to_be_visible()
    loud = page.evaluate(
        """() => {
            const { gainDb } = document.querySelector("[data-player-spot] [data-spot]").dataset;
            const loudest = Math.max(...[...document.querySelectorAll("audio")].map((a) => a.volume));
            return [loudest, Math.min(1, 10 ** (gainDb / 20))];
        }"""
    )
    assert abs(loud[0] - loud[1]) < 0.001
    books.await_stage(ad, "viewed")
    assert books.views(ad) == [("VIEWED", "audio")]
    expect(spot.get_by_role("button", name="Skip", exact=True)).to_be_enabled(timeout=10_000)
    page.keyboard.press("Shift+N")
    second_track_plays(page)
    assert page.evaluate("Math.max(...[...document.querySelectorAll('audio')].map((a) => a.volume))") == 1
    books.await_stages(ad, "skipped", "started", "viewed")


def test_a_spot_that_is_let_play_is_completed_and_music_goes_on(page: Page, books: Books) -> None:
    ad = play_to_the_spot(page)
    books.await_stage(ad, "completed")
    second_track_plays(page)
    books.await_stages(ad, "completed", "started", "viewed")
    assert books.views(ad) == [("VIEWED", "audio")]


SILENCES: dict[str, Callable[[Page], object]] = {
    "muted": lambda page: page.keyboard.press("m"),
    "volume 0": lambda page: page.locator("[data-player-volume]").fill("0"),
    "paused": lambda page: page.keyboard.press("k"),
}


@pytest.mark.parametrize("silence", SILENCES)
def test_a_spot_that_cannot_be_heard_does_not_count(page: Page, books: Books, silence: str) -> None:
    ad = play_to_the_spot(page)
    SILENCES[silence](page)
    page.wait_for_timeout(5000)
    page.goto("about:blank")
    books.await_stages(ad, "skipped", "started")
    assert books.views(ad) == []


def test_a_spot_is_heard_in_a_hidden_tab(page: Page, books: Books) -> None:
    ad = play_to_the_spot(page)
    hide(page)
    books.await_stage(ad, "viewed")
    assert books.views(ad) == [("VIEWED", "audio")]


def test_who_blocks_spots_hears_the_next_track_at_once(page: Page) -> None:
    page.expected_complaints = FAULTS  # type: ignore[attr-defined]  # read by the page fixture
    page.add_init_script(HEARD_FOR % 900)
    page.route("**/ads/**", lambda route: route.abort("blockedbyclient"))
    near_the_end(page)
    second_track_plays(page)


def test_no_spot_comes_before_a_quarter_of_an_hour_of_music_or_without_sound(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/ads/spot/" in request.url else None)
    page.add_init_script(HEARD_FOR % 600)
    near_the_end(page)
    second_track_plays(page)
    assert asked == []
