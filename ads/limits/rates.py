"""How often gates are opened, ads started at them, and reports sent: generously, by session and by network.

Counted in the memory of each process, as `ads.limits.lately` does, and never written down.
"""

from datetime import datetime

from django.conf import settings

from ads.limits import unseen
from ads.limits.lately import Bound, Lately
from ads.models import Impression, Wallet
from ads.tokens import Offer
from ads.traffic import prefixes

MINUTES = 10
MOST_OPENED = 60
"""Gates that one session may open in ten minutes."""
MOST_STARTED = 100
"""Ads that one session may start at gates in ten minutes: more than can be watched."""
SCHOOL = 50
"""A network may do so many times as much as a session."""

_opened, _started, _reported = Lately(60 * MINUTES), Lately(60 * MINUTES), Lately(60)


class TooMany(Exception):
    """Too much was asked too fast; the message says when to come back, `headers` says it to programs."""

    def __init__(self, what: str, seconds: int) -> None:
        self.headers = {"Retry-After": str(seconds)}
        minutes = -(-seconds // 60)
        super().__init__(f"{what} Try again in {minutes} minute{'s' if minutes > 1 else ''}.")


def opening(session: str, address: str, at: datetime) -> None:
    """A gate is to be opened; `session` names a person or a guest, empty for a stranger. Raises TooMany."""
    bounds = _bounds(session, address, at, MOST_OPENED)
    if not _opened.take(bounds, at):
        raise TooMany("Too many downloads were begun here in a short time.", _opened.wait_seconds(bounds, at))


def starting(session: str, address: str, wallet: Wallet, at: datetime) -> None:
    """An ad is to be started at a gate. Raises TooMany, also where many were started and not watched to their end.

    Call `not_started` when there was none to start, and `watched` when one was.
    """
    bounds = _bounds(session, address, at, MOST_STARTED)
    if not _started.take(bounds, at):
        raise TooMany("Too many ads were started here in a short time.", _started.wait_seconds(bounds, at))
    waiting = unseen.bounds(address, wallet, at)
    if not unseen.at_gates.take(waiting, at):
        raise TooMany(
            "Too many ads were started here and not watched to their end. Advertisers' money waits for each of them.",
            unseen.at_gates.wait_seconds(waiting, at),
        )


def not_started(address: str, wallet: Wallet, at: datetime) -> None:
    """There was no ad to start when it was asked for at `at`."""
    unseen.at_gates.give_back(unseen.bounds(address, wallet, at), at)


def watched(offer: Offer, address: str, wallet: Wallet, at: datetime) -> None:
    """An ad was watched to its end at a gate at `at`; what was counted before that is not counted again."""
    if Impression.objects.filter(pk=offer.id, viewed_at=at).exists():
        unseen.at_gates.give_back(unseen.bounds(address, wallet, at), offer.issued_at)


def reporting(address: str, at: datetime) -> None:
    """A batch of reports has come. Raises TooMany."""
    bounds = prefixes.bounds(address, at, settings.ADS_MOST_REPORTS)
    if not _reported.take(bounds, at):
        raise TooMany("Too many reports come from your network.", _reported.wait_seconds(bounds, at))


def forget() -> None:
    """Count from nothing: what tests do."""
    for one in (_opened, _started, _reported):
        one.forget()


def _bounds(session: str, address: str, at: datetime, most: int) -> list[Bound]:
    mine: list[Bound] = [(session, most)] if session else []
    return [*mine, *prefixes.bounds(address, at, SCHOOL * most)]
