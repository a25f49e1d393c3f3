"""Nobody guesses codes: wrong ones are counted by network and altogether, and after too many of them one waits.

Only what was wrong is counted, so a hall full of people who type their codes at once never waits. The counts lie in
the cache under a keyed hash, for an hour, and name no network. They are not locked: tries of the very same moment may
be one more each, which a code of 49 bits does not mind.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from ads.traffic import prefixes
from megabox import addresses

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many wrong tries an hour of `what`, from one network or from everywhere."""

    what: str
    of_network: int
    of_all: int

    def wait(self, request: HttpRequest, at: datetime) -> timedelta:
        """How long this request must wait before it may try; zero when it may."""
        waits = [_wait(_tries(key, at), most, at) for key, most in self._counts(request)]
        return max(waits)

    def count(self, request: HttpRequest, at: datetime) -> None:
        """The try was wrong."""
        for key, most in self._counts(request):
            cache.set(key, [at, *_tries(key, at)][:most], HOUR.total_seconds())

    def _counts(self, request: HttpRequest) -> list[tuple[str, int]]:
        networks = prefixes.networks_of(addresses.client(request), self.of_network)
        return [*((self._key(f"network|{name}"), most) for name, most in networks), (self._key("all"), self.of_all)]

    def _key(self, about: str) -> str:
        return f"wrong-tries:{salted_hmac('megabox.store.tries', f'{self.what}|{about}').hexdigest()}"


def _tries(key: str, at: datetime) -> list[datetime]:
    """When the wrong tries of the last hour were, newest first."""
    return [then for then in cache.get(key, []) if at - HOUR < then <= at]


def _wait(tries: list[datetime], most: int, at: datetime) -> timedelta:
    return tries[most - 1] + HOUR - at if len(tries) >= most else timedelta(0)


DOWNLOAD_CODES = Limit("download codes", of_network=30, of_all=3_000)
"""With a million codes that wait, a thousand of these hours find one with a chance of one in three hundred."""


DISCOUNTS = Limit("discounts", of_network=60, of_all=6_000)
"""Discount codes are words that people shout; this only keeps machines from reading the dictionary."""


def sentence(wait: timedelta) -> str:
    """Why one must wait, and for how long."""
    minutes = -(-wait // timedelta(minutes=1))
    return (
        f"Too many codes that do not exist were typed. Wait {minutes} minute{'' if minutes == 1 else 's'}, then look "
        "at yours again."
    )
