"""What is odd about a sound is said in words; what is not odd gets none."""

from pathlib import Path

import pytest

from artists import audio
from tests.artists import sounds

MUSIC = "anoisesrc=r=44100:a=0.3:seed=1"


def made(folder: Path, *filters: str, source: str = MUSIC, seconds: float = 4, name: str = "a.wav") -> tuple[str, ...]:
    """The remarks on a file of two unlike channels, after `filters`."""
    unlike = "aformat=channel_layouts=stereo,extrastereo=m=1,aphaser,pan=stereo|c0=c0|c1=0.7*c1"
    path = sounds.make(folder / name, "-af", ",".join([unlike, *filters]), seconds=seconds, source=source)
    return audio.probe(path).remarks


FADED = "afade=t=in:d=0.05,afade=t=out:st=3.9:d=0.1"


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_usual_music_gets_no_remark(tmp_path: Path, name: str) -> None:
    assert made(tmp_path, FADED, name=name) == ()


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (f"{FADED},adelay=4000:all=1", "begins with 4 seconds of silence"),
        (f"{FADED},apad=pad_dur=7", "ends with 7 seconds of silence"),
        ("afade=t=in:d=0.05", "stops while it is still loud"),
        (f"{FADED},pan=stereo|c0=c0|c1=c0", "Both channels of this stereo file are the same"),
        (f"{FADED},volume=-35dB", "very quiet"),
        (f"{FADED},dcshift=shift=0.05", "off the middle"),
        (f"{FADED},volume=20dB", "over full scale"),
        (f"{FADED},volume=20dB", "very loud"),
        ("volume=0", "silent from its beginning to its end"),
    ],
)
def test_what_is_odd_is_said(tmp_path: Path, filters: str, words: str) -> None:
    found = made(tmp_path, filters)
    assert any(words in remark for remark in found), found
    assert all(remark.endswith(".") for remark in found)


def test_a_beginning_in_the_middle_of_a_sound_is_said(tmp_path: Path) -> None:
    found = made(tmp_path, "afade=t=out:st=3.9:d=0.1", source="aevalsrc=0.5*cos(2*PI*110*t):s=44100")
    assert any("begins in the middle of a sound" in remark for remark in found), found


def test_a_tone_that_begins_and_ends_gently_is_not_cut(tmp_path: Path) -> None:
    assert made(tmp_path, FADED, "volume=14dB", source="sine=f=110:r=44100") == ()


def test_the_seconds_in_which_it_touches_full_scale_are_named(tmp_path: Path) -> None:
    found = made(tmp_path, FADED, "volume=40dB", source="sine=f=110:r=44100")
    assert any("stays at full scale, at 0:00, 0:01, 0:02 and in 1 other second" in remark for remark in found), found


def test_a_mono_file_is_not_told_that_its_channels_are_alike(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "mono.wav", "-ac", "1", "-af", FADED, seconds=4, source=MUSIC)
    assert audio.probe(path).remarks == ()
