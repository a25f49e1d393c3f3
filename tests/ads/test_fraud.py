"""Each rule against invalid views, by itself."""

from dataclasses import replace

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from ads.traffic import fraud
from ads.traffic.fraud import Reason, Signals, View, rejection_reason
from tests.ads.factories import AGENT

GOOD = View(
    is_gate=False,
    is_audio=False,
    mode="visible",
    elapsed_ms=10_000,
    duration_ms=15_000,
    visible_ms=1_500,
    signals=fraud.signals({"User-Agent": AGENT}),
    frequency_cap=5,
)
SPOT = replace(GOOD, is_audio=True, mode="audio", visible_ms=0, audible_ms=2_500)
GATE = replace(SPOT, is_gate=True, elapsed_ms=15_000, audible_ms=0)


def test_good_views_count() -> None:
    assert rejection_reason(GOOD) is None
    assert rejection_reason(SPOT) is None
    assert rejection_reason(GATE) is None
    assert rejection_reason(replace(GOOD, signals=None)) is None


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (replace(GOOD, signals=fraud.signals({})), Reason.NO_AGENT),
        (replace(GOOD, signals=fraud.signals({"User-Agent": "   "})), Reason.NO_AGENT),
        (replace(GOOD, signals=fraud.signals({"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"})), Reason.BOT),
        (replace(GOOD, signals=fraud.signals({"User-Agent": "curl/8.5.0"})), Reason.BOT),
        (replace(GOOD, signals=Signals(is_prefetch=True)), Reason.PREFETCH),
        (replace(GOOD, signals=Signals(is_datacentre=True)), Reason.DATACENTRE),
        (replace(GOOD, signals=fraud.signals({"User-Agent": AGENT, "Sec-Fetch-Dest": "image"})), Reason.NO_SCRIPT),
        (replace(GOOD, signals=fraud.signals({"User-Agent": AGENT, "Sec-Fetch-Dest": "document"})), Reason.NO_SCRIPT),
        (replace(GOOD, lifetime_ms=9_999), Reason.TOO_LATE),
        (replace(GATE, elapsed_ms=900_001, lifetime_ms=900_000), Reason.TOO_LATE),
        (replace(GOOD, is_own_campaign=True), Reason.OWN_CAMPAIGN),
        (replace(GOOD, is_blocked=True), Reason.BLOCKED),
        (replace(GOOD, is_showable=False), Reason.NOT_SHOWABLE),
        (replace(GOOD, views_today=5), Reason.FREQUENCY),
        (replace(GOOD, is_hidden=True), Reason.HIDDEN),
        (replace(GOOD, visible_ms=999), Reason.TOO_SHORT),
        (replace(GOOD, visible_ms=60_000), Reason.TOO_EARLY),
        (replace(SPOT, audible_ms=1_999), Reason.TOO_SHORT),
        (replace(SPOT, is_muted=True), Reason.MUTED),
        (replace(GATE, is_muted=True), Reason.MUTED),
        (replace(GATE, elapsed_ms=14_249), Reason.TOO_EARLY),
    ],
)
def test_each_rule_gives_its_reason(view: View, reason: Reason) -> None:
    assert rejection_reason(view) == reason


def test_what_is_heard_need_not_be_looked_at_and_what_is_read_must_be() -> None:
    assert rejection_reason(replace(SPOT, is_hidden=True)) is None
    read = replace(SPOT, mode="reading", visible_ms=15_000, elapsed_ms=16_000, is_hidden=True)
    assert rejection_reason(read) == Reason.HIDDEN


def test_reading_counts_as_much_as_hearing() -> None:
    reading = replace(SPOT, mode="reading", is_muted=True, audible_ms=0, visible_ms=15_000, elapsed_ms=16_000)
    assert rejection_reason(reading) is None
    assert rejection_reason(replace(reading, visible_ms=14_000)) == Reason.TOO_SHORT
    assert rejection_reason(replace(GATE, mode="reading", is_muted=True)) is None


def test_a_gate_view_needs_95_percent_of_the_ad() -> None:
    assert fraud.is_long_enough(14_250, 15_000)
    assert not fraud.is_long_enough(14_249, 15_000)
    assert not fraud.is_long_enough(-1, 15_000)


def test_headers_say_who_asks() -> None:
    assert fraud.signals({"User-Agent": AGENT}) == Signals()
    assert fraud.signals({"User-Agent": AGENT, "Sec-Purpose": "prefetch;prerender"}).is_prefetch
    assert fraud.signals({"Purpose": "prefetch"}) == Signals(is_nameless=True, is_prefetch=True)
    assert fraud.signals({"User-Agent": "x" * 10**6}) == Signals()
    assert fraud.signals({"User-Agent": AGENT, "Sec-Fetch-Dest": "empty"}, "192.0.2.7") == Signals()


@pytest.mark.parametrize("letters", ["", "b", "n", "p", "d", "s", "bp", "bnpds"])
def test_signals_are_letters_in_the_stream(letters: str) -> None:
    assert Signals.of(letters).flags == letters


def test_people_we_know_count_in_full_and_of_others_ever_less() -> None:
    assert [fraud.weight(n, is_proven=False) for n in range(1, 8)] == [1_000, 1_000, 1_000, 500, 333, 250, 200]
    assert {fraud.weight(n, is_proven=True) for n in (1, 4, 10_000)} == {1_000}


def test_the_operator_says_how_many_count_in_full(settings: LazySettings) -> None:
    settings.ADS_FULL_VIEWS = 1
    assert [fraud.weight(n, is_proven=False) for n in (1, 2, 3)] == [1_000, 500, 333]


@given(price=st.integers(0, 10**9), n=st.integers(1, 10**7))
def test_a_weight_never_rises_and_charges_whole_micros_up_to_the_price(price: int, n: int) -> None:
    this, next_one = (fraud.weight(number, is_proven=False) for number in (n, n + 1))
    assert 0 <= next_one <= this <= 1_000
    charged = fraud.weighed(price, this)
    assert isinstance(charged, int)
    assert fraud.weighed(price, next_one) <= charged <= price
    assert price - charged == price * (1_000 - this) // 1_000 + bool(price * (1_000 - this) % 1_000)
    assert fraud.weighed(price, fraud.weight(n, is_proven=True)) == price


def test_charges_are_whole_micros() -> None:
    assert fraud.weighed(6_001, 500) == 3_000
    assert fraud.weighed(6_001, 1_000) == 6_001


def test_headless_browsers_are_robots_except_while_developing(settings: LazySettings) -> None:
    headers = {"User-Agent": AGENT.replace("Firefox/133.0", "HeadlessChrome/140.0.0.0")}
    settings.ADS_COUNT_HEADLESS = False
    assert rejection_reason(replace(GOOD, signals=fraud.signals(headers))) == Reason.BOT
    settings.ADS_COUNT_HEADLESS = True
    assert rejection_reason(replace(GOOD, signals=fraud.signals(headers))) is None


def test_a_reason_is_said_in_words_and_one_of_long_ago_as_it_was_written_down() -> None:
    assert Reason.say("bot") == "A known robot"
    assert Reason.say("cosmic rays") == "cosmic rays"
