"""Nova Kit: synthwave at night ("First Light") and slower journeys by bus ("Night Bus Maps")."""

import functools

from .. import drums
from .. import instruments as play
from ..arranging import arpeggio, bass_line
from ..mixing import Channel, Room, Session, Stereo
from ..theory import Key

BIG_HALL = Room(seconds=2.4, damping=0.35, level=1.0, echo_beats=0.75, echo_feedback=0.5)
CLUB = Room(seconds=1.1, damping=0.5, level=0.7, echo_beats=0.75, echo_feedback=0.45)

PADS = Channel(0.62, 0.0, 0.35, 0.0, is_pumping=True)
ARP = Channel(0.5, 0.25, 0.22, 0.35, is_pumping=True)
BASS = Channel(0.46, 0.0, 0.02, 0.0, is_pumping=True)
LEAD = Channel(0.62, -0.08, 0.28, 0.38)
KICK = Channel(0.72, 0.0, 0.02)
SNARE = Channel(0.55, 0.05, 0.3)
HAT = Channel(0.32, -0.3, 0.05)


def ignition() -> Stereo:
    """Title song of the night drive: A minor, four chords, a lead that climbs."""
    song = Session(112, 21, seed=11, room=BIG_HALL)
    key = Key("A minor")
    verse = key.chords("1 6 3 7")
    bridge = key.chords("4 6 1 5M")
    theme = _bars("""
        1 - - 2 3 - 5 - | 6 - 5 3 - - 1 - | 3 - - 2 1 - 7, - | 2 - - - 7, - 5, -
        1 - - 2 3 - 5 - | 6 - 7 1' - - 6 - | 5 - - 3 5 - 6 - | 7 - - - - - . .
    """)
    answer = _bars("4' - 3' 1' 6 - - - | 1' - 7 6 3' - - - | 3' - 2' 1' 7 - 1' - | 7 - - #7 - - . .")

    arpeggio(song, play.arp, key, verse, ARP, bar=0, order="0213", velocity=0.5)
    song.chords(play.sweep, key, verse, PADS, bar=0, middle=57, velocity=0.55, spread=0.5)
    song.add(drums.riser(2.1), song.at(3), Channel(0.35, 0.0, 0.3))
    for start in (4, 8, 16):
        arpeggio(song, play.arp, key, verse, ARP, bar=start, order="0213243" if start > 4 else "0213", velocity=0.6)
        song.chords(play.pad, key, verse, PADS, bar=start, middle=60, velocity=0.7, spread=0.6)
        bass_line(song, play.synth_bass, key, verse, BASS, bar=start, pattern="r.rrr.ro", middle=36)
    song.tune(play.lead, key.tune(theme), LEAD, bar=4)
    song.chords(play.sweep, key, bridge, PADS, bar=12, middle=60, spread=0.7, velocity=0.8)
    arpeggio(song, play.bell, key, bridge, Channel(0.3, 0.3, 0.4, 0.4), bar=12, order="0.1.2.3.", steps=8)
    bass_line(song, play.synth_bass, key, bridge, BASS, bar=12, pattern="r---r---", middle=36)
    song.tune(play.lead, key.tune(answer), LEAD, bar=12, velocity=0.7)
    song.tune(play.lead, key.tune(theme, octave=1)[: _count(theme, 4)], LEAD, bar=16, velocity=0.75)
    song.tune(play.stab, key.tune(theme)[: _count(theme, 4)], Channel(0.3, 0.3, 0.3, 0.2), bar=16, velocity=0.7)

    grooving = [*range(4, 12), *range(16, 20)]
    song.drum(drums.kick, "x...x...x...x...", grooving, KICK, is_kick=True)
    song.drum(drums.snare, "....x.......x...", grooving, SNARE)
    song.drum(drums.hat, "..4.6.4...4.6.44", [*grooving, *range(12, 16)], HAT)
    song.drum(drums.snare, "4.5.6.7.77888999", [15], SNARE)
    song.drum(functools.partial(drums.tom, 150.0), "..........x.x...", [7, 11], Channel(0.5, -0.4, 0.3))
    song.drum(functools.partial(drums.tom, 105.0), ".............xx.", [7, 11], Channel(0.5, 0.4, 0.3))
    song.drum(drums.cymbal, "x...............", [4, 12, 16, 20], Channel(0.3, 0.2, 0.3))
    _ending(song, key, "1", bar=20)
    return song.master(loudness=-14.5, drive=0.35, fade_in=0.4)


def glass_highway() -> Stereo:
    """D minor at 104: half-open filters, octave bass, a tune in dotted rhythm."""
    song = Session(104, 19, seed=12, room=BIG_HALL)
    key = Key("D minor")
    road = key.chords("1 1/3 6 7sus4")
    exit_ = key.chords("4 7 3 6 4 7")
    theme = _bars("5 - - 4 - - 3 - | 1 - - 2 - - 3 - | 3 - - 4 - - 5 - | 4 - - - 2 - - .")
    wide = _bars("4 - 6 - 1' - - - | 7 - - 6 5 - - - | 5 - 3 - 7 - - - | 6 - - 5 3 - - -")
    wide += "|" + _bars("4 - 6 - 1' - 2' - | 2' - - 1' 7 - - - | 1' - - - - - - - | . . . . . . . .")

    song.chords(
        play.stab, key, road, Channel(0.6, 0, 0.3, 0.3), bar=0, middle=60, pattern="x..x..x...x..x..", spread=0.6
    )
    bass_line(song, play.synth_bass, key, road[2:], BASS, bar=2, pattern="r-r-r-r-r-r-r-rn", middle=38)
    for start in (4, 8):
        song.chords(
            play.stab,
            key,
            road,
            Channel(0.55, 0, 0.3, 0.25),
            bar=start,
            middle=60,
            pattern="x..x..x...x..x..",
            spread=0.6,
        )
        song.chords(play.pad, key, road, PADS, bar=start, middle=55, velocity=0.55, spread=0.7)
        bass_line(song, play.synth_bass, key, road, BASS, bar=start, pattern="ro" * 8, middle=38, velocity=0.75)
    song.tune(play.lead, key.tune(theme), LEAD, bar=4)
    song.tune(play.lead, key.tune(theme), LEAD, bar=8)
    song.tune(play.bell, key.tune(theme, octave=1), Channel(0.35, 0.35, 0.35, 0.3), bar=8, velocity=0.6)
    song.chords(play.sweep, key, exit_, PADS, bar=12, middle=60, velocity=0.85, spread=0.8)
    bass_line(song, play.synth_bass, key, exit_, BASS, bar=12, pattern="ro" * 8, middle=38, velocity=0.8)
    arpeggio(song, play.arp, key, exit_, ARP, bar=12, order="0123210.", velocity=0.55)
    song.tune(play.lead, key.tune(wide), LEAD, bar=12)

    grooving = [*range(4, 18)]
    song.drum(drums.kick, "x......xx.....x.", grooving, KICK, is_kick=True)
    song.drum(drums.snare, "....x.......x...", grooving, SNARE)
    song.drum(drums.hat, "5.7.5.7.5.7.5.75", [2, 3, *grooving], HAT)
    song.drum(drums.clap, "............x...", [7, 11, 15], Channel(0.4, 0, 0.4))
    song.drum(functools.partial(drums.tom, 130.0), "........x.xx....", [11], Channel(0.5, -0.3, 0.3))
    song.drum(drums.cymbal, "x...............", [4, 12, 18], Channel(0.3, -0.2, 0.3))
    _ending(song, key, "1sus2", bar=18)
    return song.master(loudness=-14.5, drive=0.4)


def neon_rain() -> Stereo:
    """A slow one: F sharp minor at 84, electric piano, bells like drops on a window."""
    song = Session(84, 15, seed=13, room=Room(2.9, 0.3, 1.1, 0.75, 0.55), swing=0.12)
    key = Key("F# minor")
    rain = key.chords("1 6 3 7sus2")
    keys = Channel(0.62, -0.12, 0.3, 0.15, loose=0.004)
    theme = _bars(". 5 - 3 - - 2 1 | 3 - - - . 1 2 3 | 5 - 4 3 - - 2 - | 2 - - - - - . .")
    drops = _bars("5' . 3' . . 1' . 2' | . 3' . . 5' . . 6' | 7' . 5' . 3' . . 2' | . 4' . 2' . . 7 .")

    song.chords(play.epiano, key, rain, keys, bar=0, middle=57, velocity=0.55, spread=0.3)
    song.tune(play.bell, key.tune(drops), Channel(0.3, 0.3, 0.5, 0.5), bar=0, velocity=0.45)
    for start in (4, 8):
        song.chords(play.epiano, key, rain, keys, bar=start, middle=57, pattern="x..o..x.", velocity=0.6, beats=1.2)
        song.chords(play.pad, key, rain, PADS, bar=start, middle=62, velocity=0.5, spread=0.8)
        bass_line(song, play.deep_bass, key, rain, BASS, bar=start, pattern="r--rr-f.", middle=35, velocity=0.8)
        song.tune(play.lead, key.tune(theme), Channel(0.5, 0.05, 0.4, 0.4), bar=start, velocity=0.6)
    song.tune(play.bell, key.tune(drops), Channel(0.3, 0.3, 0.5, 0.5), bar=8, velocity=0.5)
    song.chords(play.choir, key, rain, Channel(0.5, 0, 0.5), bar=8, middle=66, velocity=0.6, spread=0.9)
    song.chords(play.epiano, key, key.chords("4 7sus2"), keys, bar=12, middle=57, velocity=0.5)
    song.tune(play.bell, key.tune(_bars("6' . 5' . 3' . 1' . | 2' . . . . . . .")), Channel(0.3, 0.3, 0.5, 0.5), bar=12)

    song.drum(drums.kick, "x.....x...x.....", range(4, 12), KICK, is_kick=True)
    song.drum(drums.rim, "....x.......x..4", range(4, 8), Channel(0.5, 0.1, 0.5, 0.3))
    song.drum(drums.snare, "....x.......x...", range(8, 12), SNARE)
    song.drum(drums.hat, "4.6.4.6343.64.6.", range(4, 13), HAT)
    _ending(song, key, "1", bar=14, voice=play.epiano)
    return song.master(loudness=-15.5, drive=0.2, fade_in=0.3)


def first_light() -> Stereo:
    """The sun comes up: D major at 120, four on the floor, everything open."""
    song = Session(120, 25, seed=14, room=BIG_HALL)
    key = Key("D major")
    morning = key.chords("1 5/7 6 4")
    lift = key.chords("4 5 6 5/7")
    theme = _bars("5 - 3 - 5 6 - 5 | 2 - - 3 2 - 7, - | 1 - 6, - 1 3 - 2 | 1 - - - 6, - 1 2")
    high = _bars("1' - 7 - 1' 2' - 1' | 5 - - 6 7 - 2' - | 3' - 2' - 1' 6 - 5 | 6 - - - 4 - 5 6")

    song.chords(play.sweep, key, morning, PADS, bar=0, middle=62, velocity=0.6, spread=0.7)
    arpeggio(song, play.arp, key, morning, ARP, bar=0, order="012", velocity=0.4)
    song.add(drums.riser(3.8), song.at(6), Channel(0.4, 0.0, 0.3))
    for start in (4, 8, 12, 20):
        arpeggio(song, play.arp, key, morning, ARP, bar=start, order="0123425", velocity=0.55)
        song.chords(play.pad, key, morning, PADS, bar=start, middle=60, velocity=0.6, spread=0.7)
        bass_line(song, play.synth_bass, key, morning, BASS, bar=start, pattern="..r...r...r...rr", middle=38)
    song.tune(play.bell, key.tune(theme, octave=1), Channel(0.4, 0.2, 0.35, 0.35), bar=4, velocity=0.6)
    song.tune(play.lead, key.tune(theme), LEAD, bar=8)
    song.tune(play.lead, key.tune(high), LEAD, bar=12, velocity=0.85)
    song.chords(play.choir, key, lift, Channel(0.6, 0, 0.5), bar=16, middle=64, velocity=0.8, spread=0.9)
    song.chords(play.stab, key, lift, Channel(0.36, 0, 0.3, 0.3), bar=16, middle=62, pattern="x..x..x.", spread=0.7)
    bass_line(song, play.synth_bass, key, lift, BASS, bar=16, pattern="r-------r-----rn", middle=38)
    song.tune(play.lead, key.tune(high), LEAD, bar=20, velocity=0.85)
    song.tune(play.bell, key.tune(high, octave=1), Channel(0.3, 0.35, 0.4, 0.3), bar=20, velocity=0.5)

    song.drum(drums.kick, "x...x...x...x...", [*range(4, 16), *range(20, 24)], KICK, is_kick=True)
    song.drum(drums.clap, "....x.......x...", [*range(8, 16), *range(20, 24)], Channel(0.5, 0, 0.35))
    song.drum(drums.hat, "..x...x...x...x.", [*range(4, 24)], HAT)
    song.drum(functools.partial(drums.hat, 0.16), "..............x.", [7, 11, 15, 23], HAT)
    song.drum(drums.snare, "3.4.4.5.55667789", [7, 19], SNARE)
    song.drum(drums.cymbal, "x...............", [8, 16, 20, 24], Channel(0.3, 0.1, 0.3))
    _ending(song, key, "1", bar=24)
    return song.master(loudness=-14.0, drive=0.4, fade_in=0.5)


def last_stop_harbour() -> Stereo:
    """Slow beats and jazz chords at the end of the line: C major, 78, swung."""
    song = Session(78, 13, seed=15, swing=0.3, room=Room(1.6, 0.5, 0.8, 0.75, 0.4))
    key = Key("C major")
    harbour = key.chords("27 5M7 17 6M7")
    keys = Channel(0.7, -0.1, 0.22, 0.12, loose=0.008)
    theme = _bars("4 - 6 1' - 7 6 - | 5 - - - . 3 4 5 | 7 - 5 3 - 2 3 - | 3 - #1 - . . . .")
    second = _bars("1' - - 6 4 - 6 - | 7 - 6 5 - - . 4 | 3 - 5 7 - 2' - 1' | 7 - 6 5 #4 - 5 .")

    song.chords(
        play.epiano, key, harbour, keys, bar=0, middle=58, velocity=0.55, pattern="x.......", beats=3.6, spread=0.4
    )
    for start in (4, 8):
        song.chords(
            play.epiano,
            key,
            harbour,
            keys,
            bar=start,
            middle=58,
            pattern="x..o..5.",
            velocity=0.6,
            beats=1.3,
            spread=0.4,
        )
        bass_line(
            song,
            play.upright,
            key,
            harbour,
            Channel(0.75, 0.05, 0.06, loose=0.006),
            bar=start,
            pattern="r--fo-fn",
            middle=38,
        )
    song.tune(play.whistle, key.tune(theme, octave=0), Channel(0.5, 0.2, 0.35, 0.3, loose=0.01), bar=4, velocity=0.6)
    song.tune(play.epiano, key.tune(second, octave=1), Channel(0.55, 0.15, 0.3, 0.25, loose=0.01), bar=8, velocity=0.7)
    song.drum(drums.kick, "x.....x..x......", range(2, 12), Channel(0.85, 0, 0.05, loose=0.005))
    song.drum(drums.snare, "....x.......x...", range(4, 12), Channel(0.42, 0.05, 0.2, loose=0.006))
    song.drum(drums.hat, "5.7.5.735.7.5.73", range(2, 12), Channel(0.26, -0.25, 0.06, loose=0.006))
    song.drum(drums.brush, "..5...5...5...5.", range(12), Channel(0.3, 0.3, 0.1, loose=0.008))
    _ending(song, key, "19", bar=12, voice=play.epiano)
    return song.master(loudness=-15.5, drive=0.25)


def line_nine() -> Stereo:
    """Deep house through the suburbs: C minor at 122, short chords, a rolling bass."""
    song = Session(122, 23, seed=16, room=CLUB)
    key = Key("C minor")
    ride = key.chords("17 67 47 5m7")
    chord = Channel(0.85, 0, 0.3, 0.4, is_pumping=True)
    hook = _bars(". . 5 . 5 4 . 3 | . . 1' . 7 5 . . | . . 5 . 6 5 . 4 | . . 3 . 4 2 . .")

    for start in range(0, 20, 4):
        song.chords(
            play.stab, key, ride, chord, bar=start, middle=60, pattern="..x..x....x..o..", velocity=0.55, spread=0.7
        )
        if start:
            bass_line(song, play.deep_bass, key, ride, BASS, bar=start, pattern="r.r..rof.r.r..n.", middle=36)
        if start >= 8:
            song.tune(
                play.arp, key.tune(hook, octave=1 if start == 16 else 0), Channel(0.6, -0.2, 0.25, 0.45), bar=start
            )
        if start in (8, 16):
            song.chords(play.pad, key, ride, PADS, bar=start, middle=64, velocity=0.5, spread=0.9)
    song.chords(play.sweep, key, ride[:2], PADS, bar=20, middle=60, velocity=0.6, spread=0.8)
    song.drum(drums.kick, "x...x...x...x...", [*range(2, 12), *range(13, 22)], KICK, is_kick=True)
    song.drum(drums.clap, "....x.......x...", range(4, 20), Channel(0.45, 0, 0.25))
    song.drum(functools.partial(drums.hat, 0.12), "..x...x...x...x.", range(4, 22), Channel(0.26, -0.2, 0.08))
    song.drum(drums.shaker, "5373537353735373", range(8, 22), Channel(0.3, 0.35, 0.08))
    song.drum(drums.rim, "...x..x....x....", range(8, 20), Channel(0.3, 0.4, 0.3, 0.3))
    song.drum(drums.cymbal, "x...............", [8, 16], Channel(0.22, 0.2, 0.3))
    _ending(song, key, "17", bar=22, voice=play.stab)
    return song.master(loudness=-14.5, drive=0.3, fade_in=0.2)


def empty_upper_deck() -> Stereo:
    """Front seat, nobody else: E lydian at 96, arpeggios that drift against each other."""
    song = Session(96, 17, seed=17, room=Room(3.4, 0.25, 1.2, 0.75, 0.6), tail=4.0)
    key = Key("E lydian")
    view = key.chords("1 2/1 6 5 1 2/1 3 2")
    for start in (0, 8):
        arpeggio(
            song,
            play.harp,
            key,
            view,
            Channel(0.5, -0.4, 0.35, 0.3),
            bar=start,
            order="0213",
            steps=8,
            middle=64,
            beats=1,
        )
        song.chords(play.sweep, key, view, PADS, bar=start, middle=57, velocity=0.5, spread=0.9)
        if start:
            arpeggio(
                song, play.bell, key, view, Channel(0.24, 0.5, 0.45, 0.5), bar=start, order="012", steps=12, middle=76
            )
            bass_line(
                song,
                play.deep_bass,
                key,
                view,
                Channel(0.5, 0, 0.1),
                bar=start,
                pattern="r-----f-",
                middle=40,
                velocity=0.7,
            )
    tune = "5 - - - 3 - 4 - | 6 - - - 2' - 6 - | 7 - - 6 5 - 3 - | 2 - - - - - . ."
    tune += "| 5 - - - 3 - 5 - | 6 - - - 2' - 3' - | 3' - 2' - 1' - 6 - | 5 - - - - - . ."
    song.tune(play.choir, key.tune(tune), Channel(0.6, 0.1, 0.5, 0.2), bar=4, velocity=0.7)
    song.tune(play.choir, key.tune(tune)[:12], Channel(0.5, -0.2, 0.5, 0.2), bar=12, velocity=0.6)
    song.drum(drums.shaker, "..4...5...4...53", range(8, 16), Channel(0.2, 0.3, 0.2))
    song.drum(drums.kick, "x.........x.....", range(8, 16), Channel(0.5, 0, 0.1))
    _ending(song, key, "1", bar=16, voice=play.pad)
    return song.master(loudness=-16.0, fade_in=1.0)


def departure() -> Stereo:
    """A sketch of what comes next: a quarter of a minute in E minor, electric piano and bells over a slow bass."""
    song = Session(92, 5, seed=18, room=CLUB)
    key = Key("E minor")
    board = key.chords("1 6 3 7sus2")
    song.chords(
        play.epiano, key, board, Channel(0.66, -0.1, 0.25, 0.15), bar=0, middle=58, pattern="x..x..x.", spread=0.3
    )
    bass_line(song, play.deep_bass, key, board, Channel(0.5, 0, 0.05), bar=0, pattern="r--r--f.", middle=36)
    tune = key.tune("5 - 4 3 - - 1 - | 3 - 2 1 - - 6, - | 5 - 4 3 - 1 3 - | 2 - - - - 7, - .")
    song.tune(play.bell, tune, Channel(0.4, 0.3, 0.35, 0.3), bar=0, velocity=0.6)
    song.drum(drums.kick, "x.....x...x.....", range(1, 4), Channel(0.55, 0, 0.05))
    song.drum(drums.shaker, "..4...5...4...53", range(4), Channel(0.2, 0.3, 0.2))
    _ending(song, key, "1", bar=4, voice=play.epiano)
    return song.master(loudness=-15.5, fade_in=0.3)


def _ending(song: Session, key: Key, chord: str, *, bar: int, voice: play.Voice = play.pad) -> None:
    """A last chord that rings, with its root below."""
    last = key.chords(chord)
    song.chords(voice, key, last, Channel(0.55, 0, 0.5, 0.2), bar=bar, middle=60, velocity=0.75, spread=0.7)
    bass_line(song, play.deep_bass, key, last, Channel(0.5, 0, 0.1), bar=bar, pattern="r---", middle=38, velocity=0.7)


def _bars(text: str) -> str:
    """Bars on one line, without empty ones."""
    return "|".join(bar for bar in text.replace("\n", "|").split("|") if bar.strip())


def _count(text: str, bars: int) -> int:
    """How many notes the first bars of a tune have."""
    return sum(sign not in "-." for sign in " ".join(text.split("|")[:bars]).split())
