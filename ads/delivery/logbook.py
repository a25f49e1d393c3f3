"""The logbook of decisions: a line each, in files of ten minutes, and how they are found and read again.

The files are private:

    decisions/2026-11-28/1840-4711-9f3c21aa.jsonl.gz    ten minutes of one process; a line is its digest, a space, JSON
    decisions/2026-11-28/snapshot-<sha256>.json.gz      what could be shown, for every process that saw the same

A line holds what the choice depends on: no person, wallet or address. What the listener saw before is kept only where
it can change the choice, and their own campaigns count as seen often enough.
"""

import gzip
import json
import logging
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from django.conf import settings

from ads.delivery import snapshots
from ads.delivery.candidates import Context, Snapshot
from ads.delivery.choosing import RULES, Decision
from megabox import media
from megabox.days import day_of

SLOT = timedelta(minutes=10)
"""So much of one process is in a file: whoever looks for a decision reads only those of its ten minutes."""
OTHER_VERSION = "It was recorded by another version of Megabox, which this one cannot read."

log = logging.getLogger(__name__)


class NotKept(Exception):
    """The decision cannot be replayed; the message says why in a sentence."""


class Changed(NotKept):
    """What was written is not what is there now."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision as it was written down. `ad_id` is the ad that was offered, None when there was none to show."""

    token_id: uuid.UUID
    ad_id: int | None
    rules: int
    snapshot: str
    taken_at: datetime
    place: str
    context: Context
    at: datetime
    count: int
    without: frozenset[int]


def find(token_id: uuid.UUID, at: datetime) -> Recorded:
    """The decision that made this offer. Raises NotKept."""
    if token_id.version != 7:
        raise NotKept("No offer has this number. Copy the number of a view, or of an ad token, whole.")
    made = made_at(token_id)
    damaged: Changed | None = None
    for path in _files(made):
        try:
            for line in lines_of(path):
                if token_id.hex in line:
                    return _read(line)
        except Changed as fault:
            damaged = fault
    if damaged:
        raise damaged
    if made.date() < first_kept(at):
        raise NotKept(
            f"It was made on {made.date()}, and how ads were chosen is kept for {settings.ADS_DECISION_DAYS} days."
        )
    raise NotKept(
        "Nothing was recorded of it. Either no ad was offered under this number, or its process was killed before it"
        " wrote down its last seconds. What was offered a moment ago is there in some seconds: try again."
    )


def between(begin: datetime, end: datetime) -> Iterator[Recorded]:
    """All decisions of some minutes, in no order. Files and lines that are damaged are left out, and that is logged."""
    slot = slot_of(begin)
    while slot < end:
        for path in _files(slot):
            try:
                for line in lines_of(path):
                    one = _read(line)
                    if begin <= one.at < end:
                        yield one
            except NotKept as fault:
                log.warning("%s", fault)
        slot += SLOT


def snapshot_of(recorded: Recorded) -> Snapshot:
    """What could be shown when it was chosen. Raises NotKept."""
    path = snapshot_path(day_of(recorded.at), recorded.snapshot)
    try:
        text = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise NotKept(
            "The decision is there, but not the picture of the campaigns that it was made by"
            f" ({path.name}). Without it nothing can be replayed; restore it from where files are backed up."
        ) from None
    except (OSError, EOFError, zlib.error) as fault:
        raise Changed(f"The picture of the campaigns, {path.name}, is damaged: {fault}.") from None
    if sha256(text).hexdigest() != recorded.snapshot:
        raise Changed(f"The picture of the campaigns, {path.name}, was changed since: its hash is another one.")
    try:
        return snapshots.from_json(text.decode(), recorded.taken_at)
    except (KeyError, TypeError, ValueError) as fault:
        raise NotKept(f"{OTHER_VERSION} ({fault})") from None


def first_kept(at: datetime) -> date:
    """The first UTC day of which decisions are kept at `at`."""
    return day_of(at) - timedelta(days=settings.ADS_DECISION_DAYS)


# --- where it is


def home() -> Path:
    """The folder with a folder for each UTC day."""
    return Path(media.private().path("decisions"))


def snapshot_path(day: date, digest: str) -> Path:
    """Where the picture of the campaigns with this hash is kept for a UTC day."""
    return _folder(day) / f"snapshot-{digest}.json.gz"


def path_of(slot: datetime, process: str) -> Path:
    """Where a process writes the decisions of ten minutes."""
    return _folder(slot.date()) / f"{slot:%H%M}-{process}.jsonl.gz"


def slot_of(at: datetime) -> datetime:
    """When the ten minutes of a moment begin."""
    at = at.astimezone(UTC)
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % SLOT


def made_at(token_id: uuid.UUID) -> datetime:
    """The moment in a UUIDv7, to the millisecond."""
    return datetime.fromtimestamp((token_id.int >> 80) / 1000, UTC)


def _files(at: datetime) -> list[Path]:
    slot = slot_of(at)
    return sorted(_folder(slot.date()).glob(f"{slot:%H%M}-*.jsonl.gz"))


def _folder(day: date) -> Path:
    return home() / day.isoformat()


# --- writing a line


@dataclass(frozen=True, slots=True)
class Picture:
    """What lines need to know of a snapshot. `caps` and `owned` are by campaign and by person."""

    digest: str
    text: str
    ads: frozenset[int]
    caps: Mapping[int, int]
    owned: Mapping[int, frozenset[int]]


def picture_of(taken: Snapshot) -> Picture:
    """The picture of a snapshot, clipped to what a choice can notice."""
    text = snapshots.to_json(snapshots.clipped(taken))
    owned: dict[int, set[int]] = defaultdict(set)
    for one in taken.candidates:
        if one.owner_id is not None:
            owned[one.owner_id].add(one.campaign_id)
    return Picture(
        digest=sha256(text.encode()).hexdigest(),
        text=text,
        ads=frozenset(one.ad_id for one in taken.candidates),
        caps={one.campaign_id: one.frequency_cap for one in taken.candidates},
        owned={person: frozenset(campaigns) for person, campaigns in owned.items()},
    )


def line_of(token_id: uuid.UUID, ad_id: int | None, decision: Decision, picture: Picture) -> str:
    """The line of a decision, under the number of the token that offers `ad_id`; `picture` is of its snapshot."""
    context = decision.context
    said = {
        "id": token_id.hex,
        "ad": ad_id,
        "rules": RULES,
        "snapshot": picture.digest,
        "taken_at": decision.taken.taken_at.isoformat(),
        "at": decision.at.isoformat(),
        "place": decision.place,
        "count": decision.count,
        "seed": context.seed,
        "genre": context.genre,
        "artist": context.artist_id,
        "mood": context.mood,
        "language": context.language,
        "country": context.country,
        "kinds": sorted(context.kinds),
        "unpaid": context.is_unpaid,
        "without": sorted(decision.without),
        "recent": sorted(context.recent_ads & picture.ads),
        "views": sorted(_views(decision, picture).items()),
    }
    text = json.dumps({name: value for name, value in said.items() if value or name == "ad"}, separators=(",", ":"))
    return f"{_digest(text)} {text}\n"


def _views(decision: Decision, picture: Picture) -> dict[int, int]:
    """How often the listener saw what campaigns today, where this choice can notice it."""
    context, caps = decision.context, picture.caps
    views = {
        campaign_id: min(count, caps[campaign_id])
        for campaign_id, count in context.views_today.items()
        if campaign_id in caps and count + decision.count > caps[campaign_id]
    }
    if context.user_id is not None:
        for campaign_id in picture.owned.get(context.user_id, ()):
            views[campaign_id] = caps[campaign_id]
    return views


# --- reading it


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file, piece by piece as they were appended; a last piece that was cut off is left out."""
    data = path.read_bytes()
    while data:
        piece = zlib.decompressobj(wbits=31)
        try:
            text = piece.decompress(data)
        except zlib.error as fault:
            raise Changed(f"The file {path.name} of {path.parent.name} was changed or is damaged: {fault}.") from None
        if not piece.eof:
            return
        yield from text.decode(errors="replace").splitlines()
        data = piece.unused_data


def _read(line: str) -> Recorded:
    digest, _, text = line.partition(" ")
    if digest != _digest(text):
        raise Changed("The record was changed since it was written: its hash is another one.")
    try:
        return _recorded(json.loads(text))
    except (KeyError, TypeError, ValueError) as fault:
        raise NotKept(f"{OTHER_VERSION} ({fault})") from None


def _recorded(said: Mapping[str, Any]) -> Recorded:
    context = Context(
        genre=said.get("genre", ""),
        artist_id=said.get("artist"),
        country=said.get("country", ""),
        views_today=dict(said.get("views", ())),
        recent_ads=frozenset(said.get("recent", ())),
        seed=said.get("seed", ""),
        mood=said.get("mood", ""),
        language=said.get("language", ""),
        kinds=frozenset(said.get("kinds", ())),
        is_unpaid=said.get("unpaid", False),
    )
    return Recorded(
        token_id=uuid.UUID(said["id"]),
        ad_id=said["ad"],
        rules=said["rules"],
        snapshot=said["snapshot"],
        taken_at=datetime.fromisoformat(said["taken_at"]),
        place=said["place"],
        context=context,
        at=datetime.fromisoformat(said["at"]),
        count=said["count"],
        without=frozenset(said.get("without", ())),
    )


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
