"""Counting what was seen, exactly once: events, impressions and charges of any number of reports in one transaction.

The unique keys of AdEvent and Impression decide what counts; every amount comes from the signed offer, never from
the campaign of today. A rejected view is a row too, with its reason; it costs nobody and earns nothing. Everybody
takes the rows in one order: events by their keys, the number in the line, prefixes, impressions, hours, last charges.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction

from ads.budgets import charges
from ads.budgets.charges import Charge
from ads.delivery import frequency
from ads.measurement import claims, line, sql, stages, stream
from ads.measurement.claims import Answer, Report
from ads.models import Ad, AdEvent, BookDay, Impression, Wallet
from ads.tokens import Offer
from ads.traffic import fraud, prefixes
from ads.traffic.fraud import Reason, View

__all__ = ["Answer", "Report", "count", "forget_events", "record", "row", "tally", "tell"]

EVENT_DAYS = 30

log = logging.getLogger(__name__)


def record(token: str, stage: str, payload: Mapping[str, Any], at: datetime, *, prefix_hash: str = "") -> Answer:
    """Take one thing a browser says about one token, once. Never raises for what a browser sends."""
    taken = claims.take(token, stage, payload, at, prefix_hash=prefix_hash)
    return count([taken])[0] if isinstance(taken, Report) else taken


def tell(reports: Sequence[Report]) -> list[Answer]:
    """Take what browsers reported; answer each, in order. With a stream they are counted a moment later.

    Then no database is asked, and the answer is what the stream knows of the last hour: what counts is decided when
    it is counted. Without Redis, or when its stream is full, they are counted here and now.
    """
    if stream.is_wanted():
        try:
            return stream.append(reports)
        except stream.StreamDown as down:
            log.warning("Counted without the stream: %s", down)
    return count(reports)


def count(reports: Sequence[Report]) -> list[Answer]:
    """Count reports that were taken, all in one transaction of their own; answer each, in order.

    The same again is a duplicate, another payload for the same token and stage a conflict. What names an ad or a
    wallet that is gone is invalid.
    """
    if not reports:
        return []
    try:
        with transaction.atomic():
            return tally(reports)
    except IntegrityError:
        # Something that one of them names went this very moment, and it takes nobody else along.
        return ["invalid"] if len(reports) == 1 else [count([report])[0] for report in reports]


def tally(reports: Sequence[Report]) -> list[Answer]:
    """Count reports within the transaction of the caller; answer each, in order.

    Raises IntegrityError, perhaps not before the transaction ends, when something that one of them names went this
    very moment.
    """
    assert connection.in_atomic_block, "all of them are counted, or none"
    ads = Ad.objects.select_related("campaign__advertiser", "campaign__artist")
    ads_by_id = ads.in_bulk({report.offer.ad_id for report in reports})
    wallet_ids = {report.offer.wallet_id for report in reports if report.offer.wallet_id}
    wallets = Wallet.objects.in_bulk(wallet_ids) if wallet_ids else {}
    known = [report for report in reports if _names_what_is_there(report.offer, ads_by_id, wallets)]
    new, ended = _insert_events(known)
    viewed = _insert_views([one for one in new if one.stage == AdEvent.Stage.VIEWED], ads_by_id, wallets)
    listened = [one for one in new if not _is_own(one, ads_by_id)]
    clicks = [(one.offer.id, one.at) for one in listened if one.stage == AdEvent.Stage.CLICKED]
    if clicks:
        sql.stamp_clicks(clicks)
    stages.add(listened, ads_by_id, ended)
    _charge(viewed)
    return _answers(reports, known, new)


def forget_events(at: datetime) -> int:
    """Delete what browsers said long ago, whose tokens are dead; return how many. The impressions stay."""
    deleted, _ = AdEvent.objects.filter(at__lt=at - timedelta(days=EVENT_DAYS)).delete()
    return deleted


def row(
    offer: Offer,
    *,
    number: int,
    day: date,
    mode: str,
    at: datetime,
    reason: Reason | None,
    wallet_id: int | None,
    weight_permille: int,
    prefix_hash: str = "",
    clicked_at: datetime | None = None,
) -> Impression:
    """The impression of an offer, not saved yet; charged is its weight of what was offered.

    Take the number from the line first: from there to the end of the transaction no day's book closes, so the day
    that is read next stays true.
    """
    values: dict[str, Any] = {
        "id": offer.id,
        "number": number,
        "campaign_id": offer.campaign_id,
        "ad_id": offer.ad_id,
        "place": offer.place,
        "mode": mode,
        "price_micros": fraud.weighed(offer.price_micros, weight_permille),
        "offered_micros": offer.price_micros,
        "weight_permille": weight_permille,
        "lease_id": offer.lease_id,
        "prefix_hash": prefix_hash,
        "artist_id": offer.artist_id,
        "album_id": offer.album_id,
        "wallet_id": wallet_id,
        "beneficiary": offer.beneficiary,
        "shares": [list(share) for share in offer.shares],
        "policy_version": offer.policy_version,
        "state": (Impression.State.REJECTED if reason else Impression.State.VIEWED).value,
        "reason": reason.value if reason else "",
        "viewed_at": at,
        "clicked_at": None if reason else clicked_at,
        "rejected_at": at if reason else None,
        "day": day,
        "posting_n": None,
    }
    return _impression(*[values[name] for name in _FIELDS])  # by name Django takes three times as long


_FIELDS = [field.attname for field in Impression._meta.concrete_fields]
_impression: Callable[..., Impression] = Impression


# --- inside


def _is_own(report: Report, ads: Mapping[int, Ad]) -> bool:
    """Whether advertisers were shown their own ad: what they do with it is not counted."""
    return ads[report.offer.ad_id].campaign.is_of(report.offer.user_id)


def _names_what_is_there(offer: Offer, ads: Mapping[int, Ad], wallets: Mapping[int, Wallet]) -> bool:
    ad = ads.get(offer.ad_id)
    is_ad = ad is not None and ad.campaign_id == offer.campaign_id
    return is_ad and (offer.wallet_id is None or offer.wallet_id in wallets)


def _insert_events(reports: Iterable[Report]) -> tuple[list[Report], set[uuid.UUID]]:
    """Insert what nobody reported before, in the order of the keys; return what is new, and which ads ended now.

    Two ends of one ad have two keys, so they would not wait for each other: the key they share makes them.
    """
    firsts: dict[tuple[Any, str], Report] = {}
    for report in reports:
        firsts.setdefault(report.key, report)
    wanted = [firsts[key] for key in sorted(firsts)]
    if not wanted:
        return [], set()
    rows = {one.key: (one.digest, one.offer.campaign_id, one.at) for one in wanted}
    for one in wanted:
        if one.stage in stages.ENDS:
            rows.setdefault((one.offer.id, AdEvent.ENDED), ("", one.offer.campaign_id, one.at))
    inserted = sql.insert_events([(*key, *rows[key]) for key in sorted(rows)])
    new = [one for one in wanted if one.key in inserted]
    return new, {token_id for token_id, stage in inserted if stage == AdEvent.ENDED}


def _answers(reports: Sequence[Report], known: Sequence[Report], new: Sequence[Report]) -> list[Answer]:
    fresh = {id(one) for one in new}
    if len(new) == len(reports):
        return ["accepted"] * len(reports)
    kept = AdEvent.objects.filter(token_id__in={one.offer.id for one in known}).values_list(
        "token_id", "stage", "payload_hash"
    )
    digests = {(token_id, stage): digest for token_id, stage, digest in kept}
    is_known = {id(one) for one in known}
    answers: list[Answer] = []
    for one in reports:
        if id(one) in fresh:
            answers.append("accepted")
        elif id(one) not in is_known:
            answers.append("invalid")
        else:
            answers.append("duplicate" if digests.get(one.key) == one.digest else "conflict")
    return answers


def _insert_views(reports: Sequence[Report], ads: Mapping[int, Ad], wallets: Mapping[int, Wallet]) -> list[Impression]:
    """Insert the impressions of new views; return them."""
    if not reports:
        return []
    clicked = sql.clicked_at([one.offer.id for one in reports])
    seen_before = Counter(frequency.counts((one.offer.wallet_id, one.at) for one in reports if one.offer.wallet_id))
    numbers = line.take_many(len(reports))
    looked = []
    for report in reports:
        offer, at = report.offer, report.at
        wallet = wallets[offer.wallet_id] if offer.wallet_id else None
        view = _look_at(report, ads[offer.ad_id], wallet, seen_before)
        reason = fraud.rejection_reason(view)
        if wallet and not reason:
            seen_before[wallet.pk, offer.campaign_id, at.date()] += 1
        looked.append((view, reason, wallet))
    weights = _weigh(reports, looked)
    days = {day: BookDay.objects.taking(at) for day, at in {one.at.date(): one.at for one in reports}.items()}
    rows = []
    for number, report, (view, reason, wallet), weight in zip(numbers, reports, looked, weights, strict=True):
        offer, at = report.offer, report.at
        impression = row(
            offer,
            number=number,
            day=days[at.date()],
            mode=view.mode,
            at=at,
            reason=reason,
            # Credits of the extension go to whoever holds the wallet now.
            wallet_id=(wallet.merged_into_id or wallet.pk) if wallet else None,
            weight_permille=weight,
            prefix_hash=report.prefix_hash,
            clicked_at=clicked.get(offer.id),
        )
        rows.append(impression)
    sql.insert_impressions(rows)
    return rows


def _weigh(reports: Sequence[Report], looked: Sequence[tuple[View, Reason | None, Wallet | None]]) -> list[int]:
    """The weight of each view: of those that count, and that nobody we know has seen, by how many came before."""
    keys = [
        None
        if reason or report.offer.is_proven or (wallet is not None and wallet.proven_at is not None)
        else prefixes.Key(report.at.date(), report.prefix_hash)
        for report, (_, reason, wallet) in zip(reports, looked, strict=True)
    ]
    return [fraud.weight(n, is_proven=key is None) for key, n in zip(keys, prefixes.count(keys), strict=True)]


def _look_at(report: Report, ad: Ad, wallet: Wallet | None, seen_before: Counter[frequency.Key]) -> View:
    """What is known about one view beside music or in the extension; `seen_before` counts those of the wallet."""
    offer, said, at = report.offer, report.claims, report.at
    is_audio = ad.kind == Ad.Kind.AUDIO
    return View(
        is_gate=False,
        is_audio=is_audio,
        mode=said.mode if said.mode != "visible" or not is_audio else "audio",
        elapsed_ms=(at - offer.issued_at) // timedelta(milliseconds=1),
        lifetime_ms=offer.lifetime_seconds * 1000,
        duration_ms=ad.duration_ms,
        visible_ms=said.visible_ms,
        audible_ms=said.audible_ms,
        is_hidden=said.is_hidden,
        is_muted=said.is_muted,
        signals=report.signals,
        is_own_campaign=ad.campaign.is_of(offer.user_id),
        is_blocked=wallet is not None and wallet.blocked_at is not None,
        is_showable=ad.is_showable,
        views_today=seen_before[wallet.pk, offer.campaign_id, at.date()] if wallet else 0,
        frequency_cap=ad.campaign.frequency_cap,
    )


def _charge(rows: Sequence[Impression]) -> None:
    """Charge views that count, and reject those that nothing is left for: the last thing of the transaction."""
    by_campaign: dict[int, list[Impression]] = {}
    for one in rows:
        by_campaign.setdefault(one.campaign_id, []).append(one)
    left_over = [one for campaign_id in sorted(by_campaign) for one in _charge_campaign(by_campaign[campaign_id])]
    for one in left_over:
        one.state, one.reason = Impression.State.REJECTED, Reason.OVER_BUDGET
        one.rejected_at, one.clicked_at = one.viewed_at, None
    if left_over:
        Impression.objects.bulk_update(left_over, ["state", "reason", "rejected_at", "clicked_at"])


def _charge_campaign(rows: Sequence[Impression]) -> list[Impression]:
    """Charge views of one campaign together, or one after the other where all do not fit; return what is left over.

    What their tokens reserved beyond that is set free.
    """
    together: Counter[Charge] = Counter()
    freed: Counter[Charge] = Counter()
    for one in rows:
        charged = one.price_micros if one.state == Impression.State.VIEWED else 0
        together[_of(one)] += charged
        freed[_of(one)] += one.offered_micros - charged
    if len(together) > 1:
        charges.lock(together)
    refused = charges.bill(together, freed)
    left_over = [one for one in rows if one.state == Impression.State.VIEWED and _of(one) in refused]
    if len(left_over) == len(refused):
        return left_over
    return [one for one in left_over if charges.bill({_of(one): one.price_micros})]


def _of(one: Impression) -> Charge:
    return (one.campaign_id, one.lease_id, one.day)
