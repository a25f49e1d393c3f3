"""The gate's pages: format first, then buy, watch or spend; the protocol with gate.js; the wallet."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from ads.delivery import serving
from ads.limits import rates, unseen
from ads.models import Ad, AdEvent, Campaign, Impression
from artists.audio import RECIPES
from artists.models import FreeMode, Rendition
from ledger.models import Entry
from megabox import money
from store.access import gate as gates
from store.access import library
from store.models import Gate, LibraryItem
from tests.ads.factories import AGENT, make_ad, make_campaign
from tests.artists.factories import make_track
from tests.store.factories import listener, make_sold_track, music
from tests.users.factories import charlie, leo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ads() -> None:
    """One ad that pays five credits."""
    now = timezone.now()
    make_ad(make_campaign(cpm_micros=5_000_000, starts_at=now - timedelta(days=1)), transcript="Ride with us.")
    serving.forget()


@pytest.fixture
def visitor() -> Client:
    """Somebody without an account."""
    return Client(headers={"User-Agent": AGENT})


def open_gate(visitor: Client, track: Any = None, **fields: str) -> str:
    """Choose a format and to watch; return the gate's address."""
    track = track or make_sold_track()
    answer = visitor.post(f"/get/track/{track.pk}/", {"recipe": "mp3-320", "way": "ad", **fields})
    assert answer.status_code == 303
    return str(answer["Location"])


def bytes_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def let_time_pass(seconds: int) -> None:
    """The ad ran so long: its start moves back."""
    AdEvent.objects.update(at=timezone.now() - timedelta(seconds=seconds))


def watch(visitor: Client, gate: str) -> Any:
    ad = visitor.post(f"{gate}start/").json()
    let_time_pass(15)
    return visitor.post(f"{gate}viewed/", {"token": ad["token"], "mode": "reading"}, content_type="application/json")


def test_the_choice_page_shows_formats_before_anything_is_paid(visitor: Client) -> None:
    page = visitor.get(f"/get/track/{make_sold_track().pk}/").content.decode()
    for text in ("MP3 320", "FLAC", "Opus", "Watch 1 ad", "advertisers pay 5 credits", "Buy it for $0.99"):
        assert text in page


def test_choosing_no_format_is_a_sentence(visitor: Client) -> None:
    page = visitor.post(f"/get/track/{make_track().pk}/", {"way": "ad"})
    assert page.status_code == 422
    assert "Choose a format first" in page.content.decode()


def test_an_ad_from_choice_to_file_with_a_receipt(visitor: Client) -> None:
    track = make_sold_track()
    gate = open_gate(visitor, track)
    assert "data-gate-start" in visitor.get(gate).content.decode()
    started = visitor.post(f"{gate}start/").json()
    assert set(started) == {
        *(
            "token",
            "gain_db",
            "kind",
            "media_url",
            "image_url",
            "alt",
            "title",
            "body",
            "click_url",
            "transcript",
            "duration_ms",
        )
    }
    assert (started["transcript"], started["duration_ms"]) == ("Ride with us.", 15_000)
    early = visitor.post(
        f"{gate}viewed/", {"token": started["token"], "mode": "audio"}, content_type="application/json"
    )
    assert early.status_code == 409
    assert "not ended yet" in early.json()["sentence"]
    let_time_pass(15)
    done = visitor.post(f"{gate}viewed/", {"token": started["token"], "mode": "audio"}, content_type="application/json")
    assert done.json()["granted"] is True
    assert done.json()["receipt_url"] == f"{gate}receipt/"
    receipt = visitor.get(f"{gate}receipt/").content.decode()
    assert "paid Nova Kit" in receipt
    for amount in ("0.45 c", "0.50 c", "0.05 c"):
        assert amount in receipt
    file = visitor.get(f"{gate}file/")
    assert file["Location"] == f"/library/download/track/{track.pk}/mp3-320/"
    assert bytes_of(visitor.get(file["Location"]))[:3] == b"ID3"


def test_the_state_tells_a_page_that_comes_back_where_it_stands(visitor: Client) -> None:
    gate = open_gate(visitor)
    before = visitor.get(f"{gate}state/").json()
    assert (before["granted"], before["needs_micros"], before["next"]) == (False, 5_000, True)
    watch(visitor, gate)
    after = visitor.get(f"{gate}state/").json()
    assert (after["granted"], after["needs_micros"], after["receipt_url"]) == (True, 0, f"{gate}receipt/")


def test_starting_a_gate_that_is_granted_leads_to_its_receipt(visitor: Client) -> None:
    gate = open_gate(visitor)
    watch(visitor, gate)
    again = visitor.post(f"{gate}start/").json()
    assert again["granted"] is True
    assert visitor.get(gate)["Location"] == f"{gate}receipt/"


def test_a_robot_earns_nothing(visitor: Client) -> None:
    gate = open_gate(visitor)
    robot = Client(headers={"User-Agent": "Googlebot/2.1"})
    robot.cookies = visitor.cookies
    answer = watch(robot, gate)
    assert answer.status_code == 409
    assert not LibraryItem.objects.exists()
    assert Impression.objects.get().state == Impression.State.REJECTED


@pytest.mark.parametrize("body", ["", "{", "[]", '{"token": "x"}', '{"token": "x", "mode": "cinema"}', "null"])
def test_nonsense_from_a_browser_is_a_sentence(visitor: Client, body: str) -> None:
    answer = visitor.post(f"{open_gate(visitor)}viewed/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "Start the ad again" in answer.json()["sentence"]


def test_without_an_ad_it_is_on_the_house_and_says_so(visitor: Client) -> None:
    Ad.objects.update(review=Ad.Review.PENDING)
    serving.forget()
    track = make_sold_track()
    assert "on the house" in visitor.get(f"/get/track/{track.pk}/").content.decode()
    receipt = open_gate(visitor, track)
    assert receipt.endswith("/receipt/"), "there is no ad to watch, so no page says that one pays"
    assert "earned nothing by it" in visitor.get(receipt).content.decode()


def test_after_the_days_downloads_on_the_house_the_choice_says_what_to_do(visitor: Client) -> None:
    Ad.objects.update(review=Ad.Review.PENDING)
    serving.forget()
    for _ in range(gates.HOUSE_PER_DAY):
        open_gate(visitor)
    answer = visitor.post(f"/get/track/{make_sold_track().pk}/", {"recipe": "mp3-320", "way": "ad"})
    assert answer.status_code == 422
    assert "Come back tomorrow, or buy it" in answer.content.decode()


def test_when_the_last_ad_stops_behind_the_gate_it_is_on_the_house_and_says_so(visitor: Client) -> None:
    gate = open_gate(visitor)
    Ad.objects.update(review=Ad.Review.PENDING)
    serving.forget()
    told = visitor.post(f"{gate}start/").json()
    assert told["granted"] is True
    assert "on the house" in told["sentence"]


def test_credits_are_spent_where_they_suffice(visitor: Client) -> None:
    Ad.objects.get().campaign.__class__.objects.update(cpm_micros=10_000_000)
    serving.forget()
    watch(visitor, open_gate(visitor))
    track = make_sold_track()
    assert "Spend credits: 5 credits" in visitor.get(f"/get/track/{track.pk}/").content.decode()
    receipt = open_gate(visitor, track, way="credits")
    assert receipt.endswith("/receipt/")
    assert "Your credits paid Nova Kit" in visitor.get(receipt).content.decode()


def test_credits_that_do_not_suffice_are_a_sentence(visitor: Client) -> None:
    page = visitor.post(f"/get/track/{make_track().pk}/", {"recipe": "flac", "way": "credits"})
    assert page.status_code == 422
    assert "does not hold enough credits" in page.content.decode()


def test_simply_free_music_is_fetched_without_a_gate(visitor: Client) -> None:
    track = make_track(free_mode=FreeMode.FREE)
    assert open_gate(visitor, track).endswith("/receipt/")
    file = visitor.get(f"/library/download/track/{track.pk}/flac/")
    assert bytes_of(file)[:4] == b"fLaC"


def test_what_is_owned_is_fetched_at_once() -> None:
    track = make_sold_track()
    library.grant(music(track), listener(), LibraryItem.Reason.GIFT, at=timezone.now())
    client = Client()
    client.force_login(leo())
    assert "in your library already" in client.get(f"/get/track/{track.pk}/").content.decode()
    answer = client.post(f"/get/track/{track.pk}/", {"recipe": "flac"})
    assert answer["Location"] == f"/library/download/track/{track.pk}/flac/"
    assert not Gate.objects.exists()


def test_a_format_that_could_not_be_made_cannot_be_chosen_by_mistake(visitor: Client) -> None:
    track = make_track()
    opus = Rendition.objects.filter(original=track.original, recipe="opus")
    opus.update(state=Rendition.State.FAILED, reason="The encoder stopped.")
    assert 'value="opus" disabled' in visitor.get(f"/get/track/{track.pk}/").content.decode()
    opus.update(state=Rendition.State.WANTED)
    assert 'value="opus">' in visitor.get(f"/get/track/{track.pk}/").content.decode()


def test_the_choice_offers_every_format_with_its_size_and_the_one_taken_last(visitor: Client) -> None:
    track = make_track(free_mode="FREE")
    page = visitor.get(f"/get/track/{track.pk}/").content.decode()
    assert re.findall(r'name="recipe" value="([\w-]+)"( checked)?', page)[0] == ("mp3-320", " checked")
    assert len(re.findall('name="recipe"', page)) == len(RECIPES)
    assert re.search(r"WAV</span><span class=.choice__aside.>about \d+ kB", page)
    assert "<details><summary>More formats" in page
    receipt = visitor.post(f"/get/track/{track.pk}/", {"recipe": "flac"})["Location"]
    assert bytes_of(visitor.get(f"/library/download/track/{track.pk}/flac/")).startswith(b"fLaC")
    assert "Download as FLAC" in visitor.get(receipt).content.decode()
    again = visitor.get(f"/get/track/{make_track(free_mode='FREE').pk}/").content.decode()
    assert 'value="flac" checked' in again


def test_a_format_that_is_made_when_asked_is_followed_from_the_receipt(visitor: Client) -> None:
    track = make_track(free_mode="FREE")
    receipt = visitor.post(f"/get/track/{track.pk}/", {"recipe": "wav"})["Location"]
    page = visitor.get(receipt).content.decode()
    assert "Have it made as WAV" in page
    assert f'href="/library/make/track/{track.pk}/wav/"' in page
    assert "being made" in visitor.get(f"{receipt.removesuffix('receipt/')}file/", follow=True).content.decode()


def test_a_gate_opens_for_its_listener_only(visitor: Client) -> None:
    gate = open_gate(visitor)
    known = Client()
    known.force_login(charlie())
    for other in (Client(), known):
        for path, method in (("", "get"), ("start/", "post"), ("viewed/", "post"), ("state/", "get")):
            assert getattr(other, method)(gate + path).status_code == 404
        for path in ("receipt/", "file/"):
            assert other.get(gate + path).status_code == 404
    assert visitor.get(f"/get/{uuid.uuid4()}/").status_code == 404


def test_a_file_is_not_fetched_before_it_is_paid(visitor: Client) -> None:
    gate = open_gate(visitor)
    assert visitor.get(f"{gate}file/")["Location"] == gate
    assert visitor.get(f"{gate}receipt/")["Location"] == gate


def test_nothing_at_the_gate_happens_by_get(visitor: Client) -> None:
    gate = open_gate(visitor)
    assert visitor.get(f"{gate}start/").status_code == 405
    assert visitor.get(f"{gate}viewed/").status_code == 405


def test_the_wallet_tells_where_credits_came_from_and_went() -> None:
    Ad.objects.get().campaign.__class__.objects.update(cpm_micros=6_000_000)
    serving.forget()
    client = Client(headers={"User-Agent": AGENT})
    assert "No credits yet" in client.get("/wallet/").content.decode()
    client.force_login(leo())
    track = make_sold_track(title="Rain On Glass")
    watch(client, open_gate(client, track))
    page = client.get("/wallet/").content.decode()
    for text in ("1 credit", "+6 credits", "−5 credits", "Rain On Glass", "Nova Kit", "$0.0045", "Ride the night bus"):
        assert text in page


def test_the_wallet_costs_the_same_queries_for_any_history(django_assert_max_num_queries: Any) -> None:
    client = Client(headers={"User-Agent": AGENT})
    client.force_login(leo())
    for _ in range(4):
        watch(client, open_gate(client))
    with django_assert_max_num_queries(20):
        client.get("/wallet/")


def test_a_guest_who_logs_in_sees_their_gate_and_credits(visitor: Client) -> None:
    gate = open_gate(visitor)
    watch(visitor, gate)
    visitor.post("/accounts/login/", {"login": leo().email, "password": "megabox-demo"})
    assert visitor.get(f"{gate}receipt/").status_code == 200
    assert LibraryItem.objects.get().user == leo()


def test_json_nested_without_end_is_told_not_to_be_known(visitor: Client) -> None:
    gate, nested = open_gate(visitor), "[" * 200_000
    assert visitor.post(f"{gate}viewed/", nested, content_type="application/json").status_code == 400
    assert visitor.post("/plays/", nested, content_type="application/json").status_code == 400


def test_the_choice_page_says_what_the_full_price_leaves_to_save_up(visitor: Client) -> None:
    track = make_sold_track(credit_price=12, wants_full_credit_price=True)
    page = visitor.get(f"/get/track/{track.pk}/").content.decode()
    assert "Watch 1 ad and save up" in page
    assert "wants the full price, 12 credits" in page
    assert "This ad leaves 7 credits to go" in page
    Ad.objects.update(review=Ad.Review.WITHDRAWN)
    serving.forget()
    page = visitor.get(f"/get/track/{track.pk}/").content.decode()
    assert "No ad is running now that would bring you nearer" in page
    assert "on the house" not in page
    gate = open_gate(visitor, track)
    answer = visitor.post(f"{gate}start/")
    assert answer.status_code == 409
    assert "wants the full price" in answer.json()["sentence"]


def test_a_receipt_says_calmly_that_a_view_counted_for_less_and_what_would_change_it(
    visitor: Client, settings: LazySettings
) -> None:
    settings.ADS_FULL_VIEWS = 1
    track = make_sold_track()
    first = Client(headers={"User-Agent": AGENT}, REMOTE_ADDR="203.0.113.7")
    second = Client(headers={"User-Agent": AGENT}, REMOTE_ADDR="203.0.113.9")
    pages = []
    for guest in (first, second):
        gate = open_gate(guest, track)
        while Gate.objects.latest("opened_at").state != Gate.State.GRANTED:
            assert watch(guest, gate).status_code == 200
        pages.append(guest.get(f"{gate}receipt/").content.decode())
    withheld = sum(one.offered_micros - one.price_micros for one in Impression.objects.viewed())
    assert withheld > 0
    assert "counted for less" not in pages[0]
    assert "counted for less, because many listeners whom nobody knows came from your network today" in pages[1]
    assert f"{money.display_exact(withheld, 'USD')} stayed with the advertiser" in pages[1]
    assert "Sign up and confirm your address, and your views count in full." in pages[1]
    assert "/privacy/#weights" in pages[1]


def test_the_gate_leads_to_what_is_kept_of_a_view(visitor: Client) -> None:
    assert 'href="/privacy/"' in visitor.get(open_gate(visitor)).content.decode()


# --- how often


def test_who_begins_too_many_downloads_is_asked_to_wait_and_told_for_how_long(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MOST_OPENED", 2)
    track = make_sold_track()
    for _ in range(2):
        open_gate(visitor, track)
    open_gate(visitor, track)  # the first made the guest, so it was counted for the network only
    answer = visitor.post(f"/get/track/{track.pk}/", {"recipe": "mp3-320", "way": "ad"})
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 660
    assert "Too many downloads were begun here" in answer.content.decode()
    open_gate(Client(headers={"User-Agent": AGENT}), track)


def test_a_network_may_begin_many_downloads_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_OPENED", 2)
    monkeypatch.setattr(rates, "SCHOOL", 3)
    track = make_sold_track()
    for _ in range(6):
        open_gate(Client(headers={"User-Agent": AGENT}), track)
    form = {"recipe": "mp3-320", "way": "ad"}
    assert Client(headers={"User-Agent": AGENT}).post(f"/get/track/{track.pk}/", form).status_code == 429
    elsewhere = Client(headers={"User-Agent": AGENT}, REMOTE_ADDR="198.51.100.9")
    assert elsewhere.post(f"/get/track/{track.pk}/", form).status_code == 303


def test_who_starts_ads_and_watches_none_waits_until_their_tokens_are_dead_and_who_watches_does_not(
    visitor: Client, settings: LazySettings
) -> None:
    settings.ADS_MOST_UNSEEN = 2
    gate = open_gate(visitor)
    assert visitor.post(f"{gate}start/").status_code == 200
    assert watch(visitor, gate).json()["granted"]
    again = open_gate(visitor)
    assert visitor.post(f"{again}start/").status_code == 200
    answer = visitor.post(f"{again}start/")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 945
    assert "not watched to their end" in answer.json()["sentence"]


def test_the_same_view_confirmed_again_makes_no_room_for_more(visitor: Client, settings: LazySettings) -> None:
    settings.ADS_MOST_UNSEEN = 2
    gate, other = open_gate(visitor), open_gate(visitor)
    ad = visitor.post(f"{other}start/").json()
    ad = visitor.post(f"{gate}start/").json()
    let_time_pass(15)
    said = {"token": ad["token"], "mode": "reading"}
    for _ in range(3):
        assert visitor.post(f"{gate}viewed/", said, content_type="application/json").status_code == 200
    assert len(unseen.at_gates) == 1
    assert visitor.post(f"{other}start/").status_code == 200
    assert visitor.post(f"{other}start/").status_code == 429


def test_a_download_without_an_ad_is_not_counted_as_one_that_was_started(
    visitor: Client, settings: LazySettings
) -> None:
    settings.ADS_MOST_UNSEEN = 1
    gates_opened = [open_gate(visitor) for _ in range(3)]
    Campaign.objects.update(state=Campaign.State.PAUSED)
    serving.forget()
    for gate in gates_opened:
        assert visitor.post(f"{gate}start/").json()["granted"]


# --- one's own music


@pytest.mark.parametrize("mode", [FreeMode.AD, FreeMode.OFF])
def test_artists_take_their_own_music_without_an_ad_and_earn_nothing_by_it(mode: str) -> None:
    track = make_sold_track()
    type(track).objects.filter(pk=track.pk).update(free_mode=mode)
    owner = Client(headers={"User-Agent": AGENT})
    owner.force_login(track.album.artist.owner)
    page = owner.get(f"/get/track/{track.pk}/").content.decode()
    assert "This is your own music, so there is no ad" in page
    assert "Watch 1 ad" not in page
    receipt = open_gate(owner, track)
    assert "nobody earned by it" in owner.get(receipt).content.decode()
    found = Gate.objects.get()
    assert (found.state, found.asked_micros, found.is_on_the_house) == (Gate.State.GRANTED, 0, False)
    assert not Entry.objects.filter(kind="gate view").exists()


def test_a_gate_that_was_opened_before_the_music_was_ones_own_shows_no_ad_either() -> None:
    track, listener = make_sold_track(), leo()
    visitor = Client(headers={"User-Agent": AGENT})
    visitor.force_login(listener)
    gate = open_gate(visitor, track)
    artist = track.album.artist
    type(artist).objects.filter(pk=artist.pk).update(owner=listener)
    told = visitor.post(f"{gate}start/").json()
    assert told["granted"]
    assert "your own music" in told["sentence"]
    assert not Impression.objects.exists()
