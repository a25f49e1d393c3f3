"""A demo that is small enough for tests: the real command and functions, with tones for songs and a shorter story."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from artists import renditions
from megabox.demo import plan, works, workshop
from megabox.management.commands import demo as command
from tests.artists import sounds
from tests.standin.server import Standin


class SmallWorkshop:
    """Makes tones and flat pictures at once, in this process."""

    def __init__(self, folder: Path, *, hands: int) -> None:
        self.folder = folder

    def master(self, title: str) -> "Future[Path]":
        number = [song.title for _, _, song in works.songs()].index(title)
        work, position, song = list(works.songs())[number]
        path = self.folder / f"{position:02} {song.title}.wav"
        sounds.make(path, "-map_metadata", "-1", seconds=1.5, source=f"sine=f={220 + 30 * number}:r=44100")
        workshop._tag_wav(path, workshop.tags_of(work, position, song))
        return done(path)

    def spot(self, title: str) -> "Future[Path]":
        length = len(title)
        path = self.folder / f"{title}.wav"
        return done(sounds.make(path, seconds=6 + length / 10, source=f"sine=f={300 + length}:r=44100"))

    def sleeve(self, title: str) -> "Future[bytes]":
        return done(sounds.picture(100, 100, colour=f"#{abs(hash(title)) % 0xFFFFFF:06x}"))

    portrait = banner = sleeve

    def close(self) -> None:
        """Nothing to let go."""


def done(value: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_result(value)
    return future


@pytest.fixture
def small_demo(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standin]:
    """One song of each album in two formats; all sales, all of leo's, some gates, few of the rest."""
    whole = plan.events

    def fewer(anchor: Any) -> list[plan.Event]:
        events = whole(anchor)

        def is_told(number: int, event: plan.Event) -> bool:
            is_gate = event.kind == "gate" and number % 3 == 0
            return is_gate or number % 15 == 0 or event.kind in ("sale", "refund") or event.who == "leo"

        return [event for number, event in enumerate(events) if is_told(number, event)]

    monkeypatch.setattr(plan, "events", fewer)
    monkeypatch.setattr(works, "WORKS", tuple(replace(work, songs=work.songs[-1:]) for work in works.WORKS))
    monkeypatch.setattr(renditions, "WANTED", renditions.FOR_SALE)
    monkeypatch.setattr(command, "Workshop", SmallWorkshop)
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = standin.key, standin.url
        settings.IS_STANDIN = True
        yield standin
