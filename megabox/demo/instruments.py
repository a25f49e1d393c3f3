"""The players: each takes a note and gives its sound. Same note, same sound, so that repeats cost nothing."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .signals import (
    Shape,
    Signal,
    band,
    declick,
    envelope,
    hertz,
    noise,
    oscillate,
    pluck,
    samples,
    timeline,
    vibrato,
)

Voice = Callable[[int, float, float], Signal]
"""A player of notes: (MIDI note, seconds held, velocity 0..1) -> mono signal, its ringing included."""

Curve = NDArray[np.float64]


def _bump(f: Curve, centre: float, width: float) -> Curve:
    hill: Curve = np.exp(-(((f - centre) / width) ** 2))
    return hill


def saw(k: Curve, f: Curve, bright: float) -> Curve:
    """A saw through a low-pass whose corner rises with brightness."""
    corner = 260.0 * 60.0**bright
    strength: Curve = 1 / k / np.sqrt(1 + (f / corner) ** 4)
    return strength


def square(k: Curve, f: Curve, bright: float) -> Curve:
    """Odd harmonics only, softened."""
    heard: Curve = np.where(k % 2 == 1, 1 / k, 0.0) / np.sqrt(1 + (f / (300.0 * 40.0**bright)) ** 4)
    return heard


def brass(k: Curve, f: Curve, bright: float) -> Curve:
    """Blown metal: the louder, the more harmonics, with the resonance of a bell around 900 Hz."""
    slope = 1.25 - 0.95 * bright
    return np.exp(-slope * (k - 1) * 0.55) * (0.55 + _bump(f, 750, 600) + 0.35 * bright * _bump(f, 1900, 900))


def horn(k: Curve, f: Curve, bright: float) -> Curve:
    """A French horn: round, dark, its strength below 700 Hz."""
    return np.exp(-(1.5 - 0.9 * bright) * (k - 1) * 0.6) * (0.5 + _bump(f, 420, 320) + 0.25 * _bump(f, 1150, 500))


def reed(k: Curve, f: Curve, bright: float) -> Curve:
    """A harmonium's free reeds."""
    return (0.6 + 0.4 * (k % 2)) / k ** (1.5 - 0.6 * bright) * (0.6 + _bump(f, 1300, 700))


def whistle_shape(k: Curve, f: Curve, bright: float) -> Curve:
    """Almost a sine; a tin whistle."""
    return np.where(k == 1, 1.0, np.where(k == 2, 0.08 + 0.28 * bright, 0.05 / k))


def choir_shape(k: Curve, f: Curve, bright: float) -> Curve:
    """Voices singing between "oo" and "ah": two resonances that do not move with the note."""
    first, second = 350 + 400 * bright, 800 + 400 * bright
    return (0.08 + _bump(f, first, 140) + 0.6 * _bump(f, second, 180) + 0.12 * _bump(f, 2700, 400)) / k**0.6


def pulse(duty: float) -> Shape:
    """The hard-edged wave of an old console: its tone is how long it stays up."""

    def shape(k: Curve, f: Curve, bright: float) -> Curve:
        return np.sin(np.pi * k * duty) / k * np.exp(-((f / 14_000.0) ** 4))

    return shape


PULSE_HALF, PULSE_QUARTER, PULSE_EIGHTH = pulse(0.5), pulse(0.25), pulse(0.125)


def triangle(k: Curve, f: Curve, bright: float) -> Curve:
    """The console's bass wave."""
    return np.where(k % 2 == 1, np.cos(np.pi * (k - 1) / 2) / k**2, 0.0)


def _remembered(voice: Voice) -> Voice:
    """Keep the sounds of a player: songs repeat themselves."""
    cached = functools.lru_cache(maxsize=400)(voice)

    @functools.wraps(voice)
    def play(midi: int, seconds: float, velocity: float) -> Signal:
        return cached(midi, round(seconds, 2), round(velocity * 12) / 12)

    play.cache_clear = cached.cache_clear  # type: ignore[attr-defined]  # functions may carry attributes
    VOICES.append(play)
    return play


VOICES: list[Voice] = []


def forget() -> None:
    """Free the memory of all players, between songs."""
    for voice in VOICES:
        voice.cache_clear()  # type: ignore[attr-defined]  # set above


# Synthesisers


@_remembered
def pad(midi: int, seconds: float, velocity: float) -> Signal:
    """Slow wide strings of two detuned saws."""
    count = samples(seconds + 1.2)
    level = envelope(count, 0.45, 1.5, 0.85, 1.2, hold=seconds)
    sound = oscillate(saw, midi, count, bright=0.42, detune=-7)
    sound += oscillate(saw, midi, count, bright=0.42, detune=7, phase=0.37)
    return sound * level * np.float32(velocity * 0.6)


@_remembered
def sweep(midi: int, seconds: float, velocity: float) -> Signal:
    """A pad whose filter opens while it sounds."""
    count = samples(seconds + 1.0)
    t = timeline(count)
    bright = (0.15 + 0.55 * np.clip(t / max(seconds, 0.1), 0, 1) ** 1.5).astype(np.float32)
    sound = oscillate(saw, midi, count, bright=bright, detune=-8)
    sound += oscillate(saw, midi, count, bright=bright, detune=8, phase=0.5)
    return sound * envelope(count, 0.3, 1.0, 0.9, 1.0, hold=seconds) * np.float32(velocity * 0.6)


@_remembered
def stab(midi: int, seconds: float, velocity: float) -> Signal:
    """A short bright chord tone whose filter snaps shut."""
    count = samples(seconds + 0.5)
    t = timeline(count)
    bright = (0.25 + 0.55 * velocity * np.exp(-t / 0.12)).astype(np.float32)
    sound = oscillate(saw, midi, count, bright=bright, detune=-5)
    sound += oscillate(saw, midi, count, bright=bright, detune=6, phase=0.2)
    return sound * envelope(count, 0.004, 0.5, 0.35, 0.3, hold=seconds) * np.float32(velocity * 0.6)


@_remembered
def arp(midi: int, seconds: float, velocity: float) -> Signal:
    """A small plucked synth note for fast figures."""
    count = samples(seconds + 0.35)
    t = timeline(count)
    bright = (0.18 + 0.5 * velocity * np.exp(-t / 0.09)).astype(np.float32)
    sound = oscillate(saw, midi, count, bright=bright)
    sound += oscillate(square, midi, count, bright=bright, detune=4) * np.float32(0.6)
    return sound * envelope(count, 0.003, 0.35, 0.15, 0.25, hold=seconds) * np.float32(velocity * 0.75)


@_remembered
def lead(midi: int, seconds: float, velocity: float) -> Signal:
    """The singing lead: two saws and a square, with late vibrato."""
    count = samples(seconds + 0.35)
    bend = vibrato(count, rate=5.4, cents=18, delay=0.25, scoop=0.35)
    bright = (0.45 + 0.2 * velocity * np.exp(-timeline(count) / 0.3)).astype(np.float32)
    sound = oscillate(saw, midi, count, bright=bright, bend=bend, detune=-5)
    sound += oscillate(saw, midi, count, bright=bright, bend=bend, detune=6, phase=0.3)
    sound += oscillate(square, midi, count, bright=0.4, bend=bend) * np.float32(0.7)
    return sound * envelope(count, 0.012, 0.4, 0.75, 0.3, hold=seconds) * np.float32(velocity * 0.5)


@_remembered
def synth_bass(midi: int, seconds: float, velocity: float) -> Signal:
    """A bass whose filter barks at each note, over a sine that carries the weight."""
    count = samples(seconds + 0.12)
    t = timeline(count)
    bright = (0.12 + 0.42 * velocity * np.exp(-t / 0.1)).astype(np.float32)
    sound = oscillate(saw, midi, count, bright=bright) * np.float32(0.8)
    sound += (np.sin(2 * np.pi * hertz(midi) * t) * 0.55).astype(np.float32)
    return sound * envelope(count, 0.004, 0.5, 0.6, 0.09, hold=seconds) * np.float32(velocity)


@_remembered
def deep_bass(midi: int, seconds: float, velocity: float) -> Signal:
    """A round bass, nearly a sine."""
    count = samples(seconds + 0.15)
    t = timeline(count)
    wave = np.sin(2 * np.pi * hertz(midi) * t)
    sound = np.tanh(wave * 1.6) * 0.6 + oscillate(saw, midi, count, bright=0.1) * 0.35
    heard: Signal = (sound * envelope(count, 0.006, 0.6, 0.7, 0.12, hold=seconds) * velocity).astype(np.float32)
    return heard


@_remembered
def bell(midi: int, seconds: float, velocity: float) -> Signal:
    """A frequency-modulated bell."""
    count = samples(seconds + 1.6)
    t = timeline(count)
    w = 2 * np.pi * hertz(midi)
    index = 2.2 * velocity * np.exp(-t / 0.35)
    sound = np.sin(w * t + index * np.sin(w * 3.5 * t)) * np.exp(-t / 0.7)
    sound += 0.4 * np.sin(2.0 * w * t + 0.8 * np.sin(w * 7.0 * t)) * np.exp(-t / 0.25)
    return declick((sound * velocity * 0.4 * np.minimum(t / 0.003, 1)).astype(np.float32), 2000)


@_remembered
def epiano(midi: int, seconds: float, velocity: float) -> Signal:
    """An electric piano: a soft tine, brighter when struck harder."""
    count = samples(seconds + 0.5)
    t = timeline(count)
    w = 2 * np.pi * hertz(midi)
    tine = np.sin(w * t + (0.25 + 0.9 * velocity) * np.exp(-t / 0.5) * np.sin(w * t))
    tine += 0.14 * velocity * np.sin(w * t + 1.2 * np.exp(-t / 0.06) * np.sin(w * 14.0 * t)) * np.exp(-t / 0.4)
    fall = np.exp(-t / (0.5 + 1.6 * 2 ** ((60 - midi) / 18)))
    heard: Signal = (tine * fall * envelope(count, 0.003, 9.0, 1.0, 0.3, hold=seconds) * velocity * 0.5).astype(
        np.float32
    )
    return heard


# Strings and winds


@_remembered
def guitar(midi: int, seconds: float, velocity: float) -> Signal:
    """A steel-string guitar picked by finger."""
    ring = min(3.2, seconds + 1.4)
    string = pluck(midi, ring, bright=0.45 + 0.35 * velocity, decay=2.9, position=0.17, seed=midi)
    body = band(string, 90, 260, 1.0) * np.float32(0.5)
    return (string + body) * np.float32(velocity * 0.5)


@_remembered
def mandolin(midi: int, seconds: float, velocity: float) -> Signal:
    """A mandolin: two strings a few cents apart, plucked near the bridge."""
    ring = min(1.5, seconds + 0.7)
    first = pluck(midi + 0.04, ring, bright=0.85, decay=1.1, position=0.09, seed=midi)
    second = pluck(midi - 0.04, ring, bright=0.8, decay=1.0, position=0.11, seed=midi + 500)
    return (first + second) * np.float32(velocity * 0.3)


@_remembered
def upright(midi: int, seconds: float, velocity: float) -> Signal:
    """An upright bass, plucked."""
    count = samples(seconds + 0.25)
    string = pluck(midi, seconds + 0.25, bright=0.22, decay=2.2, position=0.3, seed=midi)
    t = timeline(count)
    sound = string * 0.9 + np.sin(2 * np.pi * hertz(midi) * t) * np.exp(-t / 0.5) * 0.5
    heard: Signal = (sound * envelope(count, 0.004, 4.0, 0.9, 0.15, hold=seconds) * velocity).astype(np.float32)
    return heard


@_remembered
def harp(midi: int, seconds: float, velocity: float) -> Signal:
    """A harp; rings on."""
    return pluck(midi, min(3.5, seconds + 2.2), bright=0.35, decay=4.0, position=0.45, seed=midi) * np.float32(
        velocity * 0.5
    )


@_remembered
def whistle(midi: int, seconds: float, velocity: float) -> Signal:
    """A tin whistle with breath, a scoop into the note and vibrato on long ones."""
    count = samples(seconds + 0.12)
    bend = vibrato(count, rate=5.0, cents=16, delay=0.22, scoop=0.6)
    sound = oscillate(whistle_shape, midi, count, bright=velocity * 0.7, bend=bend) * np.float32(2.2)
    air = band(noise(count, midi), hertz(midi) * 0.9, hertz(midi) * 2.4, 1.5) * np.float32(0.1)
    return (sound + air) * envelope(count, 0.035, 0.5, 0.85, 0.1, hold=seconds) * np.float32(velocity * 0.4)


@_remembered
def harmonium(midi: int, seconds: float, velocity: float) -> Signal:
    """A harmonium, two reeds a little apart."""
    count = samples(seconds + 0.3)
    sound = oscillate(reed, midi, count, bright=0.4, detune=-4)
    sound += oscillate(reed, midi, count, bright=0.4, detune=5, phase=0.4)
    return sound * envelope(count, 0.16, 1.0, 0.95, 0.25, hold=seconds) * np.float32(velocity * 0.5)


@_remembered
def choir(midi: int, seconds: float, velocity: float) -> Signal:
    """Three people humming, each with a vibrato of their own."""
    count = samples(seconds + 0.9)
    bright = (0.1 + 0.25 * np.clip(timeline(count) / 1.5, 0, 1)).astype(np.float32)
    sound = np.zeros(count, dtype=np.float32)
    for cents, rate, phase in ((-9.0, 4.7, 0.0), (0.0, 5.3, 0.4), (8.0, 4.2, 0.7)):
        bend = vibrato(count, rate=rate, cents=14, delay=0.1)
        sound += oscillate(choir_shape, midi, count, bright=bright, bend=bend, detune=cents, phase=phase)
    return sound * envelope(count, 0.35, 2.0, 0.9, 0.8, hold=seconds) * np.float32(velocity * 0.4)


def _blown(shape: Shape, midi: int, seconds: float, velocity: float, *, attack: float, players: int) -> Signal:
    """Wind players: brightness follows the breath, each a few cents and milliseconds apart."""
    count = samples(seconds + 0.45)
    t = timeline(count)
    level = envelope(count, attack, 0.5, 0.82, 0.22, hold=seconds)
    swell = 1 + 0.12 * np.sin(np.pi * np.clip(t / max(seconds, 0.2), 0, 1))
    breath = (np.clip(level * swell, 0, 1) * (0.25 + 0.6 * velocity)).astype(np.float32)
    sound = np.zeros(count, dtype=np.float32)
    for player in range(players):
        cents = (player - (players - 1) / 2) * 5.0
        bend = vibrato(count, rate=4.6 + 0.5 * player, cents=7, delay=0.35, scoop=0.25)
        late = samples(0.008 * player)
        one = oscillate(shape, midi, count - late, bright=breath[: count - late], bend=bend[late:], detune=cents)
        sound[late:] += one
    heard: Signal = (sound * level * swell * velocity * (0.75 / players**0.6)).astype(np.float32)
    return heard


@_remembered
def trumpet(midi: int, seconds: float, velocity: float) -> Signal:
    """Two flugelhorns or trumpets together."""
    return _blown(brass, midi, seconds, velocity, attack=0.05, players=2)


@_remembered
def horns(midi: int, seconds: float, velocity: float) -> Signal:
    """A section of three French horns."""
    return _blown(horn, midi, seconds, velocity, attack=0.09, players=3)


@_remembered
def trombone(midi: int, seconds: float, velocity: float) -> Signal:
    """Two trombones."""
    return _blown(brass, midi, seconds, velocity * 0.9, attack=0.07, players=2)


@_remembered
def tuba(midi: int, seconds: float, velocity: float) -> Signal:
    """One tuba."""
    return _blown(horn, midi, seconds, velocity, attack=0.06, players=1) * np.float32(1.3)


# The old console


@_remembered
def chip(midi: int, seconds: float, velocity: float) -> Signal:
    """A pulse wave at a quarter, with the console's stepwise volume."""
    return _console(PULSE_QUARTER, midi, seconds, velocity, vibrato_cents=22)


@_remembered
def chip_thin(midi: int, seconds: float, velocity: float) -> Signal:
    """A thinner pulse for second voices and fast arpeggios."""
    return _console(PULSE_EIGHTH, midi, seconds, velocity, vibrato_cents=0)


@_remembered
def chip_bass(midi: int, seconds: float, velocity: float) -> Signal:
    """The triangle: on or off, no volume of its own."""
    count = samples(seconds)
    return declick(oscillate(triangle, midi, count) * np.float32(velocity * 1.6), 120)


def _console(shape: Shape, midi: int, seconds: float, velocity: float, *, vibrato_cents: float) -> Signal:
    count = samples(seconds + 0.08)
    t = timeline(count)
    steps = np.floor(15 * np.exp(-t / 0.6) * np.where(t < seconds, 1, np.exp(-(t - seconds) / 0.03))) / 15
    bend = vibrato(count, rate=6.5, cents=vibrato_cents, delay=0.18)
    sound = oscillate(shape, midi, count, bend=bend)
    return declick((sound * np.maximum(steps, 0) * velocity * 0.6).astype(np.float32), 120)
