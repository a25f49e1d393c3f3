"""The few statements of counting that take any number of rows as one parameter, so that a batch costs the same few
round trips however many reports it holds. PostgreSQL and SQLite both read the rows from JSON.
"""
# ruff: noqa: S608 - what is put into these statements are constants of this module; values are parameters

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from ads.models import AdEvent, Impression, StageHour

_EVENT = ("token_id", "stage", "payload_hash", "campaign_id", "at")
_COUNTS = ("started", "first_quarter", "half", "third_quarter", "completed", "skipped", "clicked")
_STAGE_HOUR = ("campaign_id", "place", "hour", *_COUNTS)
_IMPRESSION = tuple(str(field.column) for field in Impression._meta.concrete_fields)

_TYPES = {
    "UUIDField": "uuid",
    "CharField": "text",
    "DateTimeField": "timestamptz",
    "DateField": "date",
    "JSONField": "jsonb",
    "BigIntegerField": "bigint",
    "PositiveBigIntegerField": "bigint",
    "PositiveIntegerField": "int",
    "ForeignKey": "bigint",
}


def insert_events(rows: Sequence[tuple[uuid.UUID, str, str, int, datetime]]) -> set[tuple[uuid.UUID, str]]:
    """Insert (token, stage, digest, campaign, time) in the order given; return the token and stage of those new.

    On PostgreSQL this waits for whoever is inserting the same, and then finds it there.
    """
    source, values = _given(AdEvent, _EVENT, rows)
    names = ", ".join(_EVENT)
    inserted = _rows(
        f"INSERT INTO ads_adevent ({names}) SELECT {names} {source} ON CONFLICT (token_id, stage) DO NOTHING"
        " RETURNING token_id, stage",
        values,
    )
    return {(_uuid(token_id), stage) for token_id, stage in inserted}


def clicked_at(token_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When those of these tokens were clicked that were."""
    ids: Any = list(token_ids)
    among = "= ANY(%s)"
    if connection.vendor == "sqlite":
        among, ids = "IN (SELECT value FROM json_each(%s))", json.dumps(list(token_ids), default=_plain)
    clicked = AdEvent.Stage.CLICKED.value
    rows = _rows(f"SELECT token_id, at FROM ads_adevent WHERE stage = %s AND token_id {among}", [clicked, ids])
    return {_uuid(token_id): _moment(at) for token_id, at in rows}


def insert_impressions(views: Sequence[Impression]) -> None:
    """Insert impressions that nobody counted before, in the order given. PostgreSQL takes them as a COPY."""
    attributes = [field.attname for field in Impression._meta.concrete_fields]
    rows = [[getattr(view, name) for name in attributes] for view in views]
    names = ", ".join(_IMPRESSION)
    if connection.vendor == "postgresql":
        shares = _IMPRESSION.index("shares")
        statement = f"COPY ads_impression ({names}) FROM STDIN"
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
            for row in rows:
                row[shares] = json.dumps(row[shares])
                copy.write_row(row)
        return
    source, values = _given(Impression, _IMPRESSION, rows)
    _execute(f"INSERT INTO ads_impression ({names}) SELECT {names} {source}", values)


def stamp_clicks(clicks: Sequence[tuple[uuid.UUID, datetime]]) -> None:
    """Write when counted views were clicked, in the order given; the first click of a view stays."""
    source, values = _given(Impression, ("id", "clicked_at"), clicks)
    _execute(
        f"UPDATE ads_impression SET clicked_at = new.clicked_at FROM (SELECT id, clicked_at {source}) AS new"
        " WHERE ads_impression.id = new.id AND ads_impression.clicked_at IS NULL"
        f" AND ads_impression.state = '{Impression.State.VIEWED}'",
        values,
    )


def add_stages(counts: Mapping[tuple[int, str, datetime], Mapping[str, int]]) -> None:
    """Add to the counts of (campaign, place, hour), in the order of the keys."""
    rows = [(*key, *(counts[key].get(name, 0) for name in _COUNTS)) for key in sorted(counts)]
    source, values = _given(StageHour, _STAGE_HOUR, rows)
    names = ", ".join(_STAGE_HOUR)
    added = ", ".join(f"{name} = ads_stagehour.{name} + excluded.{name}" for name in _COUNTS)
    _execute(
        f"INSERT INTO ads_stagehour ({names}) SELECT {names} {source}"
        f" ON CONFLICT (campaign_id, place, hour) DO UPDATE SET {added}",
        values,
    )


# --- rows as one parameter


def _given(model: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[str, list[str]]:
    """A FROM clause that gives `rows` in their order as columns of `model`, and its one parameter."""
    if connection.vendor == "postgresql":
        text = json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str)
        fields = {field.column: field for field in model._meta.concrete_fields}
        typed = ", ".join(f"{name} {_TYPES[fields[name].get_internal_type()]}" for name in columns)
        each = f"ROWS FROM (json_to_recordset(%s) AS ({typed})) WITH ORDINALITY"
        return f"FROM {each} AS given ({', '.join(columns)}, nth) ORDER BY nth", [text]
    text = json.dumps(list(rows), default=_plain)
    picked = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns))
    # WHERE, because SQLite would take ON CONFLICT for the condition of a join.
    return f"FROM (SELECT key, {picked} FROM json_each(%s)) AS given WHERE TRUE ORDER BY key", [text]


def _plain(value: object) -> str:
    """As SQLite keeps it."""
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(connection.ops.adapt_datetimefield_value(value))
    assert isinstance(value, date), value
    return value.isoformat()


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _execute(statement: str, values: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
