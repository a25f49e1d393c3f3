"""A busy book for the auditor: a little of everything that moves money, through the functions of the site."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from unittest import mock

from ads.delivery import serving
from ads.models import Ad, Place, Site
from ads.revenue import escrow, rejections, settlement
from ads.revenue.replaced import shares_of
from ads.rewards import wallets
from artists import albums, splits
from artists.models import Album, Payee
from ledger import months, payees
from megabox.claims import worker_name
from payouts import issuing, runs, transfers
from payouts.models import IssuedStatement, Payout
from store.access import gate
from store.cases import disputes, refunds
from store.models import Order
from store.sales import checkout, fees, orders, preorders
from store.sales.checkout import Fee
from tests.ads.factories import make_ad, make_advertiser, make_campaign, make_wallet, see, watch
from tests.artists.factories import make_sheet, make_track
from tests.store.buying_before import make_coming, make_preorder
from tests.store.factories import (
    guest,
    listener,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    paid_session,
    told,
)
from tests.users.factories import ada, leo, max_

DAY = date(2026, 10, 5)
NOON = datetime.combine(DAY, time(12), UTC)
USD = "USD"


def make_busy_books() -> None:
    """Deposits, sales with splits and tax, fees, refunds, ads at every place, credits, a closed month, payouts."""
    album = _shared_album()
    ad = _funded_ad()
    _sales(album)
    _ads(ad, album)
    _nights(DAY + timedelta(days=1), DAY + timedelta(days=30))
    _payouts(NOON + timedelta(days=31))
    months.close(date(2026, 10, 1), at=NOON + timedelta(days=45))
    _statements(NOON + timedelta(days=45))
    _later(ad)


def _shared_album() -> Album:
    """Nina's album, shared with a producer in parts that leave remainders; the name would run in a spreadsheet."""
    album = make_sold_album(9_990_000)
    producer = Payee.objects.create(name='=HYPERLINK("x"), “Max”', kind=Payee.Kind.COLLABORATOR, country="DE")
    make_sheet(album, [(album.artist.payee, 6_667), (producer, 3_333)], at=NOON)
    return album


def _funded_ad() -> Ad:
    """An ad of a campaign that is paid for by a deposit of $50 with a fee."""
    advertiser = make_advertiser()
    order = orders.place_deposit(advertiser, 50_000_000, listener(), order_id=uuid.uuid4(), at=NOON)
    orders.fulfil(order.pk, paid_session(order), at=NOON)
    book_fee(order, 175)
    ad = make_ad(make_campaign(advertiser=advertiser, starts_at=NOON - timedelta(days=1)))
    serving.forget()
    return ad


def book_fee(order: Order, cents: int, *, at: datetime = NOON) -> None:
    """Stripe tells what an order's charge cost."""
    order.refresh_from_db()
    answer = Fee(f"txn_{order.pk.hex[:10]}", order.unit, cents, order.total_micros // 10_000)
    with mock.patch.object(checkout, "fee_of", return_value=answer):
        assert fees.book(order.pk, at=at)


def _sales(album: Album) -> None:
    book_fee(make_paid_order(album, make_sold_track(990_000), at=NOON, tax_minor=209), 67)
    for number in range(3):
        at = NOON + timedelta(hours=number)
        make_paid_order(album, by=guest(f"guest {number}"), at=at)
    partly = make_paid_order(make_sold_album(7_770_000), at=NOON + timedelta(hours=4), tax_minor=148)
    refunds.refund(partly.pk, 333, USD, at=NOON + timedelta(days=1))
    refunds.refund(partly.pk, 500, USD, at=NOON + timedelta(days=2))
    make_paid_order(make_sold_album(20_000_000), at=NOON)
    disputed = make_paid_order(make_sold_album(6_000_000), at=NOON, tax_minor=114)
    _dispute(disputed, told(disputed), at=NOON + timedelta(days=3))
    _dispute(disputed, told(disputed, "lost"), at=NOON + timedelta(days=5))
    won = make_paid_order(make_sold_album(7_000_000), at=NOON)
    _dispute(won, told(won), at=NOON + timedelta(days=3))
    _dispute(won, told(won, "won", back=True), at=NOON + timedelta(days=5))
    coming = make_coming()
    make_preorder(coming, tax_minor=190)
    refunds.refund(make_preorder(coming, by=guest("who cancels"), tax_minor=190).order_id, 1189, USD, at=NOON)
    delivered = make_preorder(make_coming(), tax_minor=190)
    albums.publish(delivered.album, NOON)
    preorders.settle(delivered.order_id, at=NOON + timedelta(hours=6))
    wholly = make_paid_order(make_sold_album(5_000_000), at=NOON + timedelta(hours=5))
    refunds.refund(wholly.pk, 500, USD, at=NOON + timedelta(days=2))


def _dispute(order: Order, data: dict[str, Any], *, at: datetime) -> None:
    """A card issuer takes an order's money, and it is lost or won."""
    disputes.learn(order.pk, disputes.read(data), at=at)


def _ads(ad: Ad, album: Album) -> None:
    shares = splits.current(album).pairs
    views = [see(ad, album, at=NOON + timedelta(minutes=n), shares=shares) for n in range(6)]
    see(ad, album, at=NOON + timedelta(minutes=9), place=Place.PLAYER, shares=shares)
    extension = make_wallet()
    see(ad, at=NOON, place=Place.MEGAKEY, wallet_id=extension.pk, shares=[])
    site = Site.objects.create(domain="news.example", rank=1, months=12, payee=album.artist.payee)
    replaced_views = [
        see(ad, at=NOON + timedelta(minutes=n), place=Place.MEGAKEY, wallet_id=extension.pk, shares=shares_of(site.pk))
        for n in (20, 21)
    ]
    rejections.reject_batch([views[0].pk], at=NOON + timedelta(minutes=30))
    settlement.settle_due(NOON + timedelta(hours=1))
    see(ad, album, at=NOON + timedelta(hours=2), shares=shares)
    settlement.settle_due(NOON + timedelta(hours=3))
    rejections.reject_batch([views[1].pk], at=NOON + timedelta(hours=4))
    rejections.reject_batch([replaced_views[0].pk], at=NOON + timedelta(hours=4))

    opened = gate.open_gate(music(make_track()), "mp3-320", guest("at the gate"), at=NOON)
    show = gate.start(opened, at=NOON)
    assert show is not None
    assert gate.viewed(opened, show.token, "reading", at=NOON + timedelta(seconds=15)).is_granted
    invalid = watch(ad, make_wallet(), at=NOON + timedelta(minutes=1))
    rejections.reject_batch([invalid.pk], at=NOON + timedelta(minutes=40))
    watch(ad, make_wallet(), at=NOON + timedelta(minutes=2))
    merged = watch(ad, make_wallet("a guest who signs in"), at=NOON + timedelta(minutes=3))
    assert merged.wallet is not None
    wallets.for_listener(leo(), "")
    wallets.claim("a guest who signs in", leo(), NOON + timedelta(minutes=4))


def _nights(first: date, last: date) -> None:
    day = first
    while day <= last:
        at = datetime.combine(day, time(1, 10), UTC)
        settlement.settle_due(at)
        settlement.close_due(at)
        escrow.release_due(at)
        payees.mature(day, at=at)
        day += timedelta(days=1)


def _payouts(at: datetime) -> None:
    """One payout is paid, one fails, one is on its way, the others are too small."""
    Payee.objects.update(is_payouts_enabled=True, threshold_micros=10_000_000)
    for payee in Payee.objects.all():
        Payee.objects.filter(pk=payee.pk).update(stripe_account=f"acct_{payee.pk}")
    run = runs.open_run(unit=USD, period="2026-10", by=ada(), at=at)
    run = runs.approve(run.pk, by=max_(), seen_hash=run.content_hash, at=at)
    runs.execute(run.pk, by=ada(), at=at)
    outcomes: list[transfers.Outcome] = [
        transfers.Sent("tr_1"),
        transfers.Refused("account_invalid", "No such account."),
        transfers.Unknown("timeout", "Nobody knows."),
    ]
    reserved = run.payouts.filter(state=Payout.State.RESERVED).order_by("pk")
    for payout, outcome in zip(reserved, outcomes, strict=True):
        with mock.patch.object(transfers, "_ask", return_value=outcome):
            transfers.send(payout.pk, by=worker_name(), at=at)
    assert set(run.payouts.values_list("state", flat=True)) == {"PAID", "FAILED", "UNKNOWN", "SKIPPED"}


def _statements(at: datetime) -> None:
    """Everybody's statement of the closed month is issued, and one of them again, as if its figures were others."""
    assert issuing.issue_due(at) > 2
    first = IssuedStatement.objects.order_by("pk")[0]
    with mock.patch.object(issuing, "fingerprint", return_value="f" * 64):
        issuing.issue(first.payee, first.unit, first.month, at=at + timedelta(hours=1))


def _later(ad: Ad) -> None:
    """After the month was closed: a sale, and a view that waits to be charged."""
    at = NOON + timedelta(days=46)
    make_paid_order(make_sold_album(4_000_000), at=at)
    watch(ad, make_wallet(), at=at)
