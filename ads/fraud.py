"""Whether a view counts. Pure: what is known about one view goes in, the reason against it comes out.

No profiles and no lists of people: only what the view itself says, and how it was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import crawleruseragents
from django.conf import settings
from django.db import models

LEAST_VISIBLE_MS = 1_000
"""An image or a text counts when at least half of it was on screen for so long in a focused tab."""
LEAST_AUDIBLE_MS = 2_000
GATE_PERCENT = 95
"""A gate view counts when so much of the ad's length has passed since its start."""
CLOCK_SLACK_MS = 2_000
"""A browser that measures time may be off by this much from what passed here."""
MOST_AGENT_CHARACTERS = 1_000


class Reason(models.TextChoices):
    """Why an impression is rejected: it costs nobody and earns nothing."""

    BOT = "bot", "A known robot"
    NO_AGENT = "no_agent", "A browser that does not say what it is"
    PREFETCH = "prefetch", "Loaded ahead, not looked at"
    TOO_SHORT = "too_short", "Not seen or heard for long enough"
    TOO_EARLY = "too_early", "Claimed sooner than it could have been seen"
    HIDDEN = "hidden", "In a tab nobody looked at"
    MUTED = "muted", "A spot without sound"
    OWN_CAMPAIGN = "own_campaign", "Seen by its own advertiser"
    FREQUENCY = "frequency", "Seen too often by one listener that day"
    BLOCKED = "blocked", "From a blocked wallet"
    NOT_SHOWABLE = "not_showable", "The ad is not approved any more"
    OVER_BUDGET = "over_budget", "Over the budget or the day's cap"
    REVIEW = "review", "Found invalid in the review"


@dataclass(frozen=True, slots=True)
class Signals:
    """What the request itself says about who asks."""

    user_agent: str = ""
    is_prefetch: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What is known about one view. Times in milliseconds; `elapsed_ms` is measured by us, the rest is claimed."""

    is_gate: bool
    is_audio: bool
    mode: str
    elapsed_ms: int
    duration_ms: int
    visible_ms: int = 0
    audible_ms: int = 0
    is_hidden: bool = False
    is_muted: bool = False
    signals: Signals | None = None
    is_own_campaign: bool = False
    is_blocked: bool = False
    is_showable: bool = True
    views_today: int = 0
    frequency_cap: int = 1


def rejection_reason(view: View) -> Reason | None:
    """Why this view does not count, or None when it does. One guard for each rule."""
    reason = view.signals and reason_against_asking(view.signals)
    if reason:
        return reason
    if view.is_own_campaign:
        return Reason.OWN_CAMPAIGN
    if view.is_blocked:
        return Reason.BLOCKED
    if not view.is_showable:
        return Reason.NOT_SHOWABLE
    if view.views_today >= view.frequency_cap:
        return Reason.FREQUENCY
    return _reason_against_seeing(view)


def is_long_enough(elapsed_ms: int, duration_ms: int) -> bool:
    """Whether a gate view that began `elapsed_ms` ago can have been watched to its end."""
    return elapsed_ms * 100 >= duration_ms * GATE_PERCENT


def signals(headers: Mapping[str, str]) -> Signals:
    """What the headers of a request say about who asks."""
    agent = headers.get("User-Agent", "")[:MOST_AGENT_CHARACTERS]
    if settings.ADS_COUNT_HEADLESS:
        agent = agent.replace("HeadlessChrome", "Chrome")
    purpose = f"{headers.get('Sec-Purpose', '')} {headers.get('Purpose', '')} {headers.get('X-Moz', '')}".lower()
    return Signals(
        user_agent=agent,
        is_prefetch="prefetch" in purpose or "prerender" in purpose,
    )


def reason_against_asking(asked_by: Signals) -> Reason | None:
    """Why whoever asks is not shown ads, or None."""
    if not asked_by.user_agent.strip():
        return Reason.NO_AGENT
    if crawleruseragents.is_crawler(asked_by.user_agent):
        return Reason.BOT
    if asked_by.is_prefetch:
        return Reason.PREFETCH
    return None


def _reason_against_seeing(view: View) -> Reason | None:
    # Reading a transcript is a way of its own to take an ad in: silence is no reason against it.
    if view.is_muted and view.is_audio and view.mode == "audio":
        return Reason.MUTED
    if view.is_hidden:
        return Reason.HIDDEN
    if view.is_gate:
        return None if is_long_enough(view.elapsed_ms, view.duration_ms) else Reason.TOO_EARLY
    claimed_ms, least_ms = _claim(view)
    if claimed_ms < least_ms:
        return Reason.TOO_SHORT
    if claimed_ms > view.elapsed_ms + CLOCK_SLACK_MS:
        return Reason.TOO_EARLY
    return None


def _claim(view: View) -> tuple[int, int]:
    """How long the ad is said to have been seen or heard, and how long it must be."""
    if not view.is_audio:
        return view.visible_ms, LEAST_VISIBLE_MS
    if view.mode == "reading":
        return view.visible_ms, view.duration_ms
    return view.audible_ms, LEAST_AUDIBLE_MS
