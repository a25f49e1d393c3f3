"""Credits: earned by watching, spent on music, expired after twelve months. One credit is 1 000 micros of money.

In every entry the credits in wallets and the money behind them move together; the ledger refuses anything else.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import TruncDate

from ads.models import Wallet
from ledger import chart, journal, policy, reading
from ledger.journal import Line
from ledger.models import Balance, Entry, Posting
from megabox import money

MONTHS = 12
"""After so many months what is left of credits expires."""
_WALLETS_AT_ONCE = 500


class NotEnough(Exception):
    """The wallet does not hold what the download costs."""


def earn_lines(wallet_id: int, micros: int, *, source: str, facts: Mapping[str, Any]) -> list[Line]:
    """Lines that put credits worth `micros` of money into a wallet, and the money behind them."""
    unit = settings.ADS_CURRENCY
    return [
        Line(chart.listener_rewards(unit), chart.backing(unit), micros, unit, source, facts),
        Line(chart.xcr_issued(), chart.wallet(wallet_id), money.micros_to_xcr(micros), money.CREDIT, source, facts),
    ]


def spend(
    wallet: Wallet,
    credits_micros: int,
    shares: Sequence[Sequence[int]],
    *,
    key: str,
    source: str,
    facts: Mapping[str, Any],
    at: datetime,
) -> Entry:
    """Spend credits worth `credits_micros` of money on music; the payees get 90 % as pending, by `shares`.

    `shares` are [payee id, basis points], as split sheets keep them; `key` makes it happen once: a repeat returns the
    first entry. What was earned matures after the policy's days for ads. Raises NotEnough.
    Source: docs/money.md, "download for 5 000 credits".
    """
    assert credits_micros > 0, "a download that costs nothing spends nothing"
    unit = settings.ADS_CURRENCY
    rules = policy.current(at)
    parts = policy.split(credits_micros, rules)
    frozen = {**facts, "rule": f"policy {rules.version}", "share_micros": parts.payee}
    xcr = money.micros_to_xcr(credits_micros)
    lines = [Line(chart.wallet(wallet.pk), chart.xcr_spent(), xcr, money.CREDIT, source, frozen)]
    for payee_id, points, amount in _allocated(parts.payee, shares):
        lines.append(
            Line(
                debit=chart.backing(unit),
                credit=chart.payee(payee_id, "pending", unit),
                amount=amount,
                unit=unit,
                source=source,
                facts={**frozen, "split_basis_points": points},
                matures_on=at.date() + timedelta(days=rules.ads_maturity_days),
            )
        )
    if parts.commission:
        lines.append(Line(chart.backing(unit), chart.commission(unit), parts.commission, unit, source, frozen))
    try:
        return journal.post(key, "credits spent", lines, occurred_at=at).entry
    except journal.Overdraft as too_little:
        have = money.display(too_little.available, money.CREDIT)
        raise NotEnough(f"This costs {money.display(too_little.wanted, money.CREDIT)}; you have {have}.") from None


def expire(at: datetime) -> int:
    """Expire what nobody spent within twelve months, for every wallet; return how many entries are new.

    No lots: expired now = max(0, earned until twelve months ago, less all that ever left). A merge counts as earned.
    The money goes to the artists' pool of the month. Safe to repeat and to kill. Source: docs/money.md.
    """
    return sum(_expire(code, at) for code in _with_old_credits(at))


def forecast(wallet_id: int) -> list[tuple[date, int]]:
    """What of a wallet expires if nobody spends it: (UTC day, XCR micros above zero), soonest first.

    The rule of `expire` seen from today: what ever left is taken from the oldest earnings first.
    """
    code = chart.wallet(wallet_id)
    gone = Posting.objects.filter(debit__code=code).aggregate(total=Sum("amount", default=0))["total"]
    came = Posting.objects.filter(credit__code=code).order_by()
    by_day = came.annotate(day=TruncDate("entry__occurred_at", tzinfo=UTC)).values_list("day")
    found: list[tuple[date, int]] = []
    for day, xcr in by_day.annotate(total=Sum("amount")).order_by("day"):
        left = max(0, xcr - gone)
        gone -= xcr - left
        if left:
            found.append((expires_on(day), left))
    return found


def expires_on(day: date) -> date:
    """The day on which what was earned on `day` expires: twelve months later, or the day after where there is none."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)


def months_before(at: datetime, months: int = MONTHS) -> datetime:
    """The same day and time `months` earlier; the last day of a shorter month."""
    month_index = at.year * 12 + at.month - 1 - months
    year, month = divmod(month_index, 12)
    next_month = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last_day = (next_month - timedelta(days=1)).day
    return at.replace(year=year, month=month + 1, day=min(at.day, last_day))


def _with_old_credits(at: datetime) -> Iterator[str]:
    """Codes of the wallets that have something to expire, a few hundred looked at together."""
    codes = dict(
        Balance.objects.filter(account__code__startswith="wallet:", amount__gt=0)
        .order_by("account")
        .values_list("account", "account__code")
    )
    ids = list(codes)
    for start in range(0, len(ids), _WALLETS_AT_ONCE):
        old = _old_micros(ids[start : start + _WALLETS_AT_ONCE], at)
        yield from (codes[pk] for pk, xcr in old.items() if xcr > 0)


def _old_micros(account_ids: Collection[int], at: datetime) -> dict[int, int]:
    """XCR micros earned until twelve months before `at`, less all that ever left, by account; may be below zero."""
    earned, gone = reading.totals(account_ids, at=months_before(at)), reading.totals(account_ids)
    return {pk: earned.get(pk, (0, 0))[1] - gone.get(pk, (0, 0))[0] for pk in account_ids}


def _expire(code: str, at: datetime) -> bool:
    unit, wallet_id = settings.ADS_CURRENCY, chart.owner_id(code)
    key = f"expire:{wallet_id}:{at.date().isoformat()}"
    with transaction.atomic():
        balance = journal.lock([code])[code]
        pk = chart.open_all([code])[code]
        xcr = min(balance, _old_micros([pk], at)[pk])
        if xcr <= 0 or journal.entry_for(key) is not None:
            return False
        micros = money.xcr_to_micros(xcr)
        source = f"ads.wallet:{wallet_id}"
        lines = [
            Line(code, chart.xcr_expired(), xcr, money.CREDIT, source),
            Line(chart.backing(unit), chart.pool(f"{at:%Y-%m}", unit), micros, unit, source),
        ]
        return journal.post(key, "credits expired", lines, occurred_at=at).is_new


def _allocated(micros: int, shares: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """(payee id, basis points, micros above zero) by `shares`; the micros sum to the whole."""
    parts = money.allocate(micros, [points for _, points in shares])
    return [(payee_id, points, part) for (payee_id, points), part in zip(shares, parts, strict=True) if part]
