"""A million views settled in one go, against one bare GROUP BY over the same rows and the bare postings.

Bare means: straight through the driver, the same rows into the same tables with the same triggers and indexes, in as
large transactions as ours; without keys that make it once, digests, locks, guards, accounts opened on the way, and
without anything that remembers which views were billed.
"""

import gc
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from ads.models import Ad, Campaign, Impression, ImpressionGroup
from ads.revenue import billing, settlement
from artists.models import Artist
from benchmarks import bare
from benchmarks.figures import Figure, scaled, seconds
from ledger import chart
from ledger.models import Entry
from tests.ads.factories import make_ad, make_advertiser, make_campaign, usd
from tests.artists.factories import make_artist

VIEWS = scaled(1_000_000)
CAMPAIGNS, ARTISTS = 50, 40
"""So many groups: each campaign was seen beside each artist's music."""
PRICE = 6_000
DAY = date(2026, 11, 1)
NEW, HISTORY = scaled(2_000), (1, 10, 100)
"""Views of one settlement, and how many times as many were settled before."""
_NIGHT = datetime(2026, 11, 2, 3, tzinfo=UTC)
_UNIT = "USD"

Slot = tuple[int, int, int, str, str]


def run() -> list[Figure]:
    """Seconds for all views, and seconds for the same new views with more and more history."""
    every = slots(CAMPAIGNS, ARTISTS)
    return [_growth(every), _million(every)]


def _million(every: list[Slot]) -> Figure:
    see(every, VIEWS, DAY)
    bare.settle_down()
    first = Impression.objects.filter(day=DAY).order_by("number").values_list("number", flat=True)[0]
    # The same rows by their day or by their numbers, whichever the database finds faster.
    by_day = min(seconds(lambda: _group_by("day = %s", DAY)) for _ in range(3))
    by_number = min(seconds(lambda: _group_by("number >= %s", first)) for _ in range(3))
    group_by, sums = min(by_day, by_number), _group_by("day = %s", DAY)
    gc.freeze()  # as every worker does when it starts
    ours = seconds(lambda: settlement.settle_due(_NIGHT))
    posted = sum(ImpressionGroup.objects.filter(day=DAY).values_list("posted_micros", flat=True))
    assert posted == sum(gross for *_, gross in sums) == VIEWS * PRICE, "not everything was settled"
    postings = seconds(lambda: _bare_postings(sums))
    print(
        f"  GROUP BY {group_by:.2f} s, {len(sums)} bare entries {postings:.2f} s, settlement {ours:.2f} s", flush=True
    )
    name = f"settle {VIEWS:,} views in {len(sums):,} groups"
    return Figure(name, ours, "s", group_by + postings, goal=2.0, is_rate=False)


def _growth(every: list[Slot]) -> Figure:
    """The same new views each time; what grows is the number of those that were settled before."""
    some, day, seen, found = every[:100], DAY - timedelta(days=400), 0, []
    for times in HISTORY:
        see(every, times * NEW - seen, day)
        settlement.settle_due(_NIGHT)
        seen = times * NEW
        bare.settle_down()
        took = []
        for _ in range(5):
            day += timedelta(days=1)
            see(some, NEW, day)
            seen += NEW
            took.append(seconds(lambda: settlement.settle_due(_NIGHT)))
        found.append(sorted(took)[2])
        day += timedelta(days=1)
        print(f"  {NEW:,} new views after {seen:,}: {found[-1]:.3f} s", flush=True)
    name = f"settle {NEW:,} views: {HISTORY[-1]} times the history to once"
    return Figure(name, found[-1], "s", found[0], goal=1.5, is_rate=False)


def slots(campaigns: int, artists: int) -> list[Slot]:
    """A slot for each group: campaign, ad, artist, beneficiary and shares of each group."""
    advertisers = [make_advertiser(prepaid=usd("1000000")) for _ in range(campaigns // 5)]
    ads = [
        make_ad(make_campaign(advertiser=advertisers[number % len(advertisers)], budget_micros=usd("100000")))
        for number in range(campaigns)
    ]
    made = [make_artist(f"Benchmark {number}") for number in range(artists)]
    return [_slot(ad, artist) for ad in ads for artist in made]


def _slot(ad: Ad, artist: Artist) -> Slot:
    shares = json.dumps([[artist.payee_id, 10_000]])
    return (ad.campaign_id, ad.pk, artist.pk, f"artist:{artist.pk}:{'0' * 12}", shares)


def see(slots: list[Slot], count: int, day: date) -> None:
    """Write `count` counted views of a day, spread over the slots, and what their campaigns spent."""
    before = Impression.objects.count()
    first = Impression.objects.order_by("-number").values_list("number", flat=True).first() or 0
    at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE bench_slot (n int, c bigint, ad bigint, artist bigint, b text, s text)")
        cursor.executemany(
            "INSERT INTO bench_slot VALUES (%s, %s, %s, %s, %s, %s)", [(n, *slot) for n, slot in enumerate(slots)]
        )
        postgres = connection.vendor == "postgresql"
        numbers = (
            "generate_series(1, %s) AS n (i)"
            if postgres
            else "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) SELECT i FROM n) AS n"
        )
        cursor.execute(
            "INSERT INTO ads_impression (id, campaign_id, ad_id, place, mode, price_micros, artist_id, beneficiary,"
            " shares, policy_version, state, reason, viewed_at, day, number)"
            f" SELECT {'gen_random_uuid()' if postgres else 'lower(hex(randomblob(16)))'}, c, ad, 'page', 'visible',"
            f" {PRICE}, artist, b, {'s::jsonb' if postgres else 's'}, 1, 'VIEWED', '',"
            f" %s{'::timestamptz' if postgres else ''}, %s{'::date' if postgres else ''}, %s + i"
            f" FROM {numbers} JOIN bench_slot ON bench_slot.n = (i %% {len(slots)}) * 7919 %% {len(slots)}",
            [
                connection.ops.adapt_datetimefield_value(at),
                connection.ops.adapt_datefield_value(day),
                first,
                count,
            ],
        )
        cursor.execute("DROP TABLE bench_slot")
        cursor.execute(
            "UPDATE ads_campaign SET spent_micros ="
            " (SELECT sum(price_micros) FROM ads_impression WHERE campaign_id = ads_campaign.id)"
            " WHERE id IN (SELECT campaign_id FROM ads_impression)"
        )
        if postgres:
            cursor.execute("SELECT setval('ads_impression_number', %s)", [first + count])
    assert Impression.objects.count() == before + count


def _group_by(where: str, value: date | int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT campaign_id, beneficiary, day, count(*), sum(price_micros) FROM ads_impression"
            f" WHERE {where} AND state = 'VIEWED' AND price_micros > 0 GROUP BY campaign_id, beneficiary, day",
            [value],
        )
        sums: list[tuple[Any, ...]] = cursor.fetchall()
        return sums


def _bare_postings(sums: list[tuple[Any, ...]]) -> None:
    """The same entries once more, by bare SQL: one from the advertiser, one to the payee."""
    advertisers = dict(Campaign.objects.values_list("pk", "advertiser_id"))
    payees = dict(Artist.objects.values_list("pk", "payee_id"))
    entries = []
    for campaign_id, beneficiary, day, count, gross in sums:
        facts = json.dumps({"campaign": campaign_id, "place": "page", "day": str(day), "quantity": count})
        prepaid = chart.prepaid(advertisers[campaign_id] or 0, _UNIT)
        pending = chart.payee(payees[int(beneficiary.split(":")[1])], "pending", _UNIT)
        share = int(gross) - int(gross) // 10
        entries.append(
            (
                f"bare:{campaign_id}:{beneficiary}:{day}",
                [
                    bare.Row(prepaid, chart.ads_revenue(_UNIT), int(gross), "ads.group:1", facts),
                    bare.Row(chart.payee_ad_share(_UNIT), pending, share, "ads.group:1", facts, "2026-11-08"),
                ],
            )
        )
    before = Entry.objects.count()
    bare.post(bare.prepare(entries), at_once=billing.GROUPS_AT_ONCE)
    assert Entry.objects.count() == before + len(sums)
