"""The Paper Boats: strings, a whistle and a harmonium ("Ferry Songs")."""

from .. import drums
from .. import instruments as play
from ..arranging import bass_line, picking, strum
from ..mixing import Channel, Room, Session, Stereo
from ..theory import Key

PARLOUR = Room(seconds=1.3, damping=0.45, level=0.8)
CHAPEL = Room(seconds=2.4, damping=0.4, level=0.9)

GUITAR = Channel(0.62, -0.3, 0.14, loose=0.006)
SECOND = Channel(0.5, 0.4, 0.16, loose=0.008)
BASS = Channel(0.6, 0.0, 0.05, loose=0.005)
WHISTLE = Channel(0.5, 0.15, 0.35, 0.08, loose=0.008)
REEDS = Channel(0.4, 0.3, 0.25, loose=0.01)


def paper_boats() -> Stereo:
    """A waltz in G: two guitars, later the whistle, then everybody."""
    song = Session(138, 31, beats_per_bar=3, seed=21, room=PARLOUR)
    key = Key("G major")
    home = key.chords("1 1 4 1 6 4 5 5")
    away = key.chords("4 5 3 6 4 2 5 5")
    tune = "5, - 1 2 3 - | 5 - - 3 2 1 | 6, - 1 - 4 3 | 3 - 2 1 - -"
    tune += "| 1 - 2 3 5 6 | 6 - 5 4 3 1 | 2 - - 3 2 7, | 2 - - - - ."
    reply = "4 - 6 - 1' 7 | 7 - 6 5 - - | 5 - 3 - 5 7 | 1' - 7 6 - 5"
    reply += "| 4 - 6 5 4 3 | 2 - 4 3 2 1 | 7, - 2 - 5 4 | 2 - - - . ."

    song.chords(play.guitar, key, home[:2], GUITAR, bar=0, middle=60, pattern="9.....", beats=2.5)
    picking(song, play.guitar, key, home[2:4], GUITAR, bar=2, pattern="r12321")
    for start, chords in ((4, home), (12, away), (20, home)):
        picking(song, play.guitar, key, chords, GUITAR, bar=start, pattern="r12321", velocity=0.55)
        bass_line(
            song, play.upright, key, chords, BASS, bar=start, pattern="r-.ff-" if start > 4 else "r--...", middle=40
        )
        if start > 4:
            strum(song, play.mandolin, key, chords, SECOND, bar=start, pattern="..D.D.", middle=67, velocity=0.4)
    song.tune(play.whistle, key.tune(tune, beats_per_bar=3), WHISTLE, bar=4, velocity=0.65)
    song.tune(play.whistle, key.tune(reply, beats_per_bar=3), WHISTLE, bar=12, velocity=0.7)
    song.tune(play.whistle, key.tune(tune, beats_per_bar=3, octave=1), WHISTLE, bar=20, velocity=0.75)
    song.tune(play.harmonium, key.tune(tune, beats_per_bar=3), REEDS, bar=20, velocity=0.7)
    song.chords(play.harmonium, key, away, REEDS, bar=12, middle=60, velocity=0.5)
    song.drum(drums.brush, "..5.5.", range(12, 28), Channel(0.3, 0.2, 0.12, loose=0.006))
    song.drum(drums.brush, "7.....", range(20, 28), Channel(0.22, -0.2, 0.12, loose=0.006))
    picking(song, play.guitar, key, key.chords("1 4"), GUITAR, bar=28, pattern="r12321", velocity=0.5)
    strum(song, play.guitar, key, key.chords("1"), GUITAR, bar=30, pattern="D.....", velocity=0.55, beats=3)
    bass_line(song, play.upright, key, key.chords("1"), BASS, bar=30, pattern="r-----", middle=40)
    return song.master(loudness=-17.0, drive=0.25)


def the_slow_ferry() -> Stereo:
    """D dorian in six: a minor tune that never quite lands, as the crossing takes its time."""
    song = Session(168, 18, beats_per_bar=6, seed=22, room=CHAPEL)
    key = Key("D dorian")
    water = key.chords("1 4 1 7 1 4 7 1")
    shore = key.chords("3 4 7 1 3 4 5 1")
    tune = "1 - 2 3 - 4 | 4 - 6 5 - 4 | 3 - 2 1 - 7, | 2 - - - - 7,"
    tune += "| 1 - 2 3 - 5 | 6 - 4 1' - 6 | 7 - 5 4 - 2 | 1 - - - - -"
    high = "5 - 7 1' - 7 | 6 - 4 6 - - | 7 - 6 5 - 4 | 3 - 4 5 - -"
    high += "| 7 - 5 3' - 2' | 1' - 6 4 - 6 | 5 - 4 3 - 2 | 1 - - - - ."
    picking(song, play.guitar, key, water[:2], GUITAR, bar=0, pattern="r12312", velocity=0.5)
    for start, chords in ((2, water), (10, shore)):
        picking(
            song, play.guitar, key, chords[: 8 if start == 2 else 7], GUITAR, bar=start, pattern="r12312", velocity=0.55
        )
        bass_line(
            song, play.upright, key, chords[: 8 if start == 2 else 7], BASS, bar=start, pattern="r--f--", middle=38
        )
    song.tune(
        play.harmonium, key.tune(tune, beats_per_bar=6), Channel(0.55, 0.2, 0.3, loose=0.008), bar=2, velocity=0.75
    )
    song.tune(play.whistle, key.tune(high, beats_per_bar=6, octave=1), WHISTLE, bar=10, velocity=0.7)
    song.chords(play.harmonium, key, shore[:7], REEDS, bar=10, middle=58, velocity=0.55)
    song.chords(play.choir, key, shore[:7], Channel(0.45, 0, 0.5), bar=10, middle=62, velocity=0.6, spread=0.8)
    song.drum(drums.bass_drum, "5.....", range(10, 17), Channel(0.4, 0, 0.2, loose=0.006))
    song.drum(drums.shaker, "5.35.3", range(6, 17), Channel(0.28, 0.35, 0.1, loose=0.006))
    strum(song, play.guitar, key, key.chords("1"), GUITAR, bar=17, pattern="D.....", velocity=0.5, beats=6)
    song.chords(play.harmonium, key, key.chords("15"), REEDS, bar=17, middle=58, velocity=0.5)
    return song.master(loudness=-17.0, drive=0.2)


def salt_on_the_window() -> Stereo:
    """C major, Travis picking: the thumb keeps walking, a hummed tune above it."""
    song = Session(94, 15, seed=23, swing=0.08, room=PARLOUR)
    key = Key("C major")
    verse = key.chords("1 5/7 6 4")
    turn = key.chords("4 1/3 2m7 5sus4")
    walk = "r2f1r3f2"
    tune = "3 - - 5 5 - 3 2 | 2 - - - . 1 7, 2 | 1 - - 3 3 - 5 6 | 6 - 5 - 4 - . ."
    reply = "6 - 1' 6 5 - 4 6 | 5 - - 3 - - . 1 | 4 - 4 3 2 - 1 2 | 5 - - - 4 - - ."
    picking(song, play.guitar, key, verse[:2], GUITAR, bar=0, pattern=walk, velocity=0.55)
    for start, chords in ((2, verse), (6, turn), (10, verse)):
        picking(song, play.guitar, key, chords, GUITAR, bar=start, pattern=walk, velocity=0.58)
        bass_line(
            song,
            play.upright,
            key,
            chords,
            BASS,
            bar=start,
            pattern="r---f---" if start < 10 else "r--fo-fn",
            middle=40,
            velocity=0.7,
        )
        if start > 2:
            song.chords(play.harmonium, key, chords, REEDS, bar=start, middle=62, velocity=0.5)
    song.tune(play.choir, key.tune(tune), Channel(0.85, 0.1, 0.35, loose=0.01), bar=2, velocity=0.8)
    song.tune(play.whistle, key.tune(reply, octave=1), WHISTLE, bar=6, velocity=0.62)
    song.tune(play.choir, key.tune(tune), Channel(0.8, 0.1, 0.35, loose=0.01), bar=10, velocity=0.8)
    song.tune(play.mandolin, key.tune(tune, octave=1), SECOND, bar=10, velocity=0.7)
    song.drum(drums.brush, "..6...6...6...6.", range(6, 14), Channel(0.26, 0.25, 0.12, loose=0.006))
    song.drum(drums.kick, "5.......5.......", range(6, 14), Channel(0.4, 0, 0.05, loose=0.005))
    strum(song, play.guitar, key, key.chords("1"), GUITAR, bar=14, pattern="D.......", velocity=0.5, beats=4)
    bass_line(song, play.upright, key, key.chords("1"), BASS, bar=14, pattern="r---", middle=40)
    return song.master(loudness=-17.0, drive=0.2)


def home_by_harvest() -> Stereo:
    """A reel in D: mandolin and whistle in turn, then together, over a stamping guitar."""
    song = Session(112, 21, seed=24, room=PARLOUR)
    key = Key("D major")
    first = key.chords("1 1 4 5 1 6 4 1")
    second = key.chords("6 4 1 5 6 4 5 1")
    reel = "1 3 5 3 6 5 3 1 | 2 3 1 2 3 5 6 5 | 4 6 1' 6 4 6 5 4 | 2 5 4 2 7, 2 5 ."
    reel += "| 1 3 5 3 6 5 3 1 | 1' 6 3 6 1' 2' 1' 6 | 4 6 1' 6 5 4 3 2 | 1 3 2 7, 1 - - ."
    other = "1' - 6 1' 3' 2' 1' 6 | 6 4 6 1' 2' 1' 6 4 | 5 3 5 1' 5 3 1 3 | 2 5 7 5 2' 7 5 ."
    other += "| 1' - 6 1' 3' 2' 1' 6 | 6 4 6 1' 2' 1' 6 4 | 5 7 2' 7 5 4 3 2 | 1 3 2 7, 1 - - ."
    strum(song, play.guitar, key, first[:2], GUITAR, bar=0, pattern="D.DUD.DU", velocity=0.6)
    song.drum(drums.kick, "7...7...7...7...", range(2, 20), Channel(0.42, 0, 0.06, loose=0.004))
    for start, chords in ((2, first), (10, second)):
        strum(song, play.guitar, key, chords, GUITAR, bar=start, pattern="D.DUD.DU", velocity=0.52)
        bass_line(song, play.upright, key, chords, BASS, bar=start, pattern="r-f-r-f-", middle=38)
    song.tune(play.mandolin, key.tune(reel, octave=1), SECOND, bar=2, velocity=0.85)
    song.tune(play.whistle, key.tune(other, octave=1), WHISTLE, bar=10, velocity=0.66)
    song.tune(play.mandolin, key.tune(other), SECOND, bar=10, velocity=0.8)
    song.drum(drums.shaker, "7353735373537353", range(6, 20), Channel(0.3, 0.4, 0.06, loose=0.004))
    song.drum(drums.clap, "....x.......x...", range(14, 18), Channel(0.3, -0.2, 0.2, loose=0.008))
    strum(song, play.guitar, key, key.chords("4 5"), GUITAR, bar=18, pattern="D.DUD.DU", velocity=0.55)
    song.tune(play.mandolin, key.tune("4 6 1' 6 4 6 1' 6 | 5 7 2' 7 4 2 7, 2", octave=1), SECOND, bar=18, velocity=0.85)
    bass_line(song, play.upright, key, key.chords("4 5 1"), BASS, bar=18, pattern="r-f-r-f-", middle=38)
    strum(song, play.guitar, key, key.chords("1"), GUITAR, bar=20, pattern="D.......", velocity=0.65, beats=3)
    return song.master(loudness=-16.5, drive=0.25)
