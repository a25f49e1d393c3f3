"""Past card payments at the local stand-in of Stripe, so that the demo's books agree with what Stripe knows."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings

from artists.audio.sandbox import dies_with_parent
from megabox import money
from store.models import Order
from store.sales import checkout
from store.sales.checkout import Session

BACKDATE = "megabox_demo_at"
"""The stand-in's own word for "date this back", in seconds since 1970; it is no word of Stripe's."""


class NoStandin(Exception):
    """The stand-in does not start or refuses something; the message says what."""


@contextmanager
def there() -> Iterator[None]:
    """Make sure that the stand-in answers while the body runs: the running site's, else one of our own."""
    assert settings.IS_STANDIN, "the demo charges nobody's real card"
    configured = str(settings.STRIPE_API_BASE)
    if _answers(configured, patience=2.0):
        yield
        return
    process = _start()
    try:
        settings.STRIPE_API_BASE = _address(process)
        yield
    finally:
        settings.STRIPE_API_BASE = configured
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def pay(order: Order, *, at: datetime, name: str) -> Session:
    """Charge a placed order at the moment `at`; return what Stripe would tell. Safe to repeat."""
    about = {"order": str(order.pk), **stamp(at)}
    items = {
        f"line_items[{index}][{key}]": value
        for index, line in enumerate(order.lines.all())
        for key, value in {
            "price_data][currency": order.unit.lower(),
            "price_data][unit_amount": money.floor_to_minor(line.price_micros, order.unit),
            "price_data][product_data][name": line.title,
            "quantity": 1,
        }.items()
    }
    params = {
        "mode": "payment",
        **items,
        "success_url": f"{settings.SITE_URL}/orders/{order.pk}/",
        "client_reference_id": str(order.pk),
        **_nested("metadata", about),
        **_nested("payment_intent_data[metadata]", about),
    }
    session = call("/v1/checkout/sessions", params, key=f"order:{order.pk}")
    buyer = {"email": order.email or (order.user.email if order.user else ""), "name": name, "deliver": False}
    return checkout.read_session(_post_json(f"/_test/checkout/{session['id']}/pay", buyer))


def refund(order: Order, *, at: datetime) -> int:
    """Give a whole payment back; return the minor units refunded so far. Safe to repeat."""
    params = {"payment_intent": order.payment_intent, **_nested("metadata", stamp(at))}
    refunded = call("/v1/refunds", params, key=f"demo-refund:{order.pk}")
    return int(refunded["amount"])


def enable(account: str) -> None:
    """What a payee does on Stripe's pages before they can be paid."""
    _post_json(f"/_test/accounts/{account}/enable", {})


def stamp(at: datetime) -> dict[str, str]:
    """Metadata that dates a charge or transfer back to `at`."""
    return {BACKDATE: str(int(at.timestamp()))}


def call(path: str, params: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """One call of the API, in Stripe's own form."""
    headers = {
        "Authorization": f"Bearer {settings.STRIPE_API_KEY}",
        "Idempotency-Key": key,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return _open(path, urllib.parse.urlencode(params).encode(), headers)


def _nested(name: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}[{key}]": value for key, value in values.items()}


def _post_json(path: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return _open(path, json.dumps(values).encode(), {"Content-Type": "application/json"})


def _open(path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(f"{settings.STRIPE_API_BASE}{path}", body, dict(headers), method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310  our own address
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise NoStandin(f"The stand-in refused {path}: {refusal.read().decode()[:400]}") from refusal


def _answers(base: str, *, patience: float) -> bool:
    """Whether the stand-in is there; `make run` starts it in the same breath as us."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(f"{base}/", timeout=2):  # noqa: S310  our own address
                return True
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)


def _start() -> "subprocess.Popen[str]":
    """A stand-in of our own on the same file, telling nobody."""
    arguments: Sequence[str] = ["--port", "0", "--db", str(settings.VAR_DIR / "standin.sqlite3")]
    secret = ["--webhook-url", "", "--webhook-secret", settings.STRIPE_WEBHOOK_SECRET]
    return subprocess.Popen(
        [*dies_with_parent(), sys.executable, "-m", "megabox.standin", *arguments, *secret],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        raise NoStandin("The stand-in of Stripe did not start. Start the site with `make run`.")
    return line.split(": ", 1)[1].strip()
