"""An album that is ordered before it is out is its buyer's when it is out, or all of the money is; exactly once."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from artists import albums
from artists.models import Album
from ledger import audit as ledger_audit
from ledger import chart, journal, payees
from ledger.models import Entry, Posting
from store.access import library
from store.audit import findings
from store.cases import disputes, preorder_refunds, refunds, sale_checks
from store.models import Figure, LibraryItem, Order, PreOrder
from store.music import Music
from store.sales import checkout, orders, preorders, receipts
from store.stats import day_figures
from tests.store.buying_before import OUT, Cards, make_coming, make_preorder, pay
from tests.store.factories import NOON, guest, listener, make_order, told
from tests.users.factories import ada, leo
from users import mail
from users.models import Mail

State, Why = PreOrder.State, PreOrder.Why
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test of this file reads and writes."""


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Cards:
    cards = Cards()
    monkeypatch.setattr(checkout, "refund", cards.refund)
    monkeypatch.setattr(checkout, "refunds_of", cards.refunds_of)
    return cards


def balance(code: str) -> int:
    return journal.balance(code)


def is_clean() -> bool:
    assert [*findings(), *ledger_audit.findings(OUT)] == []
    return True


def again(row: PreOrder) -> PreOrder:
    """The row as the database holds it now, with its order."""
    return PreOrder.objects.select_related("order", "album").get(pk=row.pk)


def has(row: PreOrder) -> bool:
    return library.has(orders.owner_of(row.order), Music(album=row.album))


# --- paid, and not out yet


def test_until_it_is_delivered_the_price_is_held_and_nobody_has_earned() -> None:
    row = make_preorder(tax_minor=190)
    assert balance(chart.preorders("USD")) == 9_990_000
    assert balance(chart.vat("DE", "USD")) == 1_900_000
    assert balance(chart.stripe("USD")) == 11_890_000
    assert not Posting.objects.filter(credit__code__startswith="payee:").exists()
    assert balance(chart.commission("USD")) == 0
    assert (row.state, row.promised_for, has(row)) == (State.WAITING, OUT, False)
    assert preorders.settle_due(NOON) == 0
    assert payees.mature(OUT.date(), at=OUT) == 0
    assert is_clean()


def test_the_receipt_says_what_is_promised_and_nothing_of_shares() -> None:
    row = make_preorder()
    letter = Mail.objects.get(key=f"order:{row.order_id}:receipt")
    assert letter.subject == "Your pre-order at Megabox"
    assert "until then you can cancel" in letter.body
    assert "The music is yours" not in letter.body
    assert receipts.of(row.order).artists == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"takes_preorders": False}, "cannot be ordered before it is out"),
        ({"state": "DRAFT", "out_at": None}, "cannot be ordered before it is out"),
        ({"price_micros": 0}, "cannot be ordered before it is out"),
        ({"price_micros": 0, "is_name_your_price": True}, "Cards can pay"),
        ({"currency": "CHF"}, "Nothing can be sold in CHF"),
    ],
    ids=["not wanted", "not announced", "not sold", "nothing", "currency"],
)
def test_what_cannot_be_ordered_says_why(change: dict[str, Any], sentence: str) -> None:
    album = make_coming()
    Album.objects.filter(pk=album.pk).update(**change)
    album.refresh_from_db()
    with pytest.raises(orders.CannotPlace, match=sentence):
        preorders.place(album, album.price_micros, listener(), order_id=uuid.uuid4(), at=NOON)
    assert not Order.objects.exists()


def test_an_announced_album_is_not_bought_by_the_cart() -> None:
    with pytest.raises(orders.CannotPlace, match="not for sale"):
        make_order(make_coming())


def test_the_same_form_is_one_order_and_another_one_is_refused_once_it_is_paid() -> None:
    album, form = make_coming(), uuid.uuid4()
    first = preorders.place(album, album.price_micros, listener(), order_id=form, at=NOON)
    assert preorders.place(album, album.price_micros, listener(), order_id=form, at=NOON) == first
    with pytest.raises(orders.CannotPlace, match="out of date"):
        preorders.place(album, album.price_micros, listener(ada()), order_id=form, at=NOON)
    pay(first)
    with pytest.raises(orders.CannotPlace, match="ordered “Night Bus” already"):
        preorders.place(album, album.price_micros, listener(), order_id=uuid.uuid4(), at=NOON)


def test_the_price_is_the_one_it_was_ordered_for() -> None:
    row = make_preorder()
    Album.objects.filter(pk=row.album_id).update(price_micros=20_000_000, takes_preorders=False)
    albums.bring_out(OUT)
    assert preorders.settle_due(OUT) == 1
    assert balance(chart.payee(row.album.artist.payee_id, "pending", "USD")) == 8_991_000


# --- out


def test_it_is_delivered_when_it_is_out_once_and_earned_then() -> None:
    row = make_preorder(tax_minor=190)
    albums.bring_out(OUT)
    assert preorders.settle_due(OUT) == 1
    assert preorders.settle_due(OUT) == 0
    row = again(row)
    assert (row.state, row.ended_at, has(row)) == (State.DELIVERED, OUT, True)
    pending = chart.payee(row.album.artist.payee_id, "pending", "USD")
    assert (balance(pending), balance(chart.commission("USD"))) == (8_991_000, 999_000)
    assert (balance(chart.preorders("USD")), balance(chart.vat("DE", "USD"))) == (0, 1_900_000)
    earned = Posting.objects.get(credit__code=pending)
    assert earned.matures_on == (OUT + 14 * DAY).date()
    assert receipts.of(row.order).artists == 8_991_000
    [letter] = Mail.objects.filter(key=f"order:{row.order_id}:preorder")
    assert letter.subject == "“Night Bus” is out"
    assert is_clean()


def test_what_is_paid_after_it_came_out_is_delivered_too() -> None:
    row = make_preorder(is_paid=False)
    albums.bring_out(OUT)
    assert preorders.settle_due(OUT) == 0
    pay(row.order, at=OUT)
    preorders.settle_due(OUT)
    assert has(again(row))
    assert is_clean()


def test_nobody_pays_twice_for_what_they_ordered_and_comes_within_a_minute() -> None:
    row = make_preorder()
    albums.bring_out(OUT)
    row.album.refresh_from_db()
    with pytest.raises(orders.CannotPlace, match="have paid for “Night Bus” already"):
        make_order(row.album, at=OUT)
    make_order(row.album, by=guest(), at=OUT)


def test_a_guest_who_logged_in_meanwhile_has_it_in_their_account() -> None:
    make_preorder(by=guest())
    library.claim_guest(leo(), "a-guest", at=NOON)
    albums.bring_out(OUT)
    preorders.settle_due(OUT)
    assert LibraryItem.objects.get().user == leo()
    assert is_clean()


def test_what_is_delivered_is_refunded_and_disputed_as_any_sale() -> None:
    row = make_preorder(tax_minor=190)
    albums.bring_out(OUT)
    preorders.settle_due(OUT)
    refunds.refund(row.order_id, 500, "USD", at=OUT)
    assert is_clean()
    refunds.refund(row.order_id, 1_189, "USD", at=OUT)
    row = again(row)
    assert (row.state, row.order.state, has(row)) == (State.DELIVERED, Order.State.REFUNDED, False)
    for code in (chart.preorders("USD"), chart.vat("DE", "USD"), chart.commission("USD"), chart.stripe("USD")):
        assert balance(code) == 0
    assert is_clean()


def test_statistics_count_it_on_the_day_it_is_delivered() -> None:
    row = make_preorder()
    assert list(day_figures.of(NOON.date(), through=NOON + timedelta(hours=2))) == []
    albums.bring_out(OUT)
    preorders.settle_due(OUT)
    told_of = day_figures.of(OUT.date(), through=OUT + timedelta(hours=2))
    [sale] = [one for one in told_of if one.what == Figure.What.SALES]
    assert (sale.album_id, sale.count, sale.micros) == (row.album_id, 1, 9_990_000)


# --- not out


def test_the_buyer_cancels_and_gets_all_of_it_back_once(cards: Cards) -> None:
    row = make_preorder(tax_minor=190)
    preorders.cancel(row.order_id, listener(), at=NOON)
    preorders.cancel(row.order_id, listener(), at=NOON)
    assert (again(row).state, again(row).why) == (State.ENDING, Why.CANCELLED)
    assert preorder_refunds.send_due(NOON) == 1
    assert preorder_refunds.send_due(NOON) == 0
    row = again(row)
    assert (row.state, row.order.state, cards.back(row.order)) == (State.ENDED, Order.State.REFUNDED, 1_189)
    for code in (chart.preorders("USD"), chart.vat("DE", "USD"), chart.stripe("USD")):
        assert balance(code) == 0
    assert "because you cancelled it" in Mail.objects.get(key=f"order:{row.order_id}:preorder").body
    albums.bring_out(OUT)
    assert preorders.settle_due(OUT) == 0
    assert not has(row)
    with pytest.raises(preorders.CannotCancel, match="not open any more"):
        preorders.cancel(row.order_id, listener(), at=OUT)
    assert is_clean()


def test_nobody_cancels_what_is_somebody_elses_or_out_or_not_paid() -> None:
    row, unpaid = make_preorder(), make_preorder(is_paid=False)
    for stranger in (listener(ada()), guest(), guest("")):
        with pytest.raises(PreOrder.DoesNotExist):
            preorders.cancel(row.order_id, stranger, at=NOON)
    with pytest.raises(PreOrder.DoesNotExist):
        preorders.cancel(make_order().pk, listener(), at=NOON)
    with pytest.raises(preorders.CannotCancel, match="not open any more"):
        preorders.cancel(unpaid.order_id, listener(), at=NOON)
    albums.bring_out(OUT)
    with pytest.raises(preorders.CannotCancel, match="is out, so it is yours"):
        preorders.cancel(row.order_id, listener(), at=OUT)


def test_who_takes_an_announcement_back_gives_everybody_their_money_back(cards: Cards) -> None:
    album = make_coming()
    rows = [make_preorder(album), make_preorder(album, by=guest()), make_preorder(album, by=listener(ada()))]
    albums.withdraw(album, NOON)
    assert preorders.settle_due(NOON) == 3
    assert preorder_refunds.send_due(NOON) == 3
    assert [(again(row).why, cards.back(row.order)) for row in rows] == [(Why.WITHDRAWN, 999)] * 3
    assert (preorders.settle_due(NOON), preorder_refunds.send_due(NOON)) == (0, 0)
    assert is_clean()


def test_an_album_may_be_moved_by_ninety_days_and_not_by_more(cards: Cards) -> None:
    row = make_preorder()
    albums.announce(row.album, OUT + 90 * DAY, NOON)
    assert preorders.settle_due(NOON) == 0
    later = make_preorder(row.album, by=listener(ada()))
    albums.announce(row.album, OUT + 91 * DAY, NOON)
    assert preorders.settle_due(NOON) == 1
    assert (again(row).why, again(later).state) == (Why.MOVED, State.WAITING)


def test_an_album_may_be_two_weeks_late_and_not_more(cards: Cards) -> None:
    row = make_preorder()
    assert preorders.settle_due(OUT + 14 * DAY) == 0
    assert preorders.settle_due(OUT + 14 * DAY + timedelta(seconds=1)) == 1
    assert again(row).why == Why.LATE


def test_somebody_who_was_forgotten_or_has_it_already_gets_the_money(cards: Cards) -> None:
    album = make_coming()
    row, twin = make_preorder(album, is_paid=False), make_preorder(album, is_paid=False)
    pay(row.order)
    pay(twin.order)
    gone = make_preorder(album, by=guest())
    Order.objects.filter(pk=gone.order_id).update(guest_key="")
    albums.bring_out(OUT)
    assert preorders.settle_due(OUT) == 3
    assert (again(row).state, again(twin).why, again(gone).why) == (State.DELIVERED, Why.OWNED, Why.NOBODY)
    preorder_refunds.send_due(OUT)
    assert [cards.back(one.order) for one in (row, twin, gone)] == [0, 999, 999]
    assert is_clean()


def test_of_what_was_given_back_in_part_the_rest_goes_back_too(cards: Cards) -> None:
    row = make_preorder()
    cards.by_hand(row.order.payment_intent or f"pi_{row.order_id}", 100)
    refunds.refund(row.order_id, 100, "USD", at=NOON)
    assert is_clean()
    assert preorders.settle_due(NOON) == 1
    preorder_refunds.send_due(NOON)
    assert (again(row).why, cards.back(row.order)) == (Why.PARTLY, 999)
    assert is_clean()


def test_what_was_given_back_in_stripes_own_pages_is_over(cards: Cards) -> None:
    row = make_preorder()
    refunds.refund(row.order_id, 999, "USD", at=NOON)
    assert (again(row).state, again(row).why) == (State.ENDED, Why.TAKEN)
    assert (preorders.settle_due(OUT + 99 * DAY), preorder_refunds.send_due(NOON)) == (0, 0)
    assert is_clean()


def test_a_draft_that_was_ordered_once_is_not_deleted(cards: Cards) -> None:
    row = make_preorder()
    albums.withdraw(row.album, NOON)
    preorders.settle_due(NOON)
    with pytest.raises(albums.NotPossible, match="was ordered before it was out"):
        albums.delete(row.album)
    assert row.album.tracks.count() == 2


# --- Stripe fails, or somebody is killed


@pytest.mark.parametrize("how", ["is silent before", "is silent after", "refuses"])
def test_whatever_stripe_answers_the_money_goes_back_once(cards: Cards, how: str) -> None:
    row = make_preorder()
    preorders.cancel(row.order_id, listener(), at=NOON)
    cards.fails = [how]
    preorder_refunds.send_due(NOON)
    assert again(row).state == State.ENDING
    assert again(row).problem
    assert preorder_refunds.send_due(NOON) == 0, "not before its pause is over"
    assert preorder_refunds.send_due(NOON + timedelta(hours=2)) == 1
    assert (again(row).state, cards.back(row.order)) == (State.ENDED, 999)
    assert is_clean()


def test_one_that_cannot_be_delivered_holds_up_no_other_and_stays_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_coming()
    bad, good = make_preorder(album), make_preorder(album, by=guest())
    albums.bring_out(OUT)
    grant = library.grant

    def fail(music: Music, owner: Any, *args: Any, **named: Any) -> Any:
        assert owner != orders.owner_of(bad.order), "a shelf is missing"
        return grant(music, owner, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(library, "grant", fail)
        assert preorders.settle_due(OUT) == 1
    assert (has(good), has(bad), again(bad).state) == (True, False, State.WAITING)
    assert "a shelf is missing" in again(bad).problem
    assert any("a shelf is missing" in finding.message for finding in findings())
    assert preorders.settle_due(OUT) == 1, "tried again"
    assert (has(bad), again(bad).problem) == (True, "")
    assert is_clean()


def test_one_that_cannot_be_given_back_holds_up_no_other_and_stays_in_sight(
    cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = make_preorder(), make_preorder()
    for row in (bad, good):
        preorders.cancel(row.order_id, listener(), at=NOON)
    ask = cards.refunds_of

    def fail(payment_intent: str) -> Any:
        assert not payment_intent.endswith(str(bad.order_id)), "an answer of another shape"
        return ask(payment_intent)

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "refunds_of", fail)
        assert preorder_refunds.send_due(NOON) == 2
    assert (again(good).state, again(bad).state) == (State.ENDED, State.ENDING)
    assert any("another shape" in finding.message for finding in findings())
    assert preorder_refunds.send_due(NOON + timedelta(minutes=1)) == 1, "after a pause, not only when a claim is over"
    assert (again(bad).state, cards.back(bad.order)) == (State.ENDED, 999)
    assert is_clean()


class Killed(BaseException):
    """A worker that dies at this very place."""


def test_a_worker_that_is_killed_before_it_books_is_followed_by_another(
    cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_preorder()
    preorders.cancel(row.order_id, listener(), at=NOON)

    def die(*args: Any, **named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(refunds, "refund", die)
        with pytest.raises(Killed):
            preorder_refunds.send_due(NOON)
    assert preorder_refunds.send_due(NOON) == 0, "its claim holds for a minute"
    assert preorder_refunds.send_due(NOON + timedelta(minutes=2)) == 1
    assert (again(row).state, cards.back(row.order), len(cards.keys)) == (State.ENDED, 999, 1)
    assert is_clean()


@pytest.mark.parametrize("place", ["library.grant", "mail.queue"])
def test_a_delivery_that_is_killed_has_done_nothing_and_is_done_again(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_preorder()
    albums.bring_out(OUT)
    module, name = place.split(".")

    def die(*args: Any, **named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(getattr(preorders, module), name, die)
        with pytest.raises(Killed):
            preorders.settle_due(OUT)
    assert (again(row).state, has(row), Entry.objects.filter(kind="sale").exists()) == (State.WAITING, False, False)
    assert preorders.settle_due(OUT) == 1
    assert has(row)
    assert is_clean()


# --- disputes


def test_a_disputed_one_waits_for_the_bank_and_is_delivered_when_that_is_won(cards: Cards) -> None:
    row = make_preorder(tax_minor=190)
    disputes.learn(row.order_id, disputes.read(told(row.order)), at=NOON)
    albums.bring_out(OUT)
    assert preorders.settle_due(OUT) == 0
    assert is_clean()
    disputes.learn(row.order_id, disputes.read(told(row.order, "won", back=True)), at=OUT)
    assert preorders.settle_due(OUT) == 1
    assert has(row)
    assert is_clean()


@pytest.mark.parametrize("minor", [1_189, 500], ids=["all of it", "a part"])
def test_a_lost_one_is_taken_from_what_is_held_and_never_delivered(cards: Cards, minor: int) -> None:
    row = make_preorder(tax_minor=190)
    for status in ("needs_response", "lost"):
        disputes.learn(row.order_id, disputes.read(told(row.order, status, minor=minor)), at=NOON)
        assert is_clean()
    albums.bring_out(OUT)
    preorders.settle_due(OUT)
    preorder_refunds.send_due(OUT)
    row = again(row)
    assert (row.state, has(row), cards.back(row.order)) == (State.ENDED, False, 1_189 - minor)
    assert (balance(chart.preorders("USD")), balance(chart.vat("DE", "USD"))) == (0, 0)
    assert is_clean()


# --- two at once


def _at_once(*calls: Callable[[], object]) -> list[object]:
    def run(call: Callable[[], object]) -> object:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(run, call) for call in calls]]


@pytest.mark.django_db(transaction=True)
def test_a_buyer_who_cancels_while_workers_deliver_has_the_music_or_the_money(cards: Cards) -> None:
    album = make_coming()
    rows = [make_preorder(album, by=guest(f"guest-{n}")) for n in range(4)]

    def cancel(row: PreOrder) -> None:
        try:
            preorders.cancel(row.order_id, orders.owner_of(row.order), at=OUT)
        except preorders.CannotCancel:
            return

    deliver = [lambda: preorders.settle_due(OUT)] * 2
    _at_once(lambda: albums.bring_out(OUT), *deliver, *[lambda row=row: cancel(row) for row in rows])
    preorders.settle_due(OUT)
    _at_once(*[lambda: preorder_refunds.send_due(OUT)] * 2)
    preorder_refunds.send_due(OUT)
    for row in map(again, rows):
        assert (has(row), cards.back(row.order)) in [(True, 0), (False, 999)]
        assert row.state == (State.DELIVERED if has(row) else State.ENDED)
    assert is_clean()


@pytest.mark.django_db(transaction=True)
def test_whoever_confirms_their_address_while_it_is_delivered_has_it_in_their_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row, person = make_preorder(by=guest()), leo()
    albums.bring_out(OUT)
    is_delivering, queue = threading.Event(), mail.queue

    def slowly(*args: Any, **named: Any) -> Mail:
        is_delivering.set()
        time.sleep(0.2)  # the other one comes as far as it can
        return queue(*args, **named)

    def claim() -> int:
        is_delivering.wait(5)
        return library.claim_by_email(person, [row.order.email], at=OUT)

    monkeypatch.setattr(mail, "queue", slowly)
    _at_once(lambda: preorders.settle_due(OUT), claim)
    assert LibraryItem.objects.get().user == person
    assert is_clean()


# --- the audit, the database


def test_the_audit_finds_what_is_held_for_nobody_and_what_is_missing() -> None:
    row = make_preorder()
    PreOrder.objects.filter(pk=row.pk).update(state=State.DELIVERED, ended_at=NOON)
    told_of = {finding.rule for finding in findings()}
    assert "pre-order" in told_of
    assert list(sale_checks.findings()) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "DELIVERED"},
        {"state": "ENDING", "next_try_at": NOON},
        {"state": "ENDING", "why": "LATE"},
        {"state": "ENDED", "ended_at": NOON},
        {"why": "LATE"},
    ],
    ids=["no time", "no reason", "no try", "ended without reason", "waits with a reason"],
)
def test_the_database_takes_no_state_that_cannot_be(fields: dict[str, Any]) -> None:
    row = make_preorder()
    with pytest.raises(IntegrityError), transaction.atomic():
        PreOrder.objects.filter(pk=row.pk).update(**fields)
