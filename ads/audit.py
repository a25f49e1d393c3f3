"""What is wrong between the impressions, the campaigns and the books, if anything. It repairs nothing.

Every settled day is recomputed from its raw impressions and must agree with the postings to the micro. The cost is
one pass over the impressions and the postings that name them; run it hourly, and before each payout.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Count, F, Model, Q, QuerySet, Sum
from django.utils import timezone

from ads.measurement import gate_views
from ads.models import (
    BESIDE_MUSIC,
    WHOLE_PERMILLE,
    BookDay,
    BudgetLease,
    Campaign,
    CampaignDay,
    GroupEntry,
    Impression,
    ImpressionGroup,
    Invalidation,
    Place,
)
from ads.revenue import due, escrow, rejections, replaced
from ads.revenue.due import Billed
from ledger import chart, journal, policy
from ledger.audit import Check, Finding, all_findings
from ledger.models import Entry, Policy, Posting
from megabox import money

ROOM = "ads"
_CHUNK = 500
_GROUP = re.compile(r"ads\.group:\d{1,18}")

Row = TypeVar("Row", bound=Model)


def checks(at: datetime) -> Sequence[Check]:
    """Every question about the impressions, the campaigns and their part of the books."""
    return (
        Check(ROOM, "what campaigns spent is what was viewed", _spending, Campaign),
        Check(ROOM, "what campaigns settled is what their groups say", _settled, Campaign),
        Check(ROOM, "what leases hold is set aside, and what they billed was viewed", _leases, BudgetLease),
        Check(ROOM, "a view costs its weight of what was offered", _weights, Impression),
        Check(ROOM, "settled days recompute from their impressions", _groups, ImpressionGroup),
        Check(ROOM, "every entry of a settlement has its group", _entries, Entry),
        Check(ROOM, "gate views are credited, and nothing else is", _gate_entries, Impression),
        Check(ROOM, "what was rejected is given back", _rejections, Impression),
        Check(ROOM, "unsettled is what waits, and zero for closed days", _unsettled, Impression),
        Check(ROOM, "money stands behind every credit", _backing, Posting),
        Check(ROOM, "escrow is the sites' part of the views that stand", _escrow, Posting),
        Check(ROOM, "no order to reject views is given up", _given_up, Invalidation),
    )


def findings() -> Iterator[Finding]:
    """Everything that does not agree; nothing when all is well."""
    yield from all_findings(checks(timezone.now()))


def _given_up() -> Iterator[Finding]:
    """Until somebody tries it again, views that the staff found invalid are still paid for."""
    for one in Invalidation.objects.filter(state=Invalidation.State.FAILED).order_by("pk"):
        said = f"Order {one.pk} to reject {one.total} views is given up after {one.done}: {one.problem}"
        yield _finding("order given up", said)


def _spending() -> Iterator[Finding]:
    """I11: a campaign's spend is the sum of its viewed impressions, and within its budget; so are its days."""
    viewed = Sum("impressions__price_micros", filter=Q(impressions__state=Impression.State.VIEWED), default=0)
    campaigns = Campaign.objects.order_by("pk").annotate(seen=viewed)
    for pk, spent, budget, cost in campaigns.values_list("pk", "spent_micros", "budget_micros", "seen"):
        if spent > budget:
            yield _finding("spend within budget", f"Campaign {pk} spent {spent} of a budget of {budget}.")
        if spent != cost:
            yield _finding("spend is views", f"Campaign {pk} says it spent {spent}, its views cost {cost}.")
    seen = _sums(Impression.objects.viewed().filter(price_micros__gt=0).values_list("campaign", "day"))
    days = CampaignDay.objects.values_list("campaign", "day", "spent_micros")
    said = {(campaign_id, day): spent for campaign_id, day, spent in days}
    for key in sorted(key for key in seen.keys() | said.keys() if seen.get(key, 0) != said.get(key, 0)):
        yield _finding(
            "spend is views",
            f"Campaign {key[0]} says it spent {said.get(key, 0)} on {key[1]}, its views cost {seen.get(key, 0)}.",
        )


def _settled() -> Iterator[Finding]:
    """What a campaign says it settled is what stands of its groups."""
    groups = ImpressionGroup.objects.order_by().values_list("campaign")
    billed = dict(groups.annotate(total=Sum("gross_micros")))
    for pk, settled in Campaign.objects.order_by("pk").values_list("pk", "settled_micros"):
        if settled != billed.get(pk, 0):
            yield _finding(
                "settled is groups", f"Campaign {pk} says it settled {settled}, its groups say {billed.get(pk, 0)}."
            )


def _leases() -> Iterator[Finding]:
    """Campaigns and days say what their open leases hold, and a lease billed what its counted views cost."""
    held = (
        BudgetLease.objects.filter(returned_at=None).order_by().annotate(left=F("granted_micros") - F("billed_micros"))
    )
    of_campaigns = dict(held.values_list("campaign").annotate(Sum("left")))
    of_days = {(pk, day): left for pk, day, left in held.values_list("campaign", "day").annotate(Sum("left"))}
    campaigns = Campaign.objects.order_by("pk")
    for pk, leased, spent, budget in campaigns.values_list("pk", "leased_micros", "spent_micros", "budget_micros"):
        if spent + leased > budget:
            yield _finding("spend within budget", f"Campaign {pk} spent {spent} and leased {leased} of {budget}.")
        if leased != (left := of_campaigns.get(pk, 0)):
            yield _finding("leased is held", f"Campaign {pk} says {leased} is leased, its leases hold {left}.")
    days = CampaignDay.objects.exclude(leased_micros=0).values_list("campaign", "day", "leased_micros")
    said = {(pk, day): leased for pk, day, leased in days}
    for pk, day in sorted(key for key in said.keys() | of_days.keys() if said.get(key, 0) != of_days.get(key, 0)):
        leased, left = said.get((pk, day), 0), of_days.get((pk, day), 0)
        yield _finding("leased is held", f"Campaign {pk} says {leased} is leased of {day}, its leases hold {left}.")
    seen = _sums(_ever_counted().filter(lease_id__isnull=False, price_micros__gt=0).values_list("lease_id"))
    for pk, billed in BudgetLease.objects.order_by("pk").values_list("pk", "billed_micros"):
        if billed != (cost := seen.get((pk,), 0)):
            yield _finding("leases bill views", f"Lease {pk} billed {billed}, its views cost {cost}.")


def _weights() -> Iterator[Finding]:
    """The price of a view is its weight of what its token offered, in whole micros."""
    other = Impression.objects.exclude(price_micros=F("offered_micros") * F("weight_permille") / WHOLE_PERMILLE)
    for one in other.order_by("number").iterator(chunk_size=_CHUNK):
        weighed = f"{one.weight_permille} ‰ of {one.offered_micros}"
        yield _finding("price is weighed", f"Impression {one.pk} costs {one.price_micros}, not {weighed}.")


def _ever_counted() -> QuerySet[Impression]:
    """Views that were charged, whether they were rejected later or not."""
    return Impression.objects.filter(Q(state=Impression.State.VIEWED) | Q(rejected_at__gt=F("viewed_at")))


def _groups() -> Iterator[Finding]:
    """Every settled entry says what its impressions say, to the micro, and no group forgot or invented any."""
    days = {*CampaignDay.objects.values_list("day", flat=True), *ImpressionGroup.objects.values_list("day", flat=True)}
    for day in sorted(days):
        billed = due.billed(day)
        missed = billed.get(None, Billed()).missed
        if missed:
            yield _finding("settled is billable", f"Settlements have passed over {missed} views of {day}.")
        groups = ImpressionGroup.objects.filter(day=day).select_related("campaign").prefetch_related("entries")
        for some in _chunks(groups.order_by("pk")):
            yield from _some_groups(some, billed)


def _some_groups(groups: Sequence[ImpressionGroup], billed: Mapping[int | None, Billed]) -> Iterator[Finding]:
    postings = _postings_by_key(group.entry_key(entry.n) for group in groups for entry in group.entries.all())
    for group in groups:
        entries = sorted(group.entries.all(), key=lambda entry: entry.n)
        if not _is_sum_of(group, entries, billed):
            yield _finding("groups are impressions", f"Group {group.pk} does not sum up its impressions.")
        for entry in entries:
            key = group.entry_key(entry.n)
            if _amounts(postings.get(key, ())) != _expected(entry, group, billed.get(entry.pk, Billed()).posted):
                yield _finding("settled is billable", f"Entry {key} does not say what its impressions cost.")


def _is_sum_of(group: ImpressionGroup, entries: Sequence[GroupEntry], billed: Mapping[int | None, Billed]) -> bool:
    """Whether a group and its entries say what the impressions say, and the entries take turns without a gap in n."""
    found = [billed.get(entry.pk, Billed()) for entry in entries]
    said = [(entry.count, entry.posted_micros, entry.gross_micros) for entry in entries]
    sums = [(one.count, one.posted, one.standing) for one in found]
    total = tuple(sum(column) for column in zip(*sums, strict=True)) or (0, 0, 0)
    ends = [entry.through for entry in entries]
    return (
        said == sums
        and total == (group.count, group.posted_micros, group.gross_micros)
        and [entry.n for entry in entries] == list(range(1, group.postings_count + 1))
        and all(entry.after >= end for entry, end in zip(entries, [0, *ends], strict=False))
        and (ends or [0])[-1] == group.billed_through
    )


def _entries() -> Iterator[Finding]:
    """The other way round: every entry that settled ads was made by a group, as one of its numbered entries."""
    after = 0
    while some := list(Entry.objects.filter(kind="ads settled", pk__gt=after).order_by("pk")[:_CHUNK]):
        after = some[-1].pk
        sources = dict(Posting.objects.filter(entry__in=some, line=0).values_list("entry_id", "source"))
        ids = {int(source.removeprefix("ads.group:")) for source in sources.values() if _GROUP.fullmatch(source)}
        groups = {group.source: group for group in ImpressionGroup.objects.filter(pk__in=ids)}
        for entry in some:
            group, n = groups.get(sources.get(entry.pk, "")), entry.key.rpartition(":")[2]
            is_its = group and n.isdecimal() and 0 < int(n) <= group.postings_count
            if not (group and is_its and group.entry_key(int(n)) == entry.key):
                yield _finding("settled has its group", f"No group made the entry {entry.key}.")


def _expected(entry: GroupEntry, group: ImpressionGroup, gross: int) -> dict[tuple[str, str], int]:
    """The postings of a group's n-th entry, recomputed; what the advertiser owed counts as prepaid."""
    unit = settings.ADS_CURRENCY
    advertiser_id = group.campaign.advertiser_id or 0
    earned = chart.unsettled(unit) if group.place == Place.GATE else chart.ads_revenue(unit)
    expected = {(chart.prepaid(advertiser_id, unit), earned): gross}
    if group.place in BESIDE_MUSIC:
        rules = Policy.objects.get(version=group.policy_version)
        parts = money.allocate(policy.split(gross, rules).payee, [points for _, points in group.shares])
        for (payee_id, _), part in zip(group.shares, parts, strict=True):
            key = (chart.payee_ad_share(unit), chart.payee(payee_id, "pending", unit))
            expected[key] = expected.get(key, 0) + part
    elif group.place == Place.MEGAKEY:
        _expect_extension(expected, entry, group)
    return {key: amount for key, amount in expected.items() if amount}


def _expect_extension(expected: dict[tuple[str, str], int], entry: GroupEntry, group: ImpressionGroup) -> None:
    """What the wallets have of an entry, and the site whose ads were replaced."""
    unit, site_id = settings.ADS_CURRENCY, replaced.site_of(group.shares)
    parts = [((chart.listener_rewards(unit), chart.backing(unit)), replaced.listener_part)]
    if site_id is not None:
        parts.append(((chart.publishers(unit), chart.escrow(site_id, unit)), replaced.site_part))
    for wallet_id, price, count in entry.views.order_by().values_list("wallet", "price_micros").annotate(n=Count("pk")):
        for key, part in parts:
            expected[key] = expected.get(key, 0) + part(price, group.shares) * count
        key = (chart.xcr_issued(), chart.wallet(wallet_id))
        xcr = money.micros_to_xcr(replaced.listener_part(price, group.shares) * count)
        expected[key] = expected.get(key, 0) + xcr


def _amounts(postings: Sequence[Posting]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for posting in postings:
        debit = posting.debit.code
        if debit.startswith("advertiser:"):
            debit = debit.replace(":owed:", ":prepaid:")
        key = (debit, posting.credit.code)
        sums[key] = sums.get(key, 0) + posting.amount
    return sums


def _gate_entries() -> Iterator[Finding]:
    """I5: every gate view that ever counted has its entry over its price, and every such entry its view."""
    unit = settings.ADS_CURRENCY
    views = _ever_counted().filter(place=Place.GATE, price_micros__gt=0).order_by("pk")
    count = 0
    for chunk in _chunks(views):
        count += len(chunk)
        entries = _postings_by_key(gate_views.entry_key(view) for view in chunk)
        for view in chunk:
            found = _amounts(entries.get(gate_views.entry_key(view), ()))
            expected = {
                (chart.unsettled(unit), chart.ads_revenue(unit)): view.price_micros,
                (chart.listener_rewards(unit), chart.backing(unit)): view.price_micros,
                (chart.xcr_issued(), chart.wallet(view.wallet_id or 0)): money.micros_to_xcr(view.price_micros),
            }
            if found != expected:
                yield _finding("views are credited", f"Gate view {view.pk} has no entry over its price.")
    if Entry.objects.filter(kind="gate view").count() != count:
        yield _finding("views are credited", "The books credit gate views that nobody watched.")


def _rejections() -> Iterator[Finding]:
    """A view that was counted and then rejected gave its price back to its advertiser, in full."""
    unit = settings.ADS_CURRENCY
    was_posted = Q(posting_n__isnull=False) | Q(place=Place.GATE)
    late = Impression.objects.filter(was_posted, state=Impression.State.REJECTED, rejected_at__gt=F("viewed_at"))
    for chunk in _chunks(late.filter(price_micros__gt=0).order_by("pk")):
        entries = _postings_by_key(rejections.entry_key(one) for one in chunk)
        for one in chunk:
            postings = entries.get(rejections.entry_key(one), ())
            back = sum(posting.amount for posting in postings if posting.debit.code == chart.ads_revenue(unit))
            if back != one.price_micros:
                yield _finding("rejected is given back", f"Impression {one.pk} was rejected, {back} given back.")


def _unsettled() -> Iterator[Finding]:
    """The account of unsettled views is what its views say, and nothing of it belongs to a closed day."""
    views = Impression.objects.unposted().filter(place=Place.GATE)
    total = views.aggregate(total=Sum("price_micros"))["total"] or 0
    booked = journal.balance(chart.unsettled(settings.ADS_CURRENCY))
    if booked != total:
        yield _finding("unsettled", f"{booked} micros are booked as unsettled, the views say {total}.")
    closed = BookDay.objects.exclude(state=BookDay.State.OPEN).values("day")
    late: list[date] = list(
        Impression.objects.unposted().filter(day__in=closed).order_by("day").values_list("day", flat=True).distinct()
    )
    for day in late:
        yield _finding("unsettled", f"The book of {day} is closed and has billable views that are not posted.")


def _backing() -> Iterator[Finding]:
    """I10: credits in wallets x rate = money behind them."""
    credits = Posting.objects.filter(unit=money.CREDIT)
    came = credits.filter(credit__code__startswith="wallet:").aggregate(total=Sum("amount"))["total"] or 0
    left = credits.filter(debit__code__startswith="wallet:").aggregate(total=Sum("amount"))["total"] or 0
    backing = journal.balance(chart.backing(settings.ADS_CURRENCY))
    if came - left != money.micros_to_xcr(backing):
        yield _finding("backing", f"Wallets hold {came - left} XCR micros; behind them are {backing} micros of money.")


def _escrow() -> Iterator[Finding]:
    """What is in escrow for a site, or was released to its payee, is its part of the billed views that stand."""
    booked, due_to = escrow.booked(), escrow.standing()
    for site_id in sorted(booked.keys() | due_to.keys()):
        said, parts = booked.get(site_id, escrow.Booked()), due_to.get(site_id, 0)
        if said.kept_micros != parts:
            yield _finding("escrow is views", f"Site {site_id} was given {said.kept_micros}, its views say {parts}.")
        if said.balance_micros != (held := journal.balance(chart.escrow(site_id, settings.ADS_CURRENCY))):
            yield _finding(
                "escrow is its postings", f"Escrow of site {site_id} holds {held}, its postings {said.balance_micros}."
            )


# --- reading


def _finding(rule: str, message: str) -> Finding:
    return Finding(ROOM, rule, message)


def _chunks(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    """The rows by the hundred, so that no audit holds all impressions in memory."""
    found: list[Row] = []
    for row in rows.iterator(chunk_size=_CHUNK):
        found.append(row)
        if len(found) == _CHUNK:
            yield found
            found = []
    if found:
        yield found


def _sums(keys: QuerySet[Any, Any]) -> dict[tuple[Any, ...], int]:
    """The price of the impressions of each key."""
    return {tuple(row[:-1]): row[-1] for row in keys.order_by().annotate(total=Sum("price_micros"))}


def _postings_by_key(keys: Iterable[str]) -> dict[str, list[Posting]]:
    found: dict[str, list[Posting]] = {}
    names = list(keys)
    for start in range(0, len(names), _CHUNK):
        postings = Posting.objects.filter(entry__key__in=names[start : start + _CHUNK])
        for posting in postings.select_related("entry", "debit", "credit"):
            found.setdefault(posting.entry.key, []).append(posting)
    return found
