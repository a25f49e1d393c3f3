"""The drummers: each drum gives its one sound, always the same."""

import functools

import numpy as np

from .signals import RATE, Signal, band, declick, noise, samples, timeline


@functools.cache
def kick(hardness: float = 0.6) -> Signal:
    """A bass drum: a sine that falls, and a click."""
    t = timeline(samples(0.42))
    f = 50 + 160 * np.exp(-t / 0.024)
    body = np.sin(2 * np.pi * np.cumsum(f) / RATE) * np.exp(-t / 0.13)
    click = band(noise(len(t), 1), 1500, 6000) * np.exp(-t / 0.004) * hardness
    return declick((np.tanh(body * 1.5) * 0.8 + click).astype(np.float32))


@functools.cache
def snare(size: float = 0.17) -> Signal:
    """A snare drum."""
    t = timeline(samples(size * 2.2))
    rattle = band(noise(len(t), 2), 900, 9500) * np.exp(-t / size * 1.8)
    shell = np.sin(2 * np.pi * 185 * t) * np.exp(-t / 0.07) + 0.6 * np.sin(2 * np.pi * 332 * t) * np.exp(-t / 0.05)
    return declick((rattle * 0.9 + shell * 0.5).astype(np.float32))


@functools.cache
def clap() -> Signal:
    """Hands: three bursts and a tail."""
    t = timeline(samples(0.32))
    bursts = sum(np.where(t >= at, np.exp(-(t - at) / 0.009), 0) for at in (0.0, 0.011, 0.023))
    tail = np.where(t >= 0.023, np.exp(-(t - 0.023) / 0.08), 0) * 0.5
    return declick((band(noise(len(t), 3), 700, 5000) * (bursts + tail) * 0.8).astype(np.float32))


@functools.cache
def hat(seconds: float = 0.05) -> Signal:
    """A hi-hat; longer is more open."""
    t = timeline(samples(seconds * 5))
    return declick((band(noise(len(t), 4), 7000, 16_000, 3.0) * np.exp(-t / seconds) * 0.7).astype(np.float32))


@functools.cache
def shaker() -> Signal:
    """A shaker: swells a little before it stops."""
    t = timeline(samples(0.12))
    return declick((band(noise(len(t), 5), 4500, 12_000) * np.sin(np.pi * t / 0.12) ** 2 * 0.6).astype(np.float32))


@functools.cache
def brush() -> Signal:
    """A brush on a snare drum."""
    t = timeline(samples(0.22))
    return declick((band(noise(len(t), 6), 1200, 8000) * (t / 0.02).clip(0, 1) * np.exp(-t / 0.07)).astype(np.float32))


@functools.cache
def rim() -> Signal:
    """A stick on the rim."""
    t = timeline(samples(0.06))
    sound = np.sin(2 * np.pi * 1720 * t) + 0.6 * np.sin(2 * np.pi * 2410 * t)
    return declick((sound * np.exp(-t / 0.012) * 0.5).astype(np.float32))


@functools.cache
def tom(pitch: float = 110.0) -> Signal:
    """A tom-tom; pitch in Hz."""
    t = timeline(samples(0.45))
    f = pitch * (1 + 0.6 * np.exp(-t / 0.04))
    skin = band(noise(len(t), 8), 300, 4000) * np.exp(-t / 0.03) * 0.3
    return declick((np.sin(2 * np.pi * np.cumsum(f) / RATE) * np.exp(-t / 0.16) + skin).astype(np.float32))


@functools.cache
def bass_drum() -> Signal:
    """A marching band's bass drum."""
    t = timeline(samples(0.9))
    f = 52 + 40 * np.exp(-t / 0.05)
    skin = band(noise(len(t), 9), 80, 900) * np.exp(-t / 0.05) * 0.5
    return declick((np.sin(2 * np.pi * np.cumsum(f) / RATE) * np.exp(-t / 0.28) + skin).astype(np.float32))


@functools.cache
def cymbal(seconds: float = 1.3) -> Signal:
    """A crash cymbal."""
    t = timeline(samples(seconds * 2))
    wash = band(noise(len(t), 10), 3500, 15_000) * np.exp(-t / seconds * 2.2)
    ring = sum(np.sin(2 * np.pi * f * t + f) for f in (2637.0, 3893.0, 5417.0, 6871.0)) * np.exp(-t / 0.3) * 0.06
    return declick((wash * 0.6 + ring).astype(np.float32), 2000)


@functools.cache
def riser(seconds: float) -> Signal:
    """Noise that swells before a new part."""
    t = timeline(samples(seconds))
    rise = (t / seconds) ** 3
    return declick((band(noise(len(t), 11), 1500, 9000) * rise * 0.5).astype(np.float32), 600)


@functools.cache
def chip_noise(seconds: float, hold: int) -> Signal:
    """The console's noise: random steps, each held for `hold` samples."""
    count = samples(seconds * 3)
    steps = np.sign(noise(count // hold + 1, hold))
    sound = np.repeat(steps, hold)[:count] * np.exp(-timeline(count) / seconds)
    return declick((sound * 0.4).astype(np.float32))
