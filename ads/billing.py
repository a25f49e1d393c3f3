"""Billing what is due: groups by the hundred, one entry each, in short transactions.

A group's n, what it posted and how far in the line it is billed move in the transaction of its entry.
"""

# ruff: noqa: S608 - what is put into a statement are marks for its parameters

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from ads import credits
from ads.due import Due, Key
from ads.models import BESIDE_MUSIC, Campaign, ImpressionGroup, Place
from ledger import batch as books
from ledger import chart, journal, policy
from ledger.journal import Line
from ledger.models import Policy
from megabox import money

GROUPS_AT_ONCE = 100
"""So many groups are billed in one transaction, and so long the balances they move stay locked."""

Pairs = Sequence[tuple[ImpressionGroup, Due]]
Advertisers = Mapping[int, int]
"""Who pays for each campaign."""


def bill(batch: Sequence[Due], through: int, now: datetime) -> int:
    """Bill some groups up to the number `through` of the line, in one transaction; return how many.

    A group that somebody billed, or rejected a view of, since it was summed up is left out: sum it up again.
    """
    with transaction.atomic():
        groups = _locked(batch)
        pairs = [
            (groups[one.key], one)
            for one in batch
            if (groups[one.key].billed_through, groups[one.key].rejected_count)
            == (one.billed_through, one.rejected_count)
        ]
        if not pairs:
            return 0
        advertisers = _advertisers(pairs)
        prepaid = _lock_balances(pairs, advertisers)
        rules = cache(lambda version: Policy.objects.get(version=version))
        entries = []
        for group, one in pairs:
            lines = _paid(group, one, advertisers[group.campaign_id], prepaid) + _shared(
                group, one, rules(group.policy_version)
            )
            # A day's work belongs to the day, even when it is posted in the night after it.
            occurred_at = min(now, datetime.combine(group.day, time.max, UTC))
            entries.append(books.Draft(group.entry_key(group.postings_count + 1), "ads settled", lines, occurred_at))
        books.post_all(entries)
        _write_down(pairs, through)
    return len(pairs)


# --- locks


def _locked(batch: Sequence[Due]) -> dict[Key, ImpressionGroup]:
    """The groups of a batch, made where they are new, and locked: two workers at once meet here."""
    firsts = [one.first for one in batch if one.group_id is None]
    if firsts:
        _make_groups(firsts)
    names = zip(*(one.key for one in batch), strict=True)
    campaigns, beneficiaries, days = (set(values) for values in names)
    near = ImpressionGroup.objects.filter(campaign__in=campaigns, beneficiary__in=beneficiaries, day__in=days)
    keys = {one.key for one in batch}
    ids = [pk for pk, *key in near.values_list("pk", "campaign", "beneficiary", "day") if tuple(key) in keys]
    found = ImpressionGroup.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids).order_by("pk")
    return {group.key: group for group in found}


def _make_groups(numbers: Sequence[int]) -> None:
    """Make the groups of these views, in the order of the keys: two who make the same wait, and never in a ring."""
    marks = ", ".join(["%s"] * len(numbers))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ads_impressiongroup (campaign_id, beneficiary, day, place, artist_id, shares, policy_version,"
            ' "count", gross_micros, posted_micros, postings_count, billed_through, rejected_count)'
            " SELECT campaign_id, beneficiary, day, place, artist_id, shares, policy_version, 0, 0, 0, 0, 0, 0"
            f" FROM ads_impression WHERE number IN ({marks})"
            " ORDER BY campaign_id, beneficiary, day ON CONFLICT DO NOTHING",
            numbers,
        )


def _advertisers(pairs: Pairs) -> Advertisers:
    campaigns = Campaign.objects.filter(pk__in={group.campaign_id for group, _ in pairs}, advertiser__isnull=False)
    found = {pk: advertiser_id for pk, advertiser_id in campaigns.values_list("pk", "advertiser_id") if advertiser_id}
    assert all(group.campaign_id in found for group, _ in pairs), (
        "house ads have no price, so nothing of them is settled"
    )
    return found


def _lock_balances(pairs: Pairs, advertisers: Advertisers) -> dict[int, int]:
    """Lock all balances that these groups move, in one call; return what each advertiser has prepaid, in micros."""
    unit = settings.ADS_CURRENCY
    advertiser_ids = set(advertisers.values())
    codes = {chart.payee(payee_id, "pending", unit) for group, _ in pairs for payee_id, _ in group.shares}
    codes |= {chart.wallet(wallet_id) for _, one in pairs for wallet_id in one.by_wallet}
    codes |= {chart.advertiser_owed(advertiser_id, unit) for advertiser_id in advertiser_ids}
    prepaid = {chart.prepaid(advertiser_id, unit): advertiser_id for advertiser_id in advertiser_ids}
    balances = journal.lock(sorted(codes | prepaid.keys()))
    return {advertiser_id: balances[code] for code, advertiser_id in prepaid.items()}


# --- what an entry says


def _facts(group: ImpressionGroup, one: Due) -> dict[str, Any]:
    facts = {"campaign": group.campaign_id, "place": group.place, "day": group.day.isoformat(), "quantity": one.count}
    # Views of days whose books were closed before they came.
    return {**facts, "late": one.late} if one.late else facts


def _paid(group: ImpressionGroup, one: Due, advertiser_id: int, prepaid: dict[int, int]) -> list[Line]:
    """Lines that charge the advertiser; `prepaid` goes down by what they take.

    Only a deposit that was disputed and lost leads below zero: then what was shown is owed, and artists are paid.
    """
    unit = settings.ADS_CURRENCY
    earned = chart.unsettled(unit) if group.place == Place.GATE else chart.ads_revenue(unit)
    from_prepaid = min(one.gross, prepaid[advertiser_id])
    prepaid[advertiser_id] -= from_prepaid
    sources = (
        (chart.prepaid(advertiser_id, unit), from_prepaid),
        (chart.advertiser_owed(advertiser_id, unit), one.gross - from_prepaid),
    )
    facts = _facts(group, one)
    return [Line(code, earned, amount, unit, group.source, facts) for code, amount in sources if amount]


def _shared(group: ImpressionGroup, one: Due, rules: Policy) -> list[Line]:
    """Lines that pay whoever earns beside the advertiser's money: payees, or listeners of the extension."""
    facts = _facts(group, one)
    if group.place in BESIDE_MUSIC:
        return share_lines(group, one.gross, rules, facts=facts)
    if group.place == Place.MEGAKEY:
        return [
            line
            for wallet_id, micros in one.by_wallet.items()
            for line in credits.earn_lines(wallet_id, micros, source=group.source, facts=facts)
        ]
    return []


def share_lines(group: ImpressionGroup, gross: int, rules: Policy, *, facts: Mapping[str, Any]) -> list[Line]:
    """Lines that pay the payees their part of `gross` micros beside music, by the shares frozen in the group."""
    unit = settings.ADS_CURRENCY
    share = policy.split(gross, rules).payee
    parts = money.allocate(share, [points for _, points in group.shares])
    return [
        Line(
            debit=chart.payee_ad_share(unit),
            credit=chart.payee(payee_id, "pending", unit),
            amount=part,
            unit=unit,
            source=group.source,
            facts={
                **facts,
                "title": "Ads beside your music",
                "artist": group.artist_id,
                "price_micros": gross,
                "rule": f"policy {rules.version}",
                "share_micros": share,
                "split_basis_points": points,
            },
            matures_on=group.day + timedelta(days=rules.ads_maturity_days),
        )
        for (payee_id, points), part in zip(group.shares, parts, strict=True)
        if part
    ]


def _write_down(pairs: Pairs, through: int) -> None:
    """What each group has billed now, and by which entry."""
    with connection.cursor() as cursor:  # a hundred rows by the ORM take longer than their entries
        cursor.executemany(
            'INSERT INTO ads_groupentry (group_id, n, "after", through, "count", posted_micros, gross_micros)'
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (group.pk, group.postings_count + 1, group.billed_through, through, one.count, one.gross, one.gross)
                for group, one in pairs
            ],
        )
        cursor.executemany(
            "UPDATE ads_impressiongroup SET postings_count = postings_count + 1, billed_through = %s,"
            ' "count" = "count" + %s, gross_micros = gross_micros + %s, posted_micros = posted_micros + %s'
            " WHERE id = %s",
            [(through, one.count, one.gross, one.gross, group.pk) for group, one in pairs],
        )
