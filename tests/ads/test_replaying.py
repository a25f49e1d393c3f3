"""Decisions that were offered are made again: the same ad comes out, and why each of the others did not, in words."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from ads import tokens
from ads.budgets import leases
from ads.delivery import choosing, logbook, replaying, serving, snapshots
from ads.delivery.candidates import Context, Snapshot
from ads.delivery.replaying import Replay
from ads.models import Ad, Campaign, CampaignDay, Place
from artists.models import Album
from store.access import gate
from store.listeners import Listener
from store.music import Music
from tests.ads.factories import AGENT, DAY, NOON, make_ad, make_campaign, make_impression, make_wallet, watch
from tests.ads.test_choosing import GOOD
from tests.artists.factories import make_album, make_track

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _recording(settings: LazySettings) -> Iterator[None]:
    settings.ADS_DECISION_DAYS = 7
    yield
    settings.ADS_DECISION_DAYS = 0


def _replay(token: str, at: datetime = NOON) -> Replay:
    return replaying.replay(tokens.verify(token).id, at)


def _offer(album: Album, place: str = Place.PAGE, at: datetime = NOON, **known: Any) -> str:
    wallet = known.pop("wallet", None)
    context = serving.context_for(wallet, at, artist_id=album.artist_id, **known)
    shares = [(album.artist.payee_id, 10_000)]
    found = serving.pick_and_offer(place, context, at, wallet=wallet, artist_id=album.artist_id, shares=shares)
    assert found is not None
    return found[1]


def _why(found: Replay) -> dict[int, str]:
    return {one.one.ad_id: one.why for one in found.verdicts}


def _price(cpm: int, **terms: Any) -> Ad:
    return make_ad(make_campaign(cpm_micros=cpm * 1_000_000, **terms))


def test_a_slots_decision_comes_out_again_whatever_became_of_its_campaigns() -> None:
    now = timezone.now()
    best, other = (_price(cpm, starts_at=now - timedelta(days=1)) for cpm in (9, 6))
    album = make_album()
    answer = Client(headers={"user-agent": AGENT}).get(f"/ads/slot/page/album/{album.pk}/")
    token = answer.content.decode().split('data-ad-token="')[1].split('"')[0]
    Campaign.objects.update(state=Campaign.State.PAUSED, cpm_micros=1_000_000)
    found = _replay(token, timezone.now())
    assert found.is_same
    assert found.recorded.ad_id == found.ad_id == tokens.verify(token).ad_id
    assert {one.one.ad_id for one in found.verdicts} == {best.pk, other.pk}


def test_a_plan_of_several_ads_at_the_gate_is_replayed_ad_by_ad() -> None:
    cheap, dear, middle, fourth = (_price(cpm) for cpm in (6, 9, 7, 5))
    track = make_track(credit_price=20)
    listener = Listener(user_id=None, guest_key="guest-of-the-gate")
    opened = gate.open_gate(Music(track=track), "mp3-320", listener, at=NOON)
    at, shown = NOON, []
    for _ in range(3):
        show = gate.start(opened, at=at)
        if show is None:
            break
        found = _replay(show.token)
        assert found.is_same
        shown.append(found.ad_id)
        assert found.recorded.count == 4 - len(shown)
        at += timedelta(milliseconds=show.started.ad.duration_ms + 400)
        gate.viewed(opened, show.token, "visible", at=at)
        at += timedelta(seconds=2)
    assert shown[0] == dear.pk
    first = _why(_replay_of_first(opened))
    assert first[dear.pk] == replaying.OFFERED
    assert (
        first[middle.pk] == first[cheap.pk] == "It was among the best, and the next one if this download needs another."
    )
    assert first[fourth.pk] == "Another one pays more."


def _replay_of_first(opened: Any) -> Replay:
    token_id = opened.views.order_by("offered_at").values_list("token_id", flat=True)[0]
    return replaying.replay(token_id, NOON)


def test_where_the_best_campaigns_money_was_gone_the_second_comes_out_again(settings: LazySettings) -> None:
    settings.ADS_SNAPSHOT_SECONDS = 3.0
    best, second = _price(9, budget_micros=9_000), _price(6)
    album = make_album()
    serving.forget()
    try:
        first = _offer(album, seed="a")  # takes the last money
        token = _offer(album, seed="a", at=NOON + timedelta(seconds=1))
    finally:
        serving.forget()
        leases.forget()
    assert (tokens.verify(first).ad_id, tokens.verify(token).ad_id) == (best.pk, second.pk)
    found = _replay(token)
    assert found.is_same
    assert _why(found) == {second.pk: replaying.OFFERED, best.pk: replaying.NOTHING_LEFT}


def test_each_guard_says_in_words_why_it_refused() -> None:
    offered = _price(9)
    album, wallet = make_album(), make_wallet()
    seen = _price(20, frequency_cap=1)
    watch(seen, wallet, at=NOON - timedelta(hours=1))
    capped = _price(20, daily_cap_micros=20_000)
    CampaignDay.objects.create(campaign=capped.campaign, day=DAY, spent_micros=15_000)
    refused = {
        seen: "Frequency",
        capped: "Daily cap",
        _price(20, starts_at=NOON + timedelta(hours=1)): "Dates: it had not begun",
        _price(20, ends_at=NOON): "Dates: it was over",
        _price(20, budget_micros=100_000, spent_micros=90_000): "Budget",
        _price(20, genres=["jazz"]): "Targeting: other genres",
        _price(20, countries=["DE"]): "Targeting: other countries",
        _price(20, pacing=Campaign.Pacing.EVEN, pass_permille=1): "Pacing",
        _price(6): "Another one pays more",
        make_ad(make_campaign(kind=Campaign.Kind.HOUSE)): "An ad that somebody pays for came first",
    }
    token = _offer(album, wallet=wallet, genre="dub", seed=_seed(is_lottery=False))
    why = _why(_replay(token))
    assert why.pop(offered.pk) == replaying.OFFERED
    assert {ad: why[ad.pk][: len(said)] for ad, said in refused.items()} == refused


def test_what_was_seen_lately_and_what_was_drawn_by_lot_is_said() -> None:
    lately, other, third = _price(9), _price(6), _price(6)
    album, wallet = make_album(), make_wallet()
    watch(lately, wallet, at=NOON - timedelta(minutes=2))
    why = _why(_replay(_offer(album, wallet=wallet, seed=_seed(is_lottery=False))))
    assert why[lately.pk].startswith("Recent repeat")
    assert sorted((why[other.pk], why[third.pk])) == [
        "Another one pays the same, and the lot fell on it.",
        replaying.OFFERED,
    ]
    drawn = _replay(_offer(album, seed=_seed(is_lottery=True)))
    assert drawn.is_same
    assert sorted(one.why.split(":")[0] for one in drawn.verdicts) == ["Exploration", "Exploration", "Offered"]
    assert next(one.why for one in drawn.verdicts if one.is_offered) == replaying.DRAWN


def _seed(*, is_lottery: bool) -> str:
    """A seed by which the price counts, or does not."""
    return next(
        seed for seed in map(str, range(1_000)) if choosing.is_lottery(Place.PAGE, Context(seed=seed)) == is_lottery
    )


def test_every_reason_has_words() -> None:
    source = inspect.getsource(choosing.reason_against) + inspect.getsource(choosing.reason_against_listener)
    said = set(re.findall(r'return "(.+)"', source))
    assert said - {"own campaign"} == set(replaying.WORDS), "whose campaign it is, is not recorded"


def test_a_decision_without_any_ad_is_recorded_too() -> None:
    _price(9, genres=["jazz"])
    album = make_album()
    context = serving.context_for(None, NOON, genre="dub")
    shares = [(album.artist.payee_id, 10_000)]
    assert serving.pick_and_offer(Place.PAGE, context, NOON, artist_id=album.artist_id, shares=shares) is None
    (one,) = logbook.between(NOON, NOON + timedelta(minutes=1))
    found = replaying.replay(one.token_id, NOON)
    assert (found.is_same, found.ad_id) == (True, None)


def test_another_answer_by_other_rules_is_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    dear, cheap = _price(9), _price(6)
    token = _offer(make_album(), seed=_seed(is_lottery=False))
    monkeypatch.setattr(choosing, "_paid", lambda taken, *_: iter(taken.candidates[::-1]))
    monkeypatch.setattr(choosing, "RULES", 99)
    found = _replay(token)
    assert not found.is_same
    assert found.faults == (
        f"Recorded was ad {dear.pk}, and now ad {cheap.pk} came out.",
        f"It was chosen by older rules: {found.recorded.rules}, and now they are 99.",
    )


def test_a_view_that_names_another_ad_or_price_is_not_the_same() -> None:
    ad, other = _price(9), _price(6)
    token = _offer(make_album(), seed=_seed(is_lottery=False))
    make_impression(other, id=tokens.verify(token).id)
    faults = _replay(token).faults
    assert len(faults) == 2
    assert f"says ad {other.pk}" in faults[0]
    assert "offered for 6000 micros, and now for 9000" in faults[1]
    assert ad.pk == _replay(token).ad_id


def test_a_minute_tells_what_became_of_a_campaign() -> None:
    asked, best = _price(6, genres=["dub"]), _price(9)
    album = make_album()
    for number, genre in enumerate(("dub", "dub", "jazz")):
        _offer(album, genre=genre, at=NOON + timedelta(seconds=number), seed=_seed(is_lottery=False))
    _offer(album, at=NOON + timedelta(seconds=61))
    found = replaying.of_minute(asked.campaign_id, NOON)
    assert (found.decisions, found.offered, found.unread, found.is_part) == (3, 0, 0, False)
    assert found.reasons == (("Another one pays more.", 2), (replaying.WORDS["other music"], 1))
    assert replaying.of_minute(best.campaign_id, NOON).offered == 3
    assert replaying.of_minute(987_654, NOON).reasons == ((replaying.ABSENT, 3),)


def test_the_command_prints_the_decision_and_why() -> None:
    now = timezone.now()
    ad, other = (_price(cpm, starts_at=now - timedelta(days=1)) for cpm in (9, 6))
    token = _offer(make_album(), at=now, genre="dub", seed=_seed(is_lottery=False))
    out = StringIO()
    call_command("replay_decision", str(tokens.verify(token).id), stdout=out)
    told = out.getvalue()
    assert f"Recorded: ad {ad.pk}, “{ad.title}” of campaign {ad.campaign_id}" in told
    assert f"Replayed: ad {ad.pk}" in told
    assert "Genre: dub" in told
    name = f"ad {other.pk}, “{other.title}” of campaign {other.campaign_id}, “{other.campaign.name}”"
    assert f"{name}: Another one pays more." in told
    assert told.endswith("The same.\n")


def test_the_command_exits_with_1_when_another_ad_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for cpm in (9, 6):
        _price(cpm, starts_at=now - timedelta(days=1))
    token = _offer(make_album(), at=now, seed=_seed(is_lottery=False))
    monkeypatch.setattr(choosing, "_paid", lambda taken, *_: iter(taken.candidates[::-1]))
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("replay_decision", str(tokens.verify(token).id), stdout=out)
    assert end.value.code == 1
    assert "NOT the same" in out.getvalue()


@pytest.mark.parametrize("number", ["nothing", "9c7f3f0e-8f1c-4c55-9d0e-2f5b8a6f7c11"])
def test_the_command_refuses_what_is_no_number(number: str) -> None:
    with pytest.raises(CommandError, match="No offer has"):
        call_command("replay_decision", number)


def test_decisions_of_the_past_come_out_the_same() -> None:
    """When this fails the rules changed: add one to `choosing.RULES`, so that replays say so, and write the new ads."""
    some = tuple(
        replace(GOOD, ad_id=n, campaign_id=n % 7, price_micros=1_000 * (1 + n % 3), pass_permille=(1_000, 400)[n % 2])
        for n in range(1, 20)
    )
    taken = snapshots.from_json(snapshots.to_json(snapshots.clipped(Snapshot(NOON, some))), NOON)
    chosen = [
        choosing.choose(taken, place, Context(seed=str(seed)), NOON, count=count)[0].ad_id
        for place, count in ((Place.PAGE, 1), (Place.GATE, 3))
        for seed in range(8)
    ]
    assert (choosing.RULES, chosen) == (1, [8, 5, 14, 2, 2, 2, 14, 14, 2, 2, 8, 5, 8, 14, 2, 11])
