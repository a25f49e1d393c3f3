"""Nobody guesses a pairing code: wrong ones are counted by code, by network and altogether, and too many wait.

Only what was wrong is counted, so many people who pair at once never wait for each other. The counts are kept in the
cache under a keyed hash, for an hour, and name neither a code nor a network. They are not locked: requests that come
at the very same moment may get one try each more. That is no matter, because a code has 49 bits and lives ten minutes.
"""

import time

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from ads.megakey import pairings
from ads.traffic import prefixes
from megabox import addresses


class WrongCodes(SimpleRateThrottle):
    """So many wrong codes an hour, of whatever `about` names; asking whether one may try counts nothing."""

    cache = cache
    num_requests: int
    duration: int

    @staticmethod
    def timer() -> float:
        """Seconds since 1970."""
        return time.time()

    def about(self, request: Request) -> str | None:
        """What is counted apart; None: nothing."""
        raise NotImplementedError

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """The key of its count, which tells nobody what it is about."""
        about = self.about(request)
        if about is None:
            return None
        return f"wrong-codes:{salted_hmac('megabox.ads.wrong_codes', f'{self.scope}|{about}').hexdigest()}"

    def throttle_success(self) -> bool:
        """One may try."""
        return True

    def count(self) -> None:
        """The code was wrong."""
        if self.key is not None:
            history = [self.now, *self.cache.get(self.key, [])]
            self.cache.set(self.key, history[: self.num_requests], self.duration)

    def wait(self) -> float:
        """Seconds until one may try again."""
        return float(self.duration - (self.now - self.history[-1]))


class WrongCodesOfOne(WrongCodes):
    """The same code again and again."""

    scope, rate = "code", "5/hour"

    def about(self, request: Request) -> str | None:
        """The code, as it is read."""
        said = request.data.get("code") if isinstance(request.data, dict) else None
        return pairings.letters_of(said) if isinstance(said, str) else None


class WrongCodesOfNetwork(WrongCodes):
    """Codes from one network: a /24 of IPv4, a /64 of IPv6. Who has no address that we know shares one count."""

    scope, rate = "network", "30/hour"

    def about(self, request: Request) -> str | None:
        """The network that asks."""
        return prefixes.network_of(addresses.client(request._request))


class WrongCodesOfAll(WrongCodes):
    """Codes from everywhere: with ten thousand codes waiting, one is found in twenty million hours."""

    scope, rate = "all", "3000/hour"

    def about(self, request: Request) -> str | None:
        """Everybody."""
        return ""


PAIRING: tuple[type[WrongCodes], ...] = (WrongCodesOfOne, WrongCodesOfNetwork, WrongCodesOfAll)
