"""One decode tells everything about a file and makes what people will hear of it."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artists import audio
from artists.audio import decoding, sandbox, taking, wholeness
from tests.artists import sounds

STREAMS = ("opus", "mp3-v0")


def taken(path: Path, folder: Path, *, recipes: tuple[str, ...] = STREAMS, **how: Any) -> taking.Taken:
    home = folder / "made"
    home.mkdir(exist_ok=True)
    return audio.take_in(path, recipes, home, **how)


@pytest.mark.parametrize("name", sounds.KINDS)
def test_it_tells_the_same_and_makes_the_very_same_bytes_as_one_after_the_other(name: str, tmp_path: Path) -> None:
    found = taken(sounds.sound(name), tmp_path)
    assert found.probe == audio.probe(sounds.sound(name))
    assert set(found.files) == set(STREAMS)
    for recipe, made in found.files.items():
        audio.transcode(sounds.sound(name), recipe, tmp_path / "alone")
        assert made.read_bytes() == (tmp_path / "alone").read_bytes()


@pytest.mark.parametrize(
    "args",
    [
        ("-ac", "1", "-ar", "8000"),
        ("-ac", "1", "-ar", "11025"),
        ("-ar", "96000", "-c:a", "pcm_s24le"),
        ("-ar", "192000", "-c:a", "pcm_f32le"),
        ("-ac", "3"),
        ("-ac", "6"),
        ("-ac", "8"),
    ],
    ids=" ".join,
)
def test_whatever_the_rate_and_the_channels_both_streams_are_made(args: tuple[str, ...], tmp_path: Path) -> None:
    found = taken(sounds.make(tmp_path / "a.wav", *args), tmp_path)
    assert set(found.files) == set(STREAMS)
    for made in found.files.values():
        assert audio.probe(made).duration_ms == pytest.approx(3000, abs=30)


def test_a_blink_is_music_too(tmp_path: Path) -> None:
    found = taken(sounds.make(tmp_path / "a.wav", seconds=0.01), tmp_path)
    assert found.probe.duration_ms == 10
    assert set(found.files) == set(STREAMS)


def test_one_program_decodes_once_whatever_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    real = sandbox.run

    def counted(command: list[str], *args: Any, **kwargs: Any) -> sandbox.Finished:
        started.append(command)
        return real(command, *args, **kwargs)

    monkeypatch.setattr(decoding, "run", counted)
    taken(sounds.sound("deep.wav"), tmp_path)
    assert len(started) == 1
    assert started[0].count("-i") == 1


def test_an_encoder_that_fails_is_no_fault_of_the_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(audio.RECIPES["opus"], args=("-c:a", "libopus", "-b:a", "1", "-f", "opus"))
    monkeypatch.setitem(audio.RECIPES, "opus", broken)
    found = taken(sounds.sound("plain.wav"), tmp_path)
    assert found.probe == audio.probe(sounds.sound("plain.wav"))
    assert found.files == {}


def test_a_file_that_is_not_whole_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sandbox.run

    def with_a_lost_end(*args: Any, **kwargs: Any) -> sandbox.Finished:
        finished = real(*args, **kwargs)
        made = tmp_path / "made" / "opus"
        made.write_bytes(made.read_bytes()[:-100])
        return finished

    monkeypatch.setattr(decoding, "run", with_a_lost_end)
    assert set(taken(sounds.sound("plain.wav"), tmp_path).files) == {"mp3-v0"}


def test_a_file_that_plays_another_time_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(taking._LENGTHS, "mp3", lambda path: 2_800)
    assert set(taken(sounds.sound("plain.wav"), tmp_path).files) == {"opus"}


def _silent_for_hours(folder: Path) -> Path:
    whole = sounds.make(folder / "a.flac", "-frame_size", "65535", source="anullsrc=r=8000", seconds=4_000)
    data = bytearray(whole.read_bytes())
    data[21] &= 0xF0  # total samples, 36 bits: 0 means "unknown"
    data[22:26] = b"\0\0\0\0"
    whole.write_bytes(data)
    return whole


def _bomb(folder: Path) -> Path:
    (folder / "a.opus").write_bytes(sounds.ogg_bomb(26))
    return folder / "a.opus"


def _cut(folder: Path) -> Path:
    return sounds.copy("sound.flac", folder / "a.flac", keep=0.6)


def _playlist(folder: Path) -> Path:
    (folder / "a.wav").write_bytes(b"#EXTM3U\n/etc/passwd\n")
    return folder / "a.wav"


def _bare_header(folder: Path) -> Path:
    data = sounds.sound("plain.wav").read_bytes()
    at = data.index(b"data") + 8
    (folder / "a.wav").write_bytes(data[: at - 4] + b"\0\0\0\0")
    return folder / "a.wav"


@pytest.mark.parametrize("bad", [_silent_for_hours, _bomb, _cut, _playlist, _bare_header])
def test_bad_files_are_refused_with_the_same_sentence(bad: Callable[[Path], Path], tmp_path: Path) -> None:
    path, limits = bad(tmp_path), audio.Limits(max_seconds=600)
    with pytest.raises(audio.Unreadable) as alone:
        audio.probe(path, limits=limits)
    with pytest.raises(audio.Unreadable) as together:
        taken(path, tmp_path, limits=limits)
    assert type(together.value) is type(alone.value)
    assert str(together.value) == str(alone.value)


def test_what_it_writes_is_limited(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "a.wav", source="anoisesrc=r=44100", seconds=30)
    # For a track of a second: more than the least a child may write, less than this makes.
    limits = audio.Limits(max_seconds=1)
    assert limits.caps_with(2).file_bytes == 1024**2
    with pytest.raises(audio.TooLong):
        taken(path, tmp_path, limits=limits)
    assert all(made.stat().st_size <= 1024**2 for made in (tmp_path / "made").iterdir())


def test_a_child_that_makes_files_has_time_for_each_and_room_for_the_longest_track() -> None:
    alone, both = audio.Limits().caps, audio.Limits().caps_with(2)
    assert (both.cpu_seconds, both.wall_seconds) == (3 * alone.cpu_seconds, 3 * alone.wall_seconds)
    assert both.memory_bytes == alone.memory_bytes
    assert alone.file_bytes == 1024**2
    assert 600_000_000 < both.file_bytes < 700_000_000


# --- Wholeness


@pytest.mark.parametrize(("recipe", "length"), [("opus", wholeness.opus_ms), ("mp3-v0", wholeness.mp3_ms)])
def test_a_whole_file_tells_how_long_it_plays_and_a_cut_one_is_found_out(
    recipe: str, length: Callable[[Path], int], tmp_path: Path
) -> None:
    made = taken(sounds.sound("plain.wav"), tmp_path, recipes=(recipe,)).files[recipe]
    assert length(made) == pytest.approx(3000, abs=1)
    data, chance = made.read_bytes(), random.Random(3)
    for at in [0, 1, 4, 10, 100, len(data) - 1, *(chance.randrange(len(data)) for _ in range(60))]:
        made.write_bytes(data[:at])
        with pytest.raises(wholeness.NotWhole):
            length(made)
    for more in (b"\0", data[-300:], data):
        made.write_bytes(data + more)
        with pytest.raises(wholeness.NotWhole):
            length(made)


def test_one_other_bit_in_an_opus_is_found_out(tmp_path: Path) -> None:
    made = taken(sounds.sound("plain.wav"), tmp_path, recipes=("opus",)).files["opus"]
    data, chance = made.read_bytes(), random.Random(5)
    for _ in range(100):
        held = bytearray(data)
        held[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        made.write_bytes(held)
        with pytest.raises(wholeness.NotWhole):
            wholeness.opus_ms(made)


@pytest.mark.parametrize("data", [b"", b"\0", b"OggS", bytes(range(256)) * 7])
def test_the_sum_of_an_ogg_page_is_the_one_of_its_definition(data: bytes) -> None:
    assert wholeness.ogg_crc(data) == sounds._ogg_crc(data)
