"""The lines that take one view back: to its advertiser, from payees, and from whatever its credits became.

They must be posted in the transaction that made them, one view after the other. Source: docs/money.md, "Invalid
impression".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from ads.models import GroupEntry, Impression, Wallet
from ads.revenue import escrow, replaced
from ads.rewards import attribution
from ads.rewards.attribution import Lot
from ledger import chart, journal, payees, pending, policy
from ledger.journal import Line
from ledger.models import Entry, Policy, Posting
from megabox import money


def to_the_advertiser(
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


def from_payees(impression: Impression, billed: GroupEntry, source: str, facts: dict[str, Any]) -> list[Line]:
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
    return chart.owner_id(posting.credit.code)


# --- sites whose ads were replaced


def from_site(impression: Impression, source: str, facts: dict[str, Any]) -> list[Line]:
    """Take a site's part back: from its escrow, and what was released already from whom it was released to."""
    site_id, part = replaced.site_of(impression.shares), replaced.site_part(impression.price_micros, impression.shares)
    if site_id is None or not part:
        return []
    unit, said = settings.ADS_CURRENCY, {**facts, "site": site_id}
    code, to = chart.escrow(site_id, unit), chart.publishers(unit)
    held = min(part, journal.lock([code])[code])
    lines = [Line(code, to, held, unit, source, said)] if held else []
    return lines + _from_released(escrow.releases(site_id), part - held, to, source, said)


def _from_released(releases: Sequence[Posting], micros: int, to: str, source: str, facts: dict[str, Any]) -> list[Line]:
    """Take `micros` back from what was released of an escrow, the newest first."""
    lines: list[Line] = []
    gone = journal.reversed_micros([posting.pk for posting in releases]) if micros else {}
    for posting in reversed(releases) if micros else ():
        part = min(micros, posting.amount - gone[posting.pk])
        micros -= part
        if part:
            said = {**posting.facts, **facts}
            lines += payees.take_back_lines(
                _payee_id(posting), posting.unit, part, to=to, reverses=posting, source=source, facts=said
            )
    assert not micros, "what is not in escrow was released"
    return lines


# --- credits


@dataclass(slots=True)
class _Rest:
    """What is left to follow of one view's credits, in micros of money behind them."""

    micros: int
    skip: int


def from_credits(
    impression: Impression,
    owner: int,
    earned: Posting,
    lot: Lot,
    rejected_before: int,
    source: str,
    facts: dict[str, Any],
    at: datetime,
) -> list[Line]:
    """Follow the credits of a view: revoke, take back, or bear what they became. The lot loses what is revoked."""
    unit, wallet_code = settings.ADS_CURRENCY, chart.wallet(owner)
    earned_micros = replaced.listener_part(impression.price_micros, impression.shares)
    unspent = min(earned_micros, lot.left)
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
    rest = _Rest(earned_micros - unspent, skip=rejected_before - lot.revoked)
    lot.left -= unspent
    lot.revoked += unspent
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
    moved = in_pool(use)
    if moved is None or journal.lock([moved.credit.code])[moved.credit.code] < micros:
        return []
    rewards = chart.listener_rewards(unit)
    return [Line(moved.credit.code, rewards, micros, unit, moved.source, facts, reverses_id=moved.pk)]


def in_pool(use: attribution.Use) -> Posting | None:
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
