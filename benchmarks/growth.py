"""The same new work with once, ten and a hundred times the history: its cost grows with new work only.

History is in months of its own, after everything else that was measured, each closed before the next begins, as on a
real site. What is measured then happens in the open month, five times over, and the median counts.
"""

import statistics
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db.models import F

from ads.budgets import leases
from ads.models import Campaign, ImpressionGroup, Place
from artists.models import Payee
from benchmarks import bare
from benchmarks.figures import Figure, scaled, seconds
from ledger import chart, journal, months, payees
from ledger.journal import Line
from payouts import runs, statements
from tests.ads.factories import make_advertiser, make_campaign, top_up, usd
from tests.users.factories import ada

HISTORY = scaled(2_000)
"""Postings of once the history."""
TIMES = (1, 10, 100)
PAYEES, ROUNDS, SLICES = 100, 5, 20
GOAL = 1.5
_UNIT = "USD"
_MONTHS = [datetime(2031, month, 15, 12, tzinfo=UTC) for month in (3, 4, 5, 6)]

Took = dict[str, list[float]]


def run() -> list[Figure]:
    """Seconds with a hundred times the history, against seconds with once of it."""
    Payee.objects.bulk_create([Payee(name=f"Growth {n}", is_payouts_enabled=True) for n in range(PAYEES)])
    some = list(Payee.objects.filter(name__startswith="Growth ").order_by("pk"))
    advertiser = make_advertiser()
    top_up(advertiser, usd("10000"), at=_MONTHS[0])
    campaign = make_campaign(advertiser=advertiser, budget_micros=usd("10000"), starts_at=_MONTHS[0])
    found: list[Took] = []
    before = 0
    for times, filled, measured in zip(TIMES, _MONTHS, _MONTHS[1:], strict=False):
        _fill(some, times * HISTORY - before, filled)
        _settle(campaign, times * HISTORY - before, filled)
        before = times * HISTORY
        payees.mature(filled.date() + timedelta(days=15), at=filled + timedelta(days=15))
        months.close(filled.date(), at=measured - timedelta(days=5))
        bare.settle_down()
        found.append(_measure(some, campaign, measured))
        shown = ", ".join(f"{name} {1_000 * statistics.median(took):.0f} ms" for name, took in found[-1].items())
        print(f"  after {before:,} postings: {shown}", flush=True)
    return [
        Figure(
            f"{name}: {TIMES[-1]} times the history to once",
            1_000 * statistics.median(found[-1][name]),
            "ms",
            1_000 * statistics.median(found[0][name]),
            goal=GOAL,
            is_rate=False,
        )
        for name in found[0]
    ]


def _fill(some: list[Payee], count: int, at: datetime) -> None:
    for start in range(0, count, 2_000):
        lines = [_sale(some[n % PAYEES], at) for n in range(start, min(count, start + 2_000))]
        journal.post(uuid.uuid4().hex, "sale", lines, occurred_at=at)


def _settle(campaign: Campaign, count: int, at: datetime) -> None:
    """So many groups of a campaign, of one view each, as settlements leave them."""
    price = campaign.price_micros
    groups = [
        ImpressionGroup(
            campaign=campaign,
            beneficiary=f"{Place.PAGE}:growth:{n}",
            day=at.date(),
            place=Place.PAGE,
            policy_version=1,
            count=1,
            gross_micros=price,
            posted_micros=price,
            postings_count=1,
        )
        for n in range(count)
    ]
    ImpressionGroup.objects.bulk_create(groups, batch_size=2_000)
    spent, settled = F("spent_micros") + count * price, F("settled_micros") + count * price
    Campaign.objects.filter(pk=campaign.pk).update(spent_micros=spent, settled_micros=settled)


def _lease(campaign: Campaign, at: datetime) -> None:
    """Slices of a campaign's money for as many processes."""
    for _ in range(SLICES):
        leases.forget()
        leases.reserve(campaign.pk, campaign.price_micros, at)


def _sale(payee: Payee, at: datetime) -> Line:
    return Line(
        chart.stripe(_UNIT),
        chart.payee(payee.pk, "pending", _UNIT),
        1_000_000,
        _UNIT,
        f"store.line:{payee.pk}",
        {"title": "A Song", "isrc": "DEA012600001", "country": "DE", "quantity": 1},
        matures_on=at.date() + timedelta(days=14),
    )


def _measure(some: list[Payee], campaign: Campaign, at: datetime) -> Took:
    took: Took = {}

    def note(name: str, work: Callable[[], object]) -> None:
        took.setdefault(name, []).append(seconds(work))

    since, until = at.replace(day=1, hour=0), at + timedelta(days=12)
    for number in range(ROUNDS):
        now = at + timedelta(hours=number)
        lines = [_sale(payee, now - timedelta(days=14 - number)) for payee in some]
        note("post 100 lines", lambda: journal.post(uuid.uuid4().hex, "sale", lines, occurred_at=now))  # noqa: B023
        day = at.date() + timedelta(days=number)
        note("mature 100 payees", lambda: payees.mature(day, at=now + timedelta(days=number)))  # noqa: B023
        note(f"lease {SLICES} slices", lambda: _lease(campaign, now))  # noqa: B023
        note("balance a while ago", lambda: journal.balance(chart.stripe(_UNIT), at=now))  # noqa: B023
        note(
            "statements of 5 payees",
            lambda: [statements.statement(payee, _UNIT, since=since, until=until) for payee in some[:5]],
        )
        later = now + timedelta(days=number, minutes=5)
        opened: list[int] = []
        note(
            "compute a run",
            lambda: opened.append(runs.open_run(unit=_UNIT, period="2031-06", by=ada(), at=later).pk),  # noqa: B023
        )
        runs.cancel(opened[0], by=ada(), at=later)
    return took
