"""The real stand-in of Stripe for the store's tests: its own process, telling our own webhook over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from pytest_django.live_server_helper import LiveServer

from tests.standin.server import Standin


@pytest.fixture
def standin(tmp_path: Path, live_server: LiveServer, settings: LazySettings) -> Iterator[Standin]:
    """The process, and settings that point there and back."""
    with Standin(tmp_path, webhook_url=f"{live_server.url}/stripe/webhook/") as running:
        settings.STRIPE_API_KEY = running.key
        settings.STRIPE_API_BASE = running.url
        settings.STRIPE_WEBHOOK_SECRET = running.secret
        settings.SITE_URL = live_server.url
        yield running
