"""House ads at the desk: made, looked at, started, paused and ended by the staff."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads.assets import creatives
from ads.delivery import serving
from ads.models import Ad, Campaign
from tests.ads.factories import AGENT, make_ad, make_campaign, see
from tests.ads.test_creatives import picture
from tests.artists.factories import make_album, tone
from tests.users.factories import acme, ada, leo, max_, nina
from users.models import User

pytestmark = pytest.mark.django_db
DESK = "/desk/ads/house/"


def _as(user: User) -> Client:
    client = Client(headers={"User-Agent": AGENT})
    client.force_login(user)
    return client


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def typed(**changes: Any) -> dict[str, Any]:
    today = timezone.now().date().isoformat()
    return {"name": "Support artists", "places": ["page"], "starts_on": today, "frequency_cap": "5", **changes}


def make(**changes: Any) -> Campaign:
    answer = _as(ada()).post(f"{DESK}new/", typed(**changes))
    assert answer.status_code == 302, _text(answer)
    return Campaign.objects.latest("pk")


def test_the_whole_way_from_nothing_to_a_page_where_nobody_pays() -> None:
    desk = _as(ada())
    assert "No house ad yet" in _text(desk.get(DESK))
    campaign = make()
    page = f"{DESK}{campaign.pk}/"
    assert "No ad is approved yet" in _text(desk.get(page))
    sent = {"title": "90 % goes to artists", "body": "Buy an album.", "click_url": "https://megabox.example/about/"}
    desk.post(f"{page}ads/text/new/", sent)
    file = SimpleUploadedFile("box.png", picture(size=(970, 250)), "image/png")
    desk.post(f"{page}ads/picture/new/", {**sent, "title": "The box", "alt": "A box", "picture": file})
    assert "Sent for review: 2 ads" in _text(desk.post(f"{page}review/", follow=True))
    assert "<dd>Megabox</dd>" in _text(desk.get("/desk/ads/"))
    for ad in campaign.ads.all():
        desk.post(f"/desk/ads/{ad.pk}/approve/", {"seen": ad.content_hash})
    assert "runs now" in _text(desk.post(f"{page}live/", follow=True))
    album = make_album()
    shown = Client(headers={"User-Agent": AGENT}).get(f"/ads/slot/page/album/{album.pk}/").content.decode()
    assert "90 % goes to artists" in shown or "The box" in shown
    assert "by Megabox, paid by nobody" in shown
    see(campaign.ads.all()[0], album, at=timezone.now() - timedelta(seconds=9))
    assert "Nova Kit" in _text(desk.get(page)), "the report says beside whose music it was seen"
    desk.post(f"{page}pause/")
    serving.forget()
    assert Client(headers={"User-Agent": AGENT}).get(f"/ads/slot/page/album/{album.pk}/").status_code == 204
    desk.post(f"{page}end/")
    campaign.refresh_from_db()
    assert campaign.state == "ENDED"
    assert "Make a new one" in _text(desk.get(f"{page}ads/text/new/", follow=True))


def test_a_spot_is_made_as_loud_as_the_music(tmp_path: Any) -> None:
    campaign = make(places=["player"])
    spot = SimpleUploadedFile("spot.wav", tone(tmp_path / "spot.wav", seconds=6).read_bytes(), "audio/wav")
    sent = {"title": "Listen", "transcript": "Listen to more.", "spot": spot}
    _as(ada()).post(f"{DESK}{campaign.pk}/ads/spot/new/", sent)
    ad = Ad.objects.get()
    creatives.make_audio(ad.pk, timezone.now())
    ad.refresh_from_db()
    assert ad.media_state == "READY"
    assert "<audio controls" in _text(_as(ada()).get(f"{DESK}{campaign.pk}/"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "Give the campaign a name"),
        ({"places": []}, "Choose at least one place"),
        ({"places": ["gate"]}, "gate"),
        ({"ends_on": "2020-01-01"}, "The last day is before the first"),
        ({"ends_on": "9999-12-31"}, "Choose a day within the next two years"),
        ({"frequency_cap": "101"}, "Write 1 to 100"),
    ],
)
def test_wrong_input_gets_a_sentence(changes: dict[str, Any], says: str) -> None:
    answer = _as(ada()).post(f"{DESK}new/", typed(**changes))
    assert answer.status_code == 422
    assert says in _text(answer)
    assert not Campaign.objects.exists()


def test_it_is_changed_while_it_is_paused_and_words_are_reviewed_again() -> None:
    campaign = make_campaign(kind="HOUSE", state=Campaign.State.PAUSED)
    ad = make_ad(campaign)
    desk = _as(ada())
    desk.post(f"{DESK}{campaign.pk}/edit/", typed(name="Winter"))
    campaign.refresh_from_db()
    assert campaign.name == "Winter"
    desk.post(f"{DESK}ads/{ad.pk}/", {"title": "New", "alt": "A box"})
    ad.refresh_from_db()
    assert (ad.title, ad.review) == ("New", "PENDING")
    Campaign.objects.update(state=Campaign.State.LIVE)
    assert "Pause it first" in _text(desk.post(f"{DESK}{campaign.pk}/edit/", typed(name="Spring")))
    desk.post(f"{DESK}ads/{ad.pk}/delete/")
    assert not Ad.objects.exists(), "it was never shown"


def test_only_staff_get_in_and_only_to_house_campaigns() -> None:
    house, paid = make_campaign(kind="HOUSE"), make_campaign()
    ad, paid_ad = make_ad(house), make_ad(paid)
    gets = [DESK, f"{DESK}new/", f"{DESK}{house.pk}/", f"{DESK}{house.pk}/edit/", f"{DESK}{house.pk}/ads/text/new/"]
    gets.append(f"{DESK}ads/{ad.pk}/")
    posts = [f"{DESK}{house.pk}/pause/", f"{DESK}ads/{ad.pk}/delete/"]
    for user in (leo(), nina(), acme()):
        assert {_as(user).get(path).status_code for path in gets} == {403}
        assert {_as(user).post(path).status_code for path in posts} == {403}
    assert {Client().get(path).status_code for path in gets} == {302}
    desk = _as(ada())
    assert {desk.get(path).status_code for path in gets} == {200}
    for path in (f"{DESK}{paid.pk}/", f"{DESK}ads/{paid_ad.pk}/", f"{DESK}{house.pk}/ads/dance/new/"):
        assert desk.get(path).status_code == 404
    assert desk.post(f"{DESK}{paid.pk}/end/").status_code == 404
    assert desk.post(f"{DESK}{house.pk}/explode/").status_code == 404
    assert Campaign.objects.get(pk=house.pk).state == "LIVE"


def test_the_pages_cost_the_same_queries_however_much_there_is(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    first = make_campaign(kind="HOUSE")
    make_ad(first)
    desk = _as(ada())
    for path in (DESK, f"{DESK}{first.pk}/"):
        desk.get(path)
        with django_assert_max_num_queries(20) as few:
            desk.get(path)
        usual = len(few)
        for _ in range(4):
            make_ad(make_campaign(kind="HOUSE"))
            make_ad(first)
        with django_assert_max_num_queries(usual):
            desk.get(path)


def test_who_made_and_changed_a_house_campaign_stands_at_the_desk() -> None:
    campaign = make(name="Support artists")
    assert ada().email in _text(_as(max_()).get(DESK)), "who made it stands in the list"
    desk = _as(max_())
    page = f"{DESK}{campaign.pk}/"
    desk.post(f"{page}edit/", typed(name="Winter", frequency_cap="7"))
    desk.post(f"{page}ads/text/new/", {"title": "90 % goes to artists", "body": "Buy an album."})
    ad = campaign.ads.get()
    desk.post(f"{DESK}ads/{ad.pk}/", {"title": "90 percent", "body": "Buy an album."})
    desk.post(f"{DESK}ads/{ad.pk}/delete/")
    desk.post(f"{page}end/")
    desk.post(f"{page}edit/", typed(name="Spring"))  # refused: it has ended
    shown = _text(desk.get(page))
    said = [(log.user.email, log.change_message) for log in LogEntry.objects.order_by("pk")]
    assert said == [
        (ada().email, "Made it."),
        (max_().email, "Changed: name, views per listener and day."),
        (max_().email, "Added the ad “90 % goes to artists”."),
        (max_().email, "Changed the ad “90 percent”."),
        (max_().email, "Took out the ad “90 percent”."),
        (max_().email, "Ended."),
    ]
    for email, what in said:
        assert email in shown
        assert what in shown


def test_of_an_old_house_campaign_it_is_said_that_nobody_is_recorded() -> None:
    campaign = make_campaign(kind="HOUSE")
    assert "not recorded" in _text(_as(ada()).get(DESK))
    assert "made before this was recorded" in _text(_as(ada()).get(f"{DESK}{campaign.pk}/"))
