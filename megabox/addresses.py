"""Where a request came from, as far as it can be known: nobody says themselves which address they have."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def client(request: HttpRequest) -> str:
    """The address of whoever asks, in its usual form; empty when the server does not know it.

    The sender's own, unless `settings.TRUSTED_PROXIES` names the sender: then the last hop in X-Forwarded-For that is
    none of our proxies. What is written further left was written by a stranger and is not read.
    """
    sender = _read(request.META.get("REMOTE_ADDR", ""))
    if sender is None:
        return ""
    found = sender
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if not _is_trusted(found):
            break
        told = _read(hop)
        if told is None:
            break
        found = told
    return str(found)


def _read(text: str) -> Address | None:
    """An address; one of IPv4 that is written as IPv6 is what it stands for."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address) -> bool:
    networks: Sequence[IPv4Network | IPv6Network] = settings.TRUSTED_PROXIES
    return any(address in network for network in networks)
