"""Pocket Comet: music for a console with three voices and noise ("Sixteen Pixels")."""

import functools

from .. import drums
from .. import instruments as play
from ..arranging import arpeggio, bass_line
from ..mixing import Channel, Room, Session, Stereo
from ..theory import Key

CASE = Room(seconds=0.7, damping=0.5, level=0.5, echo_beats=0.75, echo_feedback=0.35)
LEAD = Channel(0.5, -0.25, 0.1, 0.25)
ARP = Channel(0.34, 0.55, 0.1, 0.15)
BASS = Channel(0.42, 0.0, 0.0)
KICK = functools.partial(drums.chip_noise, 0.03, 24)
SNARE = functools.partial(drums.chip_noise, 0.06, 5)
TICK = functools.partial(drums.chip_noise, 0.015, 1)


def press_start() -> Stereo:
    """A title screen in C: a fanfare, the theme, the theme a step higher."""
    song = Session(152, 25, seed=41, room=CASE)
    key, up = Key("C major"), Key("D major")
    round_ = "1 6 4 5"
    theme = "5 - 3 5 1' - 7 1' | 6 - 5 6 3 - - . | 4 - 6 1' 6 5 4 6 | 5 - 4 5 2 - 5, 7,"
    theme += "| 3 - 5 1' 3' - 2' 1' | 1' - 6 3 6 - - . | 4 6 1' 4' 3' 2' 1' 6 | 7 - 5 7 1' - - ."
    song.tune(
        play.chip,
        key.tune("1 3 5 1' 3' - 1' - | 4 6 1' 4' 5' - - - | 5 7 2' 4' 5' - 2' - | 3' - - - 5 5 6 7"),
        LEAD,
        bar=0,
    )
    arpeggio(song, play.chip_thin, key, key.chords("1 4 5 1"), ARP, bar=0, order="012", steps=16, middle=72)
    for start, here in ((4, key), (12, up)):
        chords = here.chords(f"{round_} {round_}")
        song.tune(play.chip, here.tune(theme), LEAD, bar=start)
        arpeggio(song, play.chip_thin, here, chords, ARP, bar=start, order="0123", steps=16, middle=72, velocity=0.5)
        bass_line(song, play.chip_bass, here, chords, BASS, bar=start, pattern="r.r.o.r.r.r.o.n.", middle=43)
    song.tune(play.chip_thin, up.tune(theme, octave=-1), Channel(0.3, 0.4, 0.1, 0.2), bar=12)
    bass_line(song, play.chip_bass, up, up.chords("4 5 6 b7M"), BASS, bar=20, pattern="r.ror.ror.ror.ro", middle=43)
    song.tune(
        play.chip,
        up.tune("4 6 1' 6 4' - 1' 6 | 5 7 2' 7 5' - 2' 7 | 6 1' 3' 1' 6' - 3' 1' | b7 2' 4' 2' b7' - - -"),
        LEAD,
        bar=20,
    )
    arpeggio(song, play.chip_thin, up, up.chords("4 5 6 b7M"), ARP, bar=20, order="012", steps=16, middle=74)
    song.tune(play.chip, up.tune("1' - - - . . . ."), LEAD, bar=24)
    bass_line(song, play.chip_bass, up, up.chords("1"), BASS, bar=24, pattern="r---....", middle=43)
    arpeggio(song, play.chip_thin, up, up.chords("1"), ARP, bar=24, order="01234567", steps=16, middle=62)
    song.drum(KICK, "x.....x.x...x...", range(4, 24), Channel(0.9))
    song.drum(SNARE, "....x.......x..3", range(4, 24), Channel(0.55))
    song.drum(TICK, "..5...5...5...5.", range(24), Channel(0.4, 0.2))
    return song.master(loudness=-16.0, drive=0.1)


def cloud_level() -> Stereo:
    """High up: F lydian at 132, long arpeggios, a tune in no hurry."""
    song = Session(132, 21, seed=42, room=Room(1.6, 0.4, 0.7, 0.75, 0.5))
    key = Key("F lydian")
    sky = key.chords("1 2/1 6 3 1 2/1 5 2")
    tune = "5 - - 3 - - 4 - | 5 - 6 - 2' - - - | 1' - - 6 - - 3 - | 5 - - - 7 - - -"
    tune += "| 1' - - 7 - 5 - 3 | 4 - - 6 - - 2' - | 2' - 1' - 7 - 5 - | 6 - - - 4 - 2 -"
    for start in (0, 4, 12):
        chords = sky[:4] if start == 0 else sky
        arpeggio(
            song,
            play.chip_thin,
            key,
            chords,
            Channel(0.38, 0.55, 0.2, 0.4),
            bar=start,
            order="01234321",
            steps=16,
            middle=70,
            velocity=0.5,
        )
        if start:
            bass_line(song, play.chip_bass, key, chords, BASS, bar=start, pattern="r..r..o.r..r.fn.", middle=41)
            song.tune(play.chip, key.tune(tune), LEAD, bar=start, velocity=0.7)
    song.tune(play.bell, key.tune(tune, octave=1), Channel(0.3, 0.35, 0.3, 0.4), bar=12, velocity=0.5)
    song.drum(KICK, "x.......x..x....", range(8, 20), Channel(0.8))
    song.drum(SNARE, "....x.......x...", range(8, 20), Channel(0.42))
    song.drum(TICK, "4.6.4.6.4.6.4.66", range(4, 20), Channel(0.32, -0.2))
    bass_line(song, play.chip_bass, key, key.chords("1"), BASS, bar=20, pattern="r---....", middle=41)
    arpeggio(
        song,
        play.chip_thin,
        key,
        key.chords("1"),
        Channel(0.38, 0.55, 0.2, 0.4),
        bar=20,
        order="01234567",
        steps=16,
        middle=65,
    )
    return song.master(loudness=-16.5, drive=0.1)
