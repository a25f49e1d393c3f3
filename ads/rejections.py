"""Taking a counted view back, before or after it was settled: the advertiser is made whole always.

Source: docs/money.md, "Invalid impression". Beside music the payees' part is taken back. Credits are followed first
in, first out: unspent ones are revoked; what they paid for is taken back while it is still pending; what has matured
we bear, and the wallet earns no more.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum

from ads import attribution, wallets
from ads.fraud import Reason
from ads.models import BESIDE_MUSIC, Campaign, CampaignDay, GroupEntry, Impression, ImpressionGroup, Place, Wallet
from ledger import chart, journal, payees, pending, policy
from ledger.journal import Line
from ledger.models import Entry, Policy, Posting
from megabox import money


def reject(impression_id: uuid.UUID, *, at: datetime, reason: Reason = Reason.REVIEW) -> bool:
    """Find a counted view invalid at `at`; False when it was rejected before. One entry, in one transaction.

    A day's book that is final stays as it is: the entry occurs now.
    """
    with transaction.atomic():
        impression = Impression.objects.select_for_update(no_key=True).get(pk=impression_id)
        if impression.state == Impression.State.REJECTED:
            return False
        # A settlement that bills this view at the same time waits here, or is waited for.
        billed = _billed_by(impression) if impression.price_micros else None
        impression.posting_n = billed.n if billed else None
        _post(impression, billed, at)
        impression.state, impression.reason, impression.rejected_at = Impression.State.REJECTED, reason, at
        impression.save(update_fields=["state", "reason", "rejected_at", "posting_n"])
        if impression.price_micros:
            _give_room_back(impression, billed)
    return True


def _billed_by(impression: Impression) -> GroupEntry | None:
    """The entry that billed a view, with its group locked, or None when none has."""
    fields = ("campaign_id", "beneficiary", "day")
    of_group = {name: getattr(impression, name) for name in fields}
    if not ImpressionGroup.objects.filter(**of_group).exists():
        ImpressionGroup.objects.bulk_create([ImpressionGroup.of(impression)], ignore_conflicts=True)
    group = ImpressionGroup.objects.select_for_update(no_key=True).get(**of_group)
    ImpressionGroup.objects.filter(pk=group.pk).update(rejected_count=F("rejected_count") + 1)
    if impression.number > group.billed_through:
        return None
    return group.entries.select_related("group").get(after__lt=impression.number, through__gte=impression.number)


def _give_room_back(impression: Impression, billed: GroupEntry | None) -> None:
    """What is not standing any more: of the group and its entry, of the day and of the campaign's budget."""
    price = impression.price_micros
    if billed is not None:
        for rows in (GroupEntry.objects.filter(pk=billed.pk), ImpressionGroup.objects.filter(pk=billed.group_id)):
            rows.update(gross_micros=F("gross_micros") - price)
    days = CampaignDay.objects.filter(campaign=impression.campaign_id, day=impression.day)
    days.update(spent_micros=F("spent_micros") - price)
    Campaign.objects.filter(pk=impression.campaign_id).update(spent_micros=F("spent_micros") - price)


def entry_key(impression: Impression) -> str:
    """The key of the entry that takes an impression back."""
    return f"reject:{impression.pk}"


def _post(impression: Impression, billed: GroupEntry | None, at: datetime) -> None:
    if not impression.price_micros:
        return
    source = f"ads.impression:{impression.pk}"
    facts = {"campaign": impression.campaign_id, "place": impression.place, "day": impression.day.isoformat()}
    if impression.place != Place.GATE and billed is None:
        return  # nothing was posted of it yet, and nothing will be
    journal.lock(_codes(impression, billed))
    lines = _to_the_advertiser(impression, billed, source, facts)
    if impression.place in BESIDE_MUSIC:
        assert billed is not None, "only a settled view was paid"
        lines += _from_payees(impression, billed, source, facts)
    else:
        lines += _from_credits(impression, _earning(impression, billed), source, facts, at)
    journal.post(entry_key(impression), "impression rejected", lines, occurred_at=at)


def _codes(impression: Impression, billed: GroupEntry | None) -> list[str]:
    """All guarded accounts this may touch, to be locked in one call, so it and a settlement never wait in a ring."""
    unit, advertiser_id = settings.ADS_CURRENCY, impression.campaign.advertiser_id or 0
    codes = [chart.prepaid(advertiser_id, unit), chart.advertiser_owed(advertiser_id, unit)]
    payee_ids = [payee_id for payee_id, _ in impression.shares]
    if impression.place not in BESIDE_MUSIC:
        owner = wallets.holder(impression.wallet_id or 0)
        codes.append(chart.wallet(owner))
        uses = attribution.lots(owner)[_earning(impression, billed).pk].uses
        codes += [moved.credit.code for use in uses if use.is_expiry and (moved := _in_pool(use))]
        paid_for = Posting.objects.filter(entry__in=[use.entry_id for use in uses]).select_related("credit")
        touched = {posting.credit.code for posting in paid_for if chart.meaning(posting.credit.code).is_guarded}
        codes += [code for code in touched if not chart.is_pending(code)]
        payee_ids += [int(code.split(":")[1]) for code in touched if chart.is_pending(code)]
    return codes + [chart.payee(payee_id, place, unit) for payee_id in payee_ids for place in chart.PLACES]


def _to_the_advertiser(
    impression: Impression, billed: GroupEntry | None, source: str, facts: dict[str, Any]
) -> list[Line]:
    unit, price = settings.ADS_CURRENCY, impression.price_micros
    revenue = chart.ads_revenue(unit)
    if billed is None:
        return [Line(revenue, chart.unsettled(unit), price, unit, source, facts)]
    advertiser_id = impression.campaign.advertiser_id
    assert advertiser_id is not None, "what has a price has an advertiser"
    owed_code = chart.advertiser_owed(advertiser_id, unit)
    to_owed = min(price, journal.lock([owed_code])[owed_code])
    targets = ((owed_code, to_owed), (chart.prepaid(advertiser_id, unit), price - to_owed))
    return [Line(revenue, code, amount, unit, source, facts) for code, amount in targets if amount]


# --- beside music


def _from_payees(impression: Impression, billed: GroupEntry, source: str, facts: dict[str, Any]) -> list[Line]:
    """Take the payees' part back: what the group's entry paid them, less what it would have without this view."""
    rules = Policy.objects.get(version=billed.group.policy_version)
    standing = billed.gross_micros
    back = policy.split(standing, rules).payee - policy.split(standing - impression.price_micros, rules).payee
    entry = Entry.objects.get(key=billed.group.entry_key(billed.n))
    share_code = chart.payee_ad_share(settings.ADS_CURRENCY)
    paid = list(entry.postings.filter(debit__code=share_code).select_related("credit").order_by("line"))
    return _take_back(paid, back, to=share_code, source=source, facts=facts)


def _take_back(paid: Sequence[Posting], micros: int, *, to: str, source: str, facts: dict[str, Any]) -> list[Line]:
    """Lines that take `micros` back from several payees, each by what is left of what this entry paid them."""
    if not micros:
        return []
    payees.lock([_payee_id(posting) for posting in paid], settings.ADS_CURRENCY)
    gone = journal.reversed_micros([posting.pk for posting in paid])
    parts = money.allocate(micros, [posting.amount - gone[posting.pk] for posting in paid])
    return [
        line
        for posting, part in zip(paid, parts, strict=True)
        if part
        for line in payees.take_back_lines(
            _payee_id(posting),
            settings.ADS_CURRENCY,
            part,
            to=to,
            reverses=posting,
            source=source,
            facts={**posting.facts, **facts},
        )
    ]


def _payee_id(posting: Posting) -> int:
    return int(posting.credit.code.split(":")[1])


# --- credits


@dataclass(slots=True)
class _Rest:
    """What is left to follow of one view's credits, in micros of money behind them."""

    micros: int
    skip: int


def _from_credits(
    impression: Impression, earned: Posting, source: str, facts: dict[str, Any], at: datetime
) -> list[Line]:
    """Follow the credits of a view: revoke, take back, or bear what they became."""
    unit = settings.ADS_CURRENCY
    assert impression.wallet_id is not None, "a view for credits has a wallet"
    owner = wallets.holder(impression.wallet_id)
    wallet_code = chart.wallet(owner)
    journal.lock([wallet_code])
    lot = attribution.lots(owner)[earned.pk]
    unspent = min(impression.price_micros, lot.left)
    lines = []
    if unspent:
        xcr = money.micros_to_xcr(unspent)
        lines += [
            Line(
                wallet_code,
                chart.xcr_revoked(),
                xcr,
                money.CREDIT,
                source,
                {**facts, attribution.EARNING: earned.pk},
            ),
            Line(chart.backing(unit), chart.listener_rewards(unit), unspent, unit, source, facts),
        ]
    rest = _Rest(impression.price_micros - unspent, skip=_rejected_before(impression) - lot.revoked)
    for use in lot.uses:
        skipped = min(rest.skip, use.micros)
        rest.skip -= skipped
        amount = min(use.micros - skipped, rest.micros)
        if amount:
            undone = _undo_expiry(use, amount, facts) if use.is_expiry else _undo_spending(use, amount, source, facts)
            rest.micros -= sum(line.amount for line in undone)
            lines += undone
            if not undone:
                rest.micros -= amount
                _block(owner, at)
    return lines


def _earning(impression: Impression, billed: GroupEntry | None) -> Posting:
    """The posting that put this view's credits into a wallet."""
    if impression.place == Place.GATE:
        key = f"view:{impression.pk}"
    else:
        assert billed is not None, "the extension's listeners are paid at the settlement"
        key = billed.group.entry_key(billed.n)
    return Posting.objects.get(entry__key=key, credit__code=chart.wallet(impression.wallet_id or 0))


def _rejected_before(impression: Impression) -> int:
    """Micros of other views of the same earning that were rejected before; a gate view has an earning of its own."""
    if impression.place == Place.GATE:
        return 0
    same = Impression.objects.filter(
        wallet=impression.wallet_id,
        campaign=impression.campaign_id,
        beneficiary=impression.beneficiary,
        day=impression.day,
        posting_n=impression.posting_n,
    )
    total = same.filter(state=Impression.State.REJECTED).aggregate(total=Sum("price_micros"))["total"]
    return total or 0


def _undo_spending(use: attribution.Use, micros: int, source: str, facts: dict[str, Any]) -> list[Line]:
    """Take back what these credits paid for, as long as all of it is pending; nothing once any of it matured."""
    unit = settings.ADS_CURRENCY
    postings = list(Posting.objects.filter(entry=use.entry_id).select_related("credit").order_by("line"))
    paid = [posting for posting in postings if chart.is_pending(posting.credit.code)]
    ours = [posting for posting in postings if posting.credit.code == chart.commission(unit)]
    payees.lock([_payee_id(posting) for posting in paid], unit)
    gone = journal.reversed_micros([posting.pk for posting in paid + ours])
    left = pending.rest([posting.pk for posting in paid])
    if any(left[posting.pk] < posting.amount - gone[posting.pk] for posting in paid):
        return []
    price = sum(posting.amount for posting in paid + ours)
    commission = sum(posting.amount for posting in ours)
    back_before = sum(gone.values())
    ours_back = commission * (back_before + micros) // price - sum(gone[posting.pk] for posting in ours)
    rewards = chart.listener_rewards(unit)
    lines = _take_back(paid, micros - ours_back, to=rewards, source=source, facts=facts)
    if ours_back:
        line = Line(chart.commission(unit), rewards, ours_back, unit, source, facts, reverses_id=ours[0].pk)
        lines.append(line)
    return lines


def _undo_expiry(use: attribution.Use, micros: int, facts: dict[str, Any]) -> list[Line]:
    """Take expired credits' money back from the artists' pool, unless that was shared out."""
    unit = settings.ADS_CURRENCY
    moved = _in_pool(use)
    if moved is None or journal.lock([moved.credit.code])[moved.credit.code] < micros:
        return []
    rewards = chart.listener_rewards(unit)
    return [Line(moved.credit.code, rewards, micros, unit, moved.source, facts, reverses_id=moved.pk)]


def _in_pool(use: attribution.Use) -> Posting | None:
    """The posting that brought the money of expired credits to the pool it is in; None when it was shared out.

    A pool that nobody listened for was carried on to the next month's; and what is in a pool now may have come after
    it was shared out, and is not this money.
    """
    postings = Posting.objects.select_related("credit").order_by("pk")
    moved = postings.get(entry=use.entry_id, debit__code=chart.backing(settings.ADS_CURRENCY))
    leaving = Q(credit__code__startswith="pool:") | Q(credit__code__startswith="payee:")
    while left := postings.filter(leaving, debit=moved.credit_id, pk__gt=moved.pk).first():
        if not left.credit.code.startswith("pool:"):
            return None
        moved = left
    return moved


def _block(wallet_id: int, at: datetime) -> None:
    """A wallet whose invalid credits are gone for good earns no more until somebody has looked at it."""
    open_wallet = Wallet.objects.filter(pk=wallet_id, blocked_at__isnull=True)
    open_wallet.update(blocked_at=at, blocked_reason="Credits of a view found invalid were already paid out.")
