"""Files that nobody here wrote, and thousands made wrong on purpose: each ends ready or refused with a reason.

`CORPUS_MUTANTS=10000` tries more of each format, `CORPUS_SEED` the same ones again; the seed is told when tests begin.
"""

import collections
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import imageio_ffmpeg
import pytest
from django.conf import LazySettings, settings

from artists import audio, incoming, renditions, uploads
from artists.audio import decoding, probing
from artists.audio.formats import Format
from artists.audio.sniff import sniff
from artists.models import Track, Upload
from tests import fixtures
from tests.artists import sounds
from tests.artists.factories import NOON, make_album
from tests.artists.mutants import mutant
from tests.users.factories import nina

pytestmark = pytest.mark.skipif(not fixtures.files(), reason="THE CORPUS IS MISSING: run `make fixtures` once")

SEED, COUNT = os.environ.get("CORPUS_SEED", ""), int(os.environ.get("CORPUS_MUTANTS", "300"))
# Mutants last a second: whatever needs more than this is a bomb, and should be found.
LIMITS = audio.Limits(max_seconds=600, cpu_seconds=20, wall_seconds=120.0)
# Other ways to write down the same samples are mutated together with the plain ones.
VARIANTS = {"deep.wav", "float.wav", "double.wav", "phone.wav", "long.wav", "float.aifc", "sowt.aifc"}
READY, REFUSED = Upload.State.READY, Upload.State.REJECTED


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to put files into. Nothing may be written outside of it or left in it, and no process may be left."""
    temporary, home = tmp_path / "temporary", tmp_path / "given"
    for folder in (temporary, home):
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = _everything(tmp_path, home)
    yield home
    assert _everything(tmp_path, home) == before
    assert _left_over(temporary) == []


def test_every_file_that_nobody_here_wrote_ends_ready_or_refused(
    db: None, watched: Path, settings: LazySettings, record_property: Any
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(watched)
    for name, storage in cast(dict[str, dict[str, Any]], settings.STORAGES).items():
        storage["OPTIONS"] = {**storage.get("OPTIONS", {}), "location": str(watched / name)}
    album, ends = make_album(published=False), collections.Counter[str]()
    for path in fixtures.files():
        with path.open("rb") as file:
            try:
                upload = uploads.receive(album, file, path.name, nina(), NOON)
            except incoming.Refused as reason:
                ends["refused at once"] += 1
                _check_sentence(path.name, str(reason))
                continue
        assert uploads.ingest(upload.pk, NOON), path.name
        upload.refresh_from_db()
        ends[upload.state] += 1
        assert upload.state in (READY, REFUSED), path.name
        if upload.state == REFUSED:
            _check_sentence(path.name, upload.reason)
    assert Track.objects.count() == ends[READY]
    assert sum(ends.values()) == len(fixtures.files()) == 100
    # What plays today plays tomorrow.
    assert ends[READY] >= 35
    record_property("corpus", f"all files: {_words(ends)}")


@pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="needs no database: with SQLite")
@pytest.mark.parametrize("name", [name for name in sounds.KINDS if name not in VARIANTS])
def test_every_mutant_ends_ready_or_refused(
    name: str, watched: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    # A program of its own in one piece begins six times as fast as the system's.
    monkeypatch.setattr(decoding, "ffmpeg_path", imageio_ffmpeg.get_ffmpeg_exe)
    seeds, others, ends = _alive(name), _others(name), collections.Counter[str]()
    with _Reader() as reader:
        monkeypatch.setattr(probing, "_read_header", reader.read)
        for number in range(COUNT):
            chance = random.Random(f"{SEED} {name} {number}")
            done, data = mutant(chance.choice(seeds), chance, others)
            path = watched / f"mutant {number}"
            path.write_bytes(data)
            try:
                ends[_end_of(path, watched)] += 1
            except BaseException as error:
                error.add_note(f"CORPUS_SEED={SEED}, mutant {number} of {name}: {done}")
                raise
            assert path.read_bytes() == data
            path.unlink()
    record_property("corpus", f"{name}: {_words(ends)}")
    assert sum(ends.values()) == COUNT
    assert list(watched.iterdir()) == []


def _end_of(path: Path, folder: Path) -> str:
    """What becomes of a file that is checked and made into streams as the site does it."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        try:
            found = audio.take_in(path, renditions.STREAMED, Path(work), limits=LIMITS)
        except audio.Unreadable as reason:
            _check_sentence(path.name, str(reason))
            return type(reason).__name__
        assert found.probe.duration_ms > 0
        return "ready" if len(found.files) == len(renditions.STREAMED) else "ready, streams later"


class _Reader:
    """Reads headers as the site does, but without a new Python each time; a file that kills it is read by the site."""

    def __enter__(self) -> "_Reader":
        self._alone = probing._read_header
        command = [sys.executable, "-I", "-B", str(Path(__file__).with_name("warm_reader.py")), str(probing._READER)]
        largest = str(LIMITS.max_cover_bytes)
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            [*command, largest], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        return self

    def read(self, path: Path, form: Format, limits: audio.Limits) -> dict[str, Any]:
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(f"{form.container}\t{path}\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        if answer == "it died\n":
            return self._alone(path, form, limits)
        return probing._told(answer.encode(), form)

    def __exit__(self, *_: object) -> None:
        self._child.communicate()


def _alive(name: str) -> list[bytes]:
    """What is mutated: our own second of sound, and every small file of that kind which nobody here wrote."""
    short = sounds.short(name)
    container = sniff(short, max_bytes=10**9, max_tag_bytes=10**8).container
    seeds = [short.read_bytes()] * 3
    for other in sorted(VARIANTS):
        if Path(other).suffix[:4] == Path(name).suffix[:4]:
            seeds.append(sounds.short(other).read_bytes())
    for path in fixtures.files():
        try:
            if sniff(path, max_bytes=200_000, max_tag_bytes=10**8).container == container:
                seeds.append(path.read_bytes())
        except audio.Unreadable:
            continue
    return seeds


def _others(name: str) -> list[bytes]:
    return [sounds.short(other).read_bytes() for other in sounds.KINDS if other != name]


def _check_sentence(name: str, text: str) -> None:
    assert re.fullmatch(r"[A-Z“].+\.", text, re.DOTALL), (name, text)
    assert " kept" in text, (name, text)
    assert "Traceback" not in text, (name, text)


def _words(ends: "collections.Counter[str]") -> str:
    return ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))


def _everything(folder: Path, except_in: Path) -> set[str]:
    """All paths below the test's folder but one, in the root folder, where decoders stand, and in the project."""
    ours = {str(path) for path in folder.rglob("*") if except_in not in path.parents}
    here = {str(path) for path in Path.cwd().iterdir() if not path.name.startswith(".")}
    return ours | here | {str(path) for path in Path("/").iterdir()}


def _left_over(temporary: Path) -> list[str]:
    """Processes that still run with the temporary folder of this test."""
    mark, left = f"TMPDIR={temporary}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                left.append(path.parent.name)
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return [pid for pid in left if pid != str(os.getpid())]
