"""Keys, chords and tunes in a short notation, so that a song reads as music and not as numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_TOKEN = re.compile(r"([#b]?)([1-7])([',]*)")
_CHORD = re.compile(r"([#b]?)([1-7])(M7|m7|M|m|sus2|sus4|7|9|6|5)?(?:/([1-7]))?")


@dataclass(frozen=True)
class Note:
    """A tone of a tune: when and how long, in beats from its beginning, and which MIDI note."""

    beat: float
    beats: float
    midi: int


@dataclass(frozen=True)
class Chord:
    """Pitches above the key's tonic, in semitones, root first, and the bass under them."""

    tones: tuple[int, ...]
    bass: int


class Key:
    """A tonic and a scale: `Key("A minor")`."""

    def __init__(self, name: str) -> None:
        letter, scale = name.split()
        self.tonic = 60 + _NAMES[letter[0]] + letter.count("#") - letter[1:].count("b")
        self.scale = SCALES[scale]

    def degree(self, number: int) -> int:
        """Semitones above the tonic of scale degree 1, 2, ... 8 is an octave up."""
        octave, step = divmod(number - 1, 7)
        return self.scale[step] + 12 * octave

    def chord(self, symbol: str) -> Chord:
        """Read "4", "6m7", "5sus4", "1/3", "b7M": thirds stacked in the scale unless the quality says otherwise."""
        match = _CHORD.fullmatch(symbol)
        assert match, f"unreadable chord {symbol!r}"
        sign, digit, quality, under = match.groups()
        root = self.degree(int(digit)) + {"#": 1, "b": -1, "": 0}[sign]
        number, shift = int(digit), root - self.degree(int(digit))
        third, fifth, seventh = (self.degree(number + step) + shift for step in (2, 4, 6))
        tones = {
            None: (root, third, fifth),
            "5": (root, fifth),
            "7": (root, third, fifth, seventh),
            "9": (root, third, fifth, seventh, root + 14),
            "6": (root, third, fifth, root + 9),
            "sus2": (root, root + 2, fifth),
            "sus4": (root, root + 5, fifth),
            "M": (root, root + 4, root + 7),
            "m": (root, root + 3, root + 7),
            "M7": (root, root + 4, root + 7, root + 10),
            "m7": (root, root + 3, root + 7, root + 10),
        }[quality]
        return Chord(tones, self.degree(int(under)) if under else root)

    def chords(self, line: str) -> list[Chord]:
        """Read a line of chords, one a bar: "1 6 4 5"."""
        return [self.chord(symbol) for symbol in line.split()]

    def near(self, tone: int, middle: int) -> int:
        """A tone of a chord in the octave nearest to `middle` (MIDI)."""
        return (tone + self.tonic - middle + 6) % 12 + middle - 6

    def voiced(self, chord: Chord, middle: int) -> list[int]:
        """Put each tone in the octave nearest to `middle` (MIDI), so that chords move as little as they can.

        Chords of five leave their root to the bass. Of neighbours a semitone apart the lower one goes up an octave.
        """
        tones = chord.tones[1:] if len(chord.tones) > 4 else chord.tones
        placed = sorted({self.near(tone, middle) for tone in tones})
        for _ in placed:
            rubbing = next((low for low, high in pairwise(placed) if high - low == 1), None)
            if rubbing is None:
                break
            placed[placed.index(rubbing)] += 12
            placed.sort()
        return placed

    def bass(self, chord: Chord, middle: int) -> int:
        """The bass tone in the octave nearest to `middle`."""
        return self.near(chord.bass, middle)

    def tune(self, text: str, *, beats_per_bar: float = 4.0, octave: int = 0) -> list[Note]:
        """Read a tune: bars between "|", equal steps in each, degrees 1-7, ' up, "," down, - held, . silent."""
        notes: list[Note] = []
        is_sounding = False
        for beat, step, written in _steps(text, beats_per_bar):
            if written == "-" and is_sounding:
                held = notes.pop()
                notes.append(Note(held.beat, held.beats + step, held.midi))
            elif written not in (".", "-"):
                match = _TOKEN.fullmatch(written)
                assert match, f"unreadable note {written!r} in {text!r}"
                sign, digit, marks = match.groups()
                octaves = marks.count("'") - marks.count(",") + octave
                midi = self.tonic + self.degree(int(digit)) + {"#": 1, "b": -1, "": 0}[sign] + 12 * octaves
                notes.append(Note(beat, step, midi))
                is_sounding = True
            elif written == ".":
                is_sounding = False
        return notes


def _steps(text: str, beats_per_bar: float) -> Iterator[tuple[float, float, str]]:
    for number, bar in enumerate(text.strip().strip("|").split("|")):
        tokens = bar.split()
        step = beats_per_bar / max(1, len(tokens))
        for index, token in enumerate(tokens):
            yield number * beats_per_bar + index * step, step, token


def hits(pattern: str, beats_per_bar: float = 4.0) -> list[tuple[float, float]]:
    """Read a drum pattern of one bar, "x..x" or with digits 1-9 for how hard: (beat, strength 0..1)."""
    cells = pattern.replace(" ", "")
    step = beats_per_bar / len(cells)
    strength = {"x": 0.85, "X": 1.0, "o": 0.55, **{str(n): n / 9 for n in range(1, 10)}}
    return [(index * step, strength[cell]) for index, cell in enumerate(cells) if cell in strength]
