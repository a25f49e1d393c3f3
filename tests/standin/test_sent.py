"""The check of what is sent: it must notice what Stripe's own library would not know."""

from typing import Any

import pytest

from tests.standin import sent
from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_transfer

TRANSFER = {"amount": "100", "currency": "usd", "destination": "acct_1", "metadata": {"payout": "1"}}
SESSION: dict[str, Any] = {
    "mode": "payment",
    "line_items": [{"quantity": "1", "price_data": {"currency": "usd", "unit_amount": "999"}}],
}


def call(path: str, params: dict[str, Any]) -> list[str]:
    return sent.faults([{"method": "POST", "path": path, "params": params}])


def test_what_the_tests_themselves_send_is_known(standin: Standin) -> None:
    make_paid_session(standin)
    make_transfer(standin)

    assert sent.faults(standin.requests()) == []


@pytest.mark.parametrize(
    ("path", "params"),
    [("/v1/transfers", TRANSFER), ("/v1/checkout/sessions", SESSION), ("/v1/checkout/sessions", {})],
)
def test_what_is_right_passes(path: str, params: dict[str, Any]) -> None:
    assert call(path, params) == []


@pytest.mark.parametrize(
    ("path", "params", "fault"),
    [
        ("/v1/transfers", TRANSFER | {"colour": "red"}, "[colour] is unknown"),
        ("/v1/transfers", TRANSFER | {"amount": "1.5"}, "[amount] is '1.5'"),
        ("/v1/transfers", {"amount": "100"}, "[currency] is missing"),
        ("/v1/checkout/sessions", SESSION | {"mode": "gift"}, "[mode] is 'gift'"),
        ("/v1/checkout/sessions", SESSION | {"line_items": [{"price_date": {}}]}, "[line_items][0][price_date]"),
        ("/v1/checkout/sessions", SESSION | {"line_items": "album"}, "[line_items] is 'album'"),
        ("/v1/bananas", {}, "no parameter type"),
    ],
)
def test_what_is_wrong_is_named(path: str, params: dict[str, Any], fault: str) -> None:
    faults = call(path, params)

    assert faults
    assert fault in " ".join(faults)
