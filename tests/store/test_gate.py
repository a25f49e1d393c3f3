"""The gate: an ad that is watched pays the artist, once, whatever is pressed twice, closed early or killed."""

import importlib
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from ads import line, rejections, serving, settlement
from ads.impressions import ViewRefused
from ads.models import Ad, Campaign, Impression
from artists.models import FreeMode, Track
from artists.splits import replace
from ledger import chart
from ledger.models import Entry
from store import gate, gate_receipts, library
from store.audit import findings
from store.listeners import Listener
from store.models import Gate, GateView, LibraryItem
from tests.ads.factories import NOON, balance, make_ad, make_campaign
from tests.artists.factories import make_album, make_payee, make_track
from tests.store.factories import guest, listener, music
from tests.users.factories import charlie, leo

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
    settlement.settle(NOON.date(), now=NOON + timedelta(hours=1))
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
    replace(track, [(a, 7_500), (b, 2_500)], at=NOON)
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
    serving.snapshot(NOON)
    Ad.objects.filter(pk=dear.pk).update(review=Ad.Review.REFUSED, review_reason="Too loud.")
    show = gate.start(open_at(make_track()), at=NOON)
    assert show is not None
    assert show.started.ad == cheap


# --- killed at every boundary


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


BOUNDARIES: list[tuple[str, str]] = [
    ("ads.tokens", "issue"),
    ("ads.impressions", "start_gate_view"),
    ("ads.impressions", "confirm_gate_view"),
    ("ads.credits", "spend"),
    ("store.library", "grant"),
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
    rejections.reject(Impression.objects.get().pk, at=NOON + timedelta(hours=1))
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
