"""The advertiser's report: how far, when, by which ads, against what before; every table in the files, none runs."""

import csv
import io
import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads.models import Campaign, Impression, ServedHour, StageHour
from ads.reporting import advertiser_report
from tests.ads.factories import make_ad, make_campaign, make_impression
from tests.artists.factories import make_album, make_artist
from tests.crashing import Clock
from tests.users.factories import acme, make_user

pytestmark = pytest.mark.django_db
NOW = timezone.now()
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def _midnight_waits(clock: Clock) -> None:
    clock.now = NOW


def _at(days_ago: int, hour: int = 12) -> datetime:
    return datetime.combine(TODAY - timedelta(days=days_ago), time(hour), UTC)


def _busy(name: str = "Autumn") -> Campaign:
    """Three views now, one of them clicked, one rejected; one view in the days before."""
    campaign = make_campaign(name=name)
    bus, night = make_ad(campaign, title="=HYPERLINK(1)"), make_ad(campaign, title="Night")
    nova, kit = (make_album(artist=make_artist(name)) for name in ("Nova Kit", "+Plus"))
    make_impression(bus, album=nova, viewed_at=_at(1, 18), clicked_at=_at(1, 18))
    make_impression(bus, album=nova, viewed_at=_at(1, 18))
    make_impression(night, album=kit, viewed_at=_at(2, 3), place="player")
    make_impression(night, viewed_at=_at(9))
    for state in [Impression.State.REJECTED] * 2:
        make_impression(night, state=state, day=_at(1).date(), reason="hidden", price_micros=0, **_REJECTED)
    ServedHour.objects.create(campaign=campaign, place="page", hour=_at(1, 18), count=9)
    hour = {"campaign": campaign, "place": "page", "hour": _at(1, 18)}
    StageHour.objects.create(**hour, started=8, first_quarter=7, half=5, third_quarter=4, completed=3, skipped=2)
    StageHour.objects.create(**{**hour, "hour": _at(9)}, started=90)
    return Campaign.objects.get(pk=campaign.pk)


_REJECTED = {"viewed_at": _at(1), "rejected_at": _at(1)}


def _client() -> Client:
    client = Client()
    client.force_login(acme())
    return client


def _get(campaign: Campaign, form: str = "/", **asked: Any) -> Any:
    return _client().get(f"/advertise/campaigns/{campaign.pk}/report{form}", {"days": 7, **asked})


def _csv(campaign: Campaign, table: str) -> list[list[str]]:
    answer = _get(campaign, ".csv", table=table)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_every_view_is_in_the_days_the_ads_the_places_and_the_hours() -> None:
    found = advertiser_report.full(_busy(), until=TODAY, days=7)
    assert (found.report.total.viewed, found.report.total.spent) == (3, 18_000)
    assert [(row.label, row.viewed, row.clicks, row.spent) for row in found.ads] == [
        ("=HYPERLINK(1)", 2, 1, 12_000),
        ("Night", 1, 0, 6_000),
    ]
    assert sum(row.viewed for row in found.report.places) == 3
    assert {hour: n for hour, n in enumerate(found.hours) if n} == {3: 1, 18: 2}
    assert [(row.label, row.viewed) for row in found.report.artists] == [("Nova Kit", 2), ("+Plus", 1)]
    assert found.report.rejected == (("In a tab nobody looked at", 2),)


def test_quarters_are_those_of_the_days_and_never_rise() -> None:
    found = advertiser_report.full(_busy(), until=TODAY, days=7)
    counts = [n for _, n in found.stages]
    assert counts == [8, 7, 5, 4, 3]
    assert found.skipped == 2


def test_the_days_are_compared_with_as_many_before() -> None:
    found = advertiser_report.full(_busy(), until=TODAY, days=7)
    assert found.days_before == (TODAY - timedelta(days=13), TODAY - timedelta(days=7))
    assert (found.before.viewed, found.before.spent) == (1, 6_000)
    assert found.compared == {
        "served": "none before",
        "viewed": "+200 % on the days before",
        "clicks": "none before",
        "rejected": "none before",
        "spent": "+200 % on the days before",
    }


def test_less_than_before_is_said_with_a_minus() -> None:
    found = advertiser_report.full(_busy(), until=TODAY - timedelta(days=2), days=1)
    assert found.before.viewed == 0
    found = advertiser_report.full(_busy(), until=TODAY, days=1)
    assert found.compared["viewed"] == "\u2212100 % on the days before"
    assert advertiser_report.full(make_campaign(), until=TODAY).compared["viewed"] == "as before"


def test_the_page_shows_each_chart_with_its_table() -> None:
    answer = _get(_busy())
    shown = re.sub(r"\s+", " ", answer.content.decode())
    for words in ("Nova Kit", "Night", "Three quarters", "Left before its end", "18:00", "In a tab nobody looked at"):
        assert words in shown, words
    assert "+200 % on the days before" in shown
    assert shown.count("<svg viewBox") >= 4
    assert "$9.976" in shown or "$9.97" in shown, "what is left of the budget"


def test_a_campaign_that_nobody_saw_says_so_and_what_to_do() -> None:
    shown = _get(make_campaign(live=False)).content.decode()
    assert "Nothing was shown in these days" in shown
    assert "Day by day" not in shown, "no empty charts and tables under it"


@pytest.mark.parametrize(
    ("table", "head", "lines"),
    [
        ("days", "day", 9),
        ("before", "since", 3),
        ("ads", "ad", 4),
        ("artists", "artist", 4),
        ("places", "place", 4),
        ("hours", "hour", 26),
        ("stages", "stage", 6),
        ("rejected", "reason", 3),
    ],
)
def test_every_table_is_a_csv_of_its_own(table: str, head: str, lines: int) -> None:
    rows = _csv(_busy(), table)
    assert rows[0][0] == head
    assert len(rows) == lines


def test_a_table_that_is_not_there_is_not_found() -> None:
    campaign = make_campaign()
    for table in ("moon", "", "../days", "Days"):
        assert _get(campaign, ".csv", table=table).status_code == 404


def test_names_that_begin_like_formulas_do_not_run() -> None:
    campaign = _busy(name="@SUM(A1)")
    assert _csv(campaign, "ads")[1][0] == "'=HYPERLINK(1)"
    assert "'+Plus" in [row[0] for row in _csv(campaign, "artists")]
    assert {row[1] for row in _csv(campaign, "days")[1:-1]} == {"'@SUM(A1)"}
    with ZipFile(io.BytesIO(_get(campaign, ".xlsx").getvalue())) as book:
        assert not any(b"<f>" in book.read(name) for name in book.namelist() if "worksheets/" in name)
        assert b"=HYPERLINK(1)" in b"".join(book.read(name) for name in book.namelist())


def test_one_xlsx_holds_all_tables_on_sheets_with_their_names() -> None:
    with ZipFile(io.BytesIO(_get(_busy(), ".xlsx").getvalue())) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
    assert names == ["Days", "Compared", "Ads", "Artists reached", "Places", "Hours", "How far", "Rejected"]


def test_a_rival_sees_none_of_it() -> None:
    campaign = _busy()
    rival = Client()
    rival.force_login(make_user("rival@demo.megabox.test", is_advertiser=True))
    for form in ("/", ".csv", ".xlsx", ".csv?table=artists"):
        assert rival.get(f"/advertise/campaigns/{campaign.pk}/report{form}").status_code == 404


def test_the_report_costs_the_same_queries_however_much_was_seen(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    campaign = _busy()
    path = f"/advertise/campaigns/{campaign.pk}/report/"
    client = _client()
    client.get(path)
    with django_assert_max_num_queries(24) as few:
        client.get(path)
    for number in range(6):
        make_impression(make_ad(campaign), album=make_album(artist=make_artist()), viewed_at=_at(1, number))
    make_ad(make_campaign(advertiser=campaign.advertiser))
    with django_assert_max_num_queries(len(few)):
        client.get(path)
