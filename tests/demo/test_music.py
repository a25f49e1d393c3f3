"""The demo's music: in tune, audible from beginning to end, as loud as other records, never clipped."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from artists import audio
from megabox.demo import instruments, works, workshop
from megabox.demo.mixing import Stereo
from megabox.demo.signals import RATE, Signal, hertz, limit, pluck, samples
from megabox.demo.songs import jingles, lowland_brass, nova_kit, paper_boats, pocket_comet
from megabox.demo.theory import Key, Note, hits

HEARD = [
    nova_kit.glass_highway,
    nova_kit.line_nine,
    paper_boats.salt_on_the_window,
    lowland_brass.seven_bridges,
    pocket_comet.press_start,
]


def cents_off(sound: Signal, midi: float) -> float:
    """How far the strongest partial near the note's pitch is from it, in cents."""
    window = sound[2000:] * np.hanning(len(sound) - 2000)
    spectrum = np.abs(np.fft.rfft(window, 1 << 20))
    frequency = hertz(midi)
    low, high = (int(frequency * factor * (1 << 20) / RATE) for factor in (0.97, 1.03))
    peak = low + int(spectrum[low:high].argmax())
    return float(1200 * np.log2(peak * RATE / (1 << 20) / frequency))


@pytest.mark.parametrize("midi", [40, 57, 69, 81, 93, 98])
def test_plucked_strings_are_in_tune_high_up_too(midi: int) -> None:
    string = pluck(midi, 1.5, bright=0.6, decay=2.5, position=0.17, seed=3)
    assert abs(cents_off(string, midi)) < 2


@pytest.mark.parametrize("voice", [instruments.trumpet, instruments.epiano, instruments.chip, instruments.harp])
def test_players_play_what_is_written(voice: instruments.Voice) -> None:
    assert abs(cents_off(voice(69, 1.0, 0.7), 69)) < 12  # several players are a few cents apart on purpose


def test_a_string_dies_away_and_does_not_wrap_round() -> None:
    string = pluck(45, 3.0, bright=0.5, decay=3.0, position=0.2, seed=1)
    tenths = [float(np.abs(part).max()) for part in np.array_split(string, 10)]
    assert tenths[0] > 0.5
    assert tenths[9] < tenths[4] < tenths[1]


@pytest.mark.parametrize("play", HEARD)
def test_a_song_is_a_record(play: Callable[[], Stereo], tmp_path: Path) -> None:
    sound = play()
    path = tmp_path / "song.wav"
    workshop.write_wav(path, sound)
    found = audio.probe(path)

    assert 30_000 < found.duration_ms < 75_000
    assert -17 < found.loudness.lufs < -12
    assert found.loudness.true_peak_dbtp < -1
    wide = np.corrcoef(sound[:, 0], sound[:, 1])[0, 1]
    assert wide < 0.985  # stereo, and not one side against the other
    assert wide > 0.3
    halves = (sound[: len(sound) // 22_050 * 22_050].astype(float) ** 2).mean(axis=1).reshape(-1, 22_050).mean(axis=1)
    level = 10 * np.log10(halves / 32_768**2 + 1e-12)
    assert level[:-4].min() > -55  # nowhere silent before its end
    assert level[-1] < -40  # and it does end
    assert level[len(level) // 2 :].max() - level[:3].mean() > 3  # it builds up


@pytest.mark.parametrize("play", [jingles.kettle, jingles.velo])
def test_a_jingle_lasts_fifteen_seconds(play: Callable[[], Stereo], tmp_path: Path) -> None:
    path = tmp_path / "spot.wav"
    workshop.write_wav(path, play())
    found = audio.probe(path)
    assert found.duration_ms == pytest.approx(15_000, abs=10)
    assert -18 < found.loudness.lufs < -12
    assert found.loudness.true_peak_dbtp < -1


def test_the_same_song_is_the_same_bytes() -> None:
    assert np.array_equal(pocket_comet.cloud_level(), pocket_comet.cloud_level())


def test_every_song_has_a_title_of_its_own_and_there_are_enough() -> None:
    titles = [song.title for _, _, song in works.songs()]
    assert len(set(titles)) == len(titles) >= 12
    assert len(works.WORKS) >= 4
    assert len(works.ACTS) >= 3
    assert len({song.play for _, _, song in works.songs()}) == len(titles)


@pytest.mark.parametrize(("title", "container"), [("Press Start", "flac"), ("Last Stop, Harbour", "wav")])
def test_a_master_carries_its_tags(title: str, container: str, tmp_path: Path) -> None:
    path = workshop.make_master(title, tmp_path)

    found = audio.probe(path)

    assert found.container == container
    assert found.tags.title == title
    assert found.tags.artist in {"Pocket Comet", "Nova Kit"}
    assert (found.tags.position, found.tags.positions) in {(1, 2), (1, 3)}
    assert found.tags.isrc.startswith("XXMBX26")
    assert "CC0" in found.tags.copyright or container == "wav"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_the_limiter_turns_down_before_a_peak_and_never_clips() -> None:
    quiet = np.full(samples(1.0), 0.1, dtype=np.float32)
    quiet[20_000:20_010] = 3.0
    left, right = limit(quiet, quiet.copy(), 0.8)
    assert np.abs(left).max() <= 0.8
    assert np.array_equal(left, right)
    assert left[1000] == pytest.approx(0.1, abs=1e-4)
    assert left[19_990] < 0.06


def test_chords_are_stacked_in_the_scale() -> None:
    key = Key("A minor")
    assert [tone % 12 for tone in key.chord("1").tones] == [0, 3, 7]
    assert [tone % 12 for tone in key.chord("5M").tones] == [7, 11, 2]
    assert key.chord("1/3").bass == 3
    assert key.chord("b7M").tones == (9, 13, 16)


def test_voices_move_little_and_do_not_rub() -> None:
    key = Key("C major")
    for symbol in ("1", "17", "27", "4", "29", "47", "5M7", "6m7"):
        tones = key.voiced(key.chord(symbol), 60)
        assert all(53 <= tone <= 78 for tone in tones)
        assert all(high - low > 1 for low, high in pairwise(tones))


def test_a_tune_is_read_as_it_is_written() -> None:
    notes = Key("C major").tune("1 - 3 . | 5' #4 - 7,")
    assert notes == [Note(0, 2, 60), Note(2, 1, 64), Note(4, 1, 79), Note(5, 2, 66), Note(7, 1, 59)]


def test_a_drum_pattern_is_read_as_it_is_written() -> None:
    assert hits("x..9") == [(0.0, 0.85), (3.0, 1.0)]
