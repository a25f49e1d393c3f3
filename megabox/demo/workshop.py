"""Makes the files of the demo in processes of their own: songs as masters with tags, pictures as JPEG. No database."""

import multiprocessing
import os
import threading
import time
import wave
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from mutagen.id3 import TALB, TCON, TCOP, TDRC, TIT2, TPE1, TPE2, TRCK, TSRC
from mutagen.wave import WAVE

from artists import audio

from . import ink, works
from .mixing import Stereo
from .signals import RATE


class Workshop:
    """Some processes that make what is asked of them, in the order it was asked."""

    def __init__(self, folder: Path, *, hands: int) -> None:
        self.folder = folder
        context = multiprocessing.get_context("spawn")  # a fork would copy our threads' locks and connections
        self._pool = ProcessPoolExecutor(hands, mp_context=context, initializer=_end_with, initargs=(os.getpid(),))

    def master(self, title: str) -> "Future[Path]":
        """The master of a song: 16-bit stereo, WAV or FLAC, with tags."""
        return self._pool.submit(make_master, title, self.folder)

    def sleeve(self, title: str) -> "Future[bytes]":
        """The cover of an album, as JPEG."""
        return self._pool.submit(draw, "sleeve", title)

    def portrait(self, name: str) -> "Future[bytes]":
        """The picture of an artist, as JPEG."""
        return self._pool.submit(draw, "portrait", name)

    def banner(self, title: str) -> "Future[bytes]":
        """The picture of an ad, as JPEG."""
        return self._pool.submit(draw, "banner", title)

    def spot(self, title: str) -> "Future[Path]":
        """The sound of an ad, as WAV."""
        return self._pool.submit(make_spot, title, self.folder)

    def close(self) -> None:
        """Let the processes go; what was not begun is not made."""
        self._pool.shutdown(cancel_futures=True)


def make_master(title: str, folder: Path) -> Path:
    """Play a song and write its master with tags; the same song gives the same bytes on the same machine."""
    work, position, song = next(found for found in works.songs() if found[2].title == title)
    name = f"{position:02} {song.title}"
    path = folder / f"{name}.wav"
    write_wav(path, song.play())
    tags = tags_of(work, position, song)
    if work.container == "flac":
        flac = folder / f"{name}.flac"
        audio.transcode(path, "flac", flac)
        audio.write_tags(flac, "flac", tags)
        path.unlink()
        return flac
    _tag_wav(path, tags)
    return path


def make_spot(title: str, folder: Path) -> Path:
    """Play the sound of an ad and write it as WAV."""
    spot = next(spot for push in works.PUSHES for spot in push.spots if spot.title == title)
    assert spot.sound is not None
    path = folder / f"spot {title}.wav"
    write_wav(path, spot.sound())
    return path


def draw(kind: str, name: str) -> bytes:
    """Draw a sleeve, a portrait or a banner; return it as JPEG."""
    pictures = {
        **{("sleeve", work.title): work.sleeve for work in works.WORKS},
        **{("portrait", act.name): act.portrait for act in works.ACTS},
        **{("banner", spot.title): spot.picture for push in works.PUSHES for spot in push.spots if spot.picture},
    }
    picture = pictures[kind, name]
    return ink.jpeg(picture())


def write_wav(path: Path, sound: Stereo) -> None:
    """Write 16-bit stereo at 44.1 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.tobytes())


def tags_of(work: works.Work, position: int, song: works.Song) -> audio.Tags:
    """What is written into a master."""
    return audio.Tags(
        title=song.title,
        artist=work.artist,
        album=work.title,
        album_artist=work.artist,
        position=position,
        positions=len(work.songs),
        date="2026",
        genre=work.genre.title(),
        isrc=isrc_of(song),
        copyright=works.RIGHTS,
    )


def isrc_of(song: works.Song) -> str:
    """A code in the form of an ISRC; XX is no country, so no recording of the world has it."""
    number = next(index for index, found in enumerate(works.songs(), 1) if found[2].title == song.title)
    return f"XXMBX26{number:05}"


def _tag_wav(path: Path, tags: audio.Tags) -> None:
    held = WAVE(path)
    held.add_tags()
    values = {
        TIT2: tags.title,
        TPE1: tags.artist,
        TPE2: tags.album_artist,
        TALB: tags.album,
        TRCK: f"{tags.position}/{tags.positions}",
        TDRC: tags.date,
        TCON: tags.genre,
        TSRC: tags.isrc,
        TCOP: tags.copyright,
    }
    for frame, value in values.items():
        held.tags.add(frame(encoding=3, text=[value]))
    held.save()


def _end_with(parent: int) -> None:
    """End this process when the one that asked is gone, killed or not: its pipes alone would not tell."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
