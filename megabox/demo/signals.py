"""Sound as arrays: tables, noise, echoes, rooms and the limiter. Mono signals are float32 at 44.1 kHz."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]

RATE = 44_100
TABLE = 2048
FRAMES = 6  # steps of brightness in a table


def hertz(midi: float) -> float:
    """The frequency of a MIDI note number; 69 is 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def samples(seconds: float) -> int:
    """How many samples last this long."""
    return round(seconds * RATE)


def timeline(count: int) -> Signal:
    """The time of each sample, in seconds."""
    return (np.arange(count) / RATE).astype(np.float32)


def noise(count: int, seed: int) -> Signal:
    """White noise, the same for the same seed."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, count).astype(np.float32)


def fast_length(count: int) -> int:
    """The next length that is quick to transform (2, 3 and 5 its only factors)."""
    best = 1 << (count - 1).bit_length()
    for threes in (1, 3, 9):
        for fives in (1, 5, 25):
            power = threes * fives
            while power < count:
                power *= 2
            best = min(best, power)
    return best


Shape = Callable[[NDArray[np.float64], NDArray[np.float64], float], NDArray[np.float64]]
"""A timbre: the strength of harmonics `k` at frequencies `f` (Hz) for a brightness 0..1."""


@functools.lru_cache(maxsize=512)
def table(shape: Shape, midi: float) -> Signal:
    """One cycle at FRAMES steps of brightness, with no harmonic above what 44.1 kHz can hold; flattened."""
    frequency = hertz(midi)
    k = np.arange(1, min(TABLE // 2 - 1, int(0.42 * RATE / frequency)) + 1, dtype=np.float64)
    rows = []
    for step in range(FRAMES):
        spectrum = np.zeros(TABLE // 2 + 1, dtype=np.complex128)
        spectrum[1 : len(k) + 1] = -1j * shape(k, k * frequency, step / (FRAMES - 1))
        row = np.fft.irfft(spectrum)
        row /= np.sqrt(np.mean(row**2)) * 3.0 + 1e-9  # equally loud at every brightness
        rows.append(np.append(row, row[0]))
    return np.concatenate(rows).astype(np.float32)


def oscillate(
    shape: Shape,
    midi: float,
    count: int,
    *,
    bright: float | Signal = 0.5,
    bend: Signal | None = None,
    detune: float = 0.0,
    phase: float = 0.0,
) -> Signal:
    """Play a timbre. `bright` is 0..1 or a curve, `bend` a curve in semitones, `detune` in cents."""
    cells = table(shape, midi)
    frequency = hertz(midi + detune / 100.0)
    if bend is None:
        turns = phase + np.arange(count) * (frequency / RATE)
    else:
        turns = phase + np.cumsum(frequency / RATE * np.exp2(bend / 12.0, dtype=np.float64))
    turns -= np.floor(turns)
    turns *= TABLE
    at = turns.astype(np.int32)
    between = (turns - at).astype(np.float32)
    if isinstance(bright, float):
        return _lookup(cells, at + round(bright * (FRAMES - 1)) * (TABLE + 1), between)
    level = np.clip(bright, 0.0, 1.0) * np.float32(FRAMES - 1.001)
    row = level.astype(np.int32)
    at += row * (TABLE + 1)
    low = _lookup(cells, at, between)
    return low + (_lookup(cells, at + (TABLE + 1), between) - low) * (level - row)


def _lookup(cells: Signal, at: NDArray[np.int32], between: Signal) -> Signal:
    here = cells[at]
    return here + (cells[at + 1] - here) * between


def envelope(count: int, attack: float, decay: float, sustain: float, release: float, *, hold: float) -> Signal:
    """A classic ADSR: the key is held for `hold` seconds, then the sound dies away; times in seconds."""
    attack, hold = max(attack, 0.002), max(hold, attack, 0.002)
    t = timeline(count)
    rising = t / np.float32(attack)
    falling = sustain + (1.0 - sustain) * np.exp(-(t - attack) / max(decay, 0.001) * 3.0)
    level = np.where(t < attack, rising, falling)
    at_release = min(max(0, samples(hold)), count - 1)
    fade = np.exp(-np.maximum(t - hold, 0.0) / max(release, 0.002) * 5.0)
    last = np.float32(level[at_release])
    shape = np.where(t < hold, level, last * fade)
    return declick(shape.astype(np.float32))


def declick(signal: Signal, count: int = 200) -> Signal:
    """Let the last samples reach zero, in place."""
    count = min(count, len(signal))
    signal[len(signal) - count :] *= np.linspace(1.0, 0.0, count, dtype=np.float32)
    return signal


def vibrato(count: int, *, rate: float, cents: float, delay: float, scoop: float = 0.0) -> Signal:
    """A pitch curve in semitones: vibrato that sets in after `delay`, and a scoop up to the note from below."""
    t = timeline(count)
    depth = np.clip((t - delay) / 0.4, 0.0, 1.0) * (cents / 100.0)
    curve = depth * np.sin(2 * np.pi * rate * t) - scoop * np.exp(-t / 0.035)
    bent: Signal = curve.astype(np.float32)
    return bent


def band(signal: Signal, low: float, high: float, slope: float = 2.0) -> Signal:
    """Keep what lies between two frequencies (Hz), with soft edges, for short signals."""
    size = fast_length(len(signal))
    f = np.fft.rfftfreq(size, 1 / RATE) + 1e-3
    gain = 1 / np.sqrt(1 + (low / f) ** (2 * slope)) / np.sqrt(1 + (f / high) ** (2 * slope))
    kept: Signal = np.fft.irfft(np.fft.rfft(signal, size) * gain, size)[: len(signal)].astype(np.float32)
    return kept


def pluck(midi: float, seconds: float, *, bright: float, decay: float, position: float, seed: int) -> Signal:
    """A Karplus-Strong string, solved in the frequency domain, where a delay of any fraction of a sample is exact.

    The string is a loop: delay of one period, a loss, a soft low-pass of zero phase. A whole-sample delay would leave
    high notes up to 14 cents flat. Computed on a circle outside the unit circle, so that what rings longer than the
    window does not wrap round into its beginning.
    """
    count = samples(seconds)
    size = fast_length(count + samples(0.3))
    period = RATE / hertz(midi)
    burst = max(8, int(period))
    excite = np.zeros(size, dtype=np.float64)
    excite[:burst] = noise(burst, seed)
    excite[:burst] -= excite[:burst].mean()
    radius = np.log(1e4) / size
    excite *= np.exp(-radius * np.arange(size))
    w = 2 * np.pi * np.fft.rfftfreq(size)
    back = np.exp(-(radius + 1j * w) * period)
    loss = 10 ** (-3.0 * period / RATE / decay)
    damping = (0.5 + 0.5 * np.cos(w)) ** (0.12 + 1.6 * (1.0 - bright) ** 2)
    tone = 1.0 / (1.0 + (w / (0.06 + 0.9 * bright**1.5)) ** 2)
    place = 1.0 - np.exp(-(radius + 1j * w) * period * position)
    heard = np.fft.rfft(excite) * tone * place / (1.0 - loss * damping * back)
    string = np.fft.irfft(heard, size)[:count] * np.exp(radius * np.arange(count))
    string /= np.abs(string[: samples(0.05) + burst]).max() + 1e-9
    return declick(string.astype(np.float32), samples(0.05))


@functools.lru_cache(maxsize=8)
def _room(seconds: float, damping: float, size: int, seed: int) -> tuple[NDArray[np.complex64], ...]:
    """The transform of two decorrelated room responses at half our rate: noise whose highs die first."""
    rate = RATE // 2
    count = int(seconds * 1.15 * rate)
    t = np.arange(count) / rate
    sides: list[NDArray[np.complex64]] = []
    for side in range(2):
        rng = np.random.default_rng(seed + side)
        response = np.zeros(count)
        for low, high, length in ((0, 900, 1.0), (900, 3500, 0.75), (3500, 9000, 0.75 * (1 - damping))):
            spectrum = np.fft.rfft(rng.standard_normal(count))
            f = np.fft.rfftfreq(count, 1 / rate)
            spectrum *= (f >= max(low, 120)) & (f < high)
            response += np.fft.irfft(spectrum, count) * 10 ** (-3.0 * t / (seconds * max(length, 0.1)))
        response *= np.clip(t / 0.012, 0, 1) ** 2  # early sound belongs to the dry signal
        response /= np.sqrt(np.sum(response**2))
        sides.append(np.fft.rfft(response.astype(np.float32), size).astype(np.complex64))
    return tuple(sides)


def reverberate(send: Signal, *, seconds: float, damping: float, seed: int = 7) -> tuple[Signal, Signal]:
    """Put a mono signal into a stereo room. At half rate: a room has no highs, and it takes half as long."""
    half = (send[0 : len(send) // 2 * 2 : 2] + send[1::2][: len(send) // 2]) * np.float32(0.5)
    size = fast_length(len(half) + int(seconds * 1.2 * RATE / 2))
    spectrum = np.fft.rfft(half, size)
    left, right = (
        _double(np.fft.irfft(spectrum * room, size)[: len(half)].astype(np.float32), len(send))
        for room in _room(seconds, damping, size, seed)
    )
    return left, right


def _double(signal: Signal, count: int) -> Signal:
    out = np.zeros(count, dtype=np.float32)
    pairs = min(len(signal), count // 2)
    out[0 : 2 * pairs : 2] = signal[:pairs]
    out[1 : 2 * pairs - 1 : 2] = (signal[: pairs - 1] + signal[1:pairs]) * np.float32(0.5)
    return out


def chorus(signal: Signal, *, seconds: float, depth: float, rate: float, phase: float) -> Signal:
    """The signal through a delay that slowly breathes; times in seconds."""
    n = np.arange(len(signal), dtype=np.int32)
    swing = np.sin(n.astype(np.float32) * np.float32(2 * np.pi * rate / RATE) + np.float32(phase))
    delay = np.float32(seconds * RATE) + np.float32(depth * RATE) * swing
    whole = delay.astype(np.int32)
    here = signal[np.maximum(n - whole, 0)]
    before = signal[np.maximum(n - whole - 1, 0)]
    delayed: Signal = here + (before - here) * (delay - whole)
    return delayed


def limit(left: Signal, right: Signal, ceiling: float) -> tuple[Signal, Signal]:
    """Look ahead and turn down before a peak comes, so that nothing is clipped or distorted."""
    block = 64
    count = -(-len(left) // block)
    padded = np.zeros((2, count * block), dtype=np.float32)
    padded[0, : len(left)], padded[1, : len(right)] = left, right
    peak = np.abs(padded).reshape(2, count, block).max(axis=(0, 2))
    wide = 12  # blocks, 17 ms to each side
    around = np.pad(peak, wide, mode="edge")
    loudest = np.lib.stride_tricks.sliding_window_view(around, 2 * wide + 1).max(axis=1)
    need = np.minimum(1.0, ceiling / np.maximum(loudest, 1e-6))
    slow = np.convolve(np.pad(need, wide, mode="edge"), np.ones(2 * wide + 1) / (2 * wide + 1), mode="valid")
    gain = np.minimum(slow, ceiling / np.maximum(peak, 1e-6))
    curve = np.interp(np.arange(len(left)) / block - 0.5, np.arange(count), gain).astype(np.float32)
    return np.clip(left * curve, -ceiling, ceiling), np.clip(right * curve, -ceiling, ceiling)
