"""I8: every received file ends, and every stored file is what its row says."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from artists import audit, blobs, queue, transfers
from artists.models import Original, Rendition, Transfer, Upload
from megabox import media
from tests.artists.factories import NOON, make_album, make_original, make_rendition
from tests.users.factories import nina

pytestmark = pytest.mark.django_db


def receive() -> Upload:
    album = make_album(published=False)
    return Upload.objects.create(
        album=album, by=nina(), filename="x.wav", size_bytes=1, sha256="0" * 64, received_at=NOON
    )


def test_a_sound_catalogue_has_no_findings() -> None:
    make_album(tracks=2)
    assert list(audit.findings(NOON)) == []


def test_an_upload_that_never_ends_is_found() -> None:
    upload = receive()
    assert list(audit.findings(NOON + timedelta(minutes=59))) == []
    assert f"Upload {upload.pk} was received" in next(audit.findings(NOON + timedelta(hours=2)))


def test_a_file_that_is_gone_or_cut_is_found() -> None:
    album = make_album(tracks=2)
    first, second = Original.objects.order_by("pk")
    flac = Rendition.objects.get(original=first, recipe="flac")
    blobs.delete(flac.path)
    blobs.delete(second.path)
    media.private().save(second.path, ContentFile(b"short"))
    found = list(audit.findings())
    assert f"Rendition {flac.pk} is not in the storage." in found
    assert any(f"Original {second.pk} has 5 bytes" in one for one in found)
    assert album.is_published


def test_a_published_track_without_its_flac_is_found() -> None:
    album = make_album(tracks=1)
    Rendition.objects.filter(recipe="flac").update(state="WANTED")
    assert list(audit.findings()) == [f"Track {album.tracks.get().pk} is published, but its flac is not ready."]


def test_the_queue_tells_its_oldest_row_that_nobody_works_on() -> None:
    assert queue.oldest_waiting() is None
    make_rendition(make_original(renditions=()), "flac", state="WANTED")
    upload = receive()
    Upload.objects.filter(pk=upload.pk).update(received_at=NOON - timedelta(days=1))
    assert queue.oldest_waiting() == NOON - timedelta(days=1)
    Upload.objects.update(claimed_by="w", claimed_until=timezone.now() + timedelta(minutes=1))
    assert queue.oldest_waiting() == NOON


def test_the_queue_knows_a_file_that_arrived_in_pieces_and_that_nobody_stores() -> None:
    arrived = timezone.now() - timedelta(hours=3)
    row = transfers.create(make_album(published=False), "x.wav", 1, nina(), arrived - timedelta(days=2))
    assert queue.oldest_waiting() is None
    transfers.append(row.pk, transfers.Piece(0, 1, lambda size: b"x"), lambda: arrived)
    assert queue.oldest_waiting() == arrived
    Transfer.objects.update(claimed_by="w", claimed_until=timezone.now() + timedelta(minutes=1))
    assert queue.oldest_waiting() is None
