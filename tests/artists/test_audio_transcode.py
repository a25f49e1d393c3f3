"""What is made from an original, and what is written into it."""

import base64
import io
from pathlib import Path

import pytest
from mutagen.flac import FLAC, Picture
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from PIL import Image

from artists import audio
from artists.audio import transcoding
from tests.artists import sounds

TAGS = audio.Tags(
    title="Nachtzug – 夜",
    artist="Nova Kit",
    album="First Light",
    album_artist="Various",
    position=3,
    positions=12,
    disc=1,
    discs=2,
    date="2026-04-17",
    genre="Synthwave",
    isrc="DEABC2400001",
    comment="Free, paid by an ad.",
    copyright="2026 Nova Kit, CC BY 4.0",
    lyrics="one\ntwo",
    composer="Nina",
    label="Box",
    barcode="4006381333931",
    url="https://example.org/nova-kit",
    loudness_lufs=-14.0,
    true_peak_dbtp=-1.0,
)


@pytest.mark.parametrize("recipe", audio.RECIPES)
@pytest.mark.parametrize("name", ["deep.wav", "sound.mp3", "vorbis.ogg", "lossless.m4a"])
def test_every_recipe_is_made_from_every_family(name: str, recipe: str, tmp_path: Path) -> None:
    out = tmp_path / f"out.{audio.RECIPES[recipe].extension}"

    audio.transcode(sounds.sound(name), recipe, out)

    made = audio.probe(out)
    source = audio.probe(sounds.sound(name))
    assert made.duration_ms == pytest.approx(source.duration_ms, abs=30)
    assert made.codec == {"mp3-320": "mp3", "mp3-v0": "mp3", "flac": "flac", "opus": "opus"}[recipe]
    assert made.loudness.lufs == pytest.approx(source.loudness.lufs, abs=0.3)
    assert made.tags == audio.Tags()
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_mp3_320_is_320_kbit_s(tmp_path: Path) -> None:
    out = tmp_path / "a.mp3"
    audio.transcode(sounds.sound("plain.wav"), "mp3-320", out)
    info = MP3(out).info
    assert info.bitrate == pytest.approx(320_000, rel=0.02)
    assert audio.probe(out).duration_ms == 3000  # the encoder's padding is written down: gapless


@pytest.mark.parametrize(("name", "bits"), [("plain.wav", 16), ("deep.wav", 24), ("float.wav", 24), ("sound.mp3", 16)])
def test_flac_keeps_the_depth_and_invents_none(name: str, bits: int, tmp_path: Path) -> None:
    out = tmp_path / "a.flac"
    audio.transcode(sounds.sound(name), "flac", out)
    assert FLAC(out).info.bits_per_sample == bits


def test_flac_holds_exactly_the_samples_of_the_wav(tmp_path: Path) -> None:
    out = tmp_path / "a.flac"
    audio.transcode(sounds.sound("plain.wav"), "flac", out)
    assert FLAC(out).info.total_samples == 3 * 44_100


def test_tags_and_pictures_of_the_original_stay_behind(tmp_path: Path) -> None:
    path = sounds.copy("sound.flac", tmp_path / "a.flac")
    held = FLAC(path)
    held["comment"] = ["call me: 555-1234"]
    picture = Picture()
    picture.data = sounds.picture()
    held.add_picture(picture)
    held.save()

    for recipe in audio.RECIPES:
        out = tmp_path / recipe
        audio.transcode(path, recipe, out)
        assert b"555-1234" not in out.read_bytes()
        assert b"PNG" not in out.read_bytes()


def test_surround_becomes_stereo_in_mp3(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "six.flac", "-ac", "6")
    audio.transcode(path, "mp3-320", tmp_path / "out.mp3")
    assert MP3(tmp_path / "out.mp3").info.channels == 2


def test_a_high_sample_rate_becomes_one_that_players_know(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "hires.wav", "-ar", "96000", "-c:a", "pcm_s24le")
    audio.transcode(path, "mp3-v0", tmp_path / "out.mp3")
    audio.transcode(path, "flac", tmp_path / "out.flac")
    assert MP3(tmp_path / "out.mp3").info.sample_rate == 48_000
    assert FLAC(tmp_path / "out.flac").info.sample_rate == 96_000


def test_a_failure_leaves_what_was_there_and_no_crumbs(tmp_path: Path) -> None:
    out = tmp_path / "out.flac"
    out.write_bytes(b"the version before")
    broken = tmp_path / "broken.wav"
    broken.write_bytes(sounds.sound("plain.wav").read_bytes()[:40])

    with pytest.raises(audio.TranscodeFailed, match="FLAC could not be made"):
        audio.transcode(broken, "flac", out)

    assert out.read_bytes() == b"the version before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.wav", "out.flac"]


def test_an_encoder_that_stops_half_way_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = audio.RECIPES["mp3-320"]
    real = transcoding._encode

    def half(*args: object) -> int:
        made_us = real(*args)  # type: ignore[arg-type]
        part = args[4]
        assert isinstance(part, Path)
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        return made_us

    monkeypatch.setattr(transcoding, "_encode", half)
    with pytest.raises(audio.TranscodeFailed, match=recipe.label):
        audio.transcode(sounds.sound("plain.wav"), recipe.name, tmp_path / "out.mp3")
    assert list(tmp_path.iterdir()) == []


def test_an_original_that_is_gone_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(audio.TranscodeFailed, match="original cannot be read"):
        audio.transcode(tmp_path / "gone.wav", "flac", tmp_path / "out.flac")


def test_a_full_disk_or_limit_is_a_failure_and_not_a_short_song(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcoding, "MAX_OUTPUT_BYTES", 20_000)
    with pytest.raises(audio.TranscodeFailed):
        audio.transcode(sounds.sound("plain.wav"), "mp3-320", tmp_path / "out.mp3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_all_tags_are_read_back_by_our_own_probe(recipe: str, tmp_path: Path) -> None:
    out = tmp_path / f"a.{audio.RECIPES[recipe].extension}"
    audio.transcode(sounds.sound("plain.wav"), recipe, out)
    cover = sounds.picture(kind="JPEG")

    audio.write_tags(out, recipe, TAGS, cover)

    found = audio.probe(out)
    for name in (
        "title",
        "artist",
        "album",
        "album_artist",
        "position",
        "positions",
        "disc",
        "discs",
        "date",
        "genre",
        "isrc",
        "comment",
        "copyright",
        "lyrics",
        "composer",
        "label",
        "barcode",
    ):
        assert getattr(found.tags, name) == getattr(TAGS, name), name
    assert found.cover == cover
    assert found.duration_ms == pytest.approx(3000, abs=30)


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_writing_again_replaces_everything(recipe: str, tmp_path: Path) -> None:
    out = tmp_path / f"a.{audio.RECIPES[recipe].extension}"
    audio.transcode(sounds.sound("plain.wav"), recipe, out)
    audio.write_tags(out, recipe, TAGS, sounds.picture(kind="JPEG"))

    audio.write_tags(out, recipe, audio.Tags(title="New name"))

    found = audio.probe(out)
    assert found.tags == audio.Tags(title="New name")
    assert found.cover is None


def test_players_are_told_how_loud_it_is(tmp_path: Path) -> None:
    for recipe in ("mp3-v0", "flac", "opus"):
        audio.transcode(sounds.sound("plain.wav"), recipe, tmp_path / recipe)
        audio.write_tags(tmp_path / recipe, recipe, TAGS)

    assert MP3(tmp_path / "mp3-v0").tags["TXXX:REPLAYGAIN_TRACK_GAIN"].text == ["-4.00 dB"]
    assert MP3(tmp_path / "mp3-v0").tags["TXXX:REPLAYGAIN_TRACK_PEAK"].text == ["0.891251"]
    assert FLAC(tmp_path / "flac")["replaygain_track_gain"] == ["-4.00 dB"]
    assert OggOpus(tmp_path / "opus")["r128_track_gain"] == [str(-9 * 256)]


def test_the_cover_in_an_opus_file_names_its_true_kind_and_size(tmp_path: Path) -> None:
    out = tmp_path / "a.opus"
    audio.transcode(sounds.sound("plain.wav"), "opus", out)
    audio.write_tags(out, "opus", TAGS, sounds.picture(300, 200, "JPEG"))

    picture = Picture(base64.b64decode(OggOpus(out)["metadata_block_picture"][0]))
    assert (picture.type, picture.mime, picture.width, picture.height) == (3, "image/jpeg", 300, 200)
    assert Image.open(io.BytesIO(picture.data)).size == (300, 200)


def test_a_recipe_nobody_knows_is_our_own_mistake(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        audio.transcode(sounds.sound("plain.wav"), "wma", tmp_path / "out")
