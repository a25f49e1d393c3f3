"""A run of ten thousand artists, and the statement of one with a million views.

The run is computed beside bare SQL that takes the same sums and inserts the same rows. While it is approved and paid a
process of its own posts sales to the same payees, and what counts is the longest that one of them took: nobody who
buys may wait for a payout run. The provider answers at once here; what it does is not ours to measure.
"""

import http.client
import multiprocessing
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from ads.revenue import settlement
from artists.models import Artist, Payee
from benchmarks import bare
from benchmarks.figures import Figure, in_turn, scaled, seconds
from benchmarks.server import serving
from benchmarks.settlement import see, slots
from ledger import chart, journal
from ledger.journal import Line
from payouts import runs, transfers
from payouts.models import Payout
from tests.users.factories import ada, make_user, max_

ARTISTS = scaled(10_000)
PAID = scaled(300)
"""So many payouts are sent while the writer looks on."""
VIEWS, CAMPAIGNS, DAYS = scaled(1_000_000), 50, 28
_UNIT = "USD"
_EMPTY = "/bench/empty/"


def run() -> list[Figure]:
    """Seconds of a run, the longest wait of a sale, milliseconds of a page."""
    return [*_run(), _statement()]


# --- ten thousand artists


def _run() -> list[Figure]:
    now = timezone.now()
    ids = _earned(now)
    bare.settle_down()
    computed: list[Any] = []
    ours = seconds(lambda: computed.append(runs.open_run(unit=_UNIT, period=f"{now:%Y-%m}", by=ada(), at=now)))
    run = computed[0]
    assert run.payouts.filter(payee__in=ids).count() == ARTISTS
    limit = min(seconds(_bare_run) for _ in range(3))
    print(f"  {ARTISTS:,} artists computed in {ours:.2f} s, bare sums and rows {limit:.2f} s", flush=True)
    with _writer(ids) as alone:
        time.sleep(5)
    with _writer(ids) as beside:
        approved = seconds(lambda: runs.approve(run.pk, by=max_(), seen_hash=run.content_hash, at=now))
        with mock.patch.object(transfers, "_ask", lambda attempt, *_: transfers.Sent(f"tr_{attempt.pk}")):
            runs.execute(run.pk, by=ada(), at=now)
            sent = seconds(lambda: _send(run.pk, now))
    assert run.payouts.filter(state=Payout.State.PAID).count() == PAID
    print(
        f"  approved in {approved:.1f} s, {PAID} paid in {sent:.1f} s, meanwhile {beside.count} sales; the longest took"
        f" {beside.longest_ms:.0f} ms, {alone.longest_ms:.0f} ms with nobody else there",
        flush=True,
    )
    return [
        Figure(f"a run of {ARTISTS:,} artists, beside bare sums", ours, "s", limit, goal=50, is_rate=False),
        Figure("the same, of the ten seconds it may take", ours, "s", 10, goal=1, is_rate=False),
        Figure("longest sale during a run, of 200 ms", beside.longest_ms, "ms", 200, goal=1, is_rate=False),
    ]


def _earned(now: datetime) -> list[int]:
    """Artists who can each be paid 60.00, from three sales."""
    known = {"stripe_account": "acct_bench", "is_payouts_enabled": True}
    Payee.objects.bulk_create([Payee(name=f"Benchmark {n}", **known) for n in range(ARTISTS)])
    ids = list(Payee.objects.filter(name__startswith="Benchmark ", **known).values_list("pk", flat=True))
    at = now - timedelta(days=30)
    for start in range(0, len(ids), 500):
        # Straight to where it can be paid from: maturing is measured elsewhere.
        lines = [
            Line(chart.stripe(_UNIT), chart.payee(pk, "payable", _UNIT), 20_000_000, _UNIT, f"store.line:{pk}")
            for pk in ids[start : start + 500]
            for _ in range(3)
        ]
        journal.post(uuid.uuid4().hex, "sale", lines, occurred_at=at)
    return ids


def _sale(payee_id: int, micros: int, at: datetime) -> Line:
    return Line(
        chart.stripe(_UNIT),
        chart.payee(payee_id, "pending", _UNIT),
        micros,
        _UNIT,
        f"store.line:{payee_id}",
        {"title": "A Song", "isrc": "DEA012600001", "country": "DE", "quantity": 1},
        matures_on=at.date() + timedelta(days=14),
    )


def _bare_run() -> None:
    """What every payee may be paid, from the postings, and a row for each: put down, and taken away again."""
    payable = "SELECT id FROM ledger_account WHERE code LIKE 'payee:%%:payable:USD'"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT account, sum(amount) FROM ("
            f" SELECT credit_id AS account, amount FROM ledger_posting WHERE credit_id IN ({payable}) UNION ALL"
            f" SELECT debit_id, -amount FROM ledger_posting WHERE debit_id IN ({payable})) AS moved GROUP BY account"
        )
        assert len(cursor.fetchall()) >= ARTISTS
        cursor.execute("CREATE TEMPORARY TABLE bench_payout AS SELECT * FROM payouts_payout LIMIT 0")
        cursor.execute("INSERT INTO bench_payout SELECT * FROM payouts_payout")
        cursor.execute("DROP TABLE bench_payout")


def _send(run_id: int, now: datetime) -> None:
    for pk in list(Payout.objects.filter(run=run_id, state=Payout.State.RESERVED).values_list("pk", flat=True)[:PAID]):
        assert transfers.send(pk, by="bench", at=now)


class _Found:
    """What the writer saw."""

    count = 0
    longest_ms = 0.0


@contextmanager
def _writer(ids: list[int]) -> Iterator[_Found]:
    """A process that sells to these payees, one after another, as long as the body of `with` runs."""
    found = _Found()
    connections.close_all()
    context = multiprocessing.get_context("fork")
    stop, answer = context.Event(), context.Queue()
    process = context.Process(target=_sell, args=(ids, stop, answer))
    process.start()
    answer.get(timeout=60)
    try:
        yield found
    finally:
        stop.set()
        found.count, found.longest_ms = answer.get(timeout=60)
        process.join()


def _sell(ids: list[int], stop: Any, answer: Any) -> None:
    chance, longest, count, now = Random(1), 0.0, 0, timezone.now()
    answer.put(journal.post(uuid.uuid4().hex, "sale", [_sale(ids[0], 10_000, now)], occurred_at=now).is_new)
    while not stop.is_set():
        lines = [_sale(chance.choice(ids), 10_000, now)]
        longest = max(longest, seconds(lambda: journal.post(uuid.uuid4().hex, "sale", lines, occurred_at=now)))  # noqa: B023
        count += 1
    answer.put((count, 1_000 * longest))


# --- a million views of one artist


def _statement() -> Figure:
    """The statement page of a month, for an artist whose music was beside a million counted views in it."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS)
    some = slots(CAMPAIGNS, 1)
    for number in range(DAYS):
        day = first + timedelta(days=number)
        see(some, VIEWS // DAYS, day)
        settlement.settle_due(_night(day))
    user = make_user("bench@demo.megabox.test", is_artist=True)
    artist = Artist.objects.get(pk=some[0][2])
    Artist.objects.filter(pk=artist.pk).update(owner=user)
    Payee.objects.filter(pk=artist.payee_id).update(user=user)
    bare.settle_down()
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    path = f"/studio/earnings/statement/?payee={artist.payee_id}&unit={_UNIT}&since={first}&until={today}"
    with serving() as port:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        page = _get(asked, path, cookie)
        assert page.count(b"<tr") > 20, page[:500]
        ours, empty = in_turn(_ms(lambda: _get(asked, path, cookie)), _ms(lambda: _get(asked, _EMPTY, cookie)))
    print(f"  the statement of {VIEWS:,} views opens in {ours:.0f} ms, an empty view in {empty:.1f} ms", flush=True)
    return Figure(f"statement page after {VIEWS:,} views, of 300 ms", ours, "ms", 300, goal=1, is_rate=False)


def _night(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), datetime.min.time()))


def _ms(ask: Callable[[], object]) -> Callable[[], float]:
    return lambda: min(1_000 * seconds(ask) for _ in range(5))


def _get(asked: http.client.HTTPConnection, path: str, cookie: str) -> bytes:
    asked.request("GET", path, headers={"Cookie": cookie, "User-Agent": "Mozilla/5.0"})
    answer = asked.getresponse()
    content = answer.read()
    assert answer.status == 200, (path, answer.status, content[:300])
    return content
