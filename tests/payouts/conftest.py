"""One real stand-in of Stripe for the tests of payouts."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from tests.standin.server import Standin


@pytest.fixture(scope="session")
def running_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """The process, started once."""
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        standin.fund(50_000_000)
        yield standin


@pytest.fixture
def standin(running_standin: Standin, settings: LazySettings) -> Iterator[Standin]:
    """The process, and settings that point to it; no switch is left turned."""
    settings.STRIPE_API_KEY = running_standin.key
    settings.STRIPE_API_BASE = running_standin.url
    yield running_standin
    running_standin.post("/_test/heal")
