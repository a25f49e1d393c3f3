"""Download codes: made in batches, good once and for one album, whoever types them and however often they press."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from artists import albums
from artists.models import Album
from ledger.models import Entry
from store import letters
from store.access import library
from store.audit import findings
from store.cases import refunds
from store.listeners import Listener
from store.models import CodeBatch, Download, DownloadCode, LibraryItem
from store.offers import codes
from tests.artists.factories import make_album
from tests.store.factories import NOON, guest, listener, make_paid_order, make_sold_album, music
from tests.users.factories import charlie, leo

pytestmark = pytest.mark.django_db


def make_batch(album: Album | None = None, count: int = 3, **fields: Any) -> CodeBatch:
    """Codes made at NOON, for an album of their own unless one is named."""
    return codes.make(album or make_sold_album(), count, at=NOON, **fields)


def first(batch: CodeBatch) -> DownloadCode:
    code = batch.codes.first()
    assert code is not None
    return code


def test_a_batch_has_as_many_different_codes_as_were_asked_for() -> None:
    batch = make_batch(count=500)
    assert len(set(batch.codes.values_list("letters", flat=True))) == 500


def test_codes_that_somebody_has_already_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [one.letters for one in make_batch(count=2).codes.all()]
    drawn = iter([*taken, *(letters.new() for _ in range(4))])
    monkeypatch.setattr(letters, "new", lambda: next(drawn))
    assert make_batch(count=3).codes.count() == 3


@pytest.mark.parametrize("count", [0, -1, 5_001])
def test_a_batch_of_none_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(codes.NotPossible, match="between 1 and 5,000"):
        make_batch(count=count)


def test_an_album_has_a_limit_of_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "MOST_OF_ALBUM", 5)
    album = make_sold_album()
    make_batch(album, 3)
    with pytest.raises(codes.NotPossible, match="at most 5"):
        make_batch(album, 3)


def test_a_code_gives_its_album_and_nothing_else() -> None:
    album, other = make_sold_album(), make_sold_album()
    make_batch(other)
    item = codes.redeem(first(make_batch(album)).spoken.lower(), listener(), at=NOON)
    assert (item.album, item.reason) == (album, LibraryItem.Reason.CODE)
    assert not library.has(listener(), music(other))


def test_the_library_item_says_which_code_it_came_from_and_nobody_is_paid() -> None:
    code = first(make_batch())
    item = codes.redeem(code.letters, listener(), at=NOON)
    assert item.download_code == code
    assert not Entry.objects.exists()
    assert list(findings()) == []


def test_a_code_is_used_once() -> None:
    code = first(make_batch())
    codes.redeem(code.letters, listener(), at=NOON)
    with pytest.raises(codes.NotRedeemed, match="was used on 3 November 2026"):
        codes.redeem(code.letters, listener(charlie()), at=NOON + timedelta(days=1))
    assert LibraryItem.objects.count() == 1


def test_the_same_listener_who_presses_again_is_given_the_same_item() -> None:
    code = first(make_batch())
    item = codes.redeem(code.letters, guest(), at=NOON)
    assert codes.redeem(code.letters, guest(), at=NOON) == item


def test_a_guest_takes_the_album_along_when_they_log_in() -> None:
    batch = make_batch()
    codes.redeem(first(batch).letters, guest(), at=NOON)
    library.claim_guest(leo(), "a-guest", at=NOON)
    assert library.has(listener(), music(batch.album))
    assert codes.redeem(first(batch).letters, listener(), at=NOON).user == leo()


def test_of_what_a_guest_and_a_person_have_the_code_stays_so_that_a_refund_takes_nothing_else() -> None:
    batch = make_batch()
    order = make_paid_order(batch.album)
    codes.redeem(first(batch).letters, guest(), at=NOON)
    library.claim_guest(leo(), "a-guest", at=NOON)
    assert LibraryItem.objects.get().download_code == first(batch)
    refunds.refund(order.pk, 999, "USD", at=NOON)
    assert library.has(listener(), music(batch.album))
    assert list(findings()) == []


def test_whoever_has_the_album_keeps_the_code() -> None:
    album = make_sold_album()
    make_paid_order(album)
    code = first(make_batch(album))
    with pytest.raises(codes.NotRedeemed, match="Give it to a friend"):
        codes.redeem(code.letters, listener(), at=NOON)
    assert codes.redeem(code.letters, listener(charlie()), at=NOON).album == album


def test_whoever_has_the_album_is_not_told_to_give_a_used_code_away() -> None:
    album = make_sold_album()
    make_paid_order(album)
    code = first(make_batch(album))
    codes.redeem(code.letters, listener(charlie()), at=NOON)
    with pytest.raises(codes.NotRedeemed, match="was used on 3 November 2026"):
        codes.redeem(code.letters, listener(), at=NOON)


def test_an_order_that_was_faster_leaves_the_code_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_sold_album()
    code = first(make_batch(album))
    make_paid_order(album)
    monkeypatch.setattr(library, "item_for", lambda *about: None)  # as it was a moment ago
    with pytest.raises(codes.NotRedeemed, match="already"):
        codes.redeem(code.letters, listener(), at=NOON)
    code.refresh_from_db()
    assert code.redeemed_at is None


def test_a_code_nobody_made_is_told_from_one_that_is_mistyped() -> None:
    code = first(make_batch()).letters
    with pytest.raises(codes.UnknownCode, match="Nobody made"):
        codes.redeem(letters.new(), listener(), at=NOON)
    with pytest.raises(letters.Mistyped):
        codes.redeem(code[1] + code[0] + code[2:] if code[0] != code[1] else "", listener(), at=NOON)


def test_a_stopped_batch_gives_nothing_more_until_it_goes_on() -> None:
    batch = make_batch()
    one, two, _ = batch.codes.all()
    codes.redeem(one.letters, listener(), at=NOON)
    assert codes.stop(batch, at=NOON)
    assert not codes.stop(batch, at=NOON)
    with pytest.raises(codes.NotRedeemed, match="no longer good"):
        codes.redeem(two.letters, listener(charlie()), at=NOON)
    assert library.has(listener(), music(batch.album))
    assert codes.go_on(batch)
    assert codes.redeem(two.letters, listener(charlie()), at=NOON)


def test_codes_of_a_draft_wait_until_it_is_out() -> None:
    draft = make_album(published=False, tracks=1)
    code = first(make_batch(draft))
    with pytest.raises(codes.NotRedeemed, match="not out yet"):
        codes.redeem(code.letters, listener(), at=NOON)
    Album.objects.filter(pk=draft.pk).update(state=Album.State.PUBLISHED, published_at=NOON)
    assert codes.redeem(code.letters, listener(), at=NOON)


def test_codes_of_a_withdrawn_album_are_kept_in_case_it_comes_back() -> None:
    batch = make_batch()
    Album.objects.filter(pk=batch.album_id).update(state=Album.State.WITHDRAWN, withdrawn_at=NOON)
    with pytest.raises(codes.NotRedeemed, match="Keep the code"):
        codes.redeem(first(batch).letters, listener(), at=NOON)
    batch.album.refresh_from_db()
    with pytest.raises(codes.NotPossible, match="withdrawn"):
        make_batch(batch.album)


def test_codes_of_a_deleted_draft_go_with_it() -> None:
    draft = make_album(published=False)
    make_batch(draft)
    albums.delete(draft)
    assert not DownloadCode.objects.exists()


def test_counts_say_how_many_are_used_and_when_last() -> None:
    batch = make_batch(count=4)
    for n, code in enumerate(batch.codes.all()[:2]):
        codes.redeem(code.letters, guest(f"guest {n}"), at=NOON + timedelta(days=n))
    counted = CodeBatch.objects.with_counts().get(pk=batch.pk)
    assert (counted.used, counted.left) == (2, 2)
    assert counted.last_used_at == NOON + timedelta(days=1)  # type: ignore[attr-defined]  # annotated


def test_the_audit_finds_an_item_that_does_not_go_with_its_code() -> None:
    item = codes.redeem(first(make_batch()).letters, listener(), at=NOON)
    DownloadCode.objects.filter(library_item=item).update(redeemed_at=None)
    assert ["does not go with the download code" in finding.message for finding in findings()] == [True]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_type_one_code_at_once_one_has_it() -> None:
    code = first(make_batch(count=1))

    def press(n: int) -> LibraryItem | None:
        try:
            return codes.redeem(code.letters, guest(f"guest {n}"), at=NOON)
        except codes.NotRedeemed:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        given = [item for item in pool.map(press, range(8)) if item]
    assert len(given) == 1
    assert LibraryItem.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_uses_a_code_in_the_moment_its_batch_is_stopped() -> None:
    batch = make_batch()

    def press() -> bool:
        try:
            return codes.redeem(first(batch).letters, guest(), at=NOON) is not None
        except codes.NotRedeemed:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            codes.stop(batch, at=NOON)
            pressed = pool.submit(press)
            wait([pressed], timeout=0.2)
        assert not pressed.result()
    assert not batch.codes.filter(redeemed_at__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_a_double_click_gives_the_album_once_and_says_so_twice() -> None:
    code, who = first(make_batch(count=1)), guest()

    def press(_: int) -> int:
        try:
            return codes.redeem(code.letters, who, at=NOON).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(press, range(8)))) == 1
    assert LibraryItem.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_codes_of_one_album_typed_at_once_by_one_listener_use_one_of_them() -> None:
    batch, who = make_batch(count=6), guest()

    def press(letters_of: str) -> bool:
        try:
            return codes.redeem(letters_of, who, at=NOON) is not None
        except codes.NotRedeemed:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(press, [code.letters for code in batch.codes.all()])) == 1
    assert batch.codes.filter(redeemed_at__isnull=False).count() == 1


def test_what_came_by_a_code_is_downloaded_for_that_reason() -> None:
    item = codes.redeem(first(make_batch()).letters, listener(), at=NOON)
    who: Listener = listener()
    assert item.get_reason_display() == "download code"
    assert Download(reason=item.reason, **who.owner).get_reason_display() == "download code"
