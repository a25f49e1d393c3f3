"""What is made from an original, and what is written into it."""

import base64
import dataclasses
import functools
import io
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    copyright="2026 Nova Kit",
    licence="CC BY 4.0: share and adapt, name the artist",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    lyrics="one\ntwo",
    composer="Nina",
    lyricist="Leo",
    producer="Ada; Max",
    engineer="Ida",
    remixer="Ole",
    performer="Eva; Kim",
    iswc="T-034.524.680-1",
    is_explicit=True,
    synced_lyrics=((1_000, "one"), (2_500, "two")),
    picture="A red square",
    label="Box",
    barcode="4006381333931",
    url="https://example.org/nova-kit",
    loudness_lufs=-14.0,
    true_peak_dbtp=-1.0,
)


def made(recipe: str, folder: Path, name: str = "a") -> Path:
    """The plain sound as this format, without tags, encoded once for the whole run."""
    path = folder / f"{name}.{audio.RECIPES[recipe].extension}"
    path.write_bytes(_made(recipe))
    return path


@functools.cache
def _made(recipe: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        audio.transcode(sounds.sound("plain.wav"), recipe, Path(folder) / "made")
        return (Path(folder) / "made").read_bytes()


CODECS = {
    "mp3-320": "mp3",
    "mp3-v0": "mp3",
    "flac": "flac",
    "alac": "alac",
    "aac": "aac",
    "opus": "opus",
    "ogg": "vorbis",
    "wav": "pcm_s16le",
    "aiff": "pcm_s16be",
}


@pytest.mark.parametrize("recipe", audio.RECIPES)
@pytest.mark.parametrize("name", ["deep.wav", "sound.mp3", "vorbis.ogg", "lossless.m4a"])
def test_every_recipe_is_made_from_every_family(name: str, recipe: str, tmp_path: Path) -> None:
    out = tmp_path / f"out.{audio.RECIPES[recipe].extension}"

    audio.transcode(sounds.sound(name), recipe, out)

    made = audio.probe(out)
    source = audio.probe(sounds.sound(name))
    assert made.duration_ms == pytest.approx(source.duration_ms, abs=30)
    assert made.codec == CODECS[recipe].replace("s16", "s24" if name == "deep.wav" else "s16")
    assert made.loudness.lufs == pytest.approx(source.loudness.lufs, abs=0.3)
    assert made.tags == audio.Tags()
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_mp3_320_is_320_kbit_s(tmp_path: Path) -> None:
    out = tmp_path / "a.mp3"
    audio.transcode(sounds.sound("plain.wav"), "mp3-320", out)
    info = MP3(out).info
    assert info.bitrate == pytest.approx(320_000, rel=0.02)
    assert audio.probe(out).duration_ms == 3000  # the encoder's padding is written down: gapless


@pytest.mark.parametrize("recipe", [one.name for one in audio.RECIPES.values() if one.is_lossless])
@pytest.mark.parametrize(("name", "bits"), [("plain.wav", 16), ("deep.wav", 24), ("float.wav", 24), ("sound.mp3", 16)])
def test_lossless_formats_keep_the_depth_and_invent_none(name: str, bits: int, recipe: str, tmp_path: Path) -> None:
    out = tmp_path / "made"
    audio.transcode(sounds.sound(name), recipe, out)
    assert audio.probe(out).bit_depth == bits


@pytest.mark.parametrize("recipe", [one.name for one in audio.RECIPES.values() if one.is_lossless])
def test_a_lossless_file_with_one_other_sample_is_found_out(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.wav"
    data = bytearray(sounds.sound("plain.wav").read_bytes())
    data[-1000] ^= 1
    other.write_bytes(data)
    real = transcoding._encode

    def of_something_else(path: Path, *args: object) -> int:
        made_us = real(path, *args)  # type: ignore[arg-type]
        part = args[3]
        assert isinstance(part, Path)
        audio.transcode(other, recipe, tmp_path / "made of the other")
        part.write_bytes((tmp_path / "made of the other").read_bytes())
        return made_us

    with monkeypatch.context() as patch:
        calls: Iterator[Any] = iter([of_something_else, real])
        patch.setattr(transcoding, "_encode", lambda *args: next(calls)(*args))
        with pytest.raises(audio.TranscodeFailed, match="other samples"):
            audio.transcode(sounds.sound("plain.wav"), recipe, tmp_path / "out")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["made of the other", "other.wav"]


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


@pytest.mark.parametrize("recipe", ["wav", "aiff"])
def test_what_counts_its_bytes_in_32_bits_is_never_larger(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ffmpeg writes on under a header that says 4 GB; minutes later it is found broken, and nobody knows why.
    assert audio.RECIPES[recipe].most_bytes < 2**32
    monkeypatch.setitem(audio.RECIPES, recipe, dataclasses.replace(audio.RECIPES[recipe], most_bytes=20_000))
    with pytest.raises(audio.TranscodeFailed, match="larger than such a file can be") as refusal:
        audio.transcode(sounds.sound("plain.wav"), recipe, tmp_path / "out")
    assert refusal.value.is_final
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_all_tags_are_read_back_by_our_own_probe(recipe: str, tmp_path: Path) -> None:
    out = made(recipe, tmp_path)
    cover = sounds.picture(kind="JPEG")

    audio.write_tags(out, recipe, TAGS, cover)

    found = audio.probe(out)
    not_read = {"licence", "licence_url", "url", "picture", "loudness_lufs", "true_peak_dbtp"}
    for name in {field.name for field in dataclasses.fields(audio.Tags)} - not_read:
        assert getattr(found.tags, name) == getattr(TAGS, name), name
    assert found.cover == cover
    assert found.duration_ms == pytest.approx(3000, abs=30)


def read_by_ffmpeg(path: Path) -> dict[str, str]:
    """All tags another program finds, by their names in lower case; `picture` says which kind of picture is inside."""
    command = [audio.ffmpeg_path(), "-nostdin", "-hide_banner", "-i", f"file:{path}"]
    # Ogg tells its tags with the stream, all others with the file.
    place = "0:s:a:0" if path.suffix in (".opus", ".ogg") else "0"
    told = subprocess.run([*command, "-map_metadata", place, "-f", "ffmetadata", "-"], capture_output=True, check=True)
    lines = told.stdout.decode().replace("\\\n", "|").replace("\\", "").splitlines()
    found = {key.lower(): value for key, _, value in (line.partition("=") for line in lines)}
    picture = re.search(r"Video: (\w+).*attached pic", told.stderr.decode())
    return {**found, "picture": picture.group(1) if picture else ""}


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_another_program_finds_every_tag_and_the_cover(recipe: str, tmp_path: Path) -> None:
    out = made(recipe, tmp_path)
    audio.write_tags(out, recipe, TAGS, sounds.picture(kind="JPEG"))

    found = read_by_ffmpeg(out)

    def one_of(*names: str) -> str:
        return next((found[name] for name in names if name in found), "")

    told = {
        "title": one_of("title"),
        "artist": one_of("artist"),
        "album": one_of("album"),
        "album_artist": one_of("album_artist"),
        "track": one_of("track").partition("/")[0],
        "tracks": one_of("tracktotal") or one_of("track").partition("/")[2],
        "disc": one_of("disc").partition("/")[0],
        "discs": one_of("disctotal") or one_of("disc").partition("/")[2],
        "date": one_of("date"),
        "genre": one_of("genre"),
        "isrc": one_of("isrc", "tsrc"),
        "barcode": one_of("barcode"),
        "copyright": one_of("copyright"),
        "licence": one_of("license"),
        "lyrics": one_of("lyrics", "lyrics-und"),
        "composer": one_of("composer"),
        "lyricist": one_of("lyricist", "text"),
        "iswc": one_of("iswc"),
        "label": one_of("label", "publisher"),
        "comment": one_of("comment"),
        "gain": one_of("replaygain_track_gain", "r128_track_gain"),
        "picture": found["picture"],
    }
    assert told == {
        "title": TAGS.title,
        "artist": TAGS.artist,
        "album": TAGS.album,
        "album_artist": TAGS.album_artist,
        "track": "3",
        "tracks": "12",
        "disc": "1",
        "discs": "2",
        "date": TAGS.date,
        "genre": TAGS.genre,
        "isrc": TAGS.isrc,
        "barcode": TAGS.barcode,
        "copyright": TAGS.copyright,
        "licence": TAGS.licence,
        "lyrics": "one|two",
        "composer": TAGS.composer,
        "lyricist": TAGS.lyricist,
        "iswc": TAGS.iswc,
        "label": TAGS.label,
        "comment": TAGS.comment,
        "gain": "-2304" if recipe == "opus" else "-4.00 dB",
        "picture": "mjpeg",
    }


def test_every_field_has_a_name_in_every_container() -> None:
    apart = {"position", "positions", "disc", "discs", "loudness_lufs", "true_peak_dbtp", "picture"}
    apart |= {"synced_lyrics", "is_explicit"}
    assert set(audio.NAMES) == {field.name for field in dataclasses.fields(audio.Tags)} - apart
    for column in ("id3", "vorbis", "mp4"):
        used = [getattr(name, column) for name in audio.NAMES.values() if getattr(name, column)]
        assert len(used) == len(set(used))


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_tags_change_no_sample(recipe: str, tmp_path: Path) -> None:
    out, bare = made(recipe, tmp_path, "tagged"), made(recipe, tmp_path, "bare")
    audio.write_tags(out, recipe, TAGS, sounds.picture(600, 600, kind="JPEG"))
    sums = [
        subprocess.run(
            [audio.ffmpeg_path(), "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a", "-f", "md5", "-"],
            capture_output=True,
            check=True,
        ).stdout
        for path in (out, bare)
    ]
    assert sums[0] == sums[1]


@pytest.mark.parametrize("recipe", ["opus", "ogg", "alac", "aac"])
def test_a_format_made_again_has_the_same_bytes(recipe: str, tmp_path: Path) -> None:
    audio.transcode(sounds.sound("plain.wav"), recipe, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == made(recipe, tmp_path).read_bytes()


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_writing_again_replaces_everything(recipe: str, tmp_path: Path) -> None:
    out = made(recipe, tmp_path)
    audio.write_tags(out, recipe, TAGS, sounds.picture(kind="JPEG"))

    audio.write_tags(out, recipe, audio.Tags(title="New name"))

    found = audio.probe(out)
    assert found.tags == audio.Tags(title="New name")
    assert found.cover is None


def test_players_are_told_how_loud_it_is(tmp_path: Path) -> None:
    for recipe in ("mp3-v0", "flac", "opus"):
        (tmp_path / recipe).write_bytes(_made(recipe))
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
