"""Pictures and spots of advertisers: hostile until decoded, our own files afterwards."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from ads import queue as ads_queue
from ads.assets import creatives, leftovers
from ads.assets.creatives import BadCreative
from ads.models import Ad, LooseFile
from ads.tasks import make_audio, sweep
from artists import audio, blobs
from megabox import media
from tests.ads.factories import NOON, make_ad
from tests.artists.factories import tone

pytestmark = pytest.mark.django_db
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def picture(size: tuple[int, int] = (1_600, 800), form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, form)
    return out.getvalue()


def _spot(path: Path) -> Ad:
    """An ad whose file was sent and is to be made."""
    kept = creatives.receive_audio(ContentFile(path.read_bytes(), name=path.name))
    return make_ad(kind=Ad.Kind.AUDIO, path="", incoming=kept, media_state=Ad.MediaState.WANTED, transcript="Ride.")


def _made(path: Path) -> Ad:
    ad = _spot(path)
    assert creatives.make_audio(ad.pk, NOON)
    ad.refresh_from_db()
    return ad


def test_a_picture_is_bounded_encoded_again_and_public() -> None:
    made = creatives.receive_image(picture())
    assert (made.width, made.height) == (1_200, 600)
    with media.public().open(made.path, "rb") as file, Image.open(file) as stored:
        assert (stored.format, stored.size) == ("WEBP", (1_200, 600))
    assert creatives.receive_image(picture()) == made, "the same picture is kept once"


def test_nothing_but_pixels_of_a_picture_is_kept() -> None:
    hidden = picture(form="JPEG") + b"<script>alert(1)</script>"
    made = creatives.receive_image(hidden)
    with media.public().open(made.path, "rb") as file:
        assert b"<script" not in file.read()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello, I am a JPEG", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"\xff\xd8\xff" + b"0" * 1_000, "not a picture"),
        (b"0" * (creatives.MOST_IMAGE_BYTES + 1), "at most 8 MB"),
        (picture((20, 20)), "20 x 20"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(BadCreative, match=says):
        creatives.receive_image(data)


def test_a_spot_becomes_an_mp3_as_loud_as_the_music(tmp_path: Path) -> None:
    quiet = tone(tmp_path / "quiet.wav", seconds=6, filter="volume=-12dB", tags={"title": "secret"})
    before = audio.probe(quiet).loudness.lufs
    ad = _made(quiet)
    assert (ad.media_state, ad.claimed_by, ad.incoming) == ("READY", "", "")
    assert abs(ad.duration_ms - 6_000) < 100
    with blobs.borrow(ad.path) as made:
        loudness = audio.probe(made).loudness
        assert made.read_bytes()[:2] == b"\xff\xfb", "no metadata of the sender's is left"
    assert before < -28
    assert abs(loudness.lufs - creatives.TARGET_LUFS) < 1.5
    assert loudness.true_peak_dbtp < 0


def test_a_spot_that_is_too_loud_is_made_quieter(tmp_path: Path) -> None:
    loud = tone(tmp_path / "loud.wav", seconds=6, filter="volume=15dB")
    ad = _made(loud)
    with blobs.borrow(ad.path) as made:
        assert abs(audio.probe(made).loudness.lufs - creatives.TARGET_LUFS) < 1.5


@pytest.mark.parametrize(("seconds", "says"), [(3, "3.0 s long"), (31, "31.0 s long")])
def test_a_spot_of_the_wrong_length_is_refused(tmp_path: Path, seconds: int, says: str) -> None:
    ad = _made(tone(tmp_path / "spot.wav", seconds=seconds))
    assert (ad.media_state, ad.path) == ("FAILED", "")
    assert says in ad.media_reason


def test_silence_is_no_spot(tmp_path: Path) -> None:
    ad = _made(tone(tmp_path / "silence.wav", seconds=6, filter="volume=0"))
    assert "silent" in ad.media_reason


def test_a_picture_sent_as_a_spot_is_refused_and_its_file_deleted(tmp_path: Path) -> None:
    file = tmp_path / "spot.mp3"
    file.write_bytes(picture())
    ad = _spot(file)
    kept = ad.incoming
    assert creatives.make_audio(ad.pk, NOON)
    ad.refresh_from_db()
    assert ad.media_state == "FAILED"
    assert ad.media_reason
    assert not media.private().exists(kept)


def test_an_empty_or_huge_spot_is_refused_at_once() -> None:
    with pytest.raises(BadCreative, match="empty"):
        creatives.receive_audio(ContentFile(b"", name="x.wav"))
    big = ContentFile(b"x", name="x.wav")
    big.size = creatives.MOST_AUDIO_BYTES + 1
    with pytest.raises(BadCreative, match="at most 25 MB"):
        creatives.receive_audio(big)


def test_a_spot_lost_by_a_killed_worker_is_made_by_the_sweeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ad = _spot(tone(tmp_path / "spot.wav", seconds=6))
    Ad.objects.update(claimed_by="dead", claimed_until=NOON + timedelta(seconds=60), created_at=NOON)
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: NOON + timedelta(seconds=30))
    make_audio(ad.pk)
    assert Ad.objects.get().media_state == "WANTED", "somebody may still work on it"
    assert ads_queue.oldest_waiting() == NOON
    monkeypatch.setattr("ads.tasks.timezone.now", lambda: NOON + timedelta(seconds=61))
    sweep()
    assert Ad.objects.get().media_state == "READY"
    assert not creatives.make_audio(ad.pk, NOON + timedelta(minutes=9)), "made once"
    assert ads_queue.oldest_waiting() is None


def test_a_spot_that_kills_workers_is_given_up() -> None:
    ad = make_ad(kind=Ad.Kind.AUDIO, path="", incoming="ads/incoming/gone", media_state="WANTED")
    Ad.objects.update(tries=creatives.MOST_TRIES)
    assert creatives.make_audio(ad.pk, NOON)
    ad.refresh_from_db()
    assert (ad.media_state, "several times" in ad.media_reason) == ("FAILED", True)


def test_a_storage_that_fails_is_tried_again() -> None:
    ad = make_ad(kind=Ad.Kind.AUDIO, path="", incoming="ads/incoming/gone", media_state="WANTED")
    assert not creatives.make_audio(ad.pk, NOON)
    ad.refresh_from_db()
    assert (ad.media_state, ad.claimed_by, ad.tries) == ("WANTED", "", 1)


def test_a_file_that_no_ad_names_for_a_day_is_deleted_and_one_that_is_named_stays() -> None:
    old, kept = creatives.receive_image(picture((400, 200))), creatives.receive_image(picture((600, 200)))
    ad, other = make_ad(path=old.path), make_ad(path=kept.path)
    assert leftovers.delete_old(NOON) == 0
    ad.path = kept.path
    ad.save()
    assert leftovers.delete_old(NOON + DAY) == 0, "pages that show it are open, and tokens of it live"
    assert leftovers.delete_old(NOON + 2 * DAY - SECOND) == 0
    assert media.public().exists(old.path)
    assert leftovers.delete_old(NOON + 2 * DAY) == 1
    assert not media.public().exists(old.path)
    assert media.public().exists(other.path)
    assert leftovers.delete_old(NOON + 9 * DAY) == 0
    assert not LooseFile.objects.exists()


def test_a_spot_that_was_replaced_goes_too_and_what_waits_to_be_made_stays(tmp_path: Path) -> None:
    ad = _made(tone(tmp_path / "spot.wav", seconds=6))
    waiting = _spot(tone(tmp_path / "other.wav", seconds=7))
    Ad.objects.filter(pk=ad.pk).delete()
    for day in range(3):
        leftovers.delete_old(NOON + day * DAY)
    assert not media.private().exists(ad.path)
    assert media.private().exists(waiting.incoming)


def test_a_file_that_is_sent_again_is_kept_however_long_nobody_named_it() -> None:
    made = creatives.receive_image(picture())
    assert leftovers.delete_old(NOON) == 0
    assert creatives.receive_image(picture()) == made
    assert leftovers.delete_old(NOON + 9 * DAY) == 0, "noted anew: its form may be filled in just now"
    assert media.public().exists(made.path)


def test_an_ad_that_names_a_file_again_while_it_is_looked_at_keeps_it() -> None:
    made = creatives.receive_image(picture())
    leftovers.delete_old(NOON)
    make_ad(path=made.path)
    assert not leftovers._delete(media.public(), made.path, NOON + 2 * DAY)
    assert media.public().exists(made.path)
