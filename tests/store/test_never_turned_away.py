"""Whatever is missing or broken, a listener gets the music: on the house, bounded, costing nobody, and said so."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from ads.delivery import serving
from ads.measurement.gate_views import ViewRefused
from ads.models import Ad, BudgetLease, Campaign, CampaignDay, Impression, PrefixCount
from ledger.models import Entry
from store.access import gate
from store.models import Gate, LibraryItem
from tests.ads.factories import AGENT, NOON, make_ad, make_campaign, make_wallet, watch
from tests.artists.factories import make_track
from tests.store.factories import guest, music

pytestmark = pytest.mark.django_db
AD = timedelta(seconds=15)


@pytest.fixture(autouse=True)
def _fresh_snapshot() -> None:
    serving.forget()


def _open(at: Any = NOON, **fields: Any) -> Gate:
    return gate.open_gate(music(make_track(**fields)), "flac", guest(), at=at)


def _is_on_the_house(found: Gate) -> bool:
    """Granted for nothing, and the books know nothing of it."""
    state = gate.state(found)
    booked = Entry.objects.filter(kind__in=["credits spent", "gate view"])
    return state.is_granted and state.is_on_the_house and not booked.exists()


def test_with_no_campaign_at_all() -> None:
    found = _open()
    assert gate.start(found, at=NOON) is None
    assert _is_on_the_house(found)


def test_when_every_ad_was_seen_often_enough_today() -> None:
    ad = make_ad(make_campaign(frequency_cap=1))
    wallet = gate.wallet_of(guest())
    watch(ad, wallet)
    serving.forget()
    found = gate.open_gate(music(make_track(credit_price=50)), "flac", guest(), at=NOON + timedelta(minutes=1))
    assert found.asked_micros == 6_000, "what the wallet holds is all that is asked"
    assert gate.finish(found, at=NOON + timedelta(minutes=1))
    second = _open(at=NOON + timedelta(minutes=2))
    assert gate.start(second, at=NOON + timedelta(minutes=2)) is None
    assert gate.state(second).is_on_the_house


def test_when_the_budget_runs_out_while_the_ad_plays() -> None:
    campaign = make_campaign()
    make_ad(campaign)
    serving.forget()
    found = _open()
    show = gate.start(found, at=NOON)
    assert show is not None
    Campaign.objects.filter(pk=campaign.pk).update(leased_micros=0, budget_micros=0, state=Campaign.State.PAUSED)
    _without_leases()
    with pytest.raises(ViewRefused, match="That is our fault, and you lose nothing") as refused:
        gate.viewed(found, show.token, "reading", at=NOON + AD)
    assert refused.value.is_our_fault
    serving.forget()
    assert gate.start(found, at=NOON + AD) is None
    assert _is_on_the_house(found)
    assert Impression.objects.get().reason == "over_budget"


def test_when_the_ad_is_refused_by_the_staff_while_it_plays() -> None:
    ad = make_ad()
    serving.forget()
    found = _open()
    show = gate.start(found, at=NOON)
    assert show is not None
    Ad.objects.filter(pk=ad.pk).update(review=Ad.Review.REFUSED, review_reason="The link is dead.")
    with pytest.raises(ViewRefused) as refused:
        gate.viewed(found, show.token, "reading", at=NOON + AD)
    assert refused.value.is_our_fault
    serving.forget()
    assert gate.start(found, at=NOON + AD) is None
    assert _is_on_the_house(found)


def test_when_views_of_the_network_count_less_and_less() -> None:
    make_ad()
    serving.forget()
    PrefixCount.objects.create(day=NOON.date(), digest="a" * 64, n=500)
    found = _open()
    show = gate.start(found, at=NOON)
    assert show is not None
    assert gate.viewed(found, show.token, "reading", at=NOON + AD, prefix_hash="a" * 64).is_granted
    assert LibraryItem.objects.count() == 1


def test_when_only_house_ads_and_promotions_run_the_gate_shows_none_of_them() -> None:
    make_ad(make_campaign(kind="HOUSE"))
    serving.forget()
    found = _open()
    assert gate.start(found, at=NOON) is None
    assert _is_on_the_house(found)


def test_it_is_bounded_for_each_listener_and_day_and_the_sentence_says_what_to_do() -> None:
    for number in range(gate.HOUSE_PER_DAY):
        assert gate.start(_open(at=NOON + timedelta(minutes=number)), at=NOON + timedelta(minutes=number)) is None
    late = NOON + timedelta(hours=11, minutes=59)
    with pytest.raises(gate.CannotGet, match="Come back tomorrow, or buy it"):
        gate.start(_open(at=late), at=late)
    tomorrow = late + timedelta(minutes=1)
    assert gate.start(_open(at=tomorrow), at=tomorrow) is None


def test_the_page_says_that_nobody_paid_and_the_artist_earned_nothing() -> None:
    browser = Client(headers={"User-Agent": AGENT})
    track = make_track()
    choice = browser.get(f"/get/track/{track.pk}/").content.decode()
    assert "No ad is running now, so nobody pays" in choice
    receipt = browser.post(f"/get/track/{track.pk}/", {"recipe": "flac", "way": "ad"}, follow=True).content.decode()
    assert "on the house: nobody paid, and Nova Kit earned nothing by it" in receipt


def test_when_the_ad_never_loads_the_listener_may_start_again_and_loses_nothing() -> None:
    """A blocker keeps the picture away: the page asks politely, and the gate stays open for as long as it takes."""
    make_ad()
    serving.forget()
    found = _open()
    first, second = gate.start(found, at=NOON), gate.start(found, at=NOON + timedelta(minutes=5))
    assert first is not None
    assert second is not None
    done = gate.viewed(found, second.token, "reading", at=NOON + timedelta(minutes=5) + AD)
    assert done.is_granted
    assert Impression.objects.count() == 1


def test_without_redis_and_its_cache_the_gate_goes_on(settings: Any) -> None:
    """The gate's own rows decide: a cache and a broker that refuse every call change nothing of it."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    }
    settings.REDIS_URL = "redis://127.0.0.1:1"
    make_ad()
    serving.forget()
    found = _open()
    show = gate.start(found, at=NOON)
    assert show is not None
    assert gate.viewed(found, show.token, "reading", at=NOON + AD).is_granted


def _without_leases() -> None:
    """No lease holds money any more."""
    BudgetLease.objects.all().delete()
    CampaignDay.objects.update(leased_micros=0)


def test_wallets_of_others_do_not_pay_for_it() -> None:
    watch(make_ad(make_campaign(frequency_cap=1)), make_wallet("another"))
    Campaign.objects.update(state=Campaign.State.PAUSED)
    serving.forget()
    found = _open()
    assert gate.start(found, at=NOON) is None
    assert gate.state(found).is_on_the_house
