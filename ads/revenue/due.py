"""What is due: the counted views of each campaign, beneficiary and day that no entry has billed, in one pass.

One statement sums up to a million views and reads the groups beside them, so both are seen at the same moment.
"""
# ruff: noqa: S608 - what is put into these statements are constants of this module; values are parameters

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction

from ads.models import Impression, Place, Settlement
from ads.models.impressions import GroupKey


@dataclass(frozen=True, slots=True)
class Due:
    """Views of one group, `gross` micros in all; `first` is the number of one of them, `late` are of an earlier day.

    `group_id`, `billed_through` and `rejected_count` are the group's at that moment: as long as they stand, so does
    the sum.
    """

    campaign_id: int
    beneficiary: str
    day: date
    count: int
    gross: int
    first: int
    late: int
    group_id: int | None
    billed_through: int
    rejected_count: int
    by_wallet: dict[int, dict[int, int]] = field(default_factory=dict)
    """For each wallet how many views of each price, where listeners are paid at the settlement."""

    @property
    def key(self) -> GroupKey:
        return (self.campaign_id, self.beneficiary, self.day)


_SINCE = f"""
    seen.number > %s AND seen.number <= %s AND seen.state = '{Impression.State.VIEWED}' AND seen.price_micros > 0"""

_ALL = f"FROM ads_impression AS seen WHERE {_SINCE}"

# The groups that a settlement billed which did not come to its end, or has not yet: there, and only there, some of
# the views since the last settlement are billed.
_UNBILLED = f"""
    FROM ads_impression AS seen
    LEFT JOIN ads_impressiongroup AS ahead
        ON ahead.billed_through > %s AND ahead.campaign_id = seen.campaign_id
        AND ahead.beneficiary = seen.beneficiary AND ahead.day = seen.day
    WHERE {_SINCE} AND (ahead.id IS NULL OR seen.number > ahead.billed_through)"""

_BY_GROUP = """
    SELECT due.campaign_id, due.beneficiary, due.day, due.count, due.gross, due.first, due.late, made.id,
        coalesce(made.billed_through, 0), coalesce(made.rejected_count, 0)
    FROM (
        SELECT seen.campaign_id, seen.beneficiary, seen.day, count(*) AS count,
            CAST(sum(seen.price_micros) AS bigint) AS gross, min(seen.number) AS first,
            count(CASE WHEN seen.viewed_at < seen.day THEN 1 END) AS late {views}
        GROUP BY seen.campaign_id, seen.beneficiary, seen.day
    ) AS due
    LEFT JOIN ads_impressiongroup AS made
        ON made.campaign_id = due.campaign_id AND made.beneficiary = due.beneficiary AND made.day = due.day
    ORDER BY due.campaign_id, due.beneficiary, due.day"""

_BY_WALLET = f"""
    SELECT seen.campaign_id, seen.beneficiary, seen.day, seen.wallet_id, seen.price_micros, count(*)
    {_UNBILLED} AND seen.place = '{Place.MEGAKEY}'
    GROUP BY seen.campaign_id, seen.beneficiary, seen.day, seen.wallet_id, seen.price_micros
    ORDER BY seen.wallet_id, seen.price_micros"""


def find(through: int) -> list[Due]:
    """What is due of the views with numbers up to `through`, in the order of the keys."""
    after = Settlement.objects.through()
    found = _by_group(_ALL, after, through)
    if any(one.billed_through > after for one in found):  # seldom, and a join of every view with its group is dear
        found = _by_group(_UNBILLED, after, after, through)
    due = {one.key: one for one in found}
    if any(one.beneficiary.partition(":")[0] == Place.MEGAKEY for one in due.values()):
        for campaign_id, name, on, wallet_id, price, count in _rows(_BY_WALLET, after, after, through):
            key = (campaign_id, name, _date(on))
            if key in due:
                due[key].by_wallet.setdefault(wallet_id, {})[price] = count
    return list(due.values())


def _by_group(views: str, *parameters: int) -> list[Due]:
    rows = _rows(_BY_GROUP.format(views=views), *parameters)
    return [Due(campaign_id, name, _date(on), *rest) for campaign_id, name, on, *rest in rows]


@dataclass(frozen=True, slots=True)
class Billed:
    """The views that one entry billed: how many, micros in all, and of those that still stand.

    Under no entry are those that wait for a settlement; `missed` of them should not.
    """

    count: int = 0
    posted: int = 0
    standing: int = 0
    missed: int = 0


# The order of the joins is ours: each view once, then the few entries of its group.
_BY_ENTRY = f"""
    SELECT entry.id, count(*), CAST(sum(seen.price_micros) AS bigint),
        CAST(coalesce(sum(CASE WHEN seen.state = '{Impression.State.VIEWED}' THEN seen.price_micros END), 0) AS bigint),
        count(CASE WHEN seen.number <= %s OR seen.posting_n IS NOT NULL THEN 1 END)
    FROM ads_impression AS seen
    LEFT JOIN ads_impressiongroup AS made
        ON made.campaign_id = seen.campaign_id AND made.beneficiary = seen.beneficiary AND made.day = seen.day
    LEFT JOIN ads_groupentry AS entry
        ON entry.group_id = made.id AND (
            (seen.state = '{Impression.State.VIEWED}' AND seen.number > entry.after AND seen.number <= entry.through)
            OR seen.posting_n = entry.n
        )
    WHERE seen.day = %s AND seen.price_micros > 0
        AND (seen.state = '{Impression.State.VIEWED}' OR seen.posting_n IS NOT NULL)
    GROUP BY entry.id"""


def billed(day: date) -> dict[int | None, Billed]:
    """What each entry of a day billed, by the entry's id, recomputed from the raw impressions."""
    return {pk: Billed(*sums) for pk, *sums in _rows(_BY_ENTRY, Settlement.objects.through(), day)}


_MEMORY = "64MB"
"""So much a sum may use in PostgreSQL. With its usual 4 MB it would sort all views on the disk, for twice the time."""


def _rows(statement: str, *parameters: int | date) -> Sequence[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL work_mem = '{_MEMORY}'")
        cursor.execute(statement, parameters)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _date(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
