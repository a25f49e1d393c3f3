"""Artists promote albums beside each other's music: made in the studio, looked at by staff, for nothing."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads.delivery import hours, serving, snapshots
from ads.delivery.candidates import Context
from ads.delivery.choosing import choose
from ads.demand import campaigns, promotions
from ads.models import Ad, Campaign, Impression, Place
from ads.revenue import settlement
from artists import albums
from artists.models import Album
from ledger.models import Entry
from tests.ads.factories import AGENT, make_ad, make_campaign, see
from tests.ads.test_creatives import picture
from tests.artists.factories import make_album, make_artist
from tests.users.factories import ada, charlie, leo, make_user, nina
from users.models import Mail, User

pytestmark = pytest.mark.django_db


def _as(user: User) -> Client:
    client = Client(headers={"User-Agent": AGENT})
    client.force_login(user)
    return client


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def typed(promoted: Album, **changes: Any) -> dict[str, Any]:
    """What a form says that is right."""
    today = timezone.now().date()
    return {
        "album": promoted.pk,
        "places": ["page", "player"],
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=9)).isoformat(),
        "views_a_day": "1",
        **changes,
    }


def make(album: Album, **changes: Any) -> Campaign:
    """Promote `album` through the studio."""
    answer = _as(nina()).post("/studio/promotions/new/", typed(album, **changes))
    assert answer.status_code == 302, _text(answer)
    return Campaign.objects.latest("pk")


def start(campaign: Campaign) -> None:
    """Staff approve it, and nina starts it."""
    ad = promotions.ad_of(campaign)
    _as(ada()).post(f"/desk/ads/{ad.pk}/approve/", {"seen": ad.content_hash})
    _as(nina()).post(f"/studio/promotions/{campaign.pk}/live/")
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"
    serving.forget()


def test_the_whole_way_from_an_album_to_a_view_beside_anothers_music_and_its_report() -> None:
    album = make_album("Night Bus", description="Songs for the last bus home.")
    albums.set_cover(album, picture(size=(1000, 1000)), timezone.now())
    campaign = make(album)
    ad = promotions.ad_of(campaign)
    assert (ad.kind, ad.title, ad.body) == ("IMAGE", "Night Bus", "Songs for the last bus home.")
    assert ad.click_url == f"http://testserver{album.get_absolute_url()}"
    studio = _as(nina())
    page = _text(studio.get(f"/studio/promotions/{campaign.pk}/"))
    assert "Our staff look at it first" in page
    assert "by Nova Kit, paid by nobody" in page, "the preview promises no pay and no gate"
    assert "Before a download" not in page
    assert "Nova Kit" in _text(_as(ada()).get("/desk/ads/"))
    start(campaign)
    assert "was approved" in Mail.objects.latest("pk").subject
    other = make_album("Tide", artist=make_artist("The Paper Boats", owner=charlie()))
    shown = Client(headers={"User-Agent": AGENT}).get(f"/ads/slot/page/album/{other.pk}/").content.decode()
    assert "Night Bus" in shown
    assert "by Nova Kit, paid by nobody" in shown
    see(ad, other, at=timezone.now() - timedelta(seconds=9))
    page = _text(studio.get(f"/studio/promotions/{campaign.pk}/"))
    assert "The Paper Boats" in page
    assert "Night Bus" in _text(studio.get("/studio/promotions/"))
    csv = studio.get(f"/studio/promotions/{campaign.pk}/report.csv")
    assert b"Night Bus" in b"".join(getattr(csv, "streaming_content", [csv.content]))


def test_it_costs_nobody_and_earns_nobody_anything() -> None:
    campaign = make(make_album())
    start(campaign)
    see(promotions.ad_of(campaign), make_album("Tide"), at=timezone.now() - timedelta(seconds=9))
    assert Impression.objects.get().price_micros == 0
    settlement.settle_due(timezone.now())
    assert not Entry.objects.exists()


def test_an_album_without_cover_and_words_is_promoted_by_its_title() -> None:
    ad = promotions.ad_of(make(make_album("Tide")))
    assert (ad.kind, ad.title, ad.body) == ("TEXT", "Tide", "An album by Nova Kit.")


def test_own_words_and_an_own_picture_take_the_place_of_the_albums() -> None:
    file = SimpleUploadedFile("tour.png", picture(size=(970, 250)), "image/png")
    ad = promotions.ad_of(make(make_album(), title="On tour", body="See us in Leith.", picture=file))
    assert (ad.kind, ad.title, ad.body, ad.width) == ("IMAGE", "On tour", "See us in Leith.", 970)


def test_artists_are_named_and_genres_chosen() -> None:
    friend = make_album(artist=make_artist("The Paper Boats", owner=charlie())).artist
    campaign = make(make_album(), beside="the paper boats\n", genres=["dub"])
    assert (campaign.beside_artists, campaign.genres) == ([friend.pk], ["dub"])
    page = _text(_as(nina()).get(f"/studio/promotions/{campaign.pk}/edit/"))
    assert "The Paper Boats</textarea>" in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"beside": "Nobody at all"}, "There is no artist “Nobody at all”"),
        ({"beside": "\n".join(f"Artist {n}" for n in range(51))}, "Name at most 50"),
        ({"places": []}, "Choose at least one place"),
        ({"places": ["gate"]}, "gate"),
        ({"ends_on": "2020-01-01", "starts_on": "2019-12-31"}, "This day is over"),
        ({"ends_on": "2020-01-01"}, "The last day is before the first"),
        ({"ends_on": (timezone.now() + timedelta(days=91)).date().isoformat()}, "A promotion runs at most 90 days"),
        ({"starts_on": "9999-12-30", "ends_on": "9999-12-31"}, "Choose a day within the next two years"),
        ({"ends_on": "soon"}, "Write the day like"),
        ({"title": "On tour \u202egnp"}, "invisible signs"),
        ({"body": "Hear <b>us</b>"}, "Write plain words"),
        ({"views_a_day": "4"}, "Write 1 to 3"),
        ({"views_a_day": ""}, "Write 1 to 3"),
        ({"album": "987654"}, "Choose one of your published albums"),
        ({"picture": SimpleUploadedFile("x.png", b"no picture", "image/png")}, "picture"),
    ],
)
def test_wrong_input_gets_a_sentence_and_nothing_typed_is_lost(changes: dict[str, Any], says: str) -> None:
    answer = _as(nina()).post("/studio/promotions/new/", typed(make_album(), **{"title": "On tour", **changes}))
    assert answer.status_code == 422
    assert says in _text(answer)
    assert "On tour" in _text(answer)
    assert not Campaign.objects.exists()


def test_nobody_floods_the_pages() -> None:
    album = make_album()
    made = [make(album) for _ in range(promotions.MOST_AT_ONCE)]
    answer = _as(nina()).post("/studio/promotions/new/", typed(album))
    assert "has 3 promotions already" in _text(answer)
    _as(nina()).post(f"/studio/promotions/{made[0].pk}/end/")
    make(album)
    assert Campaign.objects.exclude(state="ENDED").count() == 3


def test_new_words_are_looked_at_again_and_new_days_are_not() -> None:
    album = make_album()
    campaign = make(album)
    start(campaign)
    studio, page = _as(nina()), f"/studio/promotions/{campaign.pk}/"
    assert "Pause it first" in _text(studio.get(f"{page}edit/", follow=True))
    studio.post(f"{page}pause/")
    assert studio.post(f"{page}edit/", typed(album, title="Night Bus", body="An album by Nova Kit.", views_a_day="2"))
    campaign.refresh_from_db()
    assert (promotions.ad_of(campaign).review, campaign.frequency_cap) == ("APPROVED", 2)
    studio.post(f"{page}edit/", typed(album, title="Buy now!!!"))
    assert promotions.ad_of(campaign).review == "PENDING"
    assert "Our staff look at it first" in _text(studio.post(f"{page}live/", follow=True))
    campaign.refresh_from_db()
    assert campaign.state == "PAUSED"


def test_a_refused_one_says_why_and_a_withdrawn_album_is_not_started() -> None:
    album = make_album()
    campaign = make(album)
    ad = promotions.ad_of(campaign)
    _as(ada()).post(f"/desk/ads/{ad.pk}/refuse/", {"reason": "The text is a price list."})
    assert "It was refused: The text is a price list." in _text(_as(nina()).get(f"/studio/promotions/{campaign.pk}/"))
    assert f"/studio/promotions/{campaign.pk}/" in Mail.objects.latest("pk").body
    Ad.objects.update(review=Ad.Review.APPROVED, review_reason="")
    Album.objects.update(state=Album.State.WITHDRAWN, withdrawn_at=timezone.now())
    answer = _as(nina()).post(f"/studio/promotions/{campaign.pk}/live/", follow=True)
    assert "The album is withdrawn" in _text(answer)


def test_it_ends_by_itself() -> None:
    campaign = make(make_album())
    start(campaign)
    assert campaigns.end_due(timezone.now() + timedelta(days=11)) == 1
    campaign.refresh_from_db()
    assert campaign.state == "ENDED"


def test_staff_do_not_review_what_they_promote_themselves() -> None:
    album = make_album(artist=make_artist("Ada Sings", owner=ada()))
    ad = make_ad(make_campaign(kind="CROSS", artist=album.artist, album=album), review=Ad.Review.PENDING)
    answer = _as(ada()).post(f"/desk/ads/{ad.pk}/approve/", {"seen": ad.content_hash}, follow=True)
    assert "Somebody else reviews it" in _text(answer)


def test_an_artists_own_view_does_not_count() -> None:
    campaign = make(make_album())
    start(campaign)
    other = make_album("Tide", artist=make_artist("The Paper Boats", owner=charlie()))
    assert _as(nina()).get(f"/ads/slot/{Place.PAGE}/album/{other.pk}/").status_code == 204


def test_nobody_touches_anothers_promotion() -> None:
    campaign = make(make_album())
    make_artist("Rival", owner=charlie())
    rival = make_user("rival@demo.megabox.test", is_artist=True)
    page = f"/studio/promotions/{campaign.pk}/"
    for user, status in ((rival, 404), (leo(), 403), (ada(), 403)):
        for path in (page, f"{page}edit/", f"{page}report.csv"):
            assert _as(user).get(path).status_code == status, (user, path)
        for verb in ("live", "pause", "end"):
            assert _as(user).post(f"{page}{verb}/").status_code == status, (user, verb)
    answer = _as(rival).post("/studio/promotions/new/", typed(Album.objects.get()))
    assert answer.status_code in (302, 422)
    assert Campaign.objects.count() == 1
    assert Client().get(page).status_code == 302
    assert _as(nina()).post(f"{page}explode/").status_code == 404


def test_the_pages_cost_the_same_queries_however_much_there_is(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    album = make_album()
    first = make(album)
    studio = _as(nina())
    for path in ("/studio/promotions/", f"/studio/promotions/{first.pk}/"):
        studio.get(path)
        with django_assert_max_num_queries(20) as few:
            studio.get(path)
        usual = len(few)
        artist = make_artist("Another", owner=nina())
        for number in range(3):
            make(make_album(artist=artist))
            other = make_album(f"Tide {number}")
            see(promotions.ad_of(first), other, at=timezone.now() - timedelta(seconds=9 + number))
        with django_assert_max_num_queries(usual):
            studio.get(path)
        Campaign.objects.exclude(pk=first.pk).update(state="ENDED", ended_at=timezone.now())


def test_a_promotion_that_had_its_turn_today_is_shown_again_tomorrow(settings: Any) -> None:
    settings.ADS_PROMOTION_VIEWS = 3
    artist, now = make_artist(), timezone.now().replace(hour=12)
    first, second = (
        make_ad(make_campaign(kind="CROSS", artist=artist, album=make_album(title, artist=artist)))
        for title in ("Night Bus", "Day Bus")
    )
    other = make_album("Elsewhere", artist=make_artist("Someone else"))
    context = Context(artist_id=other.artist_id, genre=other.genre)

    def shown(at: datetime) -> set[int]:
        serving.forget()
        taken = snapshots.take(at)
        return {pick.ad_id for n in range(20) for pick in choose(taken, Place.PAGE, replace(context, seed=str(n)), at)}

    for _ in range(3):
        assert shown(now) == {first.pk, second.pk}
        hours.count_served(first.campaign_id, Place.PAGE, now)
    hours.count_served(second.campaign_id, Place.PAGE, now - timedelta(days=1))
    assert shown(now) == {second.pk}
    assert shown(now + timedelta(days=1)) == {first.pk, second.pk}


def test_the_artist_reads_how_often_it_is_shown_a_day() -> None:
    campaign = make(make_album())
    assert "about 1000 times a day" in _text(_as(nina()).get(f"/studio/promotions/{campaign.pk}/"))
