"""What a band does with chords: bass lines, arpeggios, fingerpicking, strumming."""

from collections.abc import Sequence

from .instruments import Voice
from .mixing import Channel, Session
from .theory import Chord, Key, Note


def bass_line(
    session: Session,
    voice: Voice,
    key: Key,
    chords: Sequence[Chord],
    channel: Channel,
    *,
    bar: int,
    pattern: str,
    middle: int = 38,
    velocity: float = 0.85,
) -> None:
    """A bar of `pattern` for each chord: r root, f fifth, o octave, t third, n leads on, - held, . silent."""
    for index, chord in enumerate(chords):
        root = key.bass(chord, middle)
        following = key.bass(chords[(index + 1) % len(chords)], middle)
        tones = {
            "r": root,
            "o": root + 12,
            "f": key.near(chord.tones[-1] if len(chord.tones) < 3 else chord.tones[2], middle + 4),
            "t": key.near(chord.tones[1], middle + 2),
            "n": following - 1 if following > root else following + 2,
        }
        cells = pattern.replace(" ", "")
        step = session.beats_per_bar / len(cells)
        place = 0
        while place < len(cells):
            length = 1
            while place + length < len(cells) and cells[place + length] == "-":
                length += 1
            if cells[place] in tones:
                note = Note(place * step, length * step, tones[cells[place]])
                accent = 0.05 if place == 0 else 0.0
                session.play(voice, note, channel, bar=bar + index, velocity=velocity + accent)
            place += length


def arpeggio(
    session: Session,
    voice: Voice,
    key: Key,
    chords: Sequence[Chord],
    channel: Channel,
    *,
    bar: int,
    order: str = "0123",
    steps: int = 16,
    middle: int = 66,
    velocity: float = 0.6,
    beats: float = 0.0,
) -> None:
    """Run through each chord for a bar: `order` names its tones from below, then an octave higher; . is silent."""
    length = beats or session.beats_per_bar / steps
    for index, chord in enumerate(chords):
        tones = key.voiced(chord, middle)
        for step in range(steps):
            name = order[step % len(order)]
            if name == ".":
                continue
            octave, tone = divmod(int(name), len(tones))
            beat = step * session.beats_per_bar / steps
            accent = 0.12 if step % 4 == 0 else 0.0
            note = Note(beat, length, tones[tone] + 12 * octave)
            session.play(voice, note, channel, bar=bar + index, velocity=velocity + accent)


def picking(
    session: Session,
    voice: Voice,
    key: Key,
    chords: Sequence[Chord],
    channel: Channel,
    *,
    bar: int,
    pattern: str,
    middle: int = 60,
    low: int = 45,
    velocity: float = 0.6,
) -> None:
    """Fingerpicking: r and f are the thumb's root and fifth, 0-3 the fingers' tones from below, . is silent."""
    cells = pattern.replace(" ", "")
    step = session.beats_per_bar / len(cells)
    for index, chord in enumerate(chords):
        tones = key.voiced(chord, middle)
        root = key.bass(chord, low)
        for place, name in enumerate(cells):
            if name == ".":
                continue
            midi = {"r": root, "f": key.near(chord.tones[2], low + 5)}.get(name)
            force = velocity + 0.12 if midi else velocity
            if midi is None:
                octave, tone = divmod(int(name), len(tones))
                midi = tones[tone] + 12 * octave
            ring = step * (4 if name in "rf" else 3)
            session.play(voice, Note(place * step, ring, midi), channel, bar=bar + index, velocity=force)


def strum(
    session: Session,
    voice: Voice,
    key: Key,
    chords: Sequence[Chord],
    channel: Channel,
    *,
    bar: int,
    pattern: str,
    middle: int = 57,
    velocity: float = 0.6,
    beats: float = 0.5,
) -> None:
    """Strum: D down, U up (weaker, upper strings only), . silent; strings follow each other in a hand's time."""
    cells = pattern.replace(" ", "")
    step = session.beats_per_bar / len(cells)
    late = 0.011 / session.beat_seconds
    for index, chord in enumerate(chords):
        tones = key.voiced(chord, middle)
        tones = [*tones, tones[0] + 12, *(tone + 12 for tone in tones[1:2])]
        for place, stroke in enumerate(cells):
            if stroke not in "DU":
                continue
            strings = tones if stroke == "D" else tones[:1:-1]
            force = velocity + (0.1 if place == 0 else 0.0) - (0.12 if stroke == "U" else 0.0)
            for string, midi in enumerate(strings):
                note = Note(place * step + string * late, beats, midi)
                session.play(voice, note, channel, bar=bar + index, velocity=force)
