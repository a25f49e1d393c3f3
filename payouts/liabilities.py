"""Liability ageing: what every payee is owed, by when it matures and by how long it could have been paid.

What is payable is aged first in, first out: what is left of it is the newest that came. Source: docs/money.md.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import F, Q, QuerySet, Sum

from artists.models import Payee
from ledger import pending, reading
from ledger.models import Account, Posting
from megabox.days import midnight
from megabox.reporting import Filters, Report, account_url
from megabox.tables import Column, Kind, Listed, Row, Table, Total

DUE_DAYS = (7, 14)
AGES = (30, 60, 90)
PLACE = re.compile(r"payee:(\d+):(pending|payable|hold|owed):([A-Z]{3})")

COLUMNS = (
    Column("payee_id", "Payee's number", is_shown=False),
    Column("payee", "Payee", link=lambda row: account_url(f"payee:{row[0]}:")),
    Column("unit", "Unit", Kind.UNIT),
    *(
        Column(name, title, Kind.MONEY, Total.SUM)
        for name, title in (
            ("due_7_days", "Matures in 7 days"),
            ("due_14_days", "in 14 days"),
            ("due_later", "later"),
            ("payable_30_days", "Payable, 30 days"),
            ("payable_60_days", "31 to 60"),
            ("payable_90_days", "61 to 90"),
            ("payable_older", "older"),
            ("hold", "On hold"),
            ("owed", "Owed to us"),
            ("total", "All we owe"),
        )
    ),
)


def ageing(filters: Filters) -> Table:
    """Each payee's money at the end of a day: still maturing, payable by age, on hold, and what they owe."""
    places = _places(filters.unit)
    ids = {place: {pk: key for pk, (key, where) in places.items() if where == place} for place in _ORDER}
    at = filters.end - timedelta(microseconds=1)
    sums = reading.totals(list(places), at=at) if places else {}
    accounts = Account.objects.in_bulk(list(sums))
    balance: dict[tuple[int, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_ORDER, 0))
    for pk, (debits, credits) in sums.items():
        key, place = places[pk]
        balance[key][place] = debits - credits if accounts[pk].is_debit_normal else credits - debits
    due = [_by_key(_due(ids["pending"], filters, days), ids["pending"]) for days in DUE_DAYS]
    came = [_by_key(_came(ids["payable"], filters, days), ids["payable"]) for days in AGES]
    names = dict(Payee.objects.filter(pk__in={payee_id for payee_id, _ in balance}).values_list("pk", "name"))
    rows = [
        _row(key, names.get(key[0], ""), money, [d.get(key, 0) for d in due], [c.get(key, 0) for c in came])
        for key, money in balance.items()
        if any(money.values()) and filters.text.casefold() in names.get(key[0], "").casefold()
    ]
    rows.sort(key=lambda row: (str(row[2]), -int(str(row[-1])), str(row[1])))
    return Table("Liability ageing", COLUMNS, Listed(rows), empty="We owe nobody anything.")


_ORDER = ("pending", "payable", "hold", "owed")


def _places(unit: str) -> dict[int, tuple[tuple[int, str], str]]:
    """Each account of a payee: whose it is, its unit, and which place."""
    found = Account.objects.filter(code__startswith="payee:")
    if unit:
        found = found.filter(unit=unit)
    matches = ((pk, PLACE.fullmatch(code)) for pk, code in found.values_list("pk", "code").iterator())
    return {pk: ((int(match[1]), match[3]), match[2]) for pk, match in matches if match}


def _row(key: tuple[int, str], name: str, money: Mapping[str, int], due: Sequence[int], came: Sequence[int]) -> Row:
    soon, sooner = min(due[0], money["pending"]), min(due[1], money["pending"])
    ages, left, before = [], money["payable"], 0
    for so_far in came:
        part = min(left, so_far - before)
        ages.append(part)
        left, before = left - part, so_far
    total = money["pending"] + money["payable"] + money["hold"] - money["owed"]
    maturing = [soon, sooner - soon, money["pending"] - sooner]
    return [key[0], name, key[1], *maturing, *ages, left, money["hold"], money["owed"], total]


def _due(ids: Mapping[int, object], filters: Filters, days: int) -> dict[int, int]:
    """Micros of each pending account that mature up to so many days after the day."""
    last = filters.until + timedelta(days=days)
    known = Posting.objects.filter(entry__occurred_at__lt=filters.end)
    credited = known.filter(credit__in=_accounts("pending"), matures_on__lte=last)
    debited = known.filter(debit__in=_accounts("pending"))
    taken = debited.filter(reverses__credit=F("debit"), reverses__matures_on__lte=last)
    matured = debited.filter(entry__kind=pending.MATURITY)
    sums: dict[int, int] = dict.fromkeys(ids, 0)
    for postings, side, sign in ((credited, "credit", 1), (taken, "debit", -1), (matured, "debit", -1)):
        for pk, micros in _sums(postings, side).items():
            if pk in sums:
                sums[pk] += sign * micros
    return sums


def _came(ids: Mapping[int, object], filters: Filters, days: int) -> dict[int, int]:
    """Micros that came to each payable account in so many days up to the day."""
    since = midnight(filters.until - timedelta(days=days - 1))
    came = Posting.objects.filter(
        Q(entry__occurred_at__gte=since, entry__occurred_at__lt=filters.end), credit__in=_accounts("payable")
    )
    return {pk: micros for pk, micros in _sums(came, "credit").items() if pk in ids}


def _accounts(place: str) -> QuerySet[Account, int]:
    return Account.objects.filter(code__startswith="payee:", code__contains=f":{place}:").values_list("pk", flat=True)


def _sums(postings: QuerySet[Posting], side: str) -> dict[int, int]:
    return dict(postings.order_by().values_list(side).annotate(total=Sum("amount")))


def _by_key(sums: Mapping[int, int], keys: Mapping[int, tuple[int, str]]) -> dict[tuple[int, str], int]:
    return {keys[pk]: micros for pk, micros in sums.items()}


REPORTS: Sequence[Report] = (
    Report(
        "liabilities",
        "Liability ageing",
        "What do we owe whom, when does it mature, and how long could it have been paid?",
        "What we owe",
        ageing,
        asks=("until", "unit", "text"),
        labels={"until": "At the end of", "text": "Payee's name has"},
    ),
)
