"""`manage.py count_ads`: count what browsers report about ads, as it comes out of the stream."""

import gc
import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from ads.measurement import consumer, stream

IDLE_SECONDS = 0.25
PAUSE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """Safe to kill, to repeat and to run many times at once."""

    help = "Counts what browsers report about ads, until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="count what waits, and end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if not stream.is_wanted():
            raise CommandError("There is no stream: reports are counted as they come. Set REDIS_URL and ADS_STREAM=1.")
        if once:
            self.stdout.write(f"{consumer.drain()} reports were read.")
            return
        stop = threading.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):  # the batch at hand is finished first
            signal.signal(sign, lambda *_: stop.set())
        gc.freeze()  # a batch makes many objects, and for each thousand all of Django would be looked through
        while not stop.is_set():
            stop.wait(_step())


def _step() -> float:
    """Count a batch; return how many seconds to wait before the next one."""
    try:
        return 0.0 if consumer.consume() else IDLE_SECONDS
    except (stream.StreamDown, OperationalError, InterfaceError) as fault:
        log.warning("Nothing can be counted now; trying again: %s", fault)
        close_old_connections()
        return PAUSE_SECONDS
