"""Whether a view counts. Pure: what is known about one view goes in, the reason against it comes out.

No profiles and no lists of people: only what the view itself says, and how it was asked for. Of people nobody knows,
many views for one artist from one network count less and less (`weight`); nobody is turned away for a neighbour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import crawleruseragents
from django.conf import settings
from django.db import models

from ads.models import WHOLE_PERMILLE
from ads.traffic import datacentres

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
    DATACENTRE = "datacentre", "From a data centre, where nobody listens"
    NO_SCRIPT = "no_script", "Not asked for by the script of a page"
    PREFETCH = "prefetch", "Loaded ahead, not looked at"
    TOO_SHORT = "too_short", "Not seen or heard for long enough"
    TOO_EARLY = "too_early", "Claimed sooner than it could have been seen"
    TOO_LATE = "too_late", "Claimed when its token had expired"
    HIDDEN = "hidden", "In a tab nobody looked at"
    MUTED = "muted", "A spot without sound"
    OWN_CAMPAIGN = "own_campaign", "Seen by its own advertiser"
    FREQUENCY = "frequency", "Seen too often by one listener that day"
    BLOCKED = "blocked", "From a blocked wallet"
    NOT_SHOWABLE = "not_showable", "The ad is not approved any more"
    OVER_BUDGET = "over_budget", "Over the budget or the day's cap"
    REVIEW = "review", "Found invalid in the review"

    @classmethod
    def say(cls, value: str) -> str:
        """A reason as a view has it, in words; one that is not known any more is said as it was written down."""
        return str(cls(value).label) if value in cls.values else value


@dataclass(frozen=True, slots=True)
class Signals:
    """What the request itself says about who asks; the name of a browser is looked at and not kept."""

    is_bot: bool = False
    is_nameless: bool = False
    is_prefetch: bool = False
    is_datacentre: bool = False
    is_scriptless: bool = False

    @property
    def flags(self) -> str:
        """The same in letters: `b` a known robot, `n` a browser that does not say what it is, `p` loaded ahead,
        `d` from a data centre, `s` not by a script.
        """
        return "".join(letter for letter, name in _LETTERS.items() if getattr(self, name))

    @classmethod
    @lru_cache(maxsize=100)
    def of(cls, flags: str) -> "Signals":
        """The signals that these letters say."""
        return cls(**{name: letter in flags for letter, name in _LETTERS.items()})


_LETTERS = {
    "b": "is_bot",
    "n": "is_nameless",
    "p": "is_prefetch",
    "d": "is_datacentre",
    "s": "is_scriptless",
}


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
    lifetime_ms: int | None = None


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


def weight(n: int, is_proven: bool) -> int:
    """How much of its price the `n`-th view of the day from one network prefix for one artist is charged, in permille.

    `is_proven` says that the listener is known to be a person: then it counts in full. Else the first
    `settings.ADS_FULL_VIEWS` do, and those that follow a half, a third, a quarter ... and so on, never a cliff.
    """
    beyond = n - settings.ADS_FULL_VIEWS
    return WHOLE_PERMILLE if is_proven or beyond <= 0 else WHOLE_PERMILLE // (beyond + 1)


def weighed(price_micros: int, permille: int) -> int:
    """What is charged of a price: whole micros, rounded down, so the advertiser never pays for the rest."""
    return price_micros * permille // WHOLE_PERMILLE


def is_long_enough(elapsed_ms: int, duration_ms: int) -> bool:
    """Whether a gate view that began `elapsed_ms` ago can have been watched to its end."""
    return elapsed_ms * 100 >= duration_ms * GATE_PERCENT


@lru_cache(maxsize=2_000)
def _is_crawler(agent: str) -> bool:
    """Whether a browser's name is a known robot's: some hundreds of patterns, so names are remembered, not people."""
    return bool(crawleruseragents.is_crawler(agent))


def signals(headers: Mapping[str, str], address: str = "") -> Signals:
    """What the headers of a request, and the address it came from, say about who asks; the address is not kept."""
    agent = headers.get("User-Agent", "")[:MOST_AGENT_CHARACTERS]
    if settings.ADS_COUNT_HEADLESS:
        agent = agent.replace("HeadlessChrome", "Chrome")
    purpose = f"{headers.get('Sec-Purpose', '')} {headers.get('Purpose', '')} {headers.get('X-Moz', '')}".lower()
    return Signals(
        is_bot=_is_crawler(agent),
        is_nameless=not agent.strip(),
        is_prefetch="prefetch" in purpose or "prerender" in purpose,
        is_datacentre=bool(address) and datacentres.holds(address),
        # What a script asks for goes to no element of a page. Browsers that do not say are believed.
        is_scriptless=headers.get("Sec-Fetch-Dest", "empty") != "empty",
    )


def reason_against_asking(asked_by: Signals) -> Reason | None:
    """Why whoever asks is not shown ads, or None."""
    if asked_by.is_nameless:
        return Reason.NO_AGENT
    if asked_by.is_bot:
        return Reason.BOT
    if asked_by.is_datacentre:
        return Reason.DATACENTRE
    if asked_by.is_prefetch:
        return Reason.PREFETCH
    if asked_by.is_scriptless:
        return Reason.NO_SCRIPT
    return None


def _reason_against_seeing(view: View) -> Reason | None:
    # Reading a transcript is a way of its own to take an ad in: silence is no reason against it.
    if view.is_muted and view.is_audio and view.mode == "audio":
        return Reason.MUTED
    # What is heard need not be looked at.
    if view.is_hidden and not (view.is_audio and view.mode == "audio"):
        return Reason.HIDDEN
    if view.lifetime_ms is not None and view.elapsed_ms > view.lifetime_ms:
        return Reason.TOO_LATE
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
