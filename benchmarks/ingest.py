"""One file from arrival to a track that can be heard, against bare ffmpeg doing the same work in one command."""

import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone

from artists import audio, renditions, uploads
from artists.audio.decoding import SAMPLES
from artists.models import Album, Rendition, Upload
from benchmarks.figures import Figure, scaled, seconds
from tests.artists.factories import make_album

SECONDS = scaled(180)
ROUNDS = 3
KINDS = {
    "WAV 44.1/16": ("wav", "-ar", "44100", "-c:a", "pcm_s16le"),
    "FLAC 96/24": ("flac", "-ar", "96000", "-c:a", "flac", "-sample_fmt", "s32"),
}
_numbers = itertools.count(1)


def run() -> list[Figure]:
    """Seconds of the wall clock and of processors, our own and those of all children, for three minutes of stereo."""
    album = make_album("Benchmark", published=False)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, args in KINDS.items():
            pairs = []
            for _ in range(ROUNDS):
                # The same bytes are not taken twice, so each round has a file of its own; both work on it.
                source = _music(Path(folder), *args)
                pairs.append((_cost(lambda: _ours(source, album)), _cost(lambda: _bare(source))))  # noqa: B023
                source.unlink()
            for what in ("wall", "cpu"):
                ours, limit = sorted(
                    ((getattr(one, what), getattr(other, what)) for one, other in pairs), key=lambda p: p[0] / p[1]
                )[ROUNDS // 2]
                name = f"{SECONDS} s of {kind} to track and streams, {what}"
                figures.append(Figure(name, ours, "s", limit, goal=1.15, is_rate=False))
    return figures


@dataclass(frozen=True)
class _Cost:
    wall: float
    cpu: float


def _cost(work: Callable[[], object]) -> _Cost:
    before = os.times()
    wall = seconds(work)
    after = os.times()
    return _Cost(wall, sum(after[:4]) - sum(before[:4]))


def _ours(source: Path, album: Album) -> None:
    """All of it: receive with sha256, sniff, tags, decode, measure, look at samples, encode, check, store, rows."""
    with source.open("rb") as file:
        upload = uploads.receive(album, file, source.name, album.artist.owner, timezone.now())
    assert uploads.ingest(upload.pk, timezone.now())
    upload.refresh_from_db()
    assert upload.state == Upload.State.READY, upload.reason
    ready = Rendition.objects.filter(original__tracks__uploads=upload, state=Rendition.State.READY)
    assert ready.count() == len(renditions.STREAMED)


def _bare(source: Path) -> None:
    """The same decode, measurements and encodes in one command, of a file that is trusted."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = [audio.ffmpeg_path(), "-nostdin", "-y", "-nostats", "-i", str(source), *SAMPLES]
        for recipe in renditions.STREAMED:
            command += ["-map", "0:a:0", *audio.RECIPES[recipe].args, str(Path(folder) / recipe)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _music(folder: Path, extension: str, *args: str) -> Path:
    """Noise of two colours and a chord, the channels unlike: nothing an encoder could make short work of."""
    number = next(_numbers)
    path = folder / f"{number:02d} Noise.{extension}"
    left = f"anoisesrc=c=pink:a=0.3:seed={number}:r=96000,volume='0.6+0.4*sin(t)':eval=frame"
    right = f"anoisesrc=c=brown:a=0.5:seed={number + 100}:r=96000"
    chord = "sine=f=220:r=96000,aformat=channel_layouts=mono,volume=4"
    both = "[l][c]amix[x];[r][d]amix[y];[x][y]join=inputs=2:channel_layout=stereo[out]"
    graph = f"{left}[l];{right}[r];{chord},asplit[c][d];{both}"
    command = [audio.ffmpeg_path(), "-nostdin", "-y", "-v", "error", "-filter_complex", graph, "-map", "[out]"]
    subprocess.run([*command, "-t", str(SECONDS), "-ac", "2", *args, str(path)], check=True)
    return path
