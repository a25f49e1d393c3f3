"""Charging campaigns for what was seen: through the leases that set it aside, or the budget itself. In micros."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from django.conf import settings
from django.db import connection
from django.db.models import F

from ads.models import BudgetLease, Campaign, CampaignDay

Charge = tuple[int, int | None, date]
"""Campaign, lease (None: the budget itself), and the UTC day in whose book it is."""


def bill(charges: Mapping[Charge, int], freed: Mapping[Charge, int] = MappingProxyType({})) -> set[Charge]:
    """Move micros into what campaigns spent; return the charges that nothing is left for, of which nothing is moved.

    Through a lease they were set aside before; the budget itself pays while the campaign is live and has room. Never
    above the budget nor the day's cap. `freed` was reserved of leases by the same tokens, or others that are used up,
    and nobody will ever be charged for it. Last in its transaction, because all views of a campaign meet here.
    """
    wanted: dict[int, dict[Charge, int]] = {}
    for charge in sorted(charges.keys() | freed.keys(), key=lambda charge: (charge[0], charge[1] or 0, charge[2])):
        if charges.get(charge) or freed.get(charge):
            wanted.setdefault(charge[0], {})[charge] = charges.get(charge, 0)
    return {charge for campaign_id, mine in wanted.items() for charge in _bill_campaign(campaign_id, mine, freed)}


def lock(charges: Collection[Charge]) -> None:
    """Take the leases and days of charges of one campaign, in order, so that they can be billed in parts.

    Billing takes a campaign after its days: whoever bills another part would take a day after the campaign.
    """
    (campaign_id,) = {campaign_id for campaign_id, _, _ in charges}
    leased = BudgetLease.objects.filter(campaign=campaign_id, pk__in={pk for _, pk, _ in charges if pk is not None})
    granted_from = leased.order_by("pk").select_for_update(no_key=True).values_list("day", flat=True)
    _lock_days(campaign_id, {day for _, _, day in charges} | set(granted_from))


# --- one campaign


def _bill_campaign(campaign_id: int, asked: Mapping[Charge, int], freed: Mapping[Charge, int]) -> set[Charge]:
    """Charge one campaign: its leases, its days, and then its budget, at once for all of them."""
    days: dict[Charge, date | None] = {}
    back: Counter[date] = Counter()
    for charge in (charge for charge in asked if charge[1] is not None):
        if asked[charge]:
            days[charge] = _bill_lease(charge, asked[charge])
        if freed.get(charge) and (granted_from := _free(charge, freed[charge])):
            back[granted_from] += freed[charge]
    wanted = {charge: micros for charge, micros in asked.items() if micros}
    refused = {charge for charge, day in days.items() if day is None}
    cap = _cap(campaign_id) if any(days.get(charge) != charge[2] for charge in wanted) else None
    touched = {day for _, _, day in wanted} | {day for day in days.values() if day is not None} | back.keys()
    if len(touched) > 1:
        _lock_days(campaign_id, touched)
    for day, micros in back.items():
        _move(campaign_id, day, leased=-micros)
    for charge in sorted(wanted.keys() - refused, key=lambda charge: (charge[2], charge[1] or 0)):
        if not _bill_day(charge, wanted[charge], days.get(charge), cap):
            refused.add(charge)
            if charge[1] is not None:
                _unbill_lease(charge[1], wanted[charge])
    taken = {charge: micros for charge, micros in wanted.items() if charge not in refused}
    leased = sum(micros for (_, lease_id, _), micros in taken.items() if lease_id is not None)
    direct = sum(taken.values()) - leased
    unspent = back.total()
    if not (taken or unspent) or _spend(campaign_id, leased, direct, unspent):
        return refused
    for (_, lease_id, day), micros in taken.items():  # their rows are ours until the end of the transaction
        if lease_id is None:
            _move(campaign_id, day, spent=-micros)
    if leased or unspent:
        _spend(campaign_id, leased, 0, unspent)
    return refused | {charge for charge in taken if charge[1] is None}


def _bill_lease(charge: Charge, micros: int) -> date | None:
    """Charge a lease; the day it was granted from, or None when it was returned or has not so much left."""
    campaign_id, lease_id, _ = charge
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ads_budgetlease SET billed_micros = billed_micros + %s WHERE id = %s AND campaign_id = %s"
            " AND returned_at IS NULL AND billed_micros + %s <= granted_micros RETURNING day",
            [micros, lease_id, campaign_id, micros],
        )
        row = cursor.fetchone()
    return _day(row)


def _free(charge: Charge, micros: int) -> date | None:
    """Take so much out of a lease that no token can ask for any more; the day it was granted from.

    None when it was returned, or was granted nothing else: then it comes back with the lease.
    """
    campaign_id, lease_id, _ = charge
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ads_budgetlease SET granted_micros = granted_micros - %s WHERE id = %s AND campaign_id = %s"
            " AND returned_at IS NULL AND granted_micros - billed_micros >= %s AND granted_micros > %s RETURNING day",
            [micros, lease_id, campaign_id, micros, micros],
        )
        row = cursor.fetchone()
    return _day(row)


def _day(row: tuple[object] | None) -> date | None:
    return BudgetLease._meta.get_field("day").to_python(row[0]) if row else None


def _unbill_lease(lease_id: int, micros: int) -> None:
    BudgetLease.objects.filter(pk=lease_id).update(billed_micros=F("billed_micros") - micros)


def _lock_days(campaign_id: int, days: Collection[date]) -> None:
    """Make the rows of these days where they are new, and lock them in order."""
    rows = CampaignDay.objects.filter(campaign=campaign_id, day__in=days)
    for day in sorted(set(days) - set(rows.values_list("day", flat=True))):
        CampaignDay.objects.get_or_create(campaign_id=campaign_id, day=day)
    list(rows.order_by("day").select_for_update(no_key=True).values_list("pk"))


def _bill_day(charge: Charge, micros: int, granted_from: date | None, cap_micros: int | None) -> bool:
    """Charge the day of a view. What was set aside of this very day has room; a view after midnight must find some."""
    campaign_id, _, day = charge
    if granted_from == day:
        return _move(campaign_id, day, spent=micros, leased=-micros)
    if not _take_of_day(campaign_id, day, micros, cap_micros):
        _, is_first = CampaignDay.objects.get_or_create(campaign_id=campaign_id, day=day)
        if not is_first or not _take_of_day(campaign_id, day, micros, cap_micros):
            return False
    return granted_from is None or _move(campaign_id, granted_from, leased=-micros)


# Asked for each campaign of a batch, so written out: Django takes longer over each than the database.


def _cap(campaign_id: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT daily_cap_micros FROM ads_campaign WHERE id = %s", [campaign_id])
        row = cursor.fetchone()
    return row[0] if row else None


def _take_of_day(campaign_id: int, day: date, micros: int, cap_micros: int | None) -> bool:
    """Spend on a day what was not set aside of it; False when it is over the day's cap, or the day has no row yet.

    The cap is read before: PostgreSQL, when it waited for the row, would not look again into another table.
    """
    statement = "UPDATE ads_campaignday SET spent_micros = spent_micros + %s WHERE campaign_id = %s AND day = %s"
    values: list[int | str] = [micros, campaign_id, str(day)]
    if cap_micros is not None:
        statement += " AND spent_micros + leased_micros + %s <= %s"
        values += [micros, cap_micros]
    return _update(statement, values)


def _move(campaign_id: int, day: date, *, spent: int = 0, leased: int = 0) -> bool:
    moved = _update(
        "UPDATE ads_campaignday SET spent_micros = spent_micros + %s, leased_micros = leased_micros + %s"
        " WHERE campaign_id = %s AND day = %s",
        [spent, leased, campaign_id, str(day)],
    )
    assert moved, "who leases or charges of a day makes its row first"
    return True


def _spend(campaign_id: int, leased: int, direct: int, freed: int) -> bool:
    """Move what was leased, and what was not, to what the campaign spent; False when there is no room for the latter.

    `freed` was leased and is not spent.

    What was set aside has room. What was not has some only while the campaign is live: what others do not show any
    more is not kept for them.
    """
    statement = (
        "UPDATE ads_campaign SET spent_micros = spent_micros + %s, leased_micros = leased_micros - %s WHERE id = %s"
    )
    values: list[int | str] = [leased + direct, leased + freed, campaign_id]
    if direct:
        statement += " AND spent_micros + leased_micros - %s + %s <= budget_micros"
        values += [freed, direct]
        if settings.ADS_LEASE_SECONDS:
            statement += " AND state = %s"
            values.append(Campaign.State.LIVE.value)
    return _update(statement, values)


def _update(statement: str, values: Sequence[int | str]) -> bool:
    """Whether the one row that was meant was there and fitted."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount == 1)
