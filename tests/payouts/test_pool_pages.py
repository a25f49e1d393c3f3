"""What people see of the pool: an artist every model's answer, the staff every micro's way."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from artists.models import Payee
from ledger.models import Posting
from megabox.reporting import Filters
from payouts import pictures, pool, pool_reports, pool_story
from payouts.models import PoolShare
from tests.payouts.factories import MICROS, close_month, fill_pool, listen, make_payee, make_song, owner_of
from tests.users.factories import ada, make_user, nina
from users.models import User

pytestmark = pytest.mark.django_db

CLOSED = datetime(2026, 12, 8, 3, tzinfo=UTC)
YEAR = {"since": "2026-01-01", "until": "2026-12-31"}


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def payee() -> Payee:
    """Nina, who is played by few who play little else, beside a star: $30 are shared out."""
    payee = make_payee("Indie")
    owner_of(payee)
    indie, star = make_song("Indie", payee=payee), make_song("Star")
    listen("user:1", indie, 20)
    listen("user:2", star, 180)
    listen("guest:cy", indie, 5)
    listen("guest:cy", star, 5)
    fill_pool(30 * MICROS)
    close_month()
    pool.share_out("2026-11", at=CLOSED)
    return payee


# --- the artist


def test_an_artist_sees_what_every_model_would_have_paid(payee: Payee) -> None:
    page = signed_in(nina()).get("/studio/earnings/pool/")

    assert page.status_code == 200
    [month] = page.context["story"].months
    assert (month.name, month.share.plays, month.share.listeners) == ("November 2026", 25, 2)
    for shown in ("November 2026", "$15.00", "$3.571429", "User-centric", "Pro rata", "Artist-centric"):
        assert shown in page.text
    assert "nobody can promise it" in page.text


def test_the_chart_has_a_bar_for_each_model_and_its_table(payee: Payee) -> None:
    page = signed_in(nina()).get("/studio/earnings/pool/").text
    chart = page[page.index('<figure class="chart">') : page.index("</figure>")]

    assert chart.count("<title>2026-11, ") == 3
    assert "2026-11, Pro rata: $3.571429" in chart
    assert 'role="img"' in chart and "style=" not in page


def test_opening_the_page_computes_nothing_and_costs_the_same_however_many_months(
    payee: Payee, django_assert_max_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with django_assert_max_num_queries(2):
        assert len(pool_story.story(payee, "USD").months) == 1
    listen("user:1", make_song("Again", payee=payee), at=datetime(2026, 12, 3, tzinfo=UTC))
    fill_pool(7, "2026-12", at=datetime(2026, 12, 3, tzinfo=UTC))
    close_month("2026-12", at=CLOSED + timedelta(days=31))
    pool.share_out("2026-12", at=CLOSED + timedelta(days=31))
    with django_assert_max_num_queries(2):
        months = pool_story.story(payee, "USD").months
    assert [month.name for month in months] == ["December 2026", "November 2026"]


def test_the_amount_opens_its_proof_and_the_proof_its_figures(payee: Payee) -> None:
    client = signed_in(nina())
    posting = Posting.objects.get(source=PoolShare.objects.get(payee=payee).source)

    assert f'href="/studio/earnings/lines/{posting.pk}/"' in client.get("/studio/earnings/pool/").text
    proof = client.get(f"/studio/earnings/lines/{posting.pk}/").text
    assert "25 of 210" in proof and "2 of 3" in proof and "$30.00" in proof
    assert "pool:2026-11:USD:1" in proof


def test_the_earnings_page_leads_to_the_pool(payee: Payee) -> None:
    page = signed_in(nina()).get("/studio/earnings/").text
    assert f'href="/studio/earnings/pool/?payee={payee.pk}&amp;unit=USD"' in page


def test_before_the_first_pool_the_page_says_when_it_comes() -> None:
    owner_of(make_payee("Indie"))
    page = signed_in(nina()).get("/studio/earnings/pool/").text
    assert "No pool has paid you yet" in page
    assert "What each model does" in page
    assert "<svg viewBox" not in page


def test_an_artist_whom_nobody_pays_is_told_where_to_begin() -> None:
    assert "Nobody is paid through this account yet" in signed_in(nina()).get("/studio/earnings/pool/").text


def test_nobody_sees_the_pool_of_another(payee: Payee) -> None:
    rival = make_user("rival@demo.megabox.test", is_artist=True)
    mine = make_payee("Rival", user=rival)
    client = signed_in(rival)
    assert client.get(f"/studio/earnings/pool/?payee={payee.pk}").status_code == 404
    assert "$15.00" not in client.get("/studio/earnings/pool/").text
    assert pool_story.share(mine, PoolShare.objects.get(payee=payee).source) is None


@pytest.mark.parametrize(
    "source", ["", "store.line:7", "payouts.poolshare:", "payouts.poolshare:x", "payouts.poolshare:²"]
)
def test_what_comes_from_elsewhere_has_no_part_of_a_pool(payee: Payee, source: str) -> None:
    assert pool_story.share(payee, source) is None


def test_a_chart_of_groups_stays_within_its_picture() -> None:
    chart = pictures.group_chart(["a", "b", "c"], {f"m{n}": [n, 0, -n] for n in range(12)})
    bars = [bar for group in chart.groups for bar in group.bars]
    assert len(bars) == 36
    assert all(bar.x >= 0 and bar.x + bar.width <= chart.width and bar.y + bar.height == chart.height for bar in bars)
    assert [bar.height for bar in chart.groups[11].bars] == [chart.height, 0, 0]
    assert pictures.group_chart([], {}).groups == ()


# --- the staff


def test_the_staff_see_where_every_pool_went(payee: Payee) -> None:
    fill_pool(4 * MICROS, "2026-10", at=datetime(2026, 12, 2, tzinfo=UTC))
    pool.share_due(CLOSED)

    desk = signed_in(ada())
    page = desk.get("/desk/reports/pool/", YEAR)
    rows = list(csv.DictReader(io.StringIO(desk.get("/desk/reports/pool.csv", YEAR).getvalue().decode("utf-8-sig"))))

    assert page.status_code == 200
    assert "/desk/reports/general-ledger/?text=pool%3A2026-11%3AUSD" in page.text
    by_month = {row["month"]: row for row in rows}
    november = by_month["2026-11"]
    names = ("opening_micros", "expired_micros", "shared_micros", "carried_micros", "closing_micros")
    assert [november[name] for name in names] == ["0", "30000000", "30000000", "0", "0"]
    assert [by_month["2026-10"][name] for name in names] == ["0", "4000000", "0", "4000000", "0"]
    assert [by_month["2026-12"][name] for name in names] == ["4000000", "0", "0", "0", "4000000"]
    assert (november["plays"], november["listeners"], november["guests"], november["payees"]) == ("210", "3", "1", "2")
    assert november["top_pro_rata_micros"] == "30000000"


def test_a_posting_opens_the_part_it_pays_and_the_part_its_pool(payee: Payee) -> None:
    desk = signed_in(ada())
    share = PoolShare.objects.get(payee=payee)
    part = desk.get(f"/desk/books/sources/payouts.poolshare%3A{share.pk}/").text
    whole = desk.get(f"/desk/books/sources/payouts.poolsharing%3A{share.sharing_id}/").text
    assert "25 of 210" in part and "$3.571429" in part
    assert f"/desk/books/sources/payouts.poolsharing%3A{share.sharing_id}/" in part
    assert "$30.00" in whole and "User-centric" in whole
    for name in ("poolshare%3A987654", "poolsharing%3A987654", "poolshare%3Ax"):
        assert desk.get(f"/desk/books/sources/payouts.{name}/").status_code == 404


def test_the_staff_see_who_got_what_by_every_model_and_sort_by_any(payee: Payee) -> None:
    desk = signed_in(ada())
    page = desk.get("/desk/reports/pool-parts/", YEAR | {"sort": "-pro_rata"}).text
    assert page.index("Star") < page.index(">Indie<")
    assert "$26.428571" in page and "$3.571429" in page
    found = desk.get("/desk/reports/pool-parts/", YEAR | {"text": "ind"}).text
    assert ">Indie<" in found and "$26.428571" not in found


def test_a_report_asks_only_for_its_months_and_its_unit(payee: Payee) -> None:
    assert len(pool_reports.pools(Filters(date(2026, 11, 30), date(2026, 11, 30))).rows) == 1
    assert len(pool_reports.pools(Filters(date(2026, 12, 1), date(2026, 12, 31))).rows) == 0
    assert len(pool_reports.pools(Filters(date(2026, 11, 1), date(2026, 11, 30), unit="EUR")).rows) == 0
    assert len(pool_reports.parts(Filters(date(2026, 11, 1), date(2026, 11, 30), unit="EUR")).rows) == 0
