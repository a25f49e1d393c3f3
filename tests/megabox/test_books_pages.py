"""A cent of a payout is followed down to its views or its order, and from a view up to the payout, by links alone."""

import re
import uuid
from datetime import datetime, time, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ads.models import Impression
from ads.revenue import rejections, settlement
from artists.models import Album
from ledger import journal, payees
from ledger.models import Posting
from megabox import sources
from payouts.models import Payout
from tests.ads.factories import DAY, NEXT_DAY, NOON, make_ad, make_campaign, see, watch
from tests.ads.factories import make_wallet as make_listener
from tests.artists.factories import make_album
from tests.payouts.factories import approve, open_run
from tests.store.factories import make_paid_order, make_sold_album
from tests.users.factories import ada

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(ada())
    return client


def mature(days: int) -> None:
    day = DAY + timedelta(days=days)
    payees.mature(day, at=datetime.combine(day, time(13), timezone.now().tzinfo))


@pytest.fixture
def album() -> Album:
    """An album that earned by two sales and by views beside it, all of it in a payout."""
    album = make_sold_album(price_micros=60_000_000)
    payee = album.artist.payee
    payee.is_payouts_enabled, payee.stripe_account = True, "acct_1"
    payee.save()
    make_paid_order(album, at=NOON)
    ad = make_ad(make_campaign(name="Night buses"))
    for minute in range(3):
        see(ad, album, at=NOON + timedelta(minutes=minute))
    settlement.settle_due(NEXT_DAY)
    mature(20)
    approve(open_run(at=NOON + timedelta(days=21)), at=NOON + timedelta(days=21))
    return album


def open_link(desk: Client, page: str, pattern: str) -> str:
    """The page behind the first link that looks so; it must be there."""
    link = re.search(rf'href="({pattern})"', page)
    assert link, f"no link to {pattern}"
    answer = desk.get(link[1])
    assert answer.status_code == 200, link[1]
    return answer.text


def test_from_a_payout_down_to_its_order(desk: Client, album: Album) -> None:
    payout = Payout.objects.get()
    register = desk.get("/desk/reports/payouts/", {"since": "2026-01-01", "until": "2026-12-31"}).text
    source = open_link(desk, register, rf"/desk/books/sources/payouts\.payout%3A{payout.pk}/")
    page = open_link(desk, source, f"/desk/books/payouts/{payout.pk}/")
    line = open_link(desk, page, r"/desk/books/sources/store\.line%3A\d+/")
    order = open_link(desk, line, r"/desk/books/sources/store\.order%3A[0-9a-f-]+/")
    assert "$60.00" in order
    assert "leo@" not in order, "who bought it is not shown"


def test_from_a_payout_down_to_its_views_and_up_again(desk: Client, album: Album) -> None:
    payout = Payout.objects.get()
    page = desk.get(f"/desk/books/payouts/{payout.pk}/").text
    earning = open_link(desk, page, rf"/desk/books/postings/{_ads_earning().pk}/")
    source = open_link(desk, earning, r"/desk/books/sources/ads\.group%3A\d+/")
    group = open_link(desk, source, r"/desk/books/groups/\d+/")
    assert "Night buses" in group
    view = open_link(desk, group, r"/desk/books/views/[0-9a-f-]+/")
    assert f"payout {payout.pk}" in view
    again = open_link(desk, view, rf"/desk/books/sources/payouts\.payout%3A{payout.pk}/")
    assert f"Payout {payout.pk}" in again


def _ads_earning() -> Posting:
    return Posting.objects.get(entry__kind="ads settled", credit__code__startswith="payee:")


def test_a_payout_says_to_the_micro_what_it_is_made_of(desk: Client, album: Album) -> None:
    payout = Payout.objects.get()
    section = desk.get(f"/desk/books/payouts/{payout.pk}/").context["sections"][0]
    [total] = section.table.totals()
    assert total[-1] == payout.amount_micros


def test_a_view_names_nobody(desk: Client, album: Album) -> None:
    wallet = make_listener("a-secret-guest")
    seen = watch(make_ad(), wallet)
    settlement.settle_due(NEXT_DAY)
    page = desk.get(f"/desk/books/views/{seen.pk}/").text
    assert "a-secret-guest" not in page
    assert "Before a free download" in page


def test_a_rejected_view_still_leads_to_the_entry_that_billed_it(desk: Client, album: Album) -> None:
    seen = Impression.objects.order_by("number").first()
    assert seen is not None
    rejections.reject_batch([seen.pk], at=NEXT_DAY + timedelta(days=30))
    page = desk.get(f"/desk/books/views/{seen.pk}/").text
    entry = open_link(desk, page, r"/desk/books/entries/\d+/")
    assert "ads settled" in entry
    assert "rejected" in page


def test_an_entry_and_what_took_it_back_name_each_other(desk: Client) -> None:
    order = make_paid_order(make_album(price_micros=5_000_000, tracks=1))
    sale = journal.entry_for(order.entry_key)
    assert sale is not None
    undone = journal.reverse(sale, key="undo", occurred_at=NOON + timedelta(days=10), why="sold by mistake").entry
    assert f'href="/desk/books/entries/{undone.pk}/"' in desk.get(f"/desk/books/entries/{sale.pk}/").text
    page = desk.get(f"/desk/books/entries/{undone.pk}/").text
    assert f'href="/desk/books/entries/{sale.pk}/"' in page
    assert "sold by mistake" in page
    assert undone.digest in page
    earned = sale.postings.filter(credit__code__startswith="payee:").first()
    assert earned is not None
    page = desk.get(f"/desk/books/postings/{earned.pk}/").text
    assert f"({earned.amount} micros)" in page
    assert "<dt>Split</dt><dd>100 %</dd>" in page
    assert "_micros" not in page
    assert "Taken back by" in page


@pytest.mark.parametrize(
    "path",
    [
        "entries/987654/",
        "postings/987654/",
        "sources/store.line%3A987654/",
        "sources/store.line%3Ax/",
        "sources/store.order%3A1/",
        "sources/ads.group%3A99999999999999999999999/",
        "sources/nothing/",
        "groups/987654/",
        f"views/{uuid.UUID(int=7)}/",
        "payouts/987654/",
    ],
)
def test_what_is_not_there_is_not_found(desk: Client, path: str) -> None:
    assert desk.get(f"/desk/books/{path}").status_code == 404


def test_every_source_that_is_posted_is_known(desk: Client, album: Album) -> None:
    for source in set(Posting.objects.exclude(source="").values_list("source", flat=True)):
        assert sources.resolve(source) is not None, source
        assert desk.get(f"/desk/books/sources/{source}/").status_code == 200


@pytest.mark.parametrize("name", ["%00", "store.line:%00", "store.line:" + "9" * 30, "store.order:-1", "x" * 2_000])
def test_a_source_that_no_row_can_have_is_not_found(desk: Client, name: str) -> None:
    assert desk.get(f"/desk/books/sources/{name}/").status_code == 404
