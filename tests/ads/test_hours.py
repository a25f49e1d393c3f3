"""Counters of the hour: numbers in memory that a thread, or the end of the process, writes down."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, connection
from pytest_django import DjangoAssertNumQueries

from ads.delivery import hours
from ads.models import AskedHour, Place, ServedHour
from tests.ads.factories import NOON, make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def buffered(settings: LazySettings) -> Iterator[None]:
    """Numbers wait, and the thread that would write them sleeps through the test."""
    settings.ADS_HOURS_SECONDS = 3_600.0
    yield
    hours._flusher.stop()
    hours._begin_anew()


def test_counting_asks_the_database_nothing_and_writing_takes_one_statement_a_table(
    buffered: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaigns = [make_campaign() for _ in range(3)]
    with django_assert_num_queries(0):
        for campaign in campaigns * 5:
            hours.count_served(campaign.pk, Place.PAGE, NOON + timedelta(minutes=7))
            hours.count_asked(Place.PAGE, NOON, is_filled=campaign is campaigns[0])
    with django_assert_num_queries(4):  # with the savepoint around them
        hours.flush()
    hours.count_served(campaigns[0].pk, Place.PAGE, NOON)
    hours.flush()
    assert sorted(ServedHour.objects.values_list("hour", "count")) == [(NOON, 5), (NOON, 5), (NOON, 6)]
    assert AskedHour.objects.values_list("asked", "filled").get() == (15, 5)


def test_what_cannot_be_written_is_kept_and_written_once(buffered: None, monkeypatch: pytest.MonkeyPatch) -> None:
    hours.count_served(make_campaign().pk, Place.PAGE, NOON)

    def fail(*_: object) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(hours, "_add", fail)
        with pytest.raises(DatabaseError):
            hours.flush()
    hours.flush()
    hours.flush()
    assert ServedHour.objects.get().count == 1


def test_many_threads_lose_nothing(buffered: None) -> None:
    campaign = make_campaign()

    def count() -> None:
        for _ in range(500):
            hours.count_served(campaign.pk, Place.PAGE, NOON)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hours.flush()
    assert ServedHour.objects.get().count == 4_000


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_in_order_writes_its_last_numbers() -> None:
    campaign = make_campaign()
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor != "sqlite":
        url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    connection.close()
    program = (
        "import django; django.setup()\n"
        "from datetime import datetime\nfrom ads.delivery import hours\n"
        f"[hours.count_served({campaign.pk}, 'page', datetime.fromisoformat({NOON.isoformat()!r})) for _ in range(7)]\n"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "megabox.settings", "DEBUG": "1", "ADS_HOURS_SECONDS": "60"}
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, **settings, "DATABASE_URL": url})
    assert ServedHour.objects.get().count == 7
