"""Story 1: nina uploads real files, reads what is wrong with one of them, prices her album and publishes it."""

import io
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artists import packages, renditions, uploads
from artists.models import Album, Rendition, SearchDocument, Upload
from tests.artists.factories import make_artist, tone
from tests.users.factories import PASSWORD, make_user, nina

pytestmark = pytest.mark.django_db


def log_in(email: str) -> Client:
    client = Client()
    answer = client.post(reverse("account_login"), {"login": email, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def drop(client: Client, album: Album, path: Path) -> dict[str, object]:
    """What the drop zone's script does with one file."""
    with path.open("rb") as file:
        answer = client.post(
            reverse("artists:upload", args=[album.pk]), {"file": file}, headers={"Accept": "application/json"}
        )
    return {"status": answer.status_code, **answer.json()}


def work() -> None:
    """What the workers do: check what was received, then make what is wanted."""
    for pk in Upload.objects.filter(state="RECEIVED").values_list("pk", flat=True):
        uploads.ingest(pk, timezone.now())
    for pk in Rendition.objects.filter(state="WANTED").values_list("pk", flat=True):
        renditions.make(pk, timezone.now())


def test_nina_uploads_prices_and_publishes_an_album(tmp_path: Path) -> None:
    artist = make_artist(owner=nina())
    client = log_in(nina().email)
    assert client.get(reverse("artists:new_album")).status_code == 200
    answer = client.post(reverse("artists:new_album"), {"artist": artist.pk, "title": "Night Bus"})
    album = Album.objects.get()
    assert answer["Location"] == reverse("artists:album", args=[album.pk])

    tags = {"title": "Rain On Glass", "artist": "Nova Kit", "track": "2"}
    good = [
        tone(tmp_path / "01 Night Bus.wav", hertz=220),
        tone(tmp_path / "rain.flac", hertz=330, tags=tags),
        tone(tmp_path / "x.mp3", hertz=440, tags={"title": "Third Rail", "track": "3"}),
        tone(tmp_path / "04 - Last Stop.ogg", hertz=550, codec_a="libvorbis"),
    ]
    for path in good:
        assert drop(client, album, path)["status"] == 201
    broken = tmp_path / "05 Diary.mp3"
    broken.write_text("Dear diary, this is no music at all.\n" * 50)
    assert drop(client, album, broken)["state"] == "waiting"
    empty = tmp_path / "06 Silence.wav"
    empty.write_bytes(b"")
    assert "is empty (0 bytes)" in str(drop(client, album, empty)["error"])

    too_early = client.post(reverse("artists:publish", args=[album.pk]), follow=True)
    assert "Drop at least one audio file." in too_early.content.decode()

    work()
    status = client.get(reverse("artists:uploads", args=[album.pk]), headers={"Accept": "application/json"}).json()
    assert [one["state"] for one in status["uploads"]] == ["ready"] * 4 + ["needs_you"]
    assert status["done"]
    page = client.get(reverse("artists:album", args=[album.pk])).content.decode()
    assert "05 Diary.mp3" in page
    assert "Try again" in page
    for title in ("Night Bus", "Rain On Glass", "Third Rail", "Last Stop"):
        assert title in page

    prices = reverse("artists:price", args=[album.pk])
    wrong = client.post(prices, price(price="1,99"))
    assert wrong.status_code == 422
    assert "Write the amount with a point" in wrong.content.decode()
    right = client.post(prices, price(price="7.00", credit_price="20"), follow=True)
    assert "100 buyers at $7.00 → you get $630.00." in right.content.decode()

    refused = client.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()
    assert "1 file needs you" in refused
    client.post(reverse("artists:dismiss_upload", args=[Upload.objects.get(state="REJECTED").pk]))
    assert "is published" in client.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()

    album.refresh_from_db()
    assert album.state == "PUBLISHED"
    assert [(track.position, track.title) for track in album.tracks.all()] == [
        (1, "Night Bus"), (2, "Rain On Glass"), (3, "Third Rail"), (4, "Last Stop"),
    ]  # fmt: skip
    assert album.effective_credit_price == 20
    assert SearchDocument.objects.filter(album=album).count() == 5
    for recipe in ("mp3-320", "flac", "opus", "mp3-v0"):
        archive = packages.album_zip(album, recipe)
        assert len(b"".join(archive.read(range(archive.size)))) == archive.size


def test_an_album_of_somebody_without_a_confirmed_address_waits(tmp_path: Path) -> None:
    owner = make_user("nina@demo.megabox.test", is_artist=True, is_confirmed=False)
    album = Album.objects.create(artist=make_artist(owner=owner), title="Early", slug="early")
    client = Client()
    client.force_login(owner)
    drop(client, album, tone(tmp_path / "01 One.wav"))
    work()
    page = client.post(reverse("artists:publish", args=[album.pk]), follow=True).content.decode()
    assert "Open the link we sent to nina@demo.megabox.test" in page
    album.refresh_from_db()
    assert album.state == "DRAFT"


def test_a_session_that_ended_says_so_and_keeps_what_arrived(tmp_path: Path) -> None:
    album = Album.objects.create(artist=make_artist(), title="Early", slug="early")
    client = Client()
    client.force_login(nina())
    drop(client, album, tone(tmp_path / "01 One.wav"))
    client.logout()
    answer = drop(client, album, tone(tmp_path / "02 Two.wav", hertz=500))
    assert answer["status"] == 401
    assert "The files that arrived are kept" in str(answer["error"])
    assert Upload.objects.get().filename == "01 One.wav"


def test_a_plain_form_takes_several_files_and_says_what_is_wrong_with_which() -> None:
    album = Album.objects.create(artist=make_artist(), title="Early", slug="early")
    client = Client()
    client.force_login(nina())
    one, other, nothing = io.BytesIO(b"a" * 50), io.BytesIO(b"b" * 50), io.BytesIO(b"")
    one.name, other.name, nothing.name = "one.wav", "two.wav", "three.wav"
    page = client.post(reverse("artists:upload", args=[album.pk]), {"file": [one, other, nothing]}, follow=True)
    assert "2 files received" in page.content.decode()
    assert "“three.wav” is empty (0 bytes)" in page.content.decode()
    assert Upload.objects.count() == 2


def price(**changes: str) -> dict[str, str]:
    """The form about the price as a browser sends it."""
    usual = {"currency": "USD", "price_mode": "fixed", "price": "7.00", "free_mode": "AD", "credit_price": ""}
    return {**usual, **changes}
