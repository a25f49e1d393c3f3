"""Lowland Brass: chorales, a march and fog, played by a small brass band in a large church ("Dike and Sky")."""

from .. import drums
from .. import instruments as play
from ..arranging import bass_line
from ..mixing import Channel, Room, Session, Stereo
from ..theory import Chord, Key, Note

CHURCH = Room(seconds=3.6, damping=0.35, level=1.0)
SQUARE = Room(seconds=1.7, damping=0.45, level=0.8)

TRUMPETS = Channel(0.62, -0.25, 0.3, loose=0.006)
HORNS = Channel(0.7, 0.3, 0.38, loose=0.008)
TROMBONES = Channel(0.5, 0.15, 0.3, loose=0.008)
TUBA = Channel(0.62, 0.0, 0.2, loose=0.006)


def dike_and_sky() -> Stereo:
    """A hymn in E flat, a chord on every beat, four voices; the second verse rises."""
    song = Session(74, 13, seed=31, room=CHURCH, tail=3.5)
    key = Key("Eb major")
    verse = key.chords("1 5/7 6 3 4 1/3 2 5 1 1/3 4 5/7 1 2m7 5sus4 5")
    tune = "3 - 2 - 1 - 7, - | 6, - 1 - 4 - 2 - | 3 - 5 - 6 - 5 - | 5 - 4 - 4 - 2 -"
    rise = "5 - 5 - 1' - 7 - | 6 - 5 - 4 - 5 - | 1' - 3' - 4' - 2' - | 1' - 6 - 5 - 5 -"
    _chorale(song, key, verse, bar=0, loud=0.55, is_full=False)
    song.tune(play.horns, key.tune(tune), HORNS, bar=0, velocity=0.6)
    _chorale(song, key, verse, bar=4, loud=0.7, is_full=True)
    song.tune(play.trumpet, key.tune(tune, octave=1), TRUMPETS, bar=4, velocity=0.62)
    _chorale(song, key, verse, bar=8, loud=0.85, is_full=True)
    song.tune(play.trumpet, key.tune(rise), TRUMPETS, bar=8, velocity=0.85)
    song.tune(play.trumpet, key.tune(tune, octave=1), Channel(0.4, -0.4, 0.35, loose=0.006), bar=8, velocity=0.7)
    song.drum(drums.bass_drum, "5.......5.......", range(8, 12), Channel(0.35, 0, 0.4))
    song.drum(drums.cymbal, "x...............", [8], Channel(0.14, 0.3, 0.5))
    _chorale(song, key, key.chords("1"), bar=12, loud=0.7, is_full=True, beats=4.5)
    song.tune(play.trumpet, key.tune("1' - - -"), TRUMPETS, bar=12, velocity=0.7)
    return song.master(loudness=-16.5, drive=0.15)


def seven_bridges() -> Stereo:
    """A march through the town: B flat, cornets in thirds, after-beats, a quiet trio, and the tune again."""
    song = Session(112, 21, seed=32, room=SQUARE)
    key = Key("Bb major")
    town = key.chords("1 1 5/7 5 2 5 5 1")
    trio = key.chords("4 4 1 1 2m7 5 1 1")
    tune = "5, - 1 1 2 - 3 - | 5 - 3 - 1 - 3 - | 2 - 2 3 4 - 3 - | 2 - - - . . 5, 5,"
    tune += "| 4 - 4 5 4 - 2 - | 7, - 2 - 5 - 4 - | 3 - 4 3 2 - 7, - | 1 - 1 1 1 - . ."
    calm = "6 - - - 1' - 6 - | 4 - - - - - 5 6 | 5 - - - 3 - 1 - | 3 - - - - - . ."
    calm += "| 4 - - - 6 - 5 4 | 2 - - - 5 - 4 2 | 3 - - - 2 - 1 2 | 1 - - - - - . ."
    song.drum(drums.snare, "x..xx.x.x..xx.xx", [0, 1], Channel(0.3, 0.05, 0.25))
    song.drum(drums.bass_drum, "x.......x.......", range(10), Channel(0.5, 0, 0.15))
    _after_beats(song, key, town, bar=2, loud=0.6)
    song.tune(play.trumpet, key.tune(tune, octave=1), TRUMPETS, bar=2, velocity=0.78)
    seconds = [_third(key, note) for note in key.tune(tune, octave=1)]
    song.tune(play.trumpet, seconds, Channel(0.36, -0.45, 0.3, loose=0.008), bar=2, velocity=0.6)
    song.tune(play.horns, key.tune(calm), HORNS, bar=10, velocity=0.72)
    _after_beats(song, key, trio, bar=10, loud=0.42)
    _after_beats(song, key, key.chords("5 1"), bar=18, loud=0.7)
    song.tune(play.trumpet, key.tune("5 - 5 6 7 - 5 - | 1' - 5 - 3 - 5 -", octave=0), TRUMPETS, bar=18, velocity=0.85)
    song.tune(play.horns, key.tune("2 - 2 3 4 - 2 - | 3 - 3 - 1 - 3 -"), HORNS, bar=18, velocity=0.8)
    song.drum(drums.snare, "x..5x.5.x.5.x555", [*range(2, 10), 18, 19], Channel(0.22, 0.05, 0.25))
    song.drum(drums.snare, "4...3...4...3.33", range(10, 18), Channel(0.16, 0.05, 0.25))
    song.drum(drums.bass_drum, "x.......x.......", [*range(14, 20)], Channel(0.45, 0, 0.15))
    song.drum(drums.cymbal, "x...............", [2, 18, 20], Channel(0.18, 0.3, 0.3))
    _chorale(song, key, key.chords("1"), bar=20, loud=0.9, is_full=True, beats=2.0)
    song.tune(play.trumpet, key.tune("1' - . ."), TRUMPETS, bar=20, velocity=0.9)
    song.drum(drums.bass_drum, "x...............", [20], Channel(0.5, 0, 0.2))
    return song.master(loudness=-16.5, drive=0.2)


def fog_over_the_polder() -> Stereo:
    """C minor, very slow: horns call, a bell answers from the other side of the water."""
    song = Session(60, 9, seed=33, room=Room(4.5, 0.3, 1.2, 1.5, 0.55), tail=4.0)
    key = Key("C minor")
    fog = key.chords("1 6 4 1 3 6 4 5sus4 1")
    call = "5, - 1 - - - - - | 3 - 2 1 - - - - | . . . . 4 - 3 1 | 2 - - - - - . ."
    call += "| 5 - - 7 - - 5 - | 6 - 5 3 - - - - | 4 - 3 4 6 - 5 4 | 5 - - - 2 - - - | 1 - - - - - - -"
    song.chords(play.choir, key, fog, Channel(0.6, 0, 0.5), bar=0, middle=55, velocity=0.6, spread=0.9)
    bass_line(song, play.tuba, key, fog, TUBA, bar=0, pattern="r---", middle=36, velocity=0.5)
    song.tune(play.horns, key.tune(call, octave=0), HORNS, bar=0, velocity=0.6)
    song.chords(play.trombone, key, fog[4:], TROMBONES, bar=4, middle=57, velocity=0.42)
    bells = ". . . . . . 5 . | . . . . 1' . 5 . | . . . . . . . . | . 5 . 1' . . . ."
    bells += "| . . 3' . . . 2' . | . . . . 1' . . . | . . . 6 . . . 5 | . . 5 . . . . . | . . 1' . . . . ."
    song.tune(play.bell, key.tune(bells, octave=1), Channel(0.26, 0.6, 0.6, 0.6), bar=0, velocity=0.5)
    song.drum(drums.bass_drum, "3...............", [4, 6, 8], Channel(0.4, 0, 0.6))
    return song.master(loudness=-17.0, fade_in=1.2)


def _chorale(
    song: Session, key: Key, chords: list[Chord], *, bar: int, loud: float, is_full: bool, beats: float = 1.0
) -> None:
    """A chord a beat for trombones, horns when full, and the tuba below."""
    for index, chord in enumerate(chords):
        start = index * beats
        tones = key.voiced(chord, 55)
        for tone in tones:
            song.play(
                play.trombone, Note(start, beats, tone), _share(TROMBONES, len(tones)), bar=bar, velocity=loud * 0.8
            )
        if is_full:
            for tone in key.voiced(chord, 63):
                song.play(play.horns, Note(start, beats, tone), _share(HORNS, 4), bar=bar, velocity=loud * 0.85)
        song.play(play.tuba, Note(start, beats, key.bass(chord, 41)), TUBA, bar=bar, velocity=loud)


def _after_beats(song: Session, key: Key, chords: list[Chord], *, bar: int, loud: float) -> None:
    """The march's oom-pah: tuba on the beat, horns behind it."""
    bass_line(song, play.tuba, key, chords, TUBA, bar=bar, pattern="r.f.r.f.", middle=41, velocity=loud)
    song.chords(
        play.horns, key, chords, HORNS, bar=bar, middle=60, pattern="..x...x...x...x.", beats=0.4, velocity=loud * 0.8
    )


def _third(key: Key, note: Note) -> Note:
    """The same note a third of the scale lower: the second cornet."""
    steps = [key.tonic + key.degree(number) for number in range(-20, 30)]
    nearest = min(range(len(steps)), key=lambda index: abs(steps[index] - note.midi))
    return Note(note.beat, note.beats, steps[nearest - 2])


def _share(channel: Channel, players: int) -> Channel:
    return Channel(channel.gain / players**0.5, channel.pan, channel.room, loose=channel.loose)
