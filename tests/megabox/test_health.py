"""`/healthz`: a monitor learns what is wrong, and strangers learn no more than that."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from megabox import health
from users import mail
from users.models import Mail

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _broker(settings: Settings, tmp_path: Path) -> None:
    settings.REDIS_URL = ""
    settings.BROKER_DIR = tmp_path
    (tmp_path / "queue").mkdir()


def test_all_is_well(client: Client) -> None:
    answer = client.get("/healthz")
    body = answer.json()
    assert answer.status_code == 200
    assert {body[part] for part in ("status", "database", "broker", "storage")} == {"ok"}
    assert body["oldest_waiting_seconds"] == 0


def test_a_lost_broker_is_told(client: Client, tmp_path: Path) -> None:
    (tmp_path / "queue").rmdir()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["broker"]) == (503, "failing: FileNotFoundError")


def test_a_storage_that_cannot_be_written_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError("secret path")

    monkeypatch.setattr(health, "_try_storage", full)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["storage"]) == (503, "failing: OSError")
    assert b"secret" not in answer.content


def test_work_that_waits_too_long_means_that_no_worker_is_there(client: Client) -> None:
    mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    Mail.objects.update(next_try_at=timezone.now() - timedelta(seconds=health.OLDEST_WAIT_SECONDS + 5))
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["waiting_seconds"]["mail"] >= health.OLDEST_WAIT_SECONDS
