"""Two audio ads of fifteen seconds for made-up brands: music only, their words are in the transcript."""

from .. import drums
from .. import instruments as play
from ..arranging import bass_line, picking, strum
from ..mixing import Channel, Room, Session, Stereo
from ..theory import Key

ROOM = Room(seconds=1.0, damping=0.45, level=0.7, echo_beats=0.75, echo_feedback=0.4)


def kettle() -> Stereo:
    """Kettle & Co.: a kettle's tune on mandolin and whistle, six bars and a last chord."""
    song = Session(112, 7, seed=51, room=ROOM, tail=0.0)
    key = Key("F major")
    chords = key.chords("1 6 4 5 1 4")
    strum(
        song,
        play.mandolin,
        key,
        chords,
        Channel(0.5, -0.35, 0.15, loose=0.005),
        bar=0,
        pattern="D.DU.UD.",
        middle=69,
        velocity=0.55,
    )
    picking(
        song, play.guitar, key, chords, Channel(0.45, 0.35, 0.15, loose=0.005), bar=0, pattern="r2f1r3f2", velocity=0.5
    )
    bass_line(song, play.upright, key, chords, Channel(0.6, 0, 0.05), bar=0, pattern="r-.ff-.n", middle=40)
    tune = "5 - 3 5 6 - 5 - | 3 - 1 3 5 - - . | 4 - 6 1' 2' 1' 6 -"
    tune += "| 7 - 5 7 2' - - . | 3' - 1' 5 6 - 5 - | 6 1' 4' - 3' - 2' -"
    song.tune(play.whistle, key.tune(tune), Channel(0.46, 0.1, 0.3, 0.1, loose=0.006), bar=0, velocity=0.7)
    song.drum(drums.shaker, "53735373", range(1, 6), Channel(0.3, 0.4, 0.06))
    song.drum(drums.clap, "....x.......x...", range(2, 6), Channel(0.32, -0.1, 0.15))
    song.drum(drums.kick, "x.......x.......", range(2, 6), Channel(0.5))
    last = key.chords("1")
    strum(song, play.guitar, key, last, Channel(0.5, -0.2, 0.2), bar=6, pattern="D.......", velocity=0.7, beats=3)
    bass_line(song, play.upright, key, last, Channel(0.6, 0, 0.05), bar=6, pattern="r---", middle=40)
    song.tune(play.bell, key.tune("1' . 5' . 1' . . .", octave=1), Channel(0.3, 0.2, 0.3, 0.2), bar=6, velocity=0.6)
    return song.master(loudness=-16.5, drive=0.2)


def velo() -> Stereo:
    """Velo: wheels that turn (arpeggios), a bicycle bell, and off it goes."""
    song = Session(128, 8, seed=52, room=ROOM, tail=0.0)
    key = Key("G major")
    chords = key.chords("1 5/7 6 4 1 5/7 4")
    wheels = Channel(0.4, 0.3, 0.15, 0.25, is_pumping=True)
    for index, chord in enumerate(chords):
        tones = key.voiced(chord, 66)
        for step in range(16):
            tone = tones[step % len(tones)] + (12 if step % 8 > 4 else 0)
            song.add(play.arp(tone, 0.1, 0.6), song.at(index, step / 4), wheels)
    song.chords(
        play.pad, key, chords, Channel(0.5, 0, 0.3, is_pumping=True), bar=0, middle=62, velocity=0.6, spread=0.7
    )
    bass_line(
        song,
        play.synth_bass,
        key,
        chords[2:],
        Channel(0.45, is_pumping=True),
        bar=2,
        pattern="..r...r...r...rr",
        middle=38,
    )
    tune = "5 - 3 - 5 - 6 - | 7 - 5 - 2 - - . | 1' - 7 - 6 - 5 - | 6 - - 5 4 - 6 - | 1' - 2' 3'"
    song.tune(play.lead, key.tune(tune), Channel(0.5, -0.1, 0.2, 0.25), bar=2, velocity=0.75)
    song.drum(drums.kick, "x...x...x...x...", range(2, 7), Channel(0.7), is_kick=True)
    song.drum(drums.clap, "....x.......x...", range(2, 7), Channel(0.45, 0, 0.2))
    song.drum(drums.hat, "..x...x...x...x.", range(7), Channel(0.3, -0.2))
    for beat in (0.0, 0.25, 0.5, 2.0, 2.25, 2.5):
        song.add(play.bell(100, 0.2, 0.7), song.at(0, beat), Channel(0.4, 0.4, 0.2))
    song.chords(
        play.pad, key, key.chords("1"), Channel(0.55, 0, 0.4), bar=7, middle=62, velocity=0.8, spread=0.7, beats=2.5
    )
    song.add(play.bell(100, 0.2, 0.8), song.at(7, 0), Channel(0.4, 0.4, 0.3))
    return song.master(loudness=-15.5, drive=0.3)
