"""What one tab was shown today, kept by the tab itself: it holds frequency caps for listeners without a wallet.

A tally is text that we sign and do not keep: views by campaign, and the ads of the last minutes. It names nobody, is
gone with the tab, and no key reads it on another day. `static/js/seen.js` sends tallies with each question for an ad:
those of ads that were seen, and those of ads that are shown and may yet be. The answer adds up the former, and says
what the ad it brings adds once it is seen. Who sends nothing, or what we did not write, is a stranger: shown what a
stranger is shown, and never more.

The text is `campaign=views,... / ad=second of the UTC day,... / HMAC`, without the spaces.
"""

import base64
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from ads.delivery.frequency import REPEAT_AFTER, Seen
from megabox.days import day_of, midnight

SEEN_HEADER = "Megabox-Ads-Seen"
SHOWN_HEADER = "Megabox-Ads-Shown"
MOST_CAMPAIGNS = 100
"""A tally names the last so many campaigns that were seen, and the last few ads: about 1 000 characters."""
MOST_ADS = 20
MOST_CHARACTERS = 6_000
"""A header that is longer says nothing."""
MOST_VIEWS = 1_000

_CONTEXT = b"megabox.ads.tally"
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Tally:
    """Views by campaign on a UTC day, the last seen last, and at which second of the day which ad was shown."""

    views: Mapping[int, int] = field(default_factory=dict)
    ads: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tab:
    """What a tab says with a question for an ad."""

    seen: Tally
    shown: Tally

    def counted(self, at: datetime) -> Seen:
        """What is counted against caps: what is shown may be seen any moment, so it counts as seen."""
        both = _sum([self.seen, self.shown])
        since = _second(at) - REPEAT_AFTER.seconds
        return Seen(both.views, frozenset(ad_id for ad_id, second in both.ads.items() if second > since))


def read(headers: Mapping[str, str], at: datetime) -> Tab:
    """What the headers of a request say; whatever we did not write on this UTC day says nothing."""
    return Tab(_read(headers.get(SEEN_HEADER, ""), at), _read(headers.get(SHOWN_HEADER, ""), at))


def write(tally: Tally, at: datetime) -> str:
    """A tally as signed text, good until the UTC day of `at` is over."""
    views = list(tally.views.items())[-MOST_CAMPAIGNS:]
    since = _second(at) - REPEAT_AFTER.seconds
    lately = sorted(item for item in ((second, ad_id) for ad_id, second in tally.ads.items()) if item[0] > since)
    campaigns = ",".join(f"{campaign_id}={min(n, MOST_VIEWS)}" for campaign_id, n in views)
    ads = ",".join(f"{ad_id}={second}" for second, ad_id in lately[-MOST_ADS:])
    body = f"{campaigns}/{ads}"
    return f"{body}/{_mac(body, at, next(iter(settings.ADS_TOKEN_KEYS)))}"


def of_view(campaign_id: int, ad_id: int, at: datetime) -> Tally:
    """What a view of this ad adds."""
    return Tally({campaign_id: 1}, {ad_id: _second(at)})


# --- inside


def _read(text: str, at: datetime) -> Tally:
    if not text or len(text) > MOST_CHARACTERS:
        return Tally()
    return _sum(_parse(one) for one in text.split(" ") if _is_ours(one, at))


def _is_ours(text: str, at: datetime) -> bool:
    body, _, mac = text.rpartition("/")
    said = mac.encode(errors="replace")
    return any(hmac.compare_digest(said, _mac(body, at, key_id).encode()) for key_id in settings.ADS_TOKEN_KEYS)


def _parse(text: str) -> Tally:
    campaigns, ads, _ = text.split("/")
    return Tally(_numbers(campaigns), _numbers(ads))


def _numbers(text: str) -> dict[int, int]:
    pairs = (pair.split("=") for pair in text.split(",") if pair)
    return {int(key): int(value) for key, value in pairs}


def _sum(tallies: Iterable[Tally]) -> Tally:
    views: Counter[int] = Counter()
    ads: dict[int, int] = {}
    for one in tallies:
        for campaign_id, n in one.views.items():
            views[campaign_id] = views.pop(campaign_id, 0) + n  # what was seen last stands last
        for ad_id, second in one.ads.items():
            ads[ad_id] = max(second, ads.get(ad_id, 0))
    return Tally(views, ads)


def _second(at: datetime) -> int:
    """The second of the UTC day."""
    return (at - midnight(day_of(at))).seconds


def _mac(body: str, at: datetime, key_id: str) -> str:
    """Signs `body` for the UTC day of `at`."""
    day = day_of(at).isoformat()
    said = b"|".join([_CONTEXT, day.encode(), body.encode(errors="replace")])
    digest = hmac.digest(settings.ADS_TOKEN_KEYS[key_id].encode(), said, "sha256")
    return base64.urlsafe_b64encode(digest[:_MAC_BYTES]).decode().rstrip("=")
