"""The artists' pool: what listeners' credits left behind when they expired is shared out, month by month.

A pool is shared out once, when its month is closed, among those who were played in it; if nobody was, it is carried to
the next month's pool. So is what comes into a pool after it was shared out: no pool keeps money for good.
What was computed is stored before it is booked, in one transaction, and each line of the entry names its row.
Source: docs/money.md, "Sharing out the pool".
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction

from artists import plays
from artists.plays import Heard
from ledger import chart, journal, months, policy
from ledger.journal import Line
from ledger.models import Balance, Policy
from megabox import steps
from payouts import pool_figures
from payouts.models import PoolShare, PoolSharing
from payouts.pool_figures import Figures
from payouts.split_models import Model, Plays

SHARED, CARRIED = "pool shared out", "pool carried"
"""Kinds of entries."""

AMOUNTS = ("micros", "user_centric_micros", "pro_rata_micros", "artist_centric_micros")
"""Columns of the parts of a pool, each of which sums to the whole."""


class MonthOpen(Exception):
    """The month's pool cannot be shared out yet."""

    def __init__(self, month: str) -> None:
        super().__init__(f"The pool of {month} can still change. It is shared out when the month's book is closed.")


def share_out(month: str, *, at: datetime, unit: str = "") -> PoolSharing | None:
    """Share out the pool of a month whose book is closed (`2026-11`); None when nothing is in it.

    `pool -> pending` of everybody who was played, by the model of the settings; or `pool -> pool` of a later month,
    when nobody was played or it was shared out before. Safe to repeat, to kill and to run twice at once.
    Raises MonthOpen.
    """
    unit = unit or settings.ADS_CURRENCY
    if not is_over(month):
        raise MonthOpen(month)
    if not journal.balance(chart.pool(month, unit)):
        return None
    if PoolSharing.objects.filter(month=month, unit=unit).exists():
        return _carry(month, unit, at)
    # A whole month of columns is read and counted once, and nothing is locked: what is closed stays as it is.
    heard = plays.heard(*window(month), with_guests=settings.POOL_GUESTS)
    counted = Plays.of(heard.listeners, heard.sheets)
    if not counted.listeners:
        return _carry(month, unit, at)
    return _share_out(month, unit, heard, counted, at)


def share_due(at: datetime) -> int:
    """Empty every pool whose month is closed, oldest first; return how many entries are new."""
    return steps.all_of(partial(_empty, month, unit, at) for month, unit in _one_by_one())


def _one_by_one() -> Iterator[tuple[str, str]]:
    done = ("", "")
    while waiting := [one for one in _waiting() if one > done]:  # a pool carried on may fill the next one
        done = waiting[0]
        yield done


def _empty(month: str, unit: str, at: datetime) -> bool:
    return share_out(month, at=at, unit=unit) is not None


def is_over(month: str) -> bool:
    """Whether the month's book is closed, so that nothing of it can change any more."""
    return months.is_closed(window(month)[0].date())


def window(month: str) -> tuple[datetime, datetime]:
    """From the first moment of a month up to, not including, the first of the next one."""
    first, following = (datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC) for name in (month, after(month)))
    return first, following


def after(month: str) -> str:
    """The month that follows."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def before(month: str) -> str:
    """The month that went before."""
    year, number = map(int, month.split("-"))
    return f"{year - (number == 1)}-{(number + 10) % 12 + 1:02d}"


def title(month: str) -> str:
    """As people read it: `Artists' pool, November 2026`."""
    return f"Artists' pool, {window(month)[0]:%B %Y}"


def _waiting() -> list[tuple[str, str]]:
    """Month and unit of every pool that has something and is over, oldest first."""
    codes = Balance.objects.filter(account__code__startswith="pool:", amount__gt=0)
    pools = [tuple(code.split(":")[1:]) for code in codes.values_list("account__code", flat=True)]
    return sorted((month, unit) for month, unit in pools if is_over(month))


# --- shared out


class _PotChanged(Exception):
    """The pool holds something else than a moment ago: a view was rejected, or somebody else shared it out."""


def _share_out(month: str, unit: str, heard: Heard, counted: Plays, at: datetime) -> PoolSharing | None:
    code = chart.pool(month, unit)
    while pot := journal.balance(code):
        figures = pool_figures.compute(counted, heard.shares, pot)
        sharing = PoolSharing(
            month=month,
            unit=unit,
            micros=pot,
            model=settings.POOL_MODEL,
            policy_version=policy.current(at).version,
            plays=counted.total,
            listeners=counted.listeners,
            guests=heard.guests,
            booked_at=at,
        )
        try:
            return _book(sharing, figures)
        except _PotChanged:
            continue
        except IntegrityError:
            if not PoolSharing.objects.filter(month=month, unit=unit).exists():
                raise
            break  # another worker was first
    return None


def _book(sharing: PoolSharing, figures: Sequence[Figures]) -> PoolSharing:
    """Store what was computed and post it, in one transaction. Raises _PotChanged, and IntegrityError for a second."""
    with transaction.atomic():
        sharing.save(force_insert=True)
        rows = PoolShare.objects.bulk_create([_row(sharing, one) for one in figures], batch_size=1_000)
        lines = _lines(sharing, [row for row in rows if row.micros])
        # As late as can be, for sales of all these payees wait; and all in one call: whoever rejects a view locks
        # pools and payees, too.
        code = chart.pool(sharing.month, sharing.unit)
        if journal.lock([code, *(line.credit for line in lines)])[code] != sharing.micros:
            raise _PotChanged
        journal.post(sharing.entry_key, SHARED, lines, occurred_at=sharing.booked_at)
    return sharing


def _lines(sharing: PoolSharing, rows: Sequence[PoolShare]) -> list[Line]:
    rules = Policy.objects.get(version=sharing.policy_version)
    facts = {
        "title": title(sharing.month),
        "month": sharing.month,
        "model": sharing.model,
        "pool_micros": sharing.micros,
        "rule": f"{sharing.model}, policy {rules.version}",
    }
    return [
        Line(
            debit=chart.pool(sharing.month, sharing.unit),
            credit=chart.payee(row.payee_id, "pending", sharing.unit),
            amount=row.micros,
            unit=sharing.unit,
            source=row.source,
            facts={**facts, "plays": row.plays, "listeners": row.listeners},
            matures_on=sharing.booked_at.date() + timedelta(days=rules.ads_maturity_days),
        )
        for row in rows
    ]


def _row(sharing: PoolSharing, figures: Figures) -> PoolShare:
    return PoolShare(
        sharing=sharing,
        payee_id=figures.payee_id,
        plays=figures.plays,
        listeners=figures.listeners,
        micros=figures.micros[Model(sharing.model)],
        user_centric_micros=figures.micros[Model.USER_CENTRIC],
        pro_rata_micros=figures.micros[Model.PRO_RATA],
        artist_centric_micros=figures.micros[Model.ARTIST_CENTRIC],
    )


# --- carried on


def _carry(month: str, unit: str, at: datetime) -> PoolSharing | None:
    """Move all of a pool to the next one that is still to be shared out; None when somebody else changed either."""
    to = after(month)
    while PoolSharing.objects.filter(month=to, unit=unit).exists():
        to = after(to)
    code, to_code = chart.pool(month, unit), chart.pool(to, unit)
    with transaction.atomic():
        micros = journal.lock([code, to_code])[code]
        if not micros or PoolSharing.objects.filter(month=to, unit=unit).exists():
            return None
        sharing = PoolSharing.objects.create(
            month=month,
            unit=unit,
            number=PoolSharing.objects.filter(month=month, unit=unit).count() + 1,
            micros=micros,
            carried_to=to,
            policy_version=policy.current(at).version,
            booked_at=at,
        )
        facts = {"title": f"{title(month)}, carried on", "month": month, "carried_to": to}
        line = Line(code, to_code, micros, unit, sharing.source, facts)
        journal.post(sharing.entry_key, CARRIED, [line], occurred_at=at)
    return sharing
