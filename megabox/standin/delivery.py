"""Webhooks out: every event is signed and sent until it is answered 2xx, across restarts.

Stripe tries for three days; so does this, with shorter pauses, because a developer does not wait an hour.
"""

import hashlib
import hmac
import http.client
import json
import logging
import threading
import time
from urllib.parse import urlsplit

from megabox.standin.call import Site
from megabox.standin.store import Database

log = logging.getLogger(__name__)

THREADS = 4
POLL_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0
LONGEST_PAUSE = 30.0
GIVE_UP_AFTER = 3 * 24 * 3600


def signature(payload: str, secret: str, at: int) -> str:
    """The `Stripe-Signature` header of a payload sent at `at`."""
    digest = hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Courier:
    """Some threads that carry stored events to the webhook address."""

    def __init__(self, database: Database, site: Site) -> None:
        self.database = database
        self.site = site
        self._wake = threading.Condition()
        self._busy: set[int] = set()
        self._is_stopping = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        """Begin to deliver; without a webhook address there is nobody to tell."""
        if self.site.webhook_url:
            for thread in self._threads:
                thread.start()

    def wake(self) -> None:
        """There may be something to deliver."""
        with self._wake:
            self._wake.notify_all()

    def stop(self) -> None:
        """Stop taking deliveries; what is not delivered stays stored."""
        self._is_stopping = True
        self.wake()

    def _work(self) -> None:
        while not self._is_stopping:
            taken = self._take()
            if taken is None:
                with self._wake:
                    self._wake.wait(POLL_SECONDS)
                continue
            seq, event_id, tries = taken
            try:
                self._deliver(seq, event_id, tries)
            finally:
                with self._wake:
                    self._busy.discard(seq)

    def _take(self) -> tuple[int, str, int] | None:
        """A delivery that is due and that no other thread carries."""
        with self._wake, self.database.connection() as db:
            rows = db.execute(
                "SELECT seq, event_id, tries FROM deliveries WHERE is_done = 0 AND next_at <= ? ORDER BY seq LIMIT ?",
                (time.time(), THREADS + 1),
            ).fetchall()
            for seq, event_id, tries in rows:
                if seq not in self._busy:
                    self._busy.add(seq)
                    return seq, event_id, tries
        return None

    def _deliver(self, seq: int, event_id: str, tries: int) -> None:
        with self.database.connection() as db:
            (body,) = db.execute("SELECT body FROM objects WHERE id = ?", (event_id,)).fetchone()
        answer = self._post(json.dumps(json.loads(body), indent=2))
        is_delivered = answer.startswith("2")
        now = time.time()
        is_done = is_delivered or (tries > 20 and json.loads(body)["created"] < now - GIVE_UP_AFTER)
        pause = min(0.5 * 2 ** min(tries, 10), LONGEST_PAUSE)
        with self.database.transaction() as objects:
            objects.db.execute(
                "UPDATE deliveries SET tries = tries + 1, is_done = ?, next_at = ?, last_answer = ? WHERE seq = ?",
                (is_done, now + pause, answer, seq),
            )
        if not is_delivered:
            log.info("Event %s was not taken (%s); next try in %.1f s.", event_id, answer, pause)

    def _post(self, payload: str) -> str:
        """Send the event; return the status it was answered with, or the network's complaint."""
        url = urlsplit(self.site.webhook_url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.netloc, timeout=TIMEOUT_SECONDS)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self.site.webhook_secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (Megabox stand-in)",
        }
        try:
            connection.request("POST", url.path or "/", payload.encode(), headers)
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as trouble:
            return f"{type(trouble).__name__}: {trouble}"[:200]
        finally:
            connection.close()
