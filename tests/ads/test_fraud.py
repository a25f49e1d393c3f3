"""Each rule against invalid views, by itself."""

from dataclasses import replace

import pytest
from django.conf import LazySettings

from ads import fraud
from ads.fraud import Reason, Signals, View, rejection_reason
from tests.ads.factories import AGENT

GOOD = View(
    is_gate=False,
    is_audio=False,
    mode="visible",
    elapsed_ms=10_000,
    duration_ms=15_000,
    visible_ms=1_500,
    signals=Signals(AGENT),
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
        (replace(GOOD, signals=Signals("")), Reason.NO_AGENT),
        (replace(GOOD, signals=Signals("   ")), Reason.NO_AGENT),
        (replace(GOOD, signals=Signals("Mozilla/5.0 (compatible; Googlebot/2.1)")), Reason.BOT),
        (replace(GOOD, signals=Signals("curl/8.5.0")), Reason.BOT),
        (replace(GOOD, signals=Signals(AGENT, is_prefetch=True)), Reason.PREFETCH),
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
    assert fraud.signals({"User-Agent": AGENT}) == Signals(AGENT)
    assert fraud.signals({"User-Agent": AGENT, "Sec-Purpose": "prefetch;prerender"}).is_prefetch
    assert fraud.signals({"Purpose": "prefetch"}) == Signals("", is_prefetch=True)
    assert len(fraud.signals({"User-Agent": "x" * 10**6}).user_agent) == fraud.MOST_AGENT_CHARACTERS


def test_headless_browsers_are_robots_except_while_developing(settings: LazySettings) -> None:
    headers = {"User-Agent": AGENT.replace("Firefox/133.0", "HeadlessChrome/140.0.0.0")}
    settings.ADS_COUNT_HEADLESS = False
    assert rejection_reason(replace(GOOD, signals=fraud.signals(headers))) == Reason.BOT
    settings.ADS_COUNT_HEADLESS = True
    assert rejection_reason(replace(GOOD, signals=fraud.signals(headers))) is None
