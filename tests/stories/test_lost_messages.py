"""The row is the queue: when every message to the workers is lost, the clock alone brings all work to its end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Task
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artists import sweeping
from artists.models import Payee, Rendition, Upload
from megabox.celery import app
from payouts.models import Payout, PayoutRun
from store.models import LibraryItem, Order
from tests.artists.factories import make_album, make_artist, tone
from tests.payouts.conftest import running_standin, standin
from tests.payouts.factories import approve, earn, open_run
from tests.standin.server import Standin
from tests.store.factories import event_of, listener, make_order, make_sold_album, post_event
from tests.users.factories import ada, leo, nina
from users.models import Mail

__all__ = ["running_standin", "standin"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def lost(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the messages that were sent; none of them arrives."""
    names: list[str] = []
    monkeypatch.setattr(Task, "apply_async", lambda task, *args, **options: names.append(task.name))
    return names


def the_clock_strikes(times: int = 2) -> None:
    """What beat does in a while: every scheduled task runs."""
    app.loader.import_default_modules()
    for _ in range(times):
        for entry in settings.CELERY_BEAT_SCHEDULE.values():
            app.tasks[str(entry["task"])].run()


def test_an_upload_is_checked_and_its_formats_are_made(
    tmp_path: Path, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "PATIENCE", timedelta(0))  # fresh rows are left to their message for a while
    client = Client()
    client.force_login(nina())
    album = make_album("Early", artist=make_artist(owner=nina()), published=False)
    with tone(tmp_path / "01 One.wav").open("rb") as file:
        client.post(reverse("artists:upload", args=[album.pk]), {"file": file}, headers={"Accept": "application/json"})
    assert [name for name in lost if name.startswith("artists.")]
    assert Upload.objects.get().state == Upload.State.RECEIVED
    the_clock_strikes()
    assert Upload.objects.get().state == Upload.State.READY
    assert set(Rendition.objects.values_list("state", flat=True)) == {Rendition.State.READY}
    call_command("audit_books")


def test_a_paid_order_is_fulfilled_and_its_receipt_goes_out(standin: Standin, settings: Any, lost: list[str]) -> None:
    settings.MAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    order = make_order(make_sold_album(), by=listener(leo()), at=timezone.now())
    assert post_event(event_of("checkout.session.completed", order)).status_code == 200
    assert [name for name in lost if name.startswith("store.")]
    assert not LibraryItem.objects.exists()
    the_clock_strikes()
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    assert LibraryItem.objects.get().user == leo()
    assert set(Mail.objects.values_list("state", flat=True)) == {Mail.State.SENT}


def test_an_executing_run_is_paid(standin: Standin, lost: list[str]) -> None:
    payee = Payee.objects.create(name="Nina", stripe_account=standin.payable_account(), is_payouts_enabled=True)
    earn(payee, 60_000_000, at=timezone.now() - timedelta(days=30))
    run = approve(open_run(at=timezone.now()), at=timezone.now())
    client = Client()
    client.force_login(ada())
    client.post(reverse("payouts:execute", args=[run.pk]))
    assert [name for name in lost if name.startswith("payouts.")]
    the_clock_strikes()
    run.refresh_from_db()
    payout = Payout.objects.get()
    assert (run.state, payout.state) == (PayoutRun.State.COMPLETED, Payout.State.PAID)
    assert len(standin.transfers(payout.transfer_group)) == 1
