"""The wallet's story: every credit's origin and end in words, as a guest and as the person they turn out to be."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ads.delivery import serving
from ads.models import Impression, Place, Wallet
from ads.revenue import rejections, settlement
from ads.rewards import credits, wallets
from ads.traffic.fraud import Reason
from ledger import chart, journal
from store.access import gate, library
from store.pages import wallet_story
from tests.ads.factories import (
    AGENT,
    NEXT_DAY,
    NOON,
    download,
    make_ad,
    make_advertiser,
    make_campaign,
    make_impression,
    make_wallet,
    usd,
    watch,
)
from tests.artists.factories import make_album, make_track
from tests.store.factories import guest, listener, music
from tests.users.factories import charlie, leo
from users.models import User

pytestmark = pytest.mark.django_db


def _told(*, by: Any = None) -> list[tuple[str, str, int, str]]:
    """What the wallet of leo (or somebody else) tells, newest first, in whole credits."""
    moved = wallet_story.of(by or listener()).movements
    return [(one.what, one.about, one.change_xcr // 1_000_000, one.artist) for one in moved]


def _through_the_gate(by: Any, title: str = "Rain On Glass", *, at: Any = NOON, **fields: Any) -> None:
    """Watch one ad for a track and get it."""
    serving.forget()
    opened = gate.open_gate(music(make_track(title, **fields)), "flac", by, at=at)
    show = gate.start(opened, at=at)
    if show is not None:  # else the wallet had enough
        gate.viewed(opened, show.token, "reading", at=at + timedelta(seconds=15))
    assert gate.state(opened).is_granted


def test_an_ad_names_who_paid_and_where_and_a_download_names_track_and_artist() -> None:
    make_ad(make_campaign(advertiser=make_advertiser("Acme", prepaid=usd("10"))), title="Ride the night bus")
    _through_the_gate(listener())
    spent, earned = _told()
    advertiser = Impression.objects.get().campaign.whose
    assert earned == (
        "Earned by an ad",
        f"“Ride the night bus” by {advertiser}, at the gate of “Rain On Glass”",
        6,
        "",
    )
    assert spent == ("Spent on a free download", "Rain On Glass, from Night Bus", -5, "Nova Kit")


def test_a_view_found_invalid_says_which_and_why() -> None:
    watch(make_ad(title="Ride the night bus"), wallets.for_listener(leo(), ""))
    rejections.reject_batch([Impression.objects.get().pk], at=NOON + timedelta(hours=1), reason=Reason.BOT)
    what, about, change, _ = _told()[0]
    assert (what, change) == ("Taken back", -6)
    assert about.startswith("The view of “Ride the night bus” by Acme")
    assert "did not count: a known robot" in about


def test_what_is_taken_back_from_the_artist_is_not_told_as_theirs() -> None:
    make_ad()
    _through_the_gate(listener())
    assert wallet_story.of(listener()).movements[0].artist_micros == 4_500
    rejections.reject_batch([Impression.objects.get().pk], at=NOON + timedelta(hours=1))
    spent = next(one for one in wallet_story.of(listener()).movements if one.artist)
    assert spent.artist_micros == 0


def test_credits_that_expired_say_where_their_money_is() -> None:
    watch(make_ad(), wallets.for_listener(leo(), ""))
    credits.expire(NOON + timedelta(days=366))
    assert _told()[0] == ("Expired", "Not spent within 12 months: their money is in the artists’ pool", -6, "")


def test_credits_of_the_extension_say_whose_ads_they_were() -> None:
    wallet = wallets.for_listener(leo(), "")
    ad = make_ad()
    make_impression(
        ad,
        place=Place.MEGAKEY,
        wallet=wallet,
        beneficiary="megakey",
        artist=None,
        shares=[],
        price_micros=6_000,
    )
    settlement.settle_due(NEXT_DAY)
    assert _told() == [("Earned with Megakey", f"Ads by {ad.campaign.whose}, seen on 1 Nov 2026", 6, "")]


def test_what_a_download_gave_back_is_told() -> None:
    wallet = wallets.for_listener(leo(), "")
    watch(make_ad(), wallet)
    spent = download(wallet, make_album("Tide"), at=NOON + timedelta(minutes=9))
    journal.reverse(spent, key="undo", occurred_at=NOON + timedelta(hours=1))
    assert [(what, change) for what, _, change, _ in _told()] == [
        ("Given back: the download was undone", 5),
        ("Spent on a free download", -5),
        ("Earned by an ad", 6),
    ]


# --- guests who turn out to be people


@pytest.mark.parametrize("has_wallet", [False, True])
def test_a_guests_story_stays_readable_after_they_sign_up_or_log_in(has_wallet: bool) -> None:
    if has_wallet:
        watch(make_ad(), wallets.for_listener(leo(), ""))
    make_ad(make_campaign(cpm_micros=8_000_000))
    _through_the_gate(guest(), at=NOON + timedelta(minutes=5))
    before = _told(by=guest())
    library.claim_guest(leo(), guest().guest_key, at=NOON + timedelta(hours=1))
    after = _told()
    assert set(before) <= set(after), "every line of the guest's is there still"
    assert sum(change for _, _, change, _ in after) == wallet_story.of(listener()).balance_xcr // 1_000_000
    joined = [about for what, about, change, _ in after if what == "Joined with your wallet" and change == 0]
    assert len(joined) == int(has_wallet)
    assert _told(by=guest()) == []
    assert _told(by=listener(charlie())) == []
    assert wallet_story.of(listener()).movements[-1].url == "" or has_wallet


def test_the_way_of_a_guest_through_the_pages_into_an_account() -> None:
    make_ad(make_campaign(cpm_micros=6_000_000, starts_at=timezone.now() - timedelta(days=1)), title="Ride")
    browser = Client(headers={"User-Agent": AGENT})
    browser.post(f"/get/track/{make_track('Rain On Glass').pk}/", {"recipe": "flac", "way": "ad"})
    holder = Wallet.objects.get()
    watch(make_ad(title="Tram"), holder, at=timezone.now() - timedelta(minutes=2))
    page = browser.get("/wallet/").content.decode()
    assert "Sign up</a> and it is yours everywhere" in page
    assert "“Tram” by Acme" in page
    browser.post("/accounts/login/", {"login": leo().email, "password": "megabox-demo"})
    page = browser.get("/wallet/").content.decode()
    assert "“Tram” by Acme" in page
    assert "yours everywhere" not in page
    assert wallets.for_listener(leo(), "").balance_micros() == 6_000


# --- pages and files


def _long_history(times: int) -> Wallet:
    wallet = wallets.for_listener(leo(), "")
    ad = make_ad(make_campaign(frequency_cap=100, budget_micros=usd("10")))
    for number in range(times):
        watch(ad, wallet, at=NOON + timedelta(minutes=number))
    return wallet


def test_a_long_story_is_read_page_by_page_and_none_of_it_is_left_out() -> None:
    _long_history(wallet_story.ON_A_PAGE + 3)
    client = Client()
    client.force_login(leo())
    first, second = (client.get(f"/wallet/?page={number}").content.decode() for number in (1, 2))
    assert (first.count("+6 credits"), second.count("+6 credits")) == (wallet_story.ON_A_PAGE, 3)
    assert "Page 1 of 2" in first
    assert client.get("/wallet/?page=many").status_code == 200


def test_a_page_costs_the_same_queries_for_any_history(django_assert_max_num_queries: Any) -> None:
    make_ad()
    _through_the_gate(listener())
    client = Client()
    client.force_login(leo())
    client.get("/wallet/")
    with django_assert_max_num_queries(22) as few:
        client.get("/wallet/")
    usual = len(few)
    _long_history(12)
    for number in range(3):
        _through_the_gate(listener(), at=NOON + timedelta(hours=1 + number), credit_price=3)
    with django_assert_max_num_queries(usual):
        client.get("/wallet/")


def test_the_file_holds_every_line_and_ends_with_what_the_wallet_holds() -> None:
    make_ad(title="=HYPERLINK()")
    _through_the_gate(listener(), title="Rain On Glass")
    client = Client()
    client.force_login(leo())
    answer = client.get("/wallet.csv")
    text = b"".join(getattr(answer, "streaming_content", [answer.content])).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 4
    assert any("Rain On Glass" in cell for cell in rows[1])
    assert "1.000000" in rows[-1]
    assert Client().get("/wallet.csv").status_code == 200, "a stranger's wallet is empty, not forbidden"


# --- what will expire


def test_the_forecast_says_how_much_expires_on_which_day() -> None:
    wallet = wallets.for_listener(leo(), "")
    for days in (0, 0, 3):
        watch(make_ad(), wallet, at=NOON + timedelta(days=days, minutes=days))
    download(wallet, make_album(), at=NOON + timedelta(days=4))
    assert credits.forecast(wallet.pk) == [(date(2027, 11, 1), 7_000_000), (date(2027, 11, 4), 6_000_000)]
    client = Client()
    client.force_login(leo())
    page = client.get("/wallet/").content.decode()
    assert "7 credits expire on" in page
    assert "1 Nov 2027" in page


def test_what_was_earned_on_a_leap_day_expires_on_the_first_of_march() -> None:
    assert credits.expires_on(date(2028, 2, 29)) == date(2029, 3, 1)
    assert credits.expires_on(date(2027, 2, 28)) == date(2028, 2, 28)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["earn", "earn", "spend", "reject", "merge", "expire", "undo"]), st.integers(0, 200)),
        min_size=3,
        max_size=8,
    )
)
def test_credits_times_rate_is_the_money_behind_them_and_the_story_sums_to_the_balance(
    db: None, steps: list[tuple[str, int]]
) -> None:
    """Random histories of one person and their guests; what was forecast is what expires."""
    person = User.objects.create(email=f"p{User.objects.count()}@demo.megabox.test")
    mine, album, at = wallets.for_listener(person, ""), make_album(), NOON
    me = listener(person)
    before = journal.balance(chart.backing("USD")) - _behind_all()
    for number, (step, days) in enumerate(steps):
        at += timedelta(days=days, minutes=1)
        ad = make_ad(make_campaign(cpm_micros=(number + 1) * 1_000_000))
        if step == "earn":
            watch(ad, mine, at=at)
        elif step == "merge":
            watch(ad, make_wallet(f"g{person.pk}-{number}"), at=at)
            wallets.claim(f"g{person.pk}-{number}", person, at + timedelta(minutes=1))
        elif step == "spend" and mine.balance_micros():
            download(mine, album, credits_micros=mine.balance_micros() * 2 // 3 or 1, at=at)
        elif step == "undo" and mine.balance_micros():
            spent = download(mine, album, credits_micros=mine.balance_micros(), at=at)
            journal.reverse(spent, key=f"undo:{person.pk}:{number}", occurred_at=at + timedelta(minutes=1))
        elif step == "reject":
            seen = Impression.objects.viewed().filter(wallet=mine).first()
            if seen:
                rejections.reject_batch([seen.pk], at=at)
        elif step == "expire":
            forecast = credits.forecast(mine.pk)
            said = sum(xcr for day, xcr in forecast if day < at.date())
            today = sum(xcr for day, xcr in forecast if day == at.date())
            held = mine.balance_xcr()
            credits.expire(at)
            gone = held - mine.balance_xcr()
            assert said <= gone, "what was forecast for days that are over is gone"
            assert gone <= said + today
        told = wallet_story.table(me)
        assert sum(int(str(row[4])) for row in told.rows) == mine.balance_xcr()
        assert sum(xcr for _, xcr in credits.forecast(mine.pk)) == mine.balance_xcr()
        assert journal.balance(chart.backing("USD")) - _behind_all() == before == 0


def _behind_all() -> int:
    """Money micros that stand for all credits in all wallets."""
    return sum(wallet.balance_micros() for wallet in Wallet.objects.all())
