"""One file from arrival to all its formats, against bare ffmpeg doing the same decode, measurements and encodes."""

import itertools
import math
import struct
import subprocess
import tempfile
import wave
from pathlib import Path

from django.utils import timezone

from artists import audio, renditions, uploads
from artists.audio import RECIPES
from artists.models import Album, Upload
from benchmarks.figures import Figure, in_turn, seconds
from tests.artists.factories import make_album

SECONDS = 60
RATE_HZ = 44_100
_numbers = itertools.count()


def run() -> list[Figure]:
    """Whole seconds of the wall clock for one minute of stereo WAV."""
    album = make_album("Benchmark", published=False)
    with tempfile.TemporaryDirectory() as folder:
        ours, limit = in_turn(lambda: _ours(Path(folder), album), lambda: _bare(Path(folder)))
    name = f"{SECONDS} s of WAV to track, measures and {len(renditions.WANTED)} formats"
    return [Figure(name, ours, "s", limit, goal=2.0, is_rate=False)]


def _ours(folder: Path, album: Album) -> float:
    source = _music(folder)

    def work() -> None:
        with source.open("rb") as file:
            upload = uploads.receive(album, file, source.name, album.artist.owner, timezone.now())
        assert uploads.ingest(upload.pk, timezone.now())
        upload.refresh_from_db()
        assert upload.state == Upload.State.READY, upload.reason
        for pk in renditions.waiting_ids(upload.pk):
            assert renditions.make(pk, timezone.now())

    return seconds(work)


def _bare(folder: Path) -> float:
    source = _music(folder)
    outputs = itertools.chain.from_iterable(
        ["-map", "0:a", *RECIPES[recipe].args, str(folder / recipe)] for recipe in renditions.WANTED
    )
    measures = ["-map", "0:a", "-af", "ebur128=peak=true", "-f", "s16le", "-ar", "8000", str(folder / "pcm")]
    command = [audio.ffmpeg_path(), "-nostdin", "-y", "-loglevel", "error", "-i", str(source), *measures, *outputs]
    return seconds(lambda: subprocess.run(command, check=True, capture_output=True))


def _music(folder: Path) -> Path:
    """A minute of chords, a little different each time, for the same bytes are not taken twice."""
    number = next(_numbers)
    path = folder / f"{number:02d} Chords.wav"
    second = [
        int(6_000 * sum(math.sin(2 * math.pi * f * n / RATE_HZ) for f in (220 + number, 277.2, 329.6)))
        for n in range(RATE_HZ)
    ]
    frames = b"".join(struct.pack("<hh", value, -value) for value in second)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(frames * SECONDS)
    return path
