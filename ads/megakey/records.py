"""What the DNS says of a claimed site: several resolvers are asked for its TXT record, each for itself, in seconds.

A person decides: this looks the record up for them, and keeps what was answered and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from ads.models import SiteClaim

SECONDS = 3.0
"""So long one resolver may take, with all its tries."""
MOST_RECORDS = 20
MOST_CHARACTERS = 255
ENOUGH = 2
"""So many resolvers must have answered; one alone may be lied to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one resolver said: whether the record is there, None when it could not say, and a sentence."""

    is_there: bool | None
    sentence: str


def look_up(claim_id: int, at: datetime) -> bool | None:
    """Ask for the record of a claim and keep the answers; whether it is there, None when too few could say.

    It is there when every resolver that answered has seen it. Raises SiteClaim.DoesNotExist.
    """
    made = SiteClaim.objects.select_related("site").get(pk=claim_id)
    answers = [ask(made.site.domain, made.record, one) for one in settings.MEGAKEY_RESOLVERS]
    told = [one.is_there for one in answers if one.is_there is not None]
    is_there = all(told) if len(told) >= min(ENOUGH, len(answers)) and told else None
    SiteClaim.objects.filter(pk=claim_id).update(
        looked_up_at=at, is_in_dns=is_there, answers=[one.sentence for one in answers]
    )
    return is_there


def ask(domain: str, record: str, resolver: str) -> Answer:
    """Ask one resolver, `address` or `address#port`, for the TXT records of a site. Never raises for what it says."""
    import dns.exception
    import dns.resolver

    address, _, port = resolver.partition("#")
    name = f"_megakey.{domain}"
    asked = dns.resolver.Resolver(configure=False)
    try:
        asked.nameservers, asked.port = [address], int(port or 53)
        found = asked.resolve(f"{name}.", "TXT", lifetime=SECONDS, search=False)
    except dns.resolver.NXDOMAIN:
        return Answer(False, f"{address}: there is no name {name}.")
    except dns.resolver.NoAnswer:
        return Answer(False, f"{address}: {name} has no TXT record.")
    except dns.resolver.LifetimeTimeout:
        return Answer(None, f"{address}: it did not answer within {SECONDS:.0f} seconds. Look again later.")
    except dns.resolver.NoNameservers:
        return Answer(None, f"{address}: it could not say (SERVFAIL or REFUSED). The servers of {domain} may be ill.")
    except (dns.exception.DNSException, OSError, ValueError) as fault:
        return Answer(None, f"{address}: it could not be asked ({type(fault).__name__}).")
    texts = [b"".join(one.strings).decode("utf-8", "replace") for one in found][:MOST_RECORDS]
    if record in texts:
        return Answer(True, f"{address}: the record is there.")
    return Answer(False, f"{address}: the record is not there, but {_listed(texts)}.")


def _listed(texts: Sequence[str]) -> str:
    """What stands there instead, for a person: shortened, and without what cannot be printed."""
    clean = ["".join(letter if letter.isprintable() else "?" for letter in one)[:MOST_CHARACTERS] for one in texts]
    return ", ".join(f"“{one}”" for one in clean)
