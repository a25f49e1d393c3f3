"""An address is taken from the connection, and from a header only when a proxy of ours wrote it."""

from ipaddress import ip_network

import pytest
from django.conf import LazySettings
from django.test import RequestFactory

from megabox import addresses


def _client(sender: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return addresses.client(RequestFactory().get("/", headers=headers, REMOTE_ADDR=sender))


def test_the_address_is_that_of_the_sender() -> None:
    assert _client("198.51.100.7") == "198.51.100.7"
    assert _client("2001:DB8:0::7") == "2001:db8::7"
    assert _client("::ffff:198.51.100.7") == "198.51.100.7"


def test_a_header_that_anybody_can_write_is_not_believed() -> None:
    assert _client("198.51.100.7", "203.0.113.9") == "198.51.100.7"


@pytest.mark.parametrize(
    ("sender", "forwarded", "known"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # a stranger who pretends to be our proxy
        ("10.0.0.2", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.2", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # what the client wrote itself stands on the left
        ("10.0.0.2", "1.1.1.1, 203.0.113.9, 10.0.0.3", "203.0.113.9"),
        ("10.0.0.2", "10.0.0.9, 10.0.0.3", "10.0.0.9"),
        ("::ffff:10.0.0.2", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.2", "203.0.113.9, rubbish", "10.0.0.2"),
        ("10.0.0.2", "203.0.113.9,, ", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", None, "10.0.0.2"),
        ("", "203.0.113.9", ""),
    ],
)
def test_behind_our_proxies_it_is_the_last_hop_that_is_none_of_them(
    sender: str, forwarded: str | None, known: str, settings: LazySettings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert _client(sender, forwarded) == known
