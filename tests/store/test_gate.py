"""The gate: an ad that is watched pays the artist, once, whatever is pressed twice, closed early or killed."""

import importlib
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from ads.delivery import serving, snapshots
from ads.measurement import line
from ads.measurement.gate_views import ViewRefused
from ads.models import Ad, AskedHour, Campaign, Impression, PrefixCount
from ads.revenue import rejections, settlement
from artists import free_later
from artists.models import Album, FreeMode, Track
from ledger import chart, journal, payees
from ledger.journal import Line
from ledger.models import Entry
from payouts.models import Payout, PayoutRun
from store.access import gate, gate_receipts, library
from store.audit import findings
from store.listeners import Listener
from store.models import Gate, GateView, LibraryItem
from tests.ads.factories import NOON, balance, make_ad, make_campaign
from tests.artists.factories import make_album, make_payee, make_sheet, make_track
from tests.store.factories import guest, listener, music
from tests.users.factories import ada, charlie, leo

pytestmark = pytest.mark.django_db
AD = timedelta(seconds=15)


@pytest.fixture(autouse=True)
def _fresh_snapshot() -> None:
    serving.forget()


def make_ads(*cpms: int) -> list[Ad]:
    """One approved ad for each CPM in dollars, each in a campaign of its own."""
    made = [make_ad(make_campaign(cpm_micros=cpm * 1_000_000)) for cpm in cpms]
    serving.forget()
    return made


def open_at(track: Track, by: Listener | None = None, at: datetime = NOON) -> Gate:
    return gate.open_gate(music(track), "mp3-320", by or guest(), at=at)


def watch(found: Gate, at: datetime = NOON) -> gate.State:
    """Start the next ad and watch it to its end."""
    show = gate.start(found, at=at)
    assert show is not None
    return gate.viewed(found, show.token, "reading", at=at + AD)


def pending(track: Track) -> int:
    return balance(chart.payee(track.album.artist.payee_id, "pending", "USD"))


def test_an_ad_pays_the_artist_nine_tenths_and_the_track_is_the_guests() -> None:
    make_ads(6)
    track = make_track()
    found = open_at(track)
    after = watch(found)
    assert after.is_granted
    assert pending(track) == 4_500
    assert balance(chart.commission("USD")) == 500
    assert balance(chart.backing("USD")) == 1_000
    assert library.has(guest(), music(track))
    assert LibraryItem.objects.get().reason == LibraryItem.Reason.CREDITS
    assert list(findings()) == []


def test_golden_scenario_b_through_the_gate_and_settlement() -> None:
    make_ads(6)
    track = make_track()
    watch(open_at(track))
    settlement.settle_due(NOON + timedelta(hours=1))
    expected = {"ads_revenue": 6_000, "listener_rewards": 6_000, "unsettled": 0, "backing": 1_000, "commission": 500}
    assert {name: balance(getattr(chart, name)("USD")) for name in expected} == expected


def test_the_receipt_tells_what_the_books_hold() -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    watch(found)
    found.refresh_from_db()
    receipt = gate_receipts.of(found)
    assert (receipt.artist, receipt.artists, receipt.advertisers, receipt.commission) == ("Nova Kit", 4_500, 5_000, 500)
    assert (receipt.from_wallet, receipt.left_in_wallet) == (0, 0)
    assert not receipt.is_checked


def test_a_split_shares_what_a_free_download_pays() -> None:
    make_ads(5)
    track = make_track()
    a, b = make_payee("A"), make_payee("B")
    make_sheet(track, [(a, 7_500), (b, 2_500)], at=NOON)
    found = open_at(track)
    watch(found)
    found.refresh_from_db()
    assert gate_receipts.of(found).payees == [("A", 3_375), ("B", 1_125)]


def test_an_album_asks_at_most_what_three_ads_pay() -> None:
    make_ads(10, 6, 4, 2)
    album = make_album(tracks=12)
    found = gate.open_gate(music(album), "flac", guest(), at=NOON)
    assert found.asked_micros == 20_000
    states = [watch(found, NOON + timedelta(minutes=n)) for n in range(3)]
    assert [state.is_granted for state in states] == [False, False, True]
    assert balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 18_000


def test_what_is_in_the_wallet_saves_ads() -> None:
    make_ads(10)
    first, second = make_track(), make_track()
    watch(open_at(first))
    found = open_at(second, at=NOON + timedelta(minutes=1))
    assert gate.finish(found, at=NOON + timedelta(minutes=1)), "ten credits pay for two tracks of five"
    assert pending(second) == 4_500
    assert balance(chart.backing("USD")) == 0


def test_without_any_ad_the_download_is_on_the_house_and_earns_nothing() -> None:
    track = make_track()
    found = open_at(track)
    assert gate.start(found, at=NOON) is None
    assert gate.state(found).is_on_the_house
    assert library.has(guest(), music(track))
    assert not Entry.objects.exists()
    assert list(findings()) == []


def test_the_house_gives_so_much_a_day_and_then_says_so() -> None:
    for _ in range(gate.HOUSE_PER_DAY):
        gate.start(open_at(make_track()), at=NOON)
    with pytest.raises(gate.CannotGet, match="on the house"):
        gate.start(open_at(make_track()), at=NOON)
    assert gate.start(open_at(make_track(), guest("another")), at=NOON) is None
    tomorrow = NOON + timedelta(days=1)
    assert gate.start(open_at(make_track(), at=tomorrow), at=tomorrow) is None


def test_ads_that_run_out_on_the_way_lower_what_is_asked() -> None:
    make_ads(10, 4)
    album = make_album(tracks=12)
    found = gate.open_gate(music(album), "flac", guest(), at=NOON)
    assert found.asked_micros == 14_000
    assert not watch(found).is_granted
    Campaign.objects.update(state=Campaign.State.PAUSED)
    serving.forget()
    assert gate.start(found, at=NOON + timedelta(minutes=1)) is None
    found.refresh_from_db()
    assert found.spent_micros == 10_000
    assert not found.is_on_the_house
    assert balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 9_000


def test_simply_free_music_needs_no_gate_and_pays_nobody() -> None:
    track = make_track(free_mode=FreeMode.FREE)
    found = open_at(track)
    assert found.state == Gate.State.GRANTED
    assert not found.is_on_the_house
    assert not Entry.objects.exists()


def test_music_that_is_not_free_is_explained() -> None:
    with pytest.raises(gate.CannotGet, match="not given away free"):
        open_at(make_track(free_mode=FreeMode.OFF))


@pytest.mark.parametrize(
    ("price_micros", "sentence"),
    [
        (990_000, "free with an ad from 2 December 2026. Until then you can play it here, or buy it."),
        (None, "free with an ad from 2 December 2026. Until then you can play it here as often as you like."),
    ],
    ids=["sold alone", "with its album"],
)
def test_music_that_is_free_later_says_from_when(price_micros: int | None, sentence: str) -> None:
    make_ads(6)
    later: dict[str, Any] = {"free_mode": FreeMode.LATER, "free_after_days": 30, "free_from": NOON + timedelta(days=31)}
    track = make_track(price_micros=price_micros, **later)
    with pytest.raises(gate.CannotGet, match=sentence):
        open_at(track)
    free_later.begin(NOON + timedelta(days=31))
    track.refresh_from_db()
    assert open_at(track).state == Gate.State.OPEN


def test_leaving_before_the_end_costs_and_earns_nothing() -> None:
    make_ads(6)
    found = open_at(make_track())
    show = gate.start(found, at=NOON)
    assert show is not None
    with pytest.raises(ViewRefused, match="not ended yet"):
        gate.viewed(found, show.token, "reading", at=NOON + timedelta(seconds=9))
    assert not Entry.objects.exclude(kind="deposit").exists()
    assert gate.state(found).needs == 5_000


def test_a_token_of_another_gate_counts_for_nothing_here() -> None:
    make_ads(6)
    mine, other = open_at(make_track()), open_at(make_track(), guest("another"))
    show = gate.start(other, at=NOON)
    assert show is not None
    with pytest.raises(ViewRefused, match="another gate"):
        gate.viewed(mine, show.token, "reading", at=NOON + AD)
    with pytest.raises(ViewRefused):
        gate.viewed(mine, "nonsense", "reading", at=NOON + AD)


def test_confirming_twice_credits_once_and_spends_once() -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    show = gate.start(found, at=NOON)
    assert show is not None
    for _ in range(3):
        assert gate.viewed(found, show.token, "audio", at=NOON + AD).is_granted
    assert Impression.objects.count() == 1
    assert Entry.objects.filter(kind="credits spent").count() == 1
    assert pending(track) == 4_500


def test_two_tabs_for_the_same_music_are_paid_once() -> None:
    make_ads(10)
    track = make_track()
    one, two = open_at(track), open_at(track)
    watch(one)
    assert gate.finish(two, at=NOON + AD), "the wallet would cover it again, but it is owned by now"
    two.refresh_from_db()
    assert two.spent_micros == 0
    assert pending(track) == 4_500
    assert balance(chart.backing("USD")) == 5_000
    assert list(findings()) == []


def test_the_ad_of_the_older_tab_does_not_count_beside_the_newer_one() -> None:
    make_ads(6)
    track = make_track()
    older, newer = open_at(track), open_at(track)
    first, second = gate.start(older, at=NOON), gate.start(newer, at=NOON + timedelta(seconds=1))
    assert first and second
    with pytest.raises(ViewRefused, match="newer one"):
        gate.viewed(older, first.token, "reading", at=NOON + AD + AD)
    assert gate.viewed(newer, second.token, "reading", at=NOON + AD + AD).is_granted


def test_a_guest_who_logs_in_while_the_ad_runs_gets_the_track_all_the_same() -> None:
    make_ads(6)
    track = make_track()
    found = open_at(track)
    show = gate.start(found, at=NOON)
    assert show is not None
    library.claim_guest(leo(), guest().guest_key, at=NOON + timedelta(seconds=5))
    found = Gate.objects.of(listener()).get(pk=found.pk)
    assert gate.viewed(found, show.token, "reading", at=NOON + AD).is_granted
    assert library.has(listener(), music(track))


def test_an_ad_whose_campaign_stopped_just_now_is_replaced_not_charged() -> None:
    dear, cheap = make_ads(10, 6)
    snapshots.current(NOON)
    Ad.objects.filter(pk=dear.pk).update(review=Ad.Review.REFUSED, review_reason="Too loud.")
    show = gate.start(open_at(make_track()), at=NOON)
    assert show is not None
    assert show.started.ad == cheap


# --- killed at every boundary


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


BOUNDARIES: list[tuple[str, str]] = [
    ("ads.tokens", "issue"),
    ("ads.measurement.gate_views", "start"),
    ("ads.measurement.gate_views", "confirm"),
    ("ads.rewards.credits", "spend"),
    ("store.access.library", "grant"),
]


@pytest.mark.parametrize(("module", "name"), BOUNDARIES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.django_db(transaction=True)
def test_a_kill_at_any_boundary_leaves_nothing_half_done_and_the_gate_goes_on(
    module: str, name: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    part = importlib.import_module(module)
    real: Callable[..., object] = getattr(part, name)

    def killed(*args: object, **kwargs: object) -> object:
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(part, name, killed)
        with pytest.raises(Killed):
            watch(found)
    _nothing_is_half_done(found)
    later = NOON + timedelta(minutes=5)
    gate.finish_waiting(later)
    found.refresh_from_db()
    if found.state == Gate.State.OPEN:
        watch(found, later)
    assert gate.state(found).is_granted
    assert pending(track) == 4_500
    assert LibraryItem.objects.count() == 1
    assert list(findings()) == []


def _nothing_is_half_done(found: Gate) -> None:
    """Granted, its entry and its library item stand or fall together."""
    found.refresh_from_db()
    is_granted = found.state == Gate.State.GRANTED
    assert LibraryItem.objects.exists() == is_granted
    assert Entry.objects.filter(kind="credits spent").exists() == is_granted
    assert Impression.objects.count() == Entry.objects.filter(kind="gate view").count()


@pytest.mark.django_db(transaction=True)
def test_ten_confirmations_at_once_pay_the_artist_once() -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    show = gate.start(found, at=NOON)
    assert show is not None

    def confirm(_: int) -> bool:
        try:
            mine = Gate.objects.get(pk=found.pk)
            return gate.viewed(mine, show.token, "reading", at=NOON + AD).is_granted
        except ViewRefused:
            return True  # somebody else is counting it this moment
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(confirm, range(10)))
    gate.finish_waiting(NOON + AD)
    assert gate.state(found).is_granted
    assert pending(track) == 4_500
    assert Impression.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_gates_of_one_wallet_never_spend_a_credit_twice() -> None:
    make_ads(10)
    tracks = [make_track() for _ in range(4)]
    watch(open_at(tracks[0]))
    gates = [open_at(track, at=NOON + AD) for track in tracks[1:]]
    Gate.objects.filter(pk__in=[one.pk for one in gates]).update(asked_micros=5_000)

    def spend(pk: uuid.UUID) -> bool:
        try:
            return gate.finish(Gate.objects.get(pk=pk), at=NOON + AD)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        granted = sum(pool.map(spend, [one.pk for one in gates]))
    assert granted == 1, "five credits were left, enough for one"
    assert balance(chart.backing("USD")) == 0
    assert list(findings()) == []


def test_a_view_found_invalid_shows_on_the_receipt() -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    watch(found)
    rejections.reject_batch([Impression.objects.get().pk], at=NOON + timedelta(hours=1))
    found.refresh_from_db()
    receipt = gate_receipts.of(found)
    assert [(view.is_invalid, view.paid) for view in receipt.views] == [(True, 0)]
    assert (receipt.artists, receipt.commission) == (0, 0)
    assert pending(track) == 0
    assert library.has(guest(), music(track)), "the listener keeps it: the fault was not found at the gate"
    assert list(findings()) == []


def test_nobody_learns_of_anothers_gate() -> None:
    found = open_at(make_track())
    assert not Gate.objects.of(guest("another")).filter(pk=found.pk).exists()
    assert not Gate.objects.of(listener(charlie())).filter(pk=found.pk).exists()
    assert not Gate.objects.of(Listener()).filter(pk=found.pk).exists()


def test_gates_that_were_left_keep_no_covered_one_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    make_ads(5, 5)
    dear = make_track(credit_price=10)
    left = [open_at(dear, guest(f"left-{number}")) for number in range(101)]
    first = left[0]
    watch(first)
    seen = first.views.get().token_id
    monkeypatch.setattr(gate, "_grant_for_credits", lambda *_: None)  # the process is killed right after the credits
    cheap = open_at(make_track(credit_price=5), guest("covered"))
    watch(cheap)
    monkeypatch.undo()
    # A hundred people left after their first ad, before this one was covered.
    views = Impression.objects.get(pk=seen)
    for number, one in enumerate(left[1:]):
        views.pk, views.number = uuid.UUID(int=number), line.take()
        Impression.objects.bulk_create([views])
        GateView.objects.create(gate=one, token_id=views.pk, price_micros=0, offered_at=NOON)
    assert gate.finish_waiting(NOON + AD) == 1
    cheap.refresh_from_db()
    assert cheap.state == Gate.State.GRANTED


def test_a_gate_that_cannot_be_granted_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    make_ads(5)
    grant = gate._grant_for_credits
    monkeypatch.setattr(gate, "_grant_for_credits", lambda *_: None)
    broken, whole = (open_at(make_track(), guest(name)) for name in ("broken", "whole"))
    for one in (broken, whole):
        watch(one)

    def fails_for_one(found: Gate, at: datetime) -> None:
        if found.pk == broken.pk:
            raise RuntimeError("a bug of ours")
        grant(found, at)

    monkeypatch.setattr(gate, "_grant_for_credits", fails_for_one)
    assert gate.finish_waiting(NOON + AD) == 1
    whole.refresh_from_db()
    assert whole.state == Gate.State.GRANTED


# --- the artist who wants the full price


def test_an_artist_who_wants_the_full_price_gets_it_from_savings() -> None:
    make_ads(10, 6, 4)
    album = make_album(tracks=6, wants_full_credit_price=True)
    found = gate.open_gate(music(album), "flac", guest(), at=NOON)
    assert found.asked_micros == 30_000
    states = [watch(found, NOON + timedelta(minutes=n)) for n in range(3)]
    assert [(state.is_granted, state.needs) for state in states] == [(False, 20_000), (False, 14_000), (False, 10_000)]
    with pytest.raises(gate.CannotGet, match="wants the full price of “.*”, 30 credits, and you have 20 credits"):
        gate.start(found, at=NOON + timedelta(minutes=3))
    again = gate.open_gate(music(album), "flac", guest(), at=NOON + timedelta(hours=1))
    assert watch(again, NOON + timedelta(hours=1)).is_granted
    assert balance(chart.payee(album.artist.payee_id, "pending", "USD")) == 27_000
    assert list(findings()) == []


def test_the_full_price_is_not_given_on_the_house() -> None:
    track = make_track(wants_full_credit_price=True)
    with pytest.raises(gate.CannotGet, match="wants the full price"):
        gate.start(open_at(track), at=NOON)
    assert not library.has(guest(), music(track))
    assert not Gate.objects.filter(is_on_the_house=True).exists()


def test_whoever_changes_to_the_full_price_asks_no_more_of_a_gate_that_is_open() -> None:
    make_ads(6)
    album = make_album(tracks=12)
    found = gate.open_gate(music(album), "flac", guest(), at=NOON)
    assert found.asked_micros == 6_000
    Album.objects.update(wants_full_credit_price=True)
    found.refresh_from_db()
    assert watch(found).is_granted


# --- behind a network that was there before


def watch_from(found: Gate, prefix: str, at: datetime = NOON) -> gate.State:
    show = gate.start(found, at=at)
    assert show is not None
    return gate.viewed(found, show.token, "reading", at=at + AD, prefix_hash=prefix)


def test_a_guest_behind_a_crowded_network_is_never_turned_away_and_the_artist_bears_it() -> None:
    make_ads(6)
    track = make_track()
    earned = []
    for number in range(6):
        before = pending(track)
        who = guest(f"pupil-{number}")
        after = watch_from(open_at(track, who), "a" * 64)
        assert after.is_granted
        assert not after.is_on_the_house
        assert after.balance == (1_000 if number < 3 else 0), "what would have been left over goes first"
        earned.append(pending(track) - before)
    assert earned == [4_500, 4_500, 4_500, 2_700, 1_799, 1_350]
    assert list(findings()) == []


def test_what_was_withheld_is_not_asked_when_more_ads_are_to_come() -> None:
    make_ads(6, 6, 6)
    track = make_track(credit_price=15)
    for number in range(3):
        watch_from(open_at(make_track(album=track.album), guest(f"pupil-{number}")), "a" * 64)
    found = open_at(track, guest("leo"))
    first = watch_from(found, "a" * 64)
    assert (first.asked, first.balance, first.needs, first.is_granted) == (12_000, 3_000, 9_000, False)
    assert watch_from(found, "", NOON + AD).needs == 3_000
    last = watch_from(found, "", NOON + 2 * AD)
    assert (last.is_granted, last.asked, last.balance) == (True, 15_000, 0), "15 were earned here, so 15 are spent"
    assert Gate.objects.get(pk=found.pk).spent_micros == 15_000


def test_a_view_that_earned_nothing_at_all_still_gives_the_music() -> None:
    make_ads(6)
    track = make_track()
    PrefixCount.objects.create(day=NOON.date(), digest="a" * 64, n=5_000)
    after = watch_from(open_at(track), "a" * 64)
    assert (after.is_granted, after.is_on_the_house, after.balance) == (True, False, 0)
    assert pending(track) == 0
    assert library.has(guest(), music(track))
    assert list(findings()) == []


def test_the_sweeper_knows_what_was_withheld_where_a_worker_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    make_ads(6)
    track = make_track()
    PrefixCount.objects.create(day=NOON.date(), digest="a" * 64, n=3)
    found = open_at(track)
    with monkeypatch.context() as killed:
        killed.setattr(gate, "finish", lambda *_, **__: False)
        assert not watch_from(found, "a" * 64).is_granted
    assert gate.finish_waiting(NOON + timedelta(minutes=1)) == 1
    assert pending(track) == 2_700


def test_a_campaign_for_one_country_mood_or_language_reaches_the_gate() -> None:
    make_ad(make_campaign(countries=["DE"], moods=["calm"], languages=["de"]))
    person, track = leo(), make_track()
    by = Listener(user_id=person.pk)

    def asked() -> int:
        serving.forget()
        return gate.quote(music(Track.objects.get(pk=track.pk)), None, by, at=NOON).asked_micros

    assert asked() == 0
    type(person).objects.filter(pk=person.pk).update(country="DE")
    assert asked() == 0
    Album.objects.filter(pk=track.album_id).update(mood="calm", language="de")
    assert asked() == 5_000


def test_the_gate_counts_what_it_was_asked_for() -> None:
    first, second = make_track(), make_track()
    gate.start(open_at(first), at=NOON)
    make_ads(6)
    gate.start(open_at(second), at=NOON)
    row = AskedHour.objects.get()
    assert (row.place, row.asked, row.filled) == ("gate", 2, 1)


# --- counted, checked, paid


def _at_the_receipt(found: Gate) -> gate_receipts.Receipt:
    found.refresh_from_db()
    return gate_receipts.of(found)


def test_a_receipt_goes_from_counted_over_checked_to_paid_with_the_days_it_happened() -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    watch(found)
    receipt = _at_the_receipt(found)
    assert (receipt.counted_at, receipt.is_checked, receipt.is_paid) == (NOON + AD, False, False)
    assert receipt.checks_on is not None
    matured_at = NOON + timedelta(days=8)
    payees.mature(receipt.checks_on, at=matured_at)
    receipt = _at_the_receipt(found)
    assert (receipt.checked_at, receipt.is_paid, receipt.paid) == (matured_at, False, 0)
    paid_at = matured_at + timedelta(days=1)
    _pay(track.album.artist.payee_id, 2_000, paid_at)
    receipt = _at_the_receipt(found)
    assert (receipt.paid, receipt.is_paid, receipt.paid_at) == (2_000, False, paid_at), "a part of it so far"
    _pay(track.album.artist.payee_id, 2_500, paid_at + timedelta(days=30))
    receipt = _at_the_receipt(found)
    assert (receipt.paid, receipt.is_paid, receipt.paid_at) == (4_500, True, paid_at + timedelta(days=30))
    page = _page(found)
    assert all(word in page for word in ("This ad paid Nova Kit", "0.45 c", "0.50 c", "0.05 c"))
    assert "<strong>Paid</strong>" in page
    assert "10 Dec 2026" in page


def test_a_payout_that_failed_has_paid_nobody() -> None:
    make_ads(5)
    track = make_track()
    found = open_at(track)
    watch(found)
    payees.mature((NOON + timedelta(days=7)).date(), at=NOON + timedelta(days=8))
    _pay(track.album.artist.payee_id, 4_500, NOON + timedelta(days=9), state="FAILED")
    assert (_at_the_receipt(found).paid, _at_the_receipt(found).is_paid) == (0, False)
    assert "To be paid" in _page(found)


def test_a_download_for_credits_alone_is_checked_and_paid_too() -> None:
    make_ads(10)
    watch(open_at(make_track()))
    found = open_at(make_track(), at=NOON + timedelta(minutes=1))
    assert gate.finish(found, at=NOON + timedelta(minutes=1))
    assert _at_the_receipt(found).views == []
    payees.mature((NOON + timedelta(days=7)).date(), at=NOON + timedelta(days=8))
    assert _at_the_receipt(found).is_checked


def test_a_receipt_of_which_nothing_stands_promises_nothing() -> None:
    make_ads(5)
    found = open_at(make_track())
    watch(found)
    rejections.reject_batch([Impression.objects.get().pk], at=NOON + timedelta(hours=1))
    page = _page(found)
    assert "Nothing of it stands any more" in page
    assert "To be paid" not in page


def _page(found: Gate) -> str:
    """The receipt's page, for the guest who has it."""
    Gate.objects.filter(pk=found.pk).update(user=leo(), guest_key="")
    client = Client()
    client.force_login(leo())
    return re.sub(r"\s+", " ", client.get(f"{found.get_absolute_url()}receipt/").content.decode())


def _pay(payee_id: int, micros: int, at: datetime, *, state: str = "PAID") -> None:
    """A payout of so much, as its run books it."""
    run = PayoutRun.objects.create(
        unit="USD", period="2026-11", created_by=ada(), created_at=at, state=PayoutRun.State.CANCELLED
    )
    payout = Payout.objects.create(
        run=run,
        payee_id=payee_id,
        unit="USD",
        payable_micros=micros,
        amount_micros=micros,
        amount_cents=1,
        threshold_micros=0,
        state=state,
        transfer_id=f"tr_{run.pk}" if state == "PAID" else "",
        paid_at=at if state == "PAID" else None,
    )
    line = Line(chart.payee(payee_id, "payable", "USD"), chart.transit("USD"), micros, "USD", source=payout.source)
    journal.post(f"pay:{payout.pk}", "payout reserved", [line], occurred_at=at)
