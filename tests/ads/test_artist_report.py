"""What artists see of the ads beside their music agrees with the books, and is theirs alone."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads import reports
from ads.models import AskedHour, Impression, Place
from ads.reporting import artist_report
from ads.revenue import rejections, settlement
from artists.models import Album
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    make_ad,
    make_campaign,
    make_impression,
    make_wallet,
    pending,
    see,
    watch,
)
from tests.ads.test_reports import asked, lines
from tests.artists.factories import make_album, make_artist
from tests.users.factories import charlie, leo, nina
from users.models import User

pytestmark = pytest.mark.django_db


def _as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def album() -> Album:
    """Three views beside nina's album, one of them found invalid after it was settled; one beside somebody else's."""
    album, ad = make_album(), make_ad(make_campaign(cpm_micros=6_666_000))
    seen = [see(ad, album, at=NOON + timedelta(minutes=n)) for n in range(3)]
    see(ad, make_album("Tide", artist=make_artist("The Paper Boats", owner=charlie())), at=NOON)
    watch(make_ad(), make_wallet())
    Impression.objects.filter(place=Place.GATE).update(artist=album.artist, album=album)
    settlement.settle_due(NEXT_DAY)
    rejections.reject_batch([seen[0].pk], at=NEXT_DAY)
    return album


def test_views_money_and_reasons_are_what_the_books_hold(album: Album) -> None:
    found = artist_report.of(nina(), until=DAY)
    total = found.total
    assert (total.valid, total.invalid, total.revenue) == (2, 1, 2 * 6_666)
    assert total.part == pending(album), "to the micro"
    assert total.ecpm == 6_666_000
    assert found.invalid == (("Found invalid in the review", 1),)
    assert [(line.label, line.valid) for line in found.albums] == [("Night Bus", 2)]
    assert found.at_gates == (1, 6_000)
    assert artist_report.of(leo(), until=DAY).total.valid == 0
    assert artist_report.of(charlie(), until=DAY).total.valid == 1


def test_the_page_and_its_file_say_the_same(album: Album) -> None:
    found = timezone.now().date() - DAY
    client = _as(nina())
    days = next((days for days in (7, 30, 90) if found.days < days), 90)
    page = re.sub(r"\s+", " ", client.get(f"/studio/ads/?days={days}").content.decode())
    assert "your 90 %" in page
    assert "watched for your free downloads" in page
    answer = client.get(f"/studio/ads.csv?days={days}")
    text = b"".join(getattr(answer, "streaming_content", [answer.content])).decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == days + 2
    assert client.get("/studio/ads.xlsx").status_code == 200


def test_only_artists_see_it_and_the_queries_stay_the_same(
    album: Album, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    assert _as(leo()).get("/studio/ads/").status_code == 403
    assert Client().get("/studio/ads/").status_code == 302
    client = _as(nina())
    client.get("/studio/ads/")
    with django_assert_max_num_queries(16) as few:
        client.get("/studio/ads/")
    usual = len(few)
    for number in range(4):
        see(make_ad(), make_album(artist=make_artist(owner=nina())), at=timezone.now() - timedelta(seconds=9 + number))
    settlement.settle_due(timezone.now())
    with django_assert_max_num_queries(usual):
        client.get("/studio/ads/")


def test_the_fill_rate_is_what_was_there_of_what_was_asked_for() -> None:
    for hour, place, wanted, there in ((12, "page", 10, 4), (13, "page", 10, 5), (12, "gate", 3, 0)):
        AskedHour.objects.create(hour=NOON.replace(hour=hour), place=place, asked=wanted, filled=there)
    table = reports.fill_rate(asked(by="place"))
    rates = {row["place"]: (row["asked"], row["filled"], row["rate"]) for row in lines(table)}
    assert rates == {"On artist, album and track pages": (20, 9, 4_500), "Before a free download": (3, 0, 0)}
    assert len(lines(reports.fill_rate(asked()))) == 2
    assert [list(row) for row in table.totals()], "and its last line adds up"
    assert "Only ads that somebody pays for fill" in table.note


def test_views_that_counted_for_less_are_told_with_what_was_withheld() -> None:
    now = timezone.now()
    album, ad = make_album(), make_ad()
    page = _as(nina()).get("/studio/ads/").content.decode()
    assert "counted for less" not in page
    make_impression(ad, album=album, viewed_at=now, offered_micros=12_000, price_micros=6_000, weight_permille=500)
    make_impression(ad, album=album, viewed_at=now)
    assert artist_report.of(nina(), until=now.date()).weighed == (1, 6_000)
    page = _as(nina()).get("/studio/ads/").content.decode()
    assert "1 view counted for less" in page
    assert "$0.006 stayed with the advertisers" in page
    assert "/privacy/#weights" in page
