"""Work that one thread of a process does every few seconds beside its requests, so that no request waits for it."""

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections, connections
from django.utils import timezone

IDLE_SECONDS = 60.0
"""A process that nobody asks anything stops its threads; the next request starts them again."""

log = logging.getLogger(__name__)
_all: "list[Ticker]" = []


class Ticker:
    """Does `work` every `seconds()` in a thread of its own, from the first `need` on.

    What fails is logged and tried again. A process that was forked begins without a thread.
    """

    def __init__(self, name: str, seconds: Callable[[], float], work: Callable[[datetime], object]) -> None:
        self.name, self._seconds, self._work = name, seconds, work
        self._thread: threading.Thread | None = None
        self._needed_at = 0.0
        self._reset()
        _all.append(self)

    def need(self) -> None:
        """Note that somebody needs the work done; start the thread if there is none."""
        self._needed_at = time.monotonic()
        if not self.is_running and self._seconds() > 0:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=f"ads: {self.name}", daemon=True)
                    self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread of this process is there."""
        return self._thread is not None

    def tick(self) -> None:
        """Do the work once; whatever it raises is logged."""
        close_old_connections()
        try:
            self._work(timezone.now())
        except Exception:
            log.exception("The %s failed; it is tried again.", self.name)
        finally:
            close_old_connections()

    def stop(self) -> None:
        """End the thread after what it does now, and wait for it."""
        thread, stopped = self._thread, self._stopped
        stopped.set()
        if thread is not None:
            thread.join()
        self._reset()

    def _run(self) -> None:
        stopped = self._stopped
        try:
            while not stopped.wait(self._seconds()):
                self.tick()
                with self._lock:
                    if time.monotonic() - self._needed_at > IDLE_SECONDS:
                        self._thread = None
                        return
        finally:
            connections.close_all()

    def _reset(self) -> None:
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._thread = None


def _begin_anew() -> None:
    for one in _all:
        one._reset()


os.register_at_fork(after_in_child=_begin_anew)
