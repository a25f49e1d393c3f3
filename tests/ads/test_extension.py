"""The extension's own surfaces: one open ad for a wallet, so many a day, and all of it to the wallet."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads import audit, tokens
from ads.delivery import serving
from ads.measurement import counting
from ads.megakey import extension, pairings
from ads.models import Ad, AskedHour, Campaign, Impression, OpenOffer, Place, Wallet
from ads.revenue import settlement
from ads.rewards import wallets
from ledger import chart
from tests.ads.factories import AGENT, NEXT_DAY, NOON, USD, balance, make_ad, make_campaign
from tests.users.factories import acme, leo

pytestmark = pytest.mark.django_db
OFFERS = "/api/v1/megakey/offers"
SECONDS = timedelta(seconds=2)


def of_leo() -> Wallet:
    return wallets.for_listener(leo(), "")


def see(shown: extension.Shown, at: Any) -> Impression:
    assert counting.record(shown.token, "viewed", {"visible_ms": 1_500}, at) == "accepted"
    return Impression.objects.get(pk=tokens.verify(shown.token).id)


def offered(at: Any = NOON) -> extension.Shown:
    shown = extension.offer(of_leo(), at)
    assert shown is not None
    return shown


def browser() -> Client:
    wallet, now = of_leo(), timezone.now()
    token = pairings.exchange(pairings.new_code(wallet, now), now)
    return Client(headers={"User-Agent": AGENT, "Authorization": f"Bearer {token}"})


def test_from_the_offer_through_the_report_to_the_wallet() -> None:
    ad, client = make_ad(), browser()
    answer = client.post(OFFERS, content_type="application/json")
    assert answer.status_code == 200
    told = answer.json()
    assert told["earns_micros"] == 6_000
    assert told["ad"]["title"] == ad.title
    assert told["ad"]["image_url"].startswith("http")
    assert told["ad"]["by"] == ad.campaign.whose
    offer = tokens.verify(told["token"])
    assert (offer.place, offer.wallet_id, offer.shares) == (Place.MEGAKEY, of_leo().pk, ())
    report = [{"token": told["token"], "stage": "viewed", "visible_ms": 1_500}]
    answers = Client(headers={"User-Agent": AGENT}).post("/ads/events", report, content_type="application/json")
    assert answers.json() == {"answers": ["accepted"]}
    assert Impression.objects.get().pk == offer.id


def test_all_of_it_goes_to_the_wallet_at_the_settlement() -> None:
    make_ad()
    see(offered(), NOON + SECONDS)
    settlement.settle_due(NEXT_DAY)
    assert of_leo().balance_micros() == balance(chart.listener_rewards(USD)) == 6_000
    assert list(audit.findings()) == []


def test_asking_again_costs_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_ad()
    wallet = of_leo()
    extension.offer(wallet, NOON)
    with django_assert_num_queries(2):
        extension.offer(wallet, NOON + SECONDS)


def test_a_wallet_has_one_open_offer_whatever_its_browsers_ask() -> None:
    make_ad()
    make_ad()
    first = offered()
    assert offered(NOON + SECONDS).token == first.token
    see(first, NOON + SECONDS)
    assert offered(NOON + 2 * SECONDS).token != first.token


def test_an_offer_that_was_not_seen_is_over_after_five_minutes() -> None:
    make_ad()
    first = offered()
    assert first.ends_at == NOON + timedelta(minutes=5)
    later = offered(NOON + timedelta(minutes=5, seconds=1))
    assert later.token != first.token
    answer = counting.record(first.token, "viewed", {"visible_ms": 1_500}, NOON + timedelta(minutes=5, seconds=2))
    assert answer == "expired"


def test_an_offer_whose_ad_was_refused_since_is_replaced() -> None:
    make_ad()
    make_ad()
    first = offered()
    Ad.objects.filter(pk=first.ad.pk).update(review="REFUSED", review_reason="No.")
    serving.forget()
    assert offered(NOON + timedelta(seconds=10)).ad.pk != first.ad.pk


def test_who_asks_at_the_same_moment_gets_the_same_ad(monkeypatch: pytest.MonkeyPatch) -> None:
    make_ad()
    real = serving.pick_and_offer
    quicker: list[extension.Shown | None] = []

    def somebody_is_quicker(*args: Any, **terms: Any) -> Any:
        monkeypatch.setattr(serving, "pick_and_offer", real)
        quicker.append(extension.offer(of_leo(), NOON))
        return real(*args, **terms)

    monkeypatch.setattr(serving, "pick_and_offer", somebody_is_quicker)
    mine = offered()
    assert quicker[0] is not None
    assert mine.token == quicker[0].token


def test_the_cap_of_the_day_is_kept_and_said(settings: Any) -> None:
    settings.MEGAKEY_DAILY_ADS = 3
    for _ in range(3):
        make_ad()
    for minute in range(3):
        at = NOON + timedelta(minutes=minute)
        see(offered(at), at + SECONDS)
    with pytest.raises(extension.DayFull, match="more tomorrow"):
        extension.offer(of_leo(), NOON + timedelta(hours=1))
    assert extension.offer(of_leo(), NEXT_DAY) is not None


def test_the_cap_is_told_as_429(settings: Any) -> None:
    settings.MEGAKEY_DAILY_ADS = 0
    make_ad()
    answer = browser().post(OFFERS, content_type="application/json")
    assert answer.status_code == 429
    assert "tomorrow" in answer.json()["detail"]


def test_a_campaigns_own_frequency_cap_counts_here_too() -> None:
    make_ad(make_campaign(frequency_cap=1))
    see(offered(), NOON + SECONDS)
    serving.forget()
    assert extension.offer(of_leo(), NOON + timedelta(hours=3)) is None


def test_where_there_is_no_ad_the_answer_is_empty() -> None:
    assert browser().post(OFFERS, content_type="application/json").status_code == 204


def test_a_blocked_wallet_is_told_so() -> None:
    make_ad()
    client = browser()
    Wallet.objects.update(blocked_at=NOON)
    answer = client.post(OFFERS, content_type="application/json")
    assert answer.status_code == 403
    assert "Write to us" in answer.json()["detail"]


def test_robots_are_offered_nothing() -> None:
    make_ad()
    client = browser()
    assert (
        client.post(OFFERS, content_type="application/json", headers={"User-Agent": "Googlebot/2.1"}).status_code == 204
    )
    assert OpenOffer.objects.count() == 0


def test_spots_are_not_shown_and_advertisers_do_not_earn_by_their_own_ads() -> None:
    make_ad(kind=Ad.Kind.AUDIO, transcript="Words")
    assert extension.offer(of_leo(), NOON) is None
    make_ad()
    serving.forget()
    shown = extension.offer(wallets.for_listener(acme(), ""), NOON)
    assert shown is None or see(shown, NOON + SECONDS).reason == "own_campaign"


def test_only_what_somebody_pays_for_fills() -> None:
    make_ad(make_campaign(kind=Campaign.Kind.HOUSE))
    offered()
    assert AskedHour.objects.values_list("asked", "filled").get() == (1, 0)
