"""What is taken, in every container, and what the probe tells about it."""

from pathlib import Path

import pytest

from artists import audio
from artists.audio import decoding, reader
from artists.audio.tags import tags_from
from tests.artists import sounds

KNOWN = {
    "plain.wav": ("wav", "pcm_s16le", 16),
    "deep.wav": ("wav", "pcm_s24le", 24),
    "float.wav": ("wav", "pcm_f32le", 32),
    "double.wav": ("wav", "pcm_f64le", 64),
    "phone.wav": ("wav", "pcm_mulaw", 8),
    "long.wav": ("wav", "pcm_s24le", 24),
    "sound.w64": ("w64", "pcm_s16le", 16),
    "sound.aiff": ("aiff", "pcm_s16be", 16),
    "float.aifc": ("aiff", "pcm_f32be", 32),
    "sowt.aifc": ("aiff", "pcm_s16le", 16),
    "sound.flac": ("flac", "flac", 16),
    "flac.oga": ("ogg", "flac", 16),
    "lossless.m4a": ("m4a", "alac", 16),
    "lossy.m4a": ("m4a", "aac", None),
    "sound.mp3": ("mp3", "mp3", None),
    "vorbis.ogg": ("ogg", "vorbis", None),
    "sound.opus": ("ogg", "opus", None),
    "sound.aac": ("aac", "aac", None),
    "sound.wv": ("wv", "wavpack", 16),
    "sound.tta": ("tta", "tta", 16),
}


@pytest.mark.parametrize("name", sounds.KINDS)
def test_every_container_is_read_and_measured(name: str) -> None:
    found = audio.probe(sounds.sound(name))

    container, codec, bits = KNOWN[name]
    assert (found.container, found.codec, found.bit_depth) == (container, codec, bits)
    assert found.is_lossless is (bits is not None)
    # A bare AAC stream has no place to say which of its first samples are only the encoder's start.
    assert found.duration_ms == pytest.approx(3000, abs=50 if container == "aac" else 30)
    assert found.channels == 2
    assert found.sample_rate_hz == (48_000 if codec == "opus" else 44_100)
    assert found.loudness.lufs == pytest.approx(-21.8, abs=0.6)
    assert found.loudness.true_peak_dbtp == pytest.approx(-21.1, abs=0.8)


@pytest.mark.parametrize("name", [name for name in sounds.KINDS if name != "sound.w64"])  # has no place for tags
def test_tags_are_read_from_every_container(name: str) -> None:
    tags = audio.probe(sounds.sound(name)).tags

    assert (tags.title, tags.artist, tags.album) == ("Nachtzug – 夜", "Nova Kit", "First Light")
    assert tags.position == 3
    assert tags.genre == "Synthwave"
    assert tags.date.startswith("2026")


def test_what_people_are_told_and_what_a_chooser_offers_is_what_is_taken() -> None:
    assert audio.SUPPORTED == "WAV, AIFF, FLAC, ALAC, AAC, MP3, Ogg Vorbis, Opus, WavPack or TTA"
    assert {Path(name).suffix for name in sounds.KINDS} <= set(audio.SUFFIXES)


def test_a_wav_with_lengths_of_64_bits_that_was_cut_off(tmp_path: Path) -> None:
    path = sounds.copy("long.wav", tmp_path / "a.wav", keep=0.5)
    with pytest.raises(audio.CutOff, match=r"announces 0:03, but only 0:01"):
        audio.probe(path)


def test_a_hybrid_wavpack_is_not_lossless(tmp_path: Path) -> None:
    data = bytearray(sounds.sound("sound.wv").read_bytes())
    assert reader.main(str(sounds.sound("sound.wv")), "wv", 0)["is_lossless"] is True
    data[24] |= reader.WAVPACK_HYBRID
    path = tmp_path / "hybrid.wv"
    path.write_bytes(data)
    assert reader.main(str(path), "wv", 0)["is_lossless"] is False


def test_peaks_follow_the_music(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "ramp.wav", "-af", "volume='t/4':eval=frame", seconds=4)

    heights = audio.probe(path).peaks

    assert len(heights) == audio.PEAKS == 800
    assert heights[0] < 10
    assert max(heights) == 255
    assert sum(heights[:200]) < sum(heights[200:400]) < sum(heights[400:600]) < sum(heights[600:])


def test_peaks_of_a_blink_are_as_many_as_of_a_song(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "blink.wav", seconds=0.2)
    assert len(audio.probe(path).peaks) == 800


def test_silence_is_music_too(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "433.flac", source="anullsrc=r=44100")

    found = audio.probe(path)

    assert found.loudness == audio.Loudness(lufs=-70.0, true_peak_dbtp=-120.0)
    assert set(found.peaks) == {0}


def test_the_true_length_is_counted_and_not_believed(tmp_path: Path) -> None:
    # An MP3 without an index: its length can only be guessed from its first frame.
    path = sounds.make(tmp_path / "vbr.mp3", "-q:a", "5", "-write_xing", "0", seconds=7)
    assert audio.probe(path).duration_ms == pytest.approx(7000, abs=60)


def test_a_wav_written_as_a_stream_is_taken(tmp_path: Path) -> None:
    data = bytearray(sounds.sound("plain.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"  # "I do not know how long I am"
    data[4:8] = b"\xff\xff\xff\xff"
    path = tmp_path / "streamed.wav"
    path.write_bytes(data)

    assert audio.probe(path).duration_ms == pytest.approx(3000, abs=5)


def test_mono_and_surround_are_told_apart(tmp_path: Path) -> None:
    mono = sounds.make(tmp_path / "mono.wav", "-ac", "1")
    surround = sounds.make(tmp_path / "surround.flac", "-ac", "6")
    assert audio.probe(mono).channels == 1
    assert audio.probe(surround).channels == 6


@pytest.mark.parametrize("name", ["sound.mp3", "sound.flac", "lossy.m4a", "vorbis.ogg"])
def test_the_embedded_cover_is_found(name: str, tmp_path: Path) -> None:
    path = sounds.copy(name, tmp_path / name)
    picture = sounds.picture()
    _embed(path, picture)

    assert audio.probe(path).cover == picture


def test_a_cover_over_the_limit_is_left_out_and_the_music_taken(tmp_path: Path) -> None:
    path = sounds.copy("sound.flac", tmp_path / "big.flac")
    _embed(path, sounds.picture() + b"\0" * 5000)

    found = audio.probe(path, limits=audio.Limits(max_cover_bytes=4000))

    assert found.cover is None
    assert found.duration_ms == pytest.approx(3000, abs=5)


def test_an_id3_tag_before_a_flac_does_not_hide_it(tmp_path: Path) -> None:
    path = tmp_path / "tagged.flac"
    path.write_bytes(sounds.id3_header(100) + b"\0" * 100 + sounds.sound("sound.flac").read_bytes())
    assert audio.probe(path).container == "flac"


def test_wild_tags_become_clean_values() -> None:
    tags = tags_from(
        {
            "title": "Up\u202eside\x00 hidden",
            "artist": "  Nova\x07 Kit ",
            "position": "3/12",
            "disc": "x",
            "date": "2026-13-45",
            "isrc": "de-abc-24-00001",
            "barcode": "not a number",
            "comment": "a" * 50_000,
            "lyrics": "one\r\ntwo",
        }
    )
    assert tags.title == "Upside"
    assert tags.artist == "Nova Kit"
    assert (tags.position, tags.positions, tags.disc) == (3, 12, 0)
    assert tags.date == "2026"
    assert tags.isrc == "DEABC2400001"
    assert tags.barcode == ""
    assert len(tags.comment) == 2000
    assert tags.lyrics == "one\ntwo"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("song.wav", "song.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Music\\song.wav", "song.wav"),
        ("nul\x00byte.wav", "nulbyte.wav"),
        ("song\u202e3pm.wav", "song3pm.wav"),
        ("🎹 Nächte №5.flac", "🎹 Nächte №5.flac"),
        ("", "file"),
        ("...", "file"),
        ("\u202e", "file"),
        ("new\nline.mp3", "newline.mp3"),
    ],
)
def test_names_are_made_safe_and_stay_readable(given: str, kept: str) -> None:
    assert audio.clean_filename(given) == kept


def test_a_long_name_keeps_its_extension() -> None:
    name = audio.clean_filename("ü" * 500 + ".flac")
    assert len(name) == 150
    assert name.endswith(".flac")


@pytest.mark.parametrize("name", ["-i x.wav", "%03d.wav", "concat:a|b.wav", "a\u202eb.wav", "🎹 'q' \"d\".wav"])
def test_odd_names_on_disk_are_only_names(name: str, tmp_path: Path) -> None:
    path = sounds.copy("plain.wav", tmp_path / name)
    assert audio.probe(path).duration_ms == pytest.approx(3000, abs=5)


def test_ffmpeg_of_the_python_package_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio_ffmpeg

    monkeypatch.setattr(decoding, "ffmpeg_path", lambda: str(imageio_ffmpeg.get_ffmpeg_exe()))
    for name in ("deep.wav", "sound.mp3", "lossless.m4a", "sound.opus"):
        found = audio.probe(sounds.sound(name))
        assert (found.container, found.codec, found.bit_depth) == KNOWN[name]
        assert found.duration_ms == pytest.approx(3000, abs=30)


def _embed(path: Path, data: bytes) -> None:
    import base64

    from mutagen.flac import FLAC, Picture
    from mutagen.id3 import APIC, ID3
    from mutagen.mp4 import MP4, MP4Cover
    from mutagen.oggvorbis import OggVorbis

    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", data
    if path.suffix == ".flac":
        held = FLAC(path)
        held.add_picture(picture)
        held.save()
    elif path.suffix == ".mp3":
        tags = ID3(path)
        tags.add(APIC(mime="image/png", type=3, data=data))
        tags.save()
    elif path.suffix == ".m4a":
        box = MP4(path)
        box["covr"] = [MP4Cover(data, MP4Cover.FORMAT_PNG)]
        box.save()
    else:
        ogg = OggVorbis(path)
        ogg["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
        ogg.save()


def test_an_m4a_of_nothing_but_tiny_atoms_is_not_walked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 2 GB hold 250 million of them: minutes of a worker, which no limit would end.
    monkeypatch.setattr("artists.audio.sniff.MOST_ATOMS", 100)
    file = tmp_path / "x.m4a"
    file.write_bytes(b"\0\0\0\x10ftypM4A \0\0\0\0" + b"\0\0\0\x08free" * 100)
    with pytest.raises(audio.NotAudio, match="damaged inside"):
        audio.probe(file)
