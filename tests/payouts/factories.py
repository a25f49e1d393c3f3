"""Payees with money in the books, and runs over them."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from artists.models import Payee, Play, Track
from ledger import chart, journal, months, payees
from ledger.journal import Line
from payouts import issuing, runs
from payouts.models import IssuedStatement, PayoutRun
from tests.artists.factories import make_album, make_artist, make_track
from tests.users.factories import ada, make_user, max_
from users.models import User

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MICROS = 1_000_000
OCTOBER, CLOSED = date(2026, 10, 1), datetime(2026, 11, 8, 3, tzinfo=UTC)
IN_NOVEMBER = datetime(2026, 11, 10, 12, tzinfo=UTC)

_numbers = itertools.count(1)


def make_payee(name: str = "Nina", **fields: Any) -> Payee:
    """A payee who has set up payouts with an account that nobody knows, unless another is given."""
    fields.setdefault("stripe_account", f"acct_unknown{next(_numbers)}")
    fields.setdefault("is_payouts_enabled", True)
    return Payee.objects.create(name=name, **fields)


def make_statements(*issued_at: datetime) -> list[IssuedStatement]:
    """Issued statements of October, each of a new payee who earned something then."""
    payees_of = [make_payee() for _ in issued_at]
    for number, payee in enumerate(payees_of, 5):
        earn(payee, number * MICROS, at=datetime(2026, 10, 5, 12, tzinfo=UTC), is_matured=False)
    months.close(OCTOBER, at=CLOSED)
    return [issuing.issue(payee, "USD", OCTOBER, at=at) for payee, at in zip(payees_of, issued_at, strict=True)]


def make_statement() -> IssuedStatement:
    """One of them."""
    return make_statements(CLOSED)[0]


def earn(
    payee: Payee,
    micros: int,
    *,
    unit: str = "USD",
    at: datetime = NOON - timedelta(days=30),
    is_matured: bool = True,
    facts: dict[str, Any] | None = None,
    commission: int = 0,
) -> journal.Posted:
    """An earning of `micros` paid for through Stripe, payable already unless told otherwise."""
    number = next(_numbers)
    source = f"store.line:{number}"
    lines = [
        Line(
            debit=chart.stripe(unit),
            credit=chart.payee(payee.pk, "pending", unit),
            amount=micros,
            unit=unit,
            source=source,
            facts=facts or {"title": "Night Bus"},
            matures_on=at.date() + timedelta(days=14 if is_matured else 10_000),
        )
    ]
    if commission:
        lines.append(Line(chart.stripe(unit), chart.commission(unit), commission, unit, source))
    posted = journal.post(f"test-sale:{number}", "sale", lines, occurred_at=at)
    if is_matured:
        day = at.date() + timedelta(days=14)
        while journal.entry_for(f"mature:{payee.pk}:{unit}:{day}"):  # a day is matured once
            day += timedelta(days=1)
        payees.mature(day, at=datetime.combine(day, time(13), UTC))
    return posted


def open_run(*, by: User | None = None, unit: str = "USD", at: datetime = NOON) -> PayoutRun:
    """A computed run, opened by ada."""
    return runs.open_run(unit=unit, period="2026-11", by=by or ada(), at=at)


def approve(run: PayoutRun, *, by: User | None = None, at: datetime = NOON) -> PayoutRun:
    """Approved by max, with the hash he sees."""
    return runs.approve(run.pk, by=by or max_(), seen_hash=run.content_hash, at=at)


def executing_run(*, unit: str = "USD", at: datetime = NOON) -> PayoutRun:
    """A run that workers may pay now."""
    run = approve(open_run(unit=unit, at=at), at=at)
    return runs.execute(run.pk, by=ada(), at=at)


def payable(payee: Payee, unit: str = "USD") -> int:
    """Micros this payee could be paid now."""
    return journal.balance(chart.payee(payee.pk, "payable", unit))


def owner_of(payee: Payee, email: str = "nina@demo.megabox.test") -> User:
    """The artist who signs in for this payee."""
    user = make_user(email, is_artist=True)
    payee.user = user
    payee.save()
    return user


# --- the pool


def make_song(name: str = "Nova Kit", *, payee: Payee | None = None) -> Track:
    """A minute of an artist of that name, who alone is paid for it."""
    artist = make_artist(name, payee=payee or Payee.objects.create(name=name))
    return make_track(album=make_album(artist=artist), duration_ms=60_000)


def listen(who: str, track: Track, times: int = 1, *, at: datetime = IN_NOVEMBER) -> None:
    """Plays that count, a minute apart."""
    starts = [at + timedelta(minutes=n) for n in range(times)]
    Play.objects.bulk_create(
        [Play(track=track, listener_key=who, slot=int(t.timestamp()) // 60, created_at=t) for t in starts]
    )


def fill_pool(micros: int, month: str = "2026-11", *, at: datetime = IN_NOVEMBER) -> None:
    """Money comes into a month's pool."""
    line = Line(chart.stripe("USD"), chart.pool(month, "USD"), micros, "USD")
    journal.post(f"test-pool:{next(_numbers)}", "credits expired", [line], occurred_at=at)


def close_month(month: str = "2026-11", *, at: datetime = datetime(2026, 12, 8, 3, tzinfo=UTC)) -> None:
    """Nothing of the month, and of those before it, changes any more."""
    months.close(date.fromisoformat(f"{month}-01"), at=at)
