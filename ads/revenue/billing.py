"""Billing what is due: groups by the hundred, one entry each, in short transactions.

A group's n, what it posted and how far in the line it is billed move in the transaction of its entry, and so does
what its campaign has settled. Campaigns come last and in order, as everywhere.
"""

# ruff: noqa: S608 - what is put into a statement are whole numbers

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from ads.models import BESIDE_MUSIC, Campaign, ImpressionGroup, Place
from ads.revenue import replaced
from ads.revenue.due import Due
from ads.rewards import credits
from ledger import batch as books
from ledger import chart, journal, policy
from ledger.journal import Line
from ledger.models import Policy
from megabox import money

GROUPS_AT_ONCE = 250
"""So many groups are billed in one transaction, about a tenth of a second; so long their balances stay locked."""

Pairs = Sequence[tuple[ImpressionGroup, Due]]
Advertisers = Mapping[int, int]
"""Who pays for each campaign."""


def bill(batch: Sequence[Due], through: int, now: datetime) -> int:
    """Bill some groups up to the number `through` of the line, in one transaction; return how many.

    A group that somebody made, billed, or rejected a view of since it was summed up is left out: sum it up again.
    """
    with transaction.atomic():
        pairs = _locked(batch, through)
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
            entries.append(books.Draft(group.entry_key(_number(group, one)), "ads settled", lines, occurred_at))
        books.post_all(entries)
        _write_down(pairs, through)
        _note_settled(pairs)
    return len(pairs)


# --- locks


def _locked(batch: Sequence[Due], through: int) -> Pairs:
    """The groups of a batch, made where they are new, and locked; without those that changed since they were summed up.

    A group that somebody else made just now is one of them.
    """
    ids = [one.group_id for one in batch if one.group_id is not None]
    new = [one for one in batch if one.group_id is None]
    found = ImpressionGroup.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids).order_by("pk")
    groups = {group.key: group for group in [*found, *_make_groups(new, through)]}
    pairs = [(groups[one.key], one) for one in batch if one.key in groups]
    return [
        (group, one)
        for group, one in pairs
        if _is_new(one) or (group.billed_through, group.rejected_count) == (one.billed_through, one.rejected_count)
    ]


def _make_groups(new: Sequence[Due], through: int) -> Sequence[ImpressionGroup]:
    """Make groups as they are after their first entry, and return those that nobody else made.

    In the order of the keys: two who make the same wait, and never in a ring.
    """
    if not new:
        return []
    sums = [(one.first, one.count, one.gross) for one in new]
    return list(
        ImpressionGroup.objects.raw(
            f"WITH due (first, n, gross) AS ({_values(sums)}) INSERT INTO ads_impressiongroup"
            ' (campaign_id, beneficiary, day, place, artist_id, shares, policy_version, "count", gross_micros,'
            " posted_micros, postings_count, billed_through, rejected_count)"
            " SELECT campaign_id, beneficiary, day, place, artist_id, shares, policy_version, n, gross, gross, 1, %s, 0"
            " FROM due JOIN ads_impression ON number = first WHERE true"
            " ORDER BY campaign_id, beneficiary, day ON CONFLICT DO NOTHING RETURNING *",
            [through],
        )
    )


def _is_new(one: Due) -> bool:
    """Was the group made for this, so that it says already what it has billed?"""
    return one.group_id is None


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
    codes = {
        chart.payee(earner, "pending", unit) if group.place in BESIDE_MUSIC else chart.escrow(earner, unit)
        for group, _ in pairs
        for earner, _ in group.shares
    }
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
        return _extension_lines(group, one, facts)
    return []


def _extension_lines(group: ImpressionGroup, one: Due, facts: Mapping[str, Any]) -> list[Line]:
    """Lines that pay each wallet, and keep the part of the site whose ads were replaced, by the frozen shares."""
    lines, kept = [], 0
    for wallet_id, prices in one.by_wallet.items():
        earned = sum(replaced.listener_part(price, group.shares) * count for price, count in prices.items())
        kept += sum(replaced.site_part(price, group.shares) * count for price, count in prices.items())
        lines += credits.earn_lines(wallet_id, earned, source=group.source, facts=facts)
    site_id = replaced.site_of(group.shares)
    if site_id is not None and kept:
        unit = settings.ADS_CURRENCY
        said = {**facts, "site": site_id, "basis_points": group.shares[0][1]}
        lines.append(Line(chart.publishers(unit), chart.escrow(site_id, unit), kept, unit, group.source, said))
    return lines


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


def _number(group: ImpressionGroup, one: Due) -> int:
    """The number of the entry among those of its group."""
    return group.postings_count if _is_new(one) else group.postings_count + 1


def _write_down(pairs: Pairs, through: int) -> None:
    """What each group has billed now, and by which entry."""
    entries = [
        (group.pk, _number(group, one), one.billed_through, through, one.count, one.gross) for group, one in pairs
    ]
    sums = [(group.pk, one.count, one.gross) for group, one in pairs if not _is_new(one)]
    with connection.cursor() as cursor:  # a hundred rows by the ORM take longer than their entries
        cursor.execute(
            'INSERT INTO ads_groupentry (group_id, n, "after", through, "count", posted_micros, gross_micros)'
            f" SELECT column1, column2, column3, column4, column5, column6, column6 FROM ({_values(entries)}) AS new"
        )
        if sums:
            cursor.execute(
                f"WITH billed (group_id, n, gross) AS ({_values(sums)}) UPDATE ads_impressiongroup"
                ' SET postings_count = postings_count + 1, billed_through = %s, "count" = "count" + billed.n,'
                " gross_micros = gross_micros + billed.gross, posted_micros = posted_micros + billed.gross"
                " FROM billed WHERE ads_impressiongroup.id = billed.group_id",
                [through],
            )


def _note_settled(pairs: Pairs) -> None:
    """What each campaign has settled now."""
    micros: Counter[int] = Counter()
    for group, one in pairs:
        micros[group.campaign_id] += one.gross
    rows = Campaign.objects.filter(pk__in=micros).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))  # a statement that moves many takes them in any order
    sums = sorted(micros.items())
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH billed (campaign_id, gross) AS ({_values(sums)}) UPDATE ads_campaign"
            " SET settled_micros = settled_micros + billed.gross FROM billed WHERE id = billed.campaign_id"
        )


def _values(rows: Sequence[Sequence[int]]) -> str:
    """Rows of whole numbers, written out: to look for a mark for each takes longer than to insert them."""
    return f"VALUES {', '.join('(' + ', '.join(f'{value:d}' for value in row) + ')' for row in rows)}"
