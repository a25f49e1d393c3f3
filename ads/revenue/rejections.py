"""Taking a counted view back, before or after it was settled: the advertiser is made whole always.

Source: docs/money.md, "Invalid impression". Beside music the payees' part is taken back. Credits are followed first
in, first out: unspent ones are revoked; what they paid for is taken back while it is still pending; what has matured
we bear, and the wallet earns no more.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Q

from ads.measurement import gate_views
from ads.models import (
    BESIDE_MUSIC,
    Campaign,
    CampaignDay,
    GroupEntry,
    Impression,
    ImpressionGroup,
    Place,
    Wallet,
)
from ads.models.impressions import GroupKey
from ads.revenue import escrow, replaced, takebacks
from ads.rewards import attribution
from ads.rewards.attribution import Lot
from ads.traffic.fraud import Reason
from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Posting
from users.models import User

VIEWS_AT_ONCE = 200
"""So many views are best rejected in one transaction: as long as it takes, what they touch stays locked."""


def reject_batch(
    impression_ids: Sequence[uuid.UUID], *, at: datetime, reason: Reason = Reason.REVIEW, by: User | None = None
) -> int:
    """Find counted views invalid at `at`, in one transaction with an entry for each; return how many were counted.

    Safe to repeat: those that were rejected before are left alone. `by` is who of the staff decided it; the entries
    say so. Each wallet is replayed once. A day's book that is final stays as it is: the entries occur now. Everybody
    takes rows in one order: views, their groups, balances, then what campaigns spent.
    """
    with transaction.atomic():
        rows = Impression.objects.viewed().filter(pk__in=impression_ids).select_related("campaign")
        views = list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))
        batch = _Batch([view for view in views if view.price_micros], at=at, by=by)
        batch.post()
        for view in views:
            view.state, view.reason, view.rejected_at = Impression.State.REJECTED, reason, at
        if views:
            Impression.objects.bulk_update(views, ["state", "reason", "rejected_at", "posting_n"])
    return len(views)


def entry_key(impression: Impression) -> str:
    """The key of the entry that takes an impression back."""
    return f"reject:{impression.pk}"


class _Batch:
    """Views that cost something, with all that is known of them: what billed them, and what became of their credits.

    A settlement that bills one of them at the same time waits for its group, or is waited for.
    """

    def __init__(self, views: Sequence[Impression], *, at: datetime, by: User | None) -> None:
        self.views, self.at, self.by = views, at, by
        self.groups = _lock_groups(views)
        self.billed = self._find_billed()
        for view in views:
            entry = self.billed[view.pk]
            view.posting_n = entry.n if entry else None
        self.posted = [view for view in views if view.place == Place.GATE or self.billed[view.pk]]
        """The others stand in no entry, and never will."""
        of_credits = [view for view in self.posted if view.place not in BESIDE_MUSIC]
        self.earnings = self._find_earnings(of_credits)
        self.owners = _holders({view.wallet_id for view in of_credits if view.wallet_id})
        self.lots = _Lots(set(self.owners.values()))
        self.rejected = _Rejected()

    def _find_billed(self) -> dict[uuid.UUID, GroupEntry | None]:
        """The entry that billed each view, or None when none has; one object for each entry."""
        found: dict[int, list[GroupEntry]] = defaultdict(list)
        if self.views:
            numbers = [view.number for view in self.views]
            ids = [group.pk for group in self.groups.values()]
            entries = GroupEntry.objects.filter(group__in=ids, through__gte=min(numbers), after__lt=max(numbers))
            for entry in entries.select_related("group"):
                found[entry.group_id].append(entry)
        return {
            view.pk: next(
                (one for one in found[self.groups[view.group_key].pk] if one.after < view.number <= one.through), None
            )
            for view in self.views
        }

    def _find_earnings(self, views: Sequence[Impression]) -> dict[uuid.UUID, Posting]:
        """The posting that put each view's credits into a wallet."""
        keys = {}
        for view in views:
            billed = self.billed[view.pk]
            if view.place == Place.GATE:
                key = gate_views.entry_key(view)
            else:
                assert billed is not None, "the extension's listeners are paid at the settlement"
                key = billed.group.entry_key(billed.n)
            keys[view.pk] = (key, chart.wallet(view.wallet_id or 0))
        postings = Posting.objects.filter(
            entry__key__in={key for key, _ in keys.values()}, credit__code__startswith="wallet:"
        )
        found = {(one.entry.key, one.credit.code): one for one in postings.select_related("entry", "credit")}
        return {pk: found[key] for pk, key in keys.items()}

    def post(self) -> None:
        """Take all of them back, one entry each, and give back what campaigns spent."""
        if self.posted:
            journal.lock({code for view in self.posted for code in self._codes(view)})
            self.lots.refresh()
        for view in self.posted:
            lines = self._lines(view)
            journal.post(entry_key(view), "impression rejected", lines, occurred_at=self.at)
            if billed := self.billed[view.pk]:
                billed.gross_micros -= view.price_micros  # what is left of it for the next one
        self._give_room_back()

    def _codes(self, view: Impression) -> list[str]:
        """All guarded accounts a view may touch: locked in one call, so nobody waits in a ring with a settlement."""
        unit, advertiser_id = settings.ADS_CURRENCY, view.campaign.advertiser_id or 0
        codes = [chart.prepaid(advertiser_id, unit), chart.advertiser_owed(advertiser_id, unit)]
        payee_ids = {payee_id for payee_id, _ in view.shares} if view.place in BESIDE_MUSIC else set()
        site_id = None if view.place in BESIDE_MUSIC else replaced.site_of(view.shares)
        if site_id is not None:
            codes.append(chart.escrow(site_id, unit))
            payee_ids |= {chart.owner_id(one.credit.code) for one in escrow.releases(site_id)}
        if view.pk in self.earnings:
            owner = self.owners[view.wallet_id or 0]
            codes.append(chart.wallet(owner))
            touched = self.lots.touched(owner)[self.earnings[view.pk].pk]
            codes += [code for code in touched if not chart.is_pending(code)]
            payee_ids |= {chart.owner_id(code) for code in touched if chart.is_pending(code)}
        return codes + [chart.payee(payee_id, place, unit) for payee_id in payee_ids for place in chart.PLACES]

    def _lines(self, view: Impression) -> list[Line]:
        billed, source = self.billed[view.pk], f"ads.impression:{view.pk}"
        facts = {"campaign": view.campaign_id, "place": view.place, "day": view.day.isoformat()}
        facts |= {"by": self.by.pk} if self.by else {}
        lines = takebacks.to_the_advertiser(view, billed, source, facts)
        if view.place in BESIDE_MUSIC:
            assert billed is not None, "only a settled view was paid"
            return lines + takebacks.from_payees(view, billed, source, facts)
        owner, earned = self.owners[view.wallet_id or 0], self.earnings[view.pk]
        lot = self.lots.of(owner)[earned.pk]
        before = self.rejected.before(view)
        lines += takebacks.from_site(view, source, facts)
        return lines + takebacks.from_credits(view, owner, earned, lot, before, source, facts, self.at)

    def _give_room_back(self) -> None:
        """What is not standing any more: of groups and their entries, of days, and of the campaigns' budgets."""
        of_entries: Counter[int] = Counter()
        of_groups: dict[int, Counter[str]] = defaultdict(Counter)
        of_campaigns: dict[int, Counter[date]] = defaultdict(Counter)
        settled: Counter[int] = Counter()
        for view in self.views:
            billed, group = self.billed[view.pk], self.groups[view.group_key]
            of_groups[group.pk]["count"] += 1
            of_campaigns[view.campaign_id][view.day] += view.price_micros
            if billed is not None:
                of_entries[billed.pk] += view.price_micros
                of_groups[group.pk]["gross"] += view.price_micros
                settled[view.campaign_id] += view.price_micros
        for pk, micros in of_entries.items():
            GroupEntry.objects.filter(pk=pk).update(gross_micros=F("gross_micros") - micros)
        for pk, sums in of_groups.items():
            ImpressionGroup.objects.filter(pk=pk).update(
                rejected_count=F("rejected_count") + sums["count"], gross_micros=F("gross_micros") - sums["gross"]
            )
        for campaign_id, days in sorted(of_campaigns.items()):
            for day, micros in sorted(days.items()):
                rows = CampaignDay.objects.filter(campaign=campaign_id, day=day)
                rows.update(spent_micros=F("spent_micros") - micros)
            campaign = Campaign.objects.filter(pk=campaign_id)
            campaign.update(
                spent_micros=F("spent_micros") - sum(days.values()),
                settled_micros=F("settled_micros") - settled[campaign_id],
            )


def _lock_groups(views: Sequence[Impression]) -> dict[GroupKey, ImpressionGroup]:
    """The groups of these views, made where nothing was billed yet, and locked in the order of their ids."""
    wanted = {view.group_key: view for view in views}
    if not wanted:
        return {}
    new = [ImpressionGroup.of(wanted[key]) for key in sorted(wanted)]
    columns = zip(*wanted, strict=True)
    near = Q(**dict(zip(("campaign__in", "beneficiary__in", "day__in"), map(set, columns), strict=True)))
    there = {group.key for group in ImpressionGroup.objects.filter(near)}
    ImpressionGroup.objects.bulk_create([group for group in new if group.key not in there], ignore_conflicts=True)
    ids = [group.pk for group in ImpressionGroup.objects.filter(near) if group.key in wanted]
    locked = ImpressionGroup.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {group.key: group for group in locked}


def _holders(wallet_ids: Iterable[int]) -> dict[int, int]:
    """Who holds what each of these wallets earned: itself, or the one it was merged into."""
    found = Wallet.objects.filter(pk__in=set(wallet_ids)).values_list("pk", "merged_into")
    return {pk: into or pk for pk, into in found}


class _Lots:
    """What became of the credits of some wallets: each is replayed once, and again only if it moved until locked."""

    def __init__(self, owners: set[int]) -> None:
        self._made: dict[int, dict[int, Lot]] = {}
        self._touched: dict[int, dict[int, set[str]]] = {}
        self._newest = self._look(owners)
        for owner in sorted(owners):
            self._made[owner] = attribution.lots(owner)

    def of(self, owner: int) -> dict[int, Lot]:
        """The lots of a wallet; who revokes some of one must write it down there."""
        return self._made[owner]

    def refresh(self) -> None:
        """Once the balances are locked: replay those that moved since."""
        now = self._look(self._made)
        for owner in sorted(self._made):
            if now[owner] != self._newest[owner]:
                self._made[owner] = attribution.lots(owner)

    def touched(self, owner: int) -> dict[int, set[str]]:
        """The guarded accounts that each lot's credits went to, by the posting that earned them."""
        if owner not in self._touched:
            lots = self._made[owner]
            ids = {use.entry_id for lot in lots.values() for use in lot.uses}
            went: dict[int, set[str]] = defaultdict(set)
            paid = Posting.objects.filter(entry__in=ids).values_list("entry", "credit__code")
            for entry_id, code in paid:
                if chart.meaning(code).is_guarded:
                    went[entry_id].add(code)
            self._touched[owner] = {pk: _went(lot, went) for pk, lot in lots.items()}
        return self._touched[owner]

    def _look(self, owners: Iterable[int]) -> dict[int, list[int | None]]:
        """The last postings of each wallet."""
        codes = {chart.wallet(owner): owner for owner in owners}
        found: dict[int, list[int | None]] = {owner: [None, None] for owner in owners}
        for number, side in enumerate(("debit__code", "credit__code")):
            rows = Posting.objects.filter(**{f"{side}__in": codes}).values_list(side).annotate(newest=Max("pk"))
            for code, newest in rows.order_by():
                found[codes[code]][number] = newest
        return found


def _went(lot: Lot, went: dict[int, set[str]]) -> set[str]:
    codes = {code for use in lot.uses for code in went[use.entry_id]}
    return codes | {moved.credit.code for use in lot.uses if use.is_expiry and (moved := takebacks.in_pool(use))}


class _Rejected:
    """What other views of the same earning had earned that were rejected before, in this batch or before it, in micros.

    A gate view has an earning of its own.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[Any, ...], int] = {}

    def before(self, view: Impression) -> int:
        """What was rejected before this view, which counts from now on."""
        if view.place == Place.GATE:
            return 0
        names = ("wallet_id", "campaign_id", "beneficiary", "day", "posting_n")
        key = tuple(getattr(view, name) for name in names)
        if key not in self._sums:
            same = Impression.objects.filter(**dict(zip(names, key, strict=True)), state=Impression.State.REJECTED)
            prices = same.order_by().values_list("price_micros").annotate(n=Count("pk"))
            self._sums[key] = sum(replaced.listener_part(price, view.shares) * n for price, n in prices)
        so_far = self._sums[key]
        self._sums[key] += replaced.listener_part(view.price_micros, view.shares)
        return so_far
