"""Search over what is published: one document for each artist, album and track, on SQLite and PostgreSQL alike.

Documents are written by publish, edit and withdraw. Their text is folded to lower case without accents, so both
databases find the same things: SQLite by an FTS5 table of trigrams, PostgreSQL by a trigram index.
"""

import logging
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.functions import Length

from artists.models import Album, Artist, SearchDocument, Track

MOST_WORDS = 8
MOST_LETTERS = 100
LIKENESS = 0.5
"""How alike a title must be, 0..1, to be offered when nothing matches what was typed."""

_INDEX = "artists_search_index"
_log = logging.getLogger(__name__)


def find(q: str, limit: int = 20) -> list[SearchDocument]:
    """What matches every word of `q`, best first: exact titles, then titles that begin so, then the rest by plays.

    If nothing matches, what is spelled nearly so. Any text may be typed; an empty one finds nothing.
    """
    words = fold(q[:MOST_LETTERS]).split()[:MOST_WORDS]
    if not words:
        return []
    found = _ranked(_matching(words), " ".join(words))[:limit]
    return list(found) or _alike(" ".join(words), limit)


def fold(text: str) -> str:
    """`text` as it is compared: no accents, no case, signs as spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(re.sub(r"[\W_]+", " ", re.sub(r"['’‘ʼ]", "", letters)).split())


def write_artist(artist: Artist, *, at: datetime) -> None:
    """Bring the documents of an artist and all their albums up to date: their name stands in all of them."""
    for album in artist.albums.select_related("artist"):
        write_album(album, at=at)
    _write_artist_alone(artist, at)


def write_album(album: Album, *, at: datetime) -> None:
    """Bring the documents of an album, its tracks and its artist up to date, or remove them if it is not published."""
    with transaction.atomic():
        if not album.is_published:
            _remove(SearchDocument.objects.filter(album=album))
        else:
            tracks = list(album.tracks.filter(state=Track.State.PUBLISHED))
            gone = SearchDocument.objects.filter(album=album, kind=SearchDocument.Kind.TRACK)
            _remove(gone.exclude(track__in=tracks))
            _write(album.artist, album, None, at)
            for track in tracks:
                track.album = album
                _write(album.artist, album, track, at)
        _write_artist_alone(album.artist, at)


def rebuild(*, at: datetime) -> int:
    """Make the index and every document anew from the catalogue; return how many documents there are."""
    install()
    with transaction.atomic():
        _remove(SearchDocument.objects.all())
        if _has_index():
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {_INDEX}")  # noqa: S608 - our own table's name
        for artist in Artist.objects.published().iterator():
            write_artist(artist, at=at)
    return SearchDocument.objects.count()


def install(**_: object) -> None:
    """Make the database's own index if it is not there; called after every migration. Safe to repeat.

    Where the database cannot (no FTS5 built in, no right to add pg_trgm), search works without, only slower.
    """
    if connection.vendor == "sqlite":
        statements = [f"CREATE VIRTUAL TABLE IF NOT EXISTS {_INDEX} USING fts5(text, tokenize='trigram')"]
    else:
        statements = [
            "CREATE EXTENSION IF NOT EXISTS pg_trgm",
            f"CREATE INDEX IF NOT EXISTS {_INDEX} ON {SearchDocument._meta.db_table} USING gin (text gin_trgm_ops)",
        ]
    if SearchDocument._meta.db_table not in connection.introspection.table_names():
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except DatabaseError as reason:
        _log.warning("Search goes on without its index: %s", reason)


def _write_artist_alone(artist: Artist, at: datetime) -> None:
    if Album.objects.published().filter(artist=artist).exists():
        _write(artist, None, None, at)
    else:
        _remove(SearchDocument.objects.filter(artist=artist, kind=SearchDocument.Kind.ARTIST))


def _write(artist: Artist, album: Album | None, track: Track | None, at: datetime) -> None:
    """Write one document and its row of the index."""
    thing = track or album or artist
    kind = SearchDocument.Kind.TRACK if track else SearchDocument.Kind.ALBUM if album else SearchDocument.Kind.ARTIST
    title = artist.name if album is None else (track or album).title
    subtitle = artist.location if album is None else artist.name if track is None else f"{track.performer} · {album}"
    cover, hue = (album.cover, album.hue) if album else (artist.cover, artist.hue)
    key: dict[str, Any] = {"kind": kind, "artist": artist, "album": album, "track": track}
    values: dict[str, Any] = {
        "title": title,
        "subtitle": subtitle,
        "text": _text(title, artist, album, track),
        "url": thing.get_absolute_url(),
        "cover": cover,
        "hue": hue,
        "updated_at": at,
    }
    document, _ = SearchDocument.objects.update_or_create(**key, defaults=values)
    if _has_index():
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {_INDEX} WHERE rowid = %s", [document.pk])  # noqa: S608
            cursor.execute(f"INSERT INTO {_INDEX} (rowid, text) VALUES (%s, %s)", [document.pk, document.text])  # noqa: S608


def _text(title: str, artist: Artist, album: Album | None, track: Track | None) -> str:
    """The title in a line of its own, so that one condition tells exact titles, then whatever else may be typed."""
    rest = [artist.name]
    if album:
        rest += [album.get_genre_display(), *(str(tag) for tag in album.tags), album.label, album.upc]
    if track and album:
        rest += [album.title, track.performer, track.isrc]
    elif album is None:
        rest += [artist.location]
    return f"{fold(title)}\n{fold(' '.join(rest))}"


def _remove(documents: QuerySet[SearchDocument]) -> None:
    ids = list(documents.values_list("pk", flat=True))
    if ids and _has_index():
        with connection.cursor() as cursor:
            cursor.executemany(f"DELETE FROM {_INDEX} WHERE rowid = %s", [[pk] for pk in ids])  # noqa: S608
    SearchDocument.objects.filter(pk__in=ids).delete()


def _has_index() -> bool:
    """Whether there is an FTS5 table to keep; PostgreSQL keeps its index by itself."""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [_INDEX])
        return cursor.fetchone() is not None


def _matching(words: Iterable[str]) -> QuerySet[SearchDocument]:
    """Documents that contain every word. The index knows pieces of three letters; shorter words are looked for."""
    documents = SearchDocument.objects.all()
    long = [word for word in words if len(word) >= 3]
    if long and _has_index():
        pieces = " AND ".join(f'"{word}"' for word in long)
        inside = f"artists_searchdocument.id IN (SELECT rowid FROM {_INDEX} WHERE text MATCH %s)"  # noqa: S608
        documents = documents.extra(where=[inside], params=[pieces])  # noqa: S610 - the ORM knows no MATCH
        words = [word for word in words if len(word) < 3]
    for word in words:
        documents = documents.filter(text__contains=word)
    return documents


def _ranked(documents: QuerySet[SearchDocument], typed: str) -> QuerySet[SearchDocument]:
    rank = Case(
        When(text__startswith=f"{typed}\n", then=Value(0)),
        When(text__startswith=f"{typed} ", then=Value(1)),
        When(text__startswith=typed, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    order = Case(
        When(kind=SearchDocument.Kind.ARTIST, then=Value(0)),
        When(kind=SearchDocument.Kind.ALBUM, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    ranked = documents.annotate(rank=rank, order=order, letters=Length("title"))
    return ranked.select_related("cover").order_by("rank", "-plays", "order", "letters", "pk")


def _alike(typed: str, limit: int) -> list[SearchDocument]:
    """Documents whose title is spelled nearly like `typed`: for slips of the finger."""
    if len(typed) < 4:
        return []
    wanted = _pieces(typed)
    scored = [(_likeness(wanted, _pieces(one.text.split("\n")[0])), one) for one in _candidates(typed)]
    good = sorted((pair for pair in scored if pair[0] >= LIKENESS), key=lambda pair: (-pair[0], pair[1].pk))
    return [one for _, one in good[:limit]]


def _candidates(typed: str) -> QuerySet[SearchDocument]:
    """At most 200 documents that share some pieces with `typed`, those that share most first."""
    documents = SearchDocument.objects.select_related("cover")
    table = SearchDocument._meta.db_table
    if connection.vendor == "sqlite":
        if not _has_index():
            return documents.none()
        pieces = " OR ".join(sorted({f'"{typed[i : i + 3]}"' for i in range(len(typed) - 2)}))
        inside = f"{table}.id IN (SELECT rowid FROM {_INDEX} WHERE text MATCH %s ORDER BY rank LIMIT 200)"  # noqa: S608
        return documents.extra(where=[inside], params=[pieces])  # noqa: S610
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if cursor.fetchone() is None:
            return documents.none()
    return documents.extra(where=[f"%s <%% {table}.text"], params=[typed])[:200]  # noqa: S610


def _pieces(text: str) -> set[str]:
    """The pieces of three letters of each word, its beginning and end marked."""
    return {padded[i : i + 3] for word in text.split() for padded in [f"  {word} "] for i in range(len(padded) - 2)}


def _likeness(one: set[str], other: set[str]) -> float:
    """The share of pieces that two texts have in common, 0..1."""
    return len(one & other) / len(one | other) if one | other else 0.0
