"""A mixing desk: players on channels with place, room and echo; a master that is loud enough and never clips."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .instruments import Voice, forget
from .signals import RATE, Signal, chorus, limit, reverberate, samples
from .theory import Chord, Key, Note, hits

Stereo = NDArray[np.int16]

CEILING = 0.80  # -1.9 dBFS between samples and lossy encoders there is still a little more


@dataclass(frozen=True)
class Channel:
    """How one player is heard: gain, place -1..1, how much of it goes to the room and to the echo, 0..1."""

    gain: float = 1.0
    pan: float = 0.0
    room: float = 0.15
    echo: float = 0.0
    is_pumping: bool = False  # ducks under the bass drum
    loose: float = 0.0  # seconds of human inexactness


@dataclass(frozen=True)
class Room:
    """The hall and the echo that a song is mixed into."""

    seconds: float = 1.8
    damping: float = 0.4
    level: float = 0.9
    echo_beats: float = 0.75
    echo_feedback: float = 0.45


class Session:
    """One song being played and mixed: bars and beats in, a stereo signal out."""

    def __init__(
        self,
        bpm: float,
        bars: int,
        *,
        beats_per_bar: float = 4.0,
        swing: float = 0.0,
        seed: int = 1,
        room: Room | None = None,
        tail: float = 3.0,
    ) -> None:
        self.beat_seconds = 60.0 / bpm
        self.beats_per_bar = beats_per_bar
        self.swing = swing
        self.room = room or Room()
        self._random = np.random.default_rng(seed)
        self._count = samples(bars * beats_per_bar * self.beat_seconds + tail)
        self._tail = tail
        self._dry, self._pumped = self._pair(), self._pair()
        self._send = np.zeros(self._count, dtype=np.float32)
        self._echo = np.zeros(self._count, dtype=np.float32)
        self._kicks: list[float] = []

    def at(self, bar: float, beat: float = 0.0) -> float:
        """Seconds from the beginning; off-beat eighths come late by `swing` of a half beat."""
        beats = bar * self.beats_per_bar + beat
        off = beats * 2 % 2
        late = self.swing * 0.5 * (1 - abs(off - 1)) if 0 < off < 2 else 0.0
        return (beats + late) * self.beat_seconds

    def add(self, sound: Signal, seconds: float, channel: Channel, velocity: float = 1.0) -> None:
        """Put a sound into the mix."""
        jitter = float(self._random.normal(0, channel.loose)) if channel.loose else 0.0
        start = max(0, samples(seconds + jitter))
        part = sound[: max(0, self._count - start)]
        if not len(part):
            return
        part = part * np.float32(channel.gain * velocity)
        angle = (channel.pan + 1) * np.pi / 4
        bus, here = self._pumped if channel.is_pumping else self._dry, slice(start, start + len(part))
        bus[0][here] += part * np.float32(np.cos(angle) * 1.2)
        bus[1][here] += part * np.float32(np.sin(angle) * 1.2)
        if channel.room:
            self._send[here] += part * np.float32(channel.room)
        if channel.echo:
            self._echo[here] += part * np.float32(channel.echo)

    def play(self, voice: Voice, note: Note, channel: Channel, *, bar: float = 0, velocity: float = 0.8) -> None:
        """Play one note; its beat counts from `bar`."""
        start, end = self.at(bar, note.beat), self.at(bar, note.beat + note.beats)
        shade = float(self._random.normal(0, 0.05)) if channel.loose else 0.0
        velocity = min(1.0, max(0.15, velocity + shade))
        self.add(voice(note.midi, max(0.05, (end - start) * 0.96), velocity), start, channel)

    def tune(self, voice: Voice, notes: Iterable[Note], channel: Channel, *, bar: float, velocity: float = 0.8) -> None:
        """Play a tune from `bar` on; notes on the beat are a little stronger."""
        for note in notes:
            accent = 0.06 if note.beat % self.beats_per_bar == 0 else 0.0 if note.beat % 1 == 0 else -0.05
            self.play(voice, note, channel, bar=bar, velocity=velocity + accent)

    def chords(
        self,
        voice: Voice,
        key: Key,
        chords: Sequence[Chord],
        channel: Channel,
        *,
        bar: float,
        middle: int = 62,
        velocity: float = 0.7,
        pattern: str = "",
        bars_each: float = 1.0,
        beats: float = 0.0,
        spread: float = 0.0,
    ) -> None:
        """Play chords in turn: held, or in a rhythm with `pattern`; `spread` pans the tones apart."""
        for index, chord in enumerate(chords):
            tones = key.voiced(chord, middle)
            start = bar + index * bars_each
            beat_list = hits(pattern, self.beats_per_bar) if pattern else [(0.0, 1.0)]
            for beat, strength in beat_list:
                length = beats or (self.beats_per_bar * bars_each if not pattern else 0.5)
                for place, tone in enumerate(tones):
                    side = spread * (2 * place / max(1, len(tones) - 1) - 1)
                    one = Channel(
                        channel.gain / len(tones) ** 0.5,
                        max(-1.0, min(1.0, channel.pan + side)),
                        channel.room,
                        channel.echo,
                        channel.is_pumping,
                        channel.loose,
                    )
                    self.play(voice, Note(beat, length, tone), one, bar=start, velocity=velocity * strength)

    def drum(
        self, drum: Callable[[], Signal], pattern: str, bars: Iterable[int], channel: Channel, *, is_kick: bool = False
    ) -> None:
        """Repeat a drum pattern in the given bars; a kick makes pumping channels duck."""
        sound = drum()
        for bar in bars:
            for beat, strength in hits(pattern, self.beats_per_bar):
                seconds = self.at(bar, beat)
                self.add(sound, seconds, channel, strength)
                if is_kick:
                    self._kicks.append(seconds)

    def master(self, *, loudness: float, drive: float = 0.0, fade_in: float = 0.0) -> Stereo:
        """Mix down to 16-bit stereo. `loudness` is the target of the louder half in dBFS RMS, `drive` warms."""
        left, right = (dry + pumped for dry, pumped in zip(self._dry, self._ducked(), strict=True))
        self._add_echo(left, right)
        wet = reverberate(self._send, seconds=self.room.seconds, damping=self.room.damping)
        left += wet[0] * np.float32(self.room.level)
        right += wet[1] * np.float32(self.room.level)
        gain = np.float32(10 ** (loudness / 20) / _rms_of_loud_parts(left, right))
        left, right = left * gain, right * gain
        if drive:
            left, right = (np.tanh(side * (1 + drive)) / np.float32(1 + 0.6 * drive) for side in (left, right))
        left, right = limit(left, right, CEILING)
        left, right = _without_silent_end(left, right)
        self._fade(left, right, fade_in)
        forget()
        stereo = np.stack([left, right], axis=1) * np.float32(32767)
        return np.round(stereo).astype(np.int16)

    def _ducked(self) -> tuple[Signal, Signal]:
        """Pumping channels step back at each kick and return within a beat: the breath of dance music."""
        left, right = self._pumped
        if self._kicks:
            times = [*sorted(self._kicks), self._count / RATE]
            curve = np.ones(self._count, dtype=np.float32)
            for start, end in pairwise(times):
                first, last = samples(start), min(samples(min(end, start + 0.5)), self._count)
                t = np.arange(max(0, last - first), dtype=np.float32) / RATE
                curve[first:last] = 1 - 0.62 * np.exp(-t / 0.11)
            left, right = left * curve, right * curve
        wide = chorus(left, seconds=0.013, depth=0.003, rate=0.6, phase=0.0)
        deep = chorus(right, seconds=0.016, depth=0.003, rate=0.53, phase=2.0)
        return left * np.float32(0.75) + wide * np.float32(0.45), right * np.float32(0.75) + deep * np.float32(0.45)

    def _add_echo(self, left: Signal, right: Signal) -> None:
        step = samples(self.room.echo_beats * self.beat_seconds)
        level, sides = 0.7, (left, right)
        for repeat in range(1, 6):
            start = repeat * step
            if start >= self._count:
                break
            sides[repeat % 2][start:] += self._echo[: self._count - start] * np.float32(level)
            sides[1 - repeat % 2][start:] += self._echo[: self._count - start] * np.float32(level * 0.35)
            level *= self.room.echo_feedback
        self._send[step:] += self._echo[: self._count - step] * np.float32(0.25)

    def _fade(self, left: Signal, right: Signal, fade_in: float) -> None:
        out = np.linspace(1, 0, samples(min(self._tail, 1.8)), dtype=np.float32) ** 1.5
        for side in (left, right):
            side[len(side) - len(out) :] *= out
            if fade_in:
                count = samples(fade_in)
                side[:count] *= np.linspace(0, 1, count, dtype=np.float32) ** 1.5

    def _pair(self) -> tuple[Signal, Signal]:
        return np.zeros(self._count, dtype=np.float32), np.zeros(self._count, dtype=np.float32)


def _without_silent_end(left: Signal, right: Signal) -> tuple[Signal, Signal]:
    """Cut what nobody hears any more after the last chord has died away."""
    block = RATE // 10
    count = len(left) // block
    power = (left[: count * block] ** 2 + right[: count * block] ** 2).reshape(count, block).mean(axis=1)
    audible = np.flatnonzero(power > 10 ** (-56 / 10))
    end = min(len(left), (int(audible[-1]) + 2) * block) if len(audible) else len(left)
    return left[:end], right[:end]


def _rms_of_loud_parts(left: Signal, right: Signal) -> float:
    """The level of the louder half of a song; its quiet beginning and end do not count."""
    block = RATE // 2
    count = len(left) // block
    power = (left[: count * block] ** 2 + right[: count * block] ** 2).reshape(count, block).mean(axis=1) / 2
    loud = np.sort(power)[count // 2 :]
    return float(np.sqrt(loud.mean()) + 1e-9)
