"""The advertisers' pages and the staff's review, by people who may and people who may not."""

import csv
import io
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads.models import Ad, Advertiser, Campaign
from ads.reporting import campaign_report
from ads.urls import urlpatterns
from tests.ads.factories import make_ad, make_advertiser, make_campaign, make_wallet, see, top_up, usd, watch
from tests.ads.test_creatives import picture
from tests.artists.factories import make_album, make_artist, tone
from tests.users.factories import acme, ada, charlie, leo, make_user
from users.models import User

pytestmark = pytest.mark.django_db


def _as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


# --- the way of an advertiser


def test_the_whole_way_from_nobody_to_a_live_campaign(tmp_path: Path) -> None:
    person = make_user("newcomer@demo.megabox.test")
    client = _as(person)
    assert "Open an advertiser account" in _text(client.get("/advertise/"))
    client.post("/advertise/new/", {"name": "Night Bus Ltd"})
    advertiser = Advertiser.objects.get()
    assert User.objects.get(pk=person.pk).is_advertiser
    assert "Night Bus Ltd" in _text(client.get("/advertise/"))

    answer = client.post(f"/advertise/{advertiser.pk}/campaigns/new/", {"name": "Autumn", "go": "picture"})
    campaign = Campaign.objects.get()
    page = f"/advertise/campaigns/{campaign.pk}/"
    assert answer["Location"] == f"{page}ads/picture/new/"
    assert "It has no budget yet" in _text(client.get(f"{page}edit/check/"))
    client.post(f"{page}edit/reach/", {"places": ["gate", "page"], "frequency_cap": "5", "hours": ["18", "19"]})
    money = {"cpm_micros": "6", "budget_micros": "25", "starts_on": timezone.now().date(), "pacing": "EVEN"}
    assert client.post(f"{page}edit/money/", money)["Location"] == f"{page}edit/check/"
    campaign.refresh_from_db()
    assert (campaign.state, campaign.cpm_micros, campaign.budget_micros) == ("DRAFT", usd("6"), usd("25"))
    assert (campaign.places, campaign.frequency_cap, campaign.hours) == (["gate", "page"], 5, [18, 19])
    shown = _text(client.get(f"{page}edit/check/"))
    assert "$25.00 at $6.00 for 1 000 views = 4 166 views." in shown
    assert "No ad is approved yet" in shown
    assert "add $25.00" in shown
    assert "18:00 to 20:00 UTC" in shown

    words = {"title": "Ride", "body": "Until five.", "click_url": "https://bus.example/", "alt": "A bus"}
    client.post(f"{page}ads/picture/new/", {**words, "picture": SimpleUploadedFile("bus.png", picture())})
    spot = SimpleUploadedFile("spot.wav", tone(tmp_path / "spot.wav", seconds=6).read_bytes())
    client.post(f"{page}ads/spot/new/", {"title": "Hear", "transcript": "Ride the bus.", "spot": spot})
    client.post(f"{page}ads/text/new/", {"title": "Read", "body": "Ride the bus."})
    assert "Making the file" in _text(client.get(page))
    client.post(f"{page}review/")
    assert [ad.review for ad in campaign.ads.order_by("pk")] == ["PENDING", "PENDING", "PENDING"]

    desk = _as(ada())
    assert "Night Bus Ltd" in _text(desk.get("/desk/ads/"))
    assert "Hear" not in _text(desk.get("/desk/ads/")), "the spot is not made yet"
    for ad in campaign.ads.exclude(kind="AUDIO"):
        desk.post(f"/desk/ads/{ad.pk}/approve/", {"seen": ad.content_hash})
    client.post(f"{page}live/")
    campaign.refresh_from_db()
    assert campaign.state == "DRAFT", "nothing is prepaid yet"

    top_up(advertiser, usd("25"))
    client.post(f"{page}live/")
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"
    assert "Pause it" in _text(client.get(page))
    assert client.get(f"{page}edit/money/")["Location"] == page, "a live campaign is paused before it is changed"
    client.post(f"{page}pause/")
    assert "Go on showing it" in _text(client.get(page))
    client.post(f"{page}end/")
    campaign.refresh_from_db()
    assert campaign.state == "ENDED"


@pytest.mark.parametrize(
    ("kind", "typed", "says"),
    [
        ("picture", {"title": "x", "alt": "x"}, "Choose a picture."),
        ("picture", {"title": "x", "alt": "x", "picture": b"no picture"}, "not a picture"),
        ("picture", {"title": "x", "alt": "x", "picture": b""}, "empty"),
        ("spot", {"title": "x", "transcript": "x"}, "Choose a file."),
        ("spot", {"title": "x", "spot": b"RIFF"}, "Write the words of the spot"),
        ("text", {"title": "x"}, "Write the text of the ad."),
        ("text", {"body": "x"}, "Give the ad a title."),
        ("picture", {"title": "x", "picture": b"no picture"}, "Say what the picture shows"),
        ("text", {"title": "x" * 81, "body": "x"}, "at most 80 characters"),
    ],
)
def test_an_ad_that_is_not_whole_gets_a_sentence(kind: str, typed: dict[str, Any], says: str) -> None:
    campaign = make_campaign(live=False)
    files = {name: SimpleUploadedFile("f", data) for name, data in typed.items() if isinstance(data, bytes)}
    answer = _as(acme()).post(f"/advertise/campaigns/{campaign.pk}/ads/{kind}/new/", {**typed, **files})
    assert answer.status_code == 422
    assert says in _text(answer)
    assert not Ad.objects.exists()


def test_changing_the_words_of_an_approved_ad_hides_it_until_it_is_looked_at_again() -> None:
    ad = make_ad()
    client = _as(acme())
    assert 'value="Ride the night bus' in client.get(f"/advertise/ads/{ad.pk}/").content.decode()
    client.post(f"/advertise/ads/{ad.pk}/", {"title": "Ride at night", "body": "", "click_url": "", "alt": "Bus"})
    ad.refresh_from_db()
    assert (ad.title, ad.review, ad.is_showable) == ("Ride at night", "PENDING", False)
    client.post(f"/advertise/ads/{ad.pk}/delete/")
    assert not Ad.objects.exclude(review="WITHDRAWN").exists()


def test_the_same_advertiser_is_opened_once() -> None:
    client = _as(leo())
    client.post("/advertise/new/", {"name": "Night Bus"})
    answer = client.post("/advertise/new/", {"name": " night  bus "})
    assert answer.status_code == 422
    assert "already" in _text(answer)
    assert Advertiser.objects.count() == 1


# --- the report


def _busy_campaign() -> Campaign:
    campaign = make_campaign(name="=SUM(A1)")
    ad, now = make_ad(campaign), timezone.now()
    album = make_album(artist=make_artist("Nova Kit"))
    for minutes in (10, 20):
        see(ad, album, at=now - timedelta(minutes=minutes))
    watch(ad, make_wallet(), at=now - timedelta(minutes=5))
    return campaign


def test_the_report_says_what_was_seen_rejected_and_which_artists_it_reached() -> None:
    campaign = _busy_campaign()
    shown = _text(_as(acme()).get(f"/advertise/campaigns/{campaign.pk}/report/"))
    assert "Nova Kit" in shown
    assert "$0.018" in shown
    assert "Before a free download" in shown
    assert "<rect" in shown
    assert "style=" not in shown


def test_the_report_adds_up() -> None:
    campaign = _busy_campaign()
    found = campaign_report.report(campaign, until=timezone.now().date(), days=7)
    assert (found.total.viewed, found.total.spent, found.total.served) == (3, 18_000, 1)
    assert sum(day.spent for day in found.days) == Campaign.objects.get(pk=campaign.pk).spent_micros
    assert [(row.label, row.viewed) for row in found.artists] == [("Nova Kit", 2)]
    assert len(found.days) == len(found.chart.bars) == 7


def test_the_csv_opens_in_a_spreadsheet_with_totals_and_without_formulas() -> None:
    campaign = _busy_campaign()
    answer = _as(acme()).get(f"/advertise/campaigns/{campaign.pk}/report.csv?days=7")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert len(rows) == 1 + 7 + 1
    assert rows[-1] == ["TOTAL", "", "1", "3", "0", "0", "USD", "0.018000", "18000"]
    assert {row[1] for row in rows[1:-1]} == {"'=SUM(A1)"}
    assert sum(int(row[-1]) for row in rows[1:-1]) == 18_000


@pytest.mark.parametrize("days", ["", "x", "0", "-7", "99999999999999999999", "0030999999999", "٣٠", "7 "])
def test_a_strange_span_is_thirty_days(days: str) -> None:
    campaign = make_campaign()
    answer = _as(acme()).get(f"/advertise/campaigns/{campaign.pk}/report/", {"days": days})
    assert answer.context["span"] == 30


# --- who may


def _value(values: dict[str, Any], name: re.Match[str]) -> str:
    return str(values[name[1]])


def _addresses() -> list[tuple[str, str]]:
    """Every address of advertisers and of the review that belongs to somebody, filled in, with the method it takes."""
    campaign = make_campaign(live=False)
    ad = make_ad(campaign, review=Ad.Review.PENDING)
    values = {"advertiser_id": campaign.advertiser_id, "kind": "text", "verb": "pause", "step": "money"}
    found = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        is_ours = str(pattern.pattern).startswith("advertise/") or pattern.name in ("review", "approve", "refuse")
        if pattern.name in ("overview", "advertiser_new") or not is_ours:
            continue  # other pages of the room have tests of their own
        pk = ad.pk if pattern.name in ("ad_edit", "ad_delete", "approve", "refuse") else campaign.pk
        path = re.sub(r"<\w+:(\w+)>", partial(_value, {**values, "pk": pk}), str(pattern.pattern))
        method = "post" if pattern.name in ("campaign_do", "ad_delete", "approve", "refuse") else "get"
        found.append((method, f"/{path}"))
    assert len(found) == 15
    return sorted(found, key=lambda address: "delete" in address[1])


def test_strangers_are_sent_to_log_in_everywhere() -> None:
    for method, path in _addresses():
        answer = getattr(Client(), method)(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/accounts/login/"), path


def test_nobody_touches_what_is_not_theirs() -> None:
    rival = make_user("rival@demo.megabox.test", is_advertiser=True)
    make_advertiser("Rival", owner=rival)
    for method, path in _addresses():
        is_desk = path.startswith("/desk/")
        for user, status in ((charlie(), 403), (leo(), 403), (rival, 403 if is_desk else 404)):
            assert getattr(_as(user), method)(path).status_code == status, (path, user)
        assert is_desk or getattr(_as(ada()), method)(path).status_code == 403, "staff are no advertisers"
    assert Campaign.objects.get(name__startswith="Autumn").state == "DRAFT"
    assert Ad.objects.count() == 1


def test_owners_and_staff_get_in() -> None:
    for method, path in _addresses():
        user = ada() if path.startswith("/desk/") else acme()
        answer = getattr(_as(user), method)(path)
        assert answer.status_code in (200, 302, 422), path
        assert "login" not in answer.get("Location", "")


def test_an_unconfirmed_address_may_not_advertise() -> None:
    person = make_user("unsure@demo.megabox.test", is_confirmed=False, is_advertiser=True)
    make_advertiser("Unsure", owner=person)
    for path in ("/advertise/", "/advertise/new/"):
        assert _as(person).get(path)["Location"] == "/accounts/email/", path


def test_staff_who_advertise_are_not_their_own_reviewers() -> None:
    ad = make_ad(make_campaign(advertiser=make_advertiser(owner=ada())), review=Ad.Review.PENDING)
    answer = _as(ada()).post(f"/desk/ads/{ad.pk}/approve/", {"seen": ad.content_hash}, follow=True)
    assert "Somebody else reviews it" in _text(answer)
    ad.refresh_from_db()
    assert ad.review == "PENDING"


def test_a_refusal_without_a_reason_is_asked_for_one() -> None:
    ad = make_ad(review=Ad.Review.PENDING)
    desk = _as(ada())
    answer = desk.post(f"/desk/ads/{ad.pk}/refuse/", {"reason": " "})
    assert answer.status_code == 422
    assert "Write why this ad is refused" in _text(answer)
    desk.post(f"/desk/ads/{ad.pk}/refuse/", {"reason": "The link is dead."})
    assert "The link is dead." in _text(_as(acme()).get(f"/advertise/campaigns/{ad.campaign_id}/"))


def test_reviewers_see_what_listeners_will_see_for_whom_and_where_a_click_really_goes() -> None:
    campaign = make_campaign(live=False, genres=["jazz"], moods=["calm"], languages=["de"], countries=["AT"])
    make_ad(campaign, review=Ad.Review.PENDING, click_url="https://bücher.example/x", title="<Ride>")
    shown = _text(_as(ada()).get("/desk/ads/"))
    assert "data-gate-preview" in shown
    assert "&lt;Ride&gt;" in shown
    for words in ("Jazz; Calm", "German", "Austria", "https://bücher.example/x", "xn--bcher-kva.example"):
        assert words in shown, words
    assert "data-ad-token" not in shown, "a preview has no token"


def test_a_spot_that_cannot_be_used_does_not_wait_for_anybody() -> None:
    campaign = make_campaign(live=False)
    make_ad(campaign, review=Ad.Review.PENDING, media_state=Ad.MediaState.FAILED, media_reason="It is silent.")
    shown = _text(_as(acme()).get(f"/advertise/campaigns/{campaign.pk}/"))
    assert "It is silent." in shown
    assert "Add one and send it for review." in shown
    assert "A person looks at your ads" not in shown
    assert "It is silent." not in _text(_as(ada()).get("/desk/ads/"))


def test_a_new_advertiser_is_led_to_the_first_view() -> None:
    person = make_user("newcomer@demo.megabox.test", is_advertiser=True)
    client = _as(person)
    advertiser = make_advertiser("Night Bus", owner=person)
    assert "Five steps to your first view" in _text(client.get("/advertise/"))
    campaign = make_campaign(live=False, advertiser=advertiser)
    shown = _text(client.get("/advertise/"))
    assert "Your first campaign is made." in shown
    assert "An ad was sent for review." not in shown
    make_ad(campaign)
    top_up(advertiser, usd("10"))
    shown = _text(client.get("/advertise/"))
    for words in ("An ad was sent for review.", "Money is here.", "Take it live: open the campaign"):
        assert words in shown
    client.post(f"/advertise/campaigns/{campaign.pk}/live/")
    assert "Five steps" not in _text(client.get("/advertise/"))


def test_fifty_campaigns_are_a_page() -> None:
    advertiser = make_advertiser()
    Campaign.objects.bulk_create(
        Campaign(advertiser=advertiser, name=f"No {n}", cpm_micros=10_000, starts_at=timezone.now()) for n in range(51)
    )
    client = _as(acme())
    assert "Page 1 of 2" in _text(client.get("/advertise/"))
    for page in ("2", "99", "x", "-1"):
        assert client.get("/advertise/", {"page": page}).status_code == 200


def test_a_form_without_its_proof_changes_nothing() -> None:
    campaign = make_campaign()
    client = Client(enforce_csrf_checks=True)
    client.force_login(acme())
    assert client.post(f"/advertise/campaigns/{campaign.pk}/pause/").status_code == 403
    assert Campaign.objects.get().state == "LIVE"


# --- what they cost


@pytest.mark.parametrize(
    "path", ["/advertise/", "/advertise/campaigns/{pk}/", "/advertise/campaigns/{pk}/report/", "/advertise/ads/{ad}/"]
)
def test_pages_cost_the_same_queries_however_much_there_is(
    path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    advertiser = make_advertiser(prepaid=usd("500"))
    campaign = make_campaign(advertiser=advertiser)
    see(ad := make_ad(campaign), at=timezone.now() - timedelta(seconds=9))
    client, address = _as(acme()), path.format(pk=campaign.pk, ad=ad.pk)
    client.get(address)
    with django_assert_max_num_queries(25) as few:
        assert client.get(address).status_code == 200
    for number in range(5):
        see(make_ad(campaign), make_album(artist=make_artist()), at=timezone.now() - timedelta(seconds=20 + number))
        make_campaign(advertiser=advertiser)
    with django_assert_max_num_queries(len(few)):
        client.get(address)


def test_the_review_costs_the_same_queries_however_much_waits(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    make_ad(review=Ad.Review.PENDING)
    client = _as(ada())
    client.get("/desk/ads/")
    with django_assert_max_num_queries(20) as few:
        client.get("/desk/ads/")
    for _ in range(5):
        make_ad(review=Ad.Review.PENDING)
    with django_assert_max_num_queries(len(few)):
        client.get("/desk/ads/")


def test_pages_hold_no_inline_style_or_script() -> None:
    for method, path in _addresses():
        if method == "get" and not path.endswith(".xlsx"):
            user = ada() if path.startswith("/desk/") else acme()
            html = _as(user).get(path).content.decode()
            assert " style=" not in html, path
            assert "<style" not in html, path
            assert not re.search(r"<script(?![^>]*\bsrc=)", html), path
