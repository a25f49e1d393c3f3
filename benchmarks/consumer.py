"""How fast the stream is counted, against COPY of the same rows into a stage and INSERT ON CONFLICT DO NOTHING from it.

The limit writes the same events and impressions into the same tables, with the same indexes and constraints; it does
not read the stream, look at signatures, judge views, charge anybody or say how far it came. PostgreSQL and Redis only.
"""

import gc
import json
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ads.measurement import claims, consumer, stream
from ads.measurement.claims import Report
from ads.models import Impression
from benchmarks import bare
from benchmarks.figures import Figure, in_turn, scaled, seconds
from ledger import policy
from tests.ads.factories import make_ad, make_campaign, page_token, usd
from tests.artists.factories import make_album

REPORTS = scaled(10_000)
CAMPAIGNS, ALBUMS = 20, 50


def run() -> list[Figure]:
    """Views counted a second, in batches of a thousand."""
    if connection.vendor != "postgresql" or not stream.is_wanted():
        print("  needs PostgreSQL and REDIS_URL: nothing measured", flush=True)
        return []
    at = timezone.now()
    version = policy.current(at).version
    ads = [
        make_ad(make_campaign(starts_at=at - timedelta(days=1), budget_micros=usd("100000"))) for _ in range(CAMPAIGNS)
    ]
    albums = [make_album(f"Benchmark {number}") for number in range(ALBUMS)]

    def fresh() -> list[Report]:
        found = []
        for number in range(REPORTS):
            token = page_token(ads[number % CAMPAIGNS], albums[number % ALBUMS], at=at, policy_version=version)
            taken = claims.take(token, "viewed", {"visible_ms": 1_500}, at + timedelta(seconds=2))
            assert isinstance(taken, Report)
            found.append(taken)
        return found

    def ours() -> float:
        reports = fresh()
        for start in range(0, REPORTS, 500):
            stream.append(reports[start : start + 500])
        before = Impression.objects.count()
        took = seconds(consumer.drain)
        assert Impression.objects.count() == before + REPORTS, "not all were counted"
        return REPORTS / took

    def limit() -> float:
        events, views = _rows(fresh())
        return REPORTS / seconds(lambda: _copy(events, views))

    gc.freeze()  # as `manage.py count_ads` does
    ours()
    bare.settle_down()
    value, floor = in_turn(ours, limit, rounds=5)
    return [Figure("reports: counted by the consumer", value, "views/s", floor, goal=1 / 3)]


_EVENT = ["token_id", "stage", "payload_hash", "campaign_id", "at"]
_VIEW = [str(field.column) for field in Impression._meta.concrete_fields]


def _rows(reports: list[Report]) -> tuple[list[list[Any]], list[list[Any]]]:
    """The rows that counting would write, made beforehand from views that were counted."""
    last = Impression.objects.order_by("-number").first()
    assert last is not None
    fields = {str(field.column): getattr(last, field.attname) for field in Impression._meta.concrete_fields}
    events, views = [], []
    for number, one in enumerate(reports, start=last.number + 1):
        offer = one.offer
        fields |= {"id": offer.id, "number": number, "campaign_id": offer.campaign_id, "ad_id": offer.ad_id}
        fields |= {"artist_id": offer.artist_id, "album_id": offer.album_id, "beneficiary": offer.beneficiary}
        shown = {**fields, "shares": json.dumps([list(share) for share in offer.shares]), "viewed_at": one.at}
        events.append([offer.id, one.stage, one.digest, offer.campaign_id, one.at])
        views.append([shown[name] for name in _VIEW])
    return events, views


def _copy(events: list[list[Any]], views: list[list[Any]]) -> None:
    """A thousand at a time, each in a transaction, as the consumer does."""
    for start in range(0, len(events), consumer.AT_ONCE):
        with transaction.atomic(), connection.cursor() as cursor:
            for table, columns, rows in (("ads_adevent", _EVENT, events), ("ads_impression", _VIEW, views)):
                names = ", ".join(columns)
                cursor.execute(
                    f"CREATE TEMP TABLE stage_{table} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"
                )
                with cursor.copy(f"COPY stage_{table} ({names}) FROM STDIN") as copy:
                    for row in rows[start : start + consumer.AT_ONCE]:
                        copy.write_row(row)
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {names} FROM stage_{table} ON CONFLICT DO NOTHING"
                )
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('ads_impression_number', (SELECT max(number) FROM ads_impression))")
