"""`manage.py demo`: a catalogue with real music, an advertiser, and some weeks of history."""

import logging
import os
import tempfile
import time
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from megabox.demo import adverts, ahead, catalogue, charges, codes, history, people, unpaid, whole
from megabox.demo.workshop import Workshop
from store.reconciliation import balance_checks, stripe_balance


class Command(BaseCommand):
    help = "Make the demo: people, music, an advertiser, some weeks of history. Safe to repeat and to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hands", type=int, default=max(2, os.cpu_count() or 2), help="how much at once")

    def handle(self, *args: Any, hands: int, **options: Any) -> None:
        if not settings.IS_STANDIN:
            raise CommandError(
                "The demo has log-ins everybody knows and sales nobody made, so it is made only with DEBUG=1 "
                "and without a key of Stripe's."
            )
        logging.getLogger("stripe").setLevel(logging.WARNING)
        started, anchor = time.monotonic(), people.anchor(timezone.now())
        if whole.is_made(anchor):
            self._say("The demo is there already; nothing to do.")
            return
        self._say("Making the demo: songs, sleeves, formats, six weeks of history. Once, about a minute.")
        try:
            with charges.there(), tempfile.TemporaryDirectory(prefix="megabox-demo-") as folder:
                self._make(Workshop(Path(folder), hands=hands), anchor, hands)
        except (catalogue.Stuck, charges.NoStandin, stripe_balance.NoAnswer) as reason:
            raise CommandError(f"{reason} What was made is kept; run the command again to go on.") from reason
        self._say(f"The demo is ready ({time.monotonic() - started:.0f} s).")

    def _make(self, shop: Workshop, anchor: datetime, hands: int) -> None:
        try:
            people.make(anchor)
            catalogue.make(shop, anchor, self._say, hands=hands)
            history.deposit(anchor)
            adverts.make(shop, anchor, self._say)
            unpaid.make(anchor, self._say)
            history.live(anchor, self._say)
            history.count(anchor)
            codes.make(anchor, self._say)
            ahead.make(anchor, self._say)
            balance_checks.run(at=timezone.now())
        finally:
            shop.close()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
