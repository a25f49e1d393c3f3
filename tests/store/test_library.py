"""The library: what was bought or earned is there for ever, for its owner and nobody else."""

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.test import Client
from django.utils import timezone
from mutagen.flac import FLAC
from mutagen.id3 import ID3

from ads.models import Wallet
from artists import audio, incoming, progress, renditions, sweeping, tasks
from artists.models import Album, Play, Rendition, Skip, Track
from store.access import library
from store.cases import refunds
from store.listeners import Listener
from store.models import CartItem, Download, Gate, LibraryItem, Order
from store.music import Music
from store.sales import orders
from tests.ads.factories import make_wallet
from tests.artists.factories import make_album, make_track, tiny
from tests.store.factories import (
    NOON,
    guest,
    listener,
    make_order,
    make_paid_order,
    make_sold_album,
    make_sold_track,
    music,
    paid_session,
)
from tests.users.factories import charlie, leo, make_user, nina
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def leos(client: Client) -> Client:
    """Leo's browser."""
    client.force_login(leo())
    return client


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def give(thing: Album | Track, to: Listener | None = None) -> LibraryItem:
    return library.grant(music(thing), to or listener(), LibraryItem.Reason.GIFT, at=NOON)


# --- downloads


def test_a_bought_track_arrives_tagged(leos: Client) -> None:
    track = make_sold_track(title="Rain On Glass")
    make_paid_order(track)
    answer = leos.get(f"/library/download/track/{track.pk}/mp3-320/")
    body = body_of(answer)
    assert answer.status_code == 200
    assert answer["Content-Length"] == str(len(body))
    assert "attachment" in answer["Content-Disposition"]
    assert str(ID3(io.BytesIO(body))["TIT2"]) == "Rain On Glass"


def test_a_track_of_a_bought_album_can_be_fetched_alone(leos: Client) -> None:
    album = make_sold_album()
    make_paid_order(album)
    answer = leos.get(f"/library/download/track/{album.tracks.all()[0].pk}/flac/")
    assert FLAC(io.BytesIO(body_of(answer)))["album"] == [album.title]


def test_a_retitled_album_never_serves_stale_tags(leos: Client) -> None:
    track = make_sold_track()
    make_paid_order(track)
    url = f"/library/download/track/{track.pk}/flac/"
    body_of(leos.get(url))
    Album.objects.filter(pk=track.album_id).update(title="Day Bus")
    assert FLAC(io.BytesIO(body_of(leos.get(url))))["album"] == ["Day Bus"]


def test_an_album_arrives_whole_with_its_exact_length(leos: Client) -> None:
    album = make_sold_album(tracks=3)
    make_paid_order(album)
    answer = leos.get(f"/library/download/album/{album.pk}/mp3-320/")
    body = body_of(answer)
    assert answer["Content-Length"] == str(len(body))
    names = zipfile.ZipFile(io.BytesIO(body)).namelist()
    assert len([name for name in names if name.endswith(".mp3")]) == 3


def test_a_part_of_a_file_can_be_asked_for_and_counts_once(leos: Client) -> None:
    track = make_sold_track()
    make_paid_order(track)
    url = f"/library/download/track/{track.pk}/mp3-320/"
    whole = body_of(leos.get(url))
    part = leos.get(url, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert body_of(part) == whole[10:20]
    body_of(leos.head(url))
    assert Download.objects.count() == 1
    assert Download.objects.get().size_bytes == len(whole)


def test_a_broken_download_of_an_album_goes_on_where_it_stopped(leos: Client) -> None:
    album = make_sold_album(tracks=3)
    make_paid_order(album)
    url = f"/library/download/album/{album.pk}/flac/"
    first = leos.get(url)
    whole = body_of(first)
    rest = leos.get(url, headers={"Range": "bytes=5000-", "If-Range": first["ETag"]})
    assert rest.status_code == 206
    assert rest["Content-Range"] == f"bytes 5000-{len(whole) - 1}/{len(whole)}"
    assert rest["ETag"] == first["ETag"]
    assert body_of(rest) == whole[5000:]
    assert leos.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    head = leos.head(url)
    assert (head["Content-Length"], head["Accept-Ranges"], body_of(head)) == (str(len(whole)), "bytes", b"")
    assert Download.objects.count() == 1


@pytest.mark.parametrize("kind", ["album", "track"])
def test_what_changed_meanwhile_is_sent_from_its_start(leos: Client, kind: str) -> None:
    album = make_sold_album()
    make_paid_order(album)
    pk = album.pk if kind == "album" else album.tracks.all()[0].pk
    url = f"/library/download/{kind}/{pk}/flac/"
    before = leos.get(url)
    body_of(before)
    Album.objects.filter(pk=album.pk).update(title="Day Bus")
    again = leos.get(url, headers={"Range": "bytes=5000-", "If-Range": before["ETag"]})
    assert again.status_code == 200
    assert again["ETag"] != before["ETag"]
    assert len(body_of(again)) == int(again["Content-Length"])


def test_a_withdrawn_album_stays_its_owners_for_ever(leos: Client) -> None:
    album = make_sold_album()
    make_paid_order(album)
    Album.objects.filter(pk=album.pk).update(state=Album.State.WITHDRAWN, withdrawn_at=NOON)
    page = leos.get("/library/").content.decode()
    assert "withdrawn, still yours" in page
    assert leos.get(f"/library/download/album/{album.pk}/flac/").status_code == 200
    track = album.tracks.all()[0]
    assert leos.get(f"/stream/{track.pk}/").status_code == 302


@pytest.mark.parametrize("kind", ["album", "track"])
def test_nobody_fetches_what_is_not_theirs(kind: str) -> None:
    album = make_sold_album()
    track = album.tracks.all()[0]
    make_paid_order(album)
    pk = album.pk if kind == "album" else track.pk
    for person in (None, charlie()):
        client = Client()
        if person:
            client.force_login(person)
        assert client.get(f"/library/download/{kind}/{pk}/mp3-320/").status_code == 404
    assert not Download.objects.exists()


def test_an_order_for_one_album_opens_no_other(leos: Client) -> None:
    make_paid_order(make_sold_album())
    other = make_sold_album()
    assert leos.get(f"/library/download/album/{other.pk}/flac/").status_code == 404


def test_a_waiting_order_opens_nothing(leos: Client) -> None:
    album = make_sold_album()
    make_order(album)
    assert leos.get(f"/library/download/album/{album.pk}/flac/").status_code == 404


def test_after_a_refund_the_download_is_gone(leos: Client) -> None:
    album = make_sold_album()
    order = make_paid_order(album)
    refunds.refund(order.pk, 999, "USD", at=NOON)
    assert leos.get(f"/library/download/album/{album.pk}/flac/").status_code == 404


@pytest.mark.parametrize("path", ["album/1/wma", "album/1/..", "label/1/flac", "album/999999/flac"])
@pytest.mark.parametrize("what", ["download", "make"])
def test_an_address_that_names_nothing_is_not_found(leos: Client, what: str, path: str) -> None:
    assert leos.get(f"/library/{what}/{path}/").status_code == 404


def test_a_format_that_is_not_ready_is_followed_and_nothing_is_left_out(leos: Client) -> None:
    album = make_sold_album()
    make_paid_order(album)
    Rendition.objects.filter(original=album.tracks.all()[1].original, recipe="opus").update(
        state=Rendition.State.WANTED
    )
    page = leos.get("/library/").content.decode()
    assert f'href="/library/make/album/{album.pk}/opus/"' in page
    assert "being made" in page
    answer = leos.get(f"/library/download/album/{album.pk}/opus/", follow=True)
    assert "1 of 2 tracks are made" in answer.content.decode()
    assert not Download.objects.exists()


# --- formats that are made when somebody asks


def make_all(recipe: str) -> None:
    for rendition in Rendition.objects.filter(recipe=recipe, state=Rendition.State.WANTED):
        assert renditions.make(rendition.pk, timezone.now())


def test_a_format_nobody_asked_for_is_made_for_all_who_ask(leos: Client) -> None:
    album = make_sold_album(tracks=2)
    make_paid_order(album)
    make_paid_order(album, by=listener(charlie()))
    library_page = leos.get("/library/").content.decode()
    assert "made when you ask" in library_page
    assert not Rendition.objects.filter(recipe="wav").exists(), "looking at the library asks for nothing"
    charlies = Client()
    charlies.force_login(charlie())
    url = f"/library/make/album/{album.pk}/wav/"
    for client in (leos, charlies, leos):
        page = client.get(url).content.decode()
        assert "0 of 2 tracks are made" in page
        assert "data-poll" in page
    assert Rendition.objects.filter(recipe="wav", state=Rendition.State.WANTED).count() == 2, "one row a track"
    make_all("wav")
    page = leos.get(url).content.decode()
    assert "data-begin" in page
    assert "data-poll" not in page
    with zipfile.ZipFile(io.BytesIO(body_of(leos.get(f"/library/download/album/{album.pk}/wav/")))) as opened:
        assert opened.testzip() is None
        assert len([name for name in opened.namelist() if name.endswith(".wav")]) == 2


def test_whoever_asks_first_nudges_a_worker_and_nobody_after(
    leos: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    track = make_sold_track()
    make_paid_order(track)
    asked: list[int] = []
    monkeypatch.setattr(tasks.make, "delay", asked.append)
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            leos.get(f"/library/make/track/{track.pk}/aiff/")
    assert asked == [Rendition.objects.get(recipe="aiff").pk]


def test_the_sweeper_makes_what_was_asked_for_when_the_nudge_is_lost(leos: Client) -> None:
    track = make_sold_track()
    make_paid_order(track)
    leos.get(f"/library/make/track/{track.pk}/ogg/")
    later = timezone.now() + timedelta(minutes=1)
    sweeping.sweep(lambda: later, until=later + timedelta(minutes=1))
    assert "ready" in leos.get(f"/library/make/track/{track.pk}/ogg/").content.decode()
    assert body_of(leos.get(f"/library/download/track/{track.pk}/ogg/")).startswith(b"OggS")


def test_a_format_that_fails_says_why_and_is_tried_again_by_a_press(leos: Client) -> None:
    track = make_sold_track(title="Rain On Glass")
    make_paid_order(track)
    url = f"/library/make/track/{track.pk}/alac/"
    leos.get(url)
    Rendition.objects.filter(recipe="alac").update(state="FAILED", tries=3, reason="The encoder stopped.")
    page = leos.get(url).content.decode()
    assert "“Rain On Glass”: The encoder stopped." in page
    assert "Try again" in page
    assert Rendition.objects.get(recipe="alac").state == "FAILED", "looking tries nothing again"
    assert leos.post(url)["Location"] == url
    assert "being made" in leos.get(url).content.decode()
    make_all("alac")
    assert b"ftyp" in body_of(leos.get(f"/library/download/track/{track.pk}/alac/"))[:16]


def test_a_failing_disk_is_told_without_its_paths(leos: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/srv/secret/place")

    track = make_sold_track()
    make_paid_order(track)
    leos.get(f"/library/make/track/{track.pk}/wav/")
    monkeypatch.setattr(audio, "transcode", full)
    for minute in range(3):
        renditions.make(Rendition.objects.get(recipe="wav").pk, timezone.now() + timedelta(minutes=10 * minute))
    page = leos.get(f"/library/make/track/{track.pk}/wav/").content.decode()
    assert "No space left on device" in page
    assert "secret" not in page


def test_nothing_is_made_on_request_while_the_disk_is_nearly_full(
    leos: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise incoming.NoRoom("full")

    track = make_sold_track()
    make_paid_order(track)
    leos.get(f"/library/make/track/{track.pk}/wav/")
    monkeypatch.setattr(incoming, "check_room", full)
    for minute in range(3):
        renditions.make(Rendition.objects.get(recipe="wav").pk, timezone.now() + timedelta(minutes=10 * minute))
    assert "Our disk is nearly full" in leos.get(f"/library/make/track/{track.pk}/wav/").content.decode()


def test_nobody_has_formats_made_of_what_is_not_theirs(leos: Client) -> None:
    track = make_sold_track()
    for method in (leos.get, leos.post, Client().get):
        assert method(f"/library/make/track/{track.pk}/wav/").status_code == 404
    assert not Rendition.objects.filter(recipe="wav").exists()


def test_the_button_offers_the_format_one_took_last(leos: Client) -> None:
    first, second = make_sold_track(title="First"), make_sold_track(title="Second")
    make_paid_order(first, second)
    assert "Download Second as MP3 320" in leos.get("/library/").content.decode()
    body_of(leos.get(f"/library/download/track/{first.pk}/flac/"))
    assert "Download Second as FLAC" in leos.get("/library/").content.decode()
    buy_block = leos.get(f"/buy/track/{second.pk}/").content.decode()
    assert "Download Second as FLAC" in buy_block
    Rendition.objects.filter(original=second.original, recipe="flac").update(state="FAILED", reason="Gone.")
    assert "Download Second as MP3 320" in leos.get("/library/").content.decode()


def test_what_listeners_ask_for_is_no_business_of_the_artists(leos: Client) -> None:
    track = make_sold_track()
    make_paid_order(track)
    leos.get(f"/library/make/track/{track.pk}/wav/")
    Rendition.objects.filter(recipe="wav").update(state="FAILED", reason="The encoder stopped.")
    assert progress.of_original(track.original).state == "ready"


@pytest.mark.parametrize("count", [1, 6])
def test_the_library_costs_the_same_queries_however_much_is_in_it(
    leos: Client, count: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(count):
        give(make_sold_album(tracks=2))
        give(make_sold_track())
    with django_assert_max_num_queries(9):
        assert leos.get("/library/").status_code == 200


def test_a_strangers_library_is_empty_and_leaves_no_cookie() -> None:
    answer = Client().get("/library/")
    assert "Your library is empty" in answer.content.decode()
    assert "sessionid" not in answer.cookies


# --- streams and plays


def test_every_published_track_streams_to_everybody(client: Client) -> None:
    track = make_track()
    answer = client.get(f"/stream/{track.pk}/")
    assert answer.status_code == 302
    assert answer["Location"].endswith("/stream.mp3")
    assert body_of(client.get(answer["Location"])) == tiny("mp3-v0")
    assert Client().get(answer["Location"]).status_code == 403, "the link is this listener's alone"


@pytest.mark.parametrize(
    ("query", "accept", "name"),
    [
        ("?format=opus", "*/*", "stream.opus"),
        ("?format=mp3", "audio/ogg", "stream.mp3"),
        ("", "audio/ogg;codecs=opus", "stream.opus"),
        ("", "*/*", "stream.mp3"),
        ("?format=wav", "*/*", "stream.mp3"),
    ],
)
def test_the_browser_gets_the_format_it_asks_for(client: Client, query: str, accept: str, name: str) -> None:
    answer = client.get(f"/stream/{make_track().pk}/{query}", headers={"Accept": accept})
    assert answer["Location"].endswith(name)


def test_the_original_is_never_served(client: Client) -> None:
    track = make_track()
    assert track.original is not None
    Rendition.objects.filter(original=track.original).delete()
    answer = client.get(f"/stream/{track.pk}/")
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_drafts_and_withdrawn_tracks_do_not_stream_but_to_their_artist() -> None:
    draft = make_track(published=False)
    gone = make_album(tracks=1, state=Album.State.WITHDRAWN, withdrawn_at=NOON).tracks.get()
    artist, stranger = Client(), Client()
    artist.force_login(nina())
    for track in (draft, gone):
        assert stranger.get(f"/stream/{track.pk}/").status_code == 404
        assert artist.get(f"/stream/{track.pk}/").status_code == 302


def test_owners_only_means_owners_only(leos: Client) -> None:
    album = make_sold_album(is_owners_only=True)
    track = album.tracks.all()[0]
    assert leos.get(f"/stream/{track.pk}/").status_code == 404
    give(album)
    assert leos.get(f"/stream/{track.pk}/").status_code == 302


def test_a_play_is_counted_by_post_once_and_only_when_heard(leos: Client) -> None:
    track = make_track(duration_ms=200_000)

    def say(seconds: int) -> Any:
        return leos.post("/plays/", {"track": track.pk, "seconds": seconds}, content_type="application/json").json()

    assert say(29) == {"counted": False}
    assert say(30) == {"counted": True}
    assert say(30) == {"counted": False}
    assert leos.get("/plays/").status_code == 405
    assert Play.objects.count() == 1
    assert Play.objects.get().user == leo()


def test_a_player_tells_where_a_play_came_from_and_how_it_ended(leos: Client) -> None:
    User.objects.filter(pk=leo().pk).update(country="PT")
    track, left = make_track(duration_ms=100_000), make_track(duration_ms=100_000)

    def say(track: Track, seconds: int, **more: Any) -> Any:
        body = {"track": track.pk, "seconds": seconds, **more}
        return leos.post("/plays/", body, content_type="application/json").json()

    assert say(track, 30, stage="counted", place="album", site="blog.example") == {"counted": True}
    assert say(track, 90, stage="complete") == {"counted": True}
    assert say(left, 4, stage="skipped") == {"counted": True}
    play = Play.objects.get()
    assert (play.place, play.site, play.country) == ("album", "blog.example", "PT")
    assert play.completed_at is not None
    assert Skip.objects.get().track == left


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"track": "1", "seconds": 30}',
        '{"track": 1}',
        '{"track": true, "seconds": 30}',
        '{"track": 1, "seconds": 30, "stage": "bought"}',
        '{"track": 1, "seconds": 30, "stage": {}}',
    ],
)
def test_a_play_of_nonsense_is_refused(client: Client, body: str) -> None:
    assert client.post("/plays/", body, content_type="application/json").status_code == 400


def test_a_play_of_what_may_not_be_heard_is_not_counted(client: Client) -> None:
    draft = make_track(published=False)
    for pk in (draft.pk, 987_654):
        answer = client.post("/plays/", {"track": pk, "seconds": 30}, content_type="application/json")
        assert answer.status_code == 404


# --- guests who log in


def test_what_a_guest_has_becomes_theirs_when_they_log_in() -> None:
    bought, earned, wanted = make_sold_album(), make_sold_track(), make_sold_album()
    order = make_paid_order(bought, by=guest())
    give(earned, guest())
    CartItem.objects.create(**guest().owner, album=wanted, price_micros=wanted.price_micros)
    Gate.objects.create(wallet=make_wallet("a-guest"), **guest().owner, track=earned, recipe="flac", asked_micros=0)
    for _ in range(2):
        library.claim_guest(leo(), guest().guest_key, at=NOON)
    assert library.has(listener(), music(bought))
    assert library.has(listener(), music(earned))
    assert not library.items(guest())
    order.refresh_from_db()
    assert (order.user, order.guest_key) == (leo(), "")
    assert CartItem.objects.of(listener()).count() == 1
    assert Gate.objects.of(listener()).count() == 1


def test_what_both_have_is_not_doubled() -> None:
    album = make_sold_album()
    give(album)
    give(album, guest())
    for owner in (listener(), guest()):
        CartItem.objects.create(**owner.owner, album=album, price_micros=1)
    library.claim_guest(leo(), guest().guest_key, at=NOON)
    assert LibraryItem.objects.count() == 1
    assert CartItem.objects.count() == 1


def test_logging_in_through_the_page_takes_the_guests_music_along(client: Client) -> None:
    track = make_sold_track(free_mode="FREE")
    client.post(f"/get/track/{track.pk}/", {"recipe": "mp3-320"})
    assert track.title in client.get("/library/").content.decode()
    person = make_user("new@example.test")
    client.post("/accounts/login/", {"login": person.email, "password": "megabox-demo"})
    assert library.has(Listener(user_id=person.pk), music(track))


def test_a_guests_purchase_is_found_by_the_confirmed_address() -> None:
    album = make_sold_album()
    order = make_order(album, by=guest("another browser"))
    orders.fulfil(order.pk, paid_session(order, email="leo@demo.megabox.test"), at=NOON)
    client = Client()
    person = leo()
    client.post("/accounts/login/", {"login": person.email, "password": "megabox-demo"})
    assert library.has(listener(), music(album))


def test_who_bought_something_or_confirmed_an_address_has_a_proven_wallet() -> None:
    make_paid_order(make_sold_album(), by=guest())
    assert Wallet.objects.get(guest_key=guest().guest_key).proven_at == NOON
    person, liar = leo(), make_user("liar@example.test", is_confirmed=False)
    for one in (person, liar):
        Client().post("/accounts/login/", {"login": one.email, "password": "megabox-demo"})
    assert Wallet.objects.get(user=person).proven_at is not None
    assert not Wallet.objects.filter(user=liar, proven_at__isnull=False).exists()
    address = EmailAddress.objects.get(user=liar)
    email_confirmed.send(sender=EmailAddress, request=None, email_address=address)
    assert Wallet.objects.get(user=liar).proven_at is not None


def test_an_address_nobody_confirmed_opens_nothing() -> None:
    album = make_sold_album()
    order = make_order(album, by=guest("another browser"))
    orders.fulfil(order.pk, paid_session(order, email="liar@example.test"), at=NOON)
    client = Client()
    liar = make_user("liar@example.test", is_confirmed=False)
    client.post("/accounts/login/", {"login": liar.email, "password": "megabox-demo"})
    assert not library.has(Listener(user_id=liar.pk), music(album))
    assert Order.objects.get(pk=order.pk).user is None


def test_an_album_in_the_library_holds_its_tracks_but_not_the_other_way_round() -> None:
    album = make_sold_album()
    track = album.tracks.all()[0]
    give(track)
    assert library.has(listener(), Music(track=track))
    assert not library.has(listener(), Music(album=album))
    give(album, guest())
    assert library.has(guest(), Music(track=track))
