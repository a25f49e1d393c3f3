"""Whether a site wants no ad replaced: it says so in a file or in a tag, and is off the list as soon as we read it.

`/.well-known/megakey.json` with `{"replace": false}`, or `<meta name="megakey" content="no-replace">` on the start
page. A site that cannot be asked stays as it is. The same file may hold the token of a claim: `{"claims": ["..."]}`.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from django.db.models import F, Q

from ads.megakey import claiming, fetching, sites
from ads.megakey.fetching import Fetch, Unreachable
from ads.models import Site, SiteClaim

FILE = "/.well-known/megakey.json"
EVERY = timedelta(hours=24)
AGAIN = timedelta(minutes=1)
AT_ONCE = 30


def due(at: datetime) -> list[int]:
    """The sites to ask next, whoever waits longest first: those on the list, and those somebody claims."""
    is_claimed = Q(pk__in=SiteClaim.objects.filter(state=SiteClaim.State.OPEN).values("site"))
    wanted = Site.objects.filter(Q(pk__in=Site.objects.listed().values("pk")) | is_claimed)
    waiting = wanted.filter(Q(checked_at=None) | Q(checked_at__lte=at - EVERY))
    return list(waiting.order_by(F("checked_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:AT_ONCE])


def may_be_asked(site: Site, at: datetime) -> bool:
    """Whether its operator may have it asked again: not twice in a minute."""
    return site.checked_at is None or site.checked_at <= at - AGAIN


def check(site_id: int, at: datetime, fetch: Fetch = fetching.fetch) -> bool:
    """Ask one site; True when it is off the list now because of what it says. Never raises for what a site does.

    That it was asked is noted before: one that hangs, or somebody else who asks, keeps nobody waiting.
    """
    site = Site.objects.get(pk=site_id)
    if not Site.objects.filter(pk=site_id, checked_at=site.checked_at).update(checked_at=at):
        return False
    problem, how, claims = "", "", []
    try:
        said = _read(fetch(site.domain, FILE))
        claims = [text for text in _list(said.get("claims")) if isinstance(text, str) and _is_plain(text)]
        if said.get("replace") is False:
            how = Site.OptOut.FILE
        elif _is_refused(fetch(site.domain, "/")):
            how = Site.OptOut.META
    except Unreachable as fault:
        problem = "".join(sign if sign.isprintable() else "?" for sign in str(fault)[:200])
    Site.objects.filter(pk=site_id).update(problem=problem)
    claiming.confirm_by_file(site, claims, at)
    return bool(how) and sites.opt_out(site, how, at)


def _read(page: fetching.Page) -> dict[str, Any]:
    """What the file says; nothing when there is none, or it cannot be read."""
    if page.status != 200:
        return {}
    try:
        said = json.loads(page.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value[:20] if isinstance(value, list) else []


def _is_plain(text: str) -> bool:
    """Whether it can be one of our tokens; the database would not even look for some of what is none."""
    return text.isascii() and text.isprintable()


def _is_refused(page: fetching.Page) -> bool:
    if page.status != 200:
        return False
    tags = _Tags()
    tags.feed(page.body.decode("utf-8", "replace"))
    return tags.is_refused


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.is_refused = False

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """`<![...`, which pages may not hold, is passed over as browsers do; the parser would give up the page."""
        passed_over: int = self.parse_bogus_comment(i)
        return passed_over

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: (value or "").strip().lower() for name, value in attrs}
        if tag == "meta" and said.get("name") == "megakey":
            self.is_refused |= "no-replace" in said.get("content", "").replace(",", " ").split()
