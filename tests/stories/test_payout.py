"""Story 4: attention and sales become ledger entries, these become a run that two people agree on, and it pays once."""

import csv
import io
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ads import tasks as ads_tasks
from artists.models import Album, Payee
from ledger import chart, journal
from payouts import tasks as payout_tasks
from payouts.models import Payout, PayoutRun
from tests.ads.factories import make_ad, make_campaign, see, usd
from tests.artists.factories import make_album
from tests.payouts.conftest import running_standin, standin
from tests.standin.server import Standin
from tests.store.factories import make_paid_order
from tests.users.factories import ada, max_, nina
from users.models import User

__all__ = ["running_standin", "standin"]
pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rows(answer: object) -> list[dict[str, str]]:
    """A CSV answer as a spreadsheet reads it."""
    text = answer.getvalue().decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def album(standin: Standin) -> Album:
    """Nina's album; her payouts are set up with an account that Stripe knows."""
    album = make_album("Night Bus", tracks=2, price_micros=usd("9.99"))
    owner = nina()
    album.artist.owner = owner
    album.artist.save()
    Payee.objects.filter(pk=album.artist.payee_id).update(
        user=owner, stripe_account=standin.payable_account(), is_payouts_enabled=True
    )
    return album


def earn(album: Album, at: datetime) -> None:
    """Sixty views beside the music at a dollar each, and one sale at $9.99."""
    campaign = make_campaign(budget_micros=usd("100"), cpm_micros=usd("1000"), starts_at=at - timedelta(days=1))
    ad = make_ad(campaign)
    for _ in range(60):
        see(ad, album, at=at)
    make_paid_order(album, at=at)


def test_from_attention_and_sales_to_money_in_the_artists_account(album: Album, standin: Standin) -> None:
    earn(album, timezone.now() - timedelta(days=20))
    payee_id = album.artist.payee_id
    payable = chart.payee(payee_id, "payable", "USD")

    # Hourly settlement and nightly close turn impressions into entries, and what has waited long enough matures.
    ads_tasks.settle()
    assert journal.balance(payable) == 0
    ads_tasks.close_days()
    ads_tasks.close_days()
    assert journal.balance(payable) == usd("54") + usd("8.991")

    # ada opens a run; she cannot approve what she opened.
    adas, maxs = signed_in(ada()), signed_in(max_())
    month = f"{timezone.now():%Y-%m}"
    adas.post(reverse("payouts:open_run"), {"unit": "USD", "period": month})
    run = PayoutRun.objects.get()
    page = reverse("payouts:run", args=[run.pk])
    assert b"Nova Kit" in adas.get(page).content
    adas.post(reverse("payouts:approve", args=[run.pk]), {"content_hash": run.content_hash})
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPUTED

    # max sees the same content and approves it; the money is reserved.
    maxs.post(reverse("payouts:approve", args=[run.pk]), {"content_hash": run.content_hash})
    run.refresh_from_db()
    assert run.state == PayoutRun.State.APPROVED
    assert journal.balance(chart.transit("USD")) == usd("62.99")

    # Workers pay it, and nothing they repeat pays again.
    adas.post(reverse("payouts:execute", args=[run.pk]))
    adas.post(reverse("payouts:execute", args=[run.pk]))
    payout_tasks.sweep()
    payout_tasks.sweep()
    run.refresh_from_db()
    payout = Payout.objects.get()
    assert (run.state, payout.state) == (PayoutRun.State.COMPLETED, Payout.State.PAID)
    transfers = standin.transfers(payout.transfer_group)
    assert [transfer["amount"] for transfer in transfers] == [6_299]

    # The register, the artist's statement and the books agree to the micro.
    register = rows(adas.get(reverse("payouts:run_csv", args=[run.pk])))
    assert [(row["payee"], row["paid_micros"]) for row in register[:-1]] == [("Nova Kit", "62990000")]
    assert register[-1]["paid_micros"] == "62990000"
    statement = rows(signed_in(nina()).get(reverse("payouts:statement_csv")))
    amounts = [int(row["amount_micros"]) for row in statement]
    opening, *moved, closing = amounts
    assert opening + sum(moved) == closing == journal.balance(payable) == usd("0.001")
    assert journal.balance(chart.transit("USD")) == 0

    call_command("audit_books")


def test_nobody_else_sees_the_run_or_the_statement(album: Album) -> None:
    earn(album, timezone.now() - timedelta(days=20))
    answer = signed_in(nina()).get(reverse("payouts:runs"))
    assert answer.status_code == 403
