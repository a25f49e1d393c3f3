"""Issuing statements of closed months: once, with a number; a correction is a new version that names the old one."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from artists.models import Payee
from ledger import months
from ledger.models import Account, Month, Posting
from megabox import media, steps
from megabox.days import midnight
from payouts import statement_pdf, statements
from payouts.models import IssuedStatement
from payouts.statements import Statement

CODE = re.compile(r"payee:(\d+):\w+:([A-Z]{3})")


class Damaged(Exception):
    """The stored file is not what was issued, or is gone: an operator must bring it back from the backup."""


class Missing(Damaged):
    """There is no such file in the storage."""


class MonthOpen(Exception):
    """The month is not closed yet, so its statement can still change; the message says so."""

    def __init__(self, month: date) -> None:
        super().__init__(
            f"{month:%B %Y} is not closed yet: its last days can still change. "
            "A month closes about a week after it ends."
        )


def issue(payee: Payee, unit: str, month: date, *, at: datetime) -> IssuedStatement:
    """The issued statement of a closed month: the one there is, or a new one when there is none with these figures.

    Safe to repeat, to kill and to run twice at once: the file is named by its content and written first, the row
    makes it count. Raises MonthOpen.
    """
    month = months.first_day(month)
    if not months.is_closed(month):
        raise MonthOpen(month)
    statement = statements.statement(payee, unit, since=midnight(month), until=months.ends_at(month))
    content = fingerprint(statement)
    same_month = IssuedStatement.objects.filter(payee=payee, unit=unit, month=month)
    there = same_month.filter(content_hash=content).first()
    if there is not None:
        return there
    before = same_month.order_by("-version").first()
    version = before.version + 1 if before else 1
    number = number_of(payee.pk, unit, month, version)
    pdf = statement_pdf.render(statement, number=number, issued_at=at, corrects=before.number if before else "")
    sha256 = hashlib.sha256(pdf).hexdigest()
    path = f"statements/{month:%Y}/{number}-{sha256[:16]}.pdf"
    storage = media.private()
    if not storage.exists(path):
        saved = storage.save(path, ContentFile(pdf))
        path = PurePosixPath(saved).as_posix()
    try:
        with transaction.atomic():
            return IssuedStatement.objects.create(
                payee=payee,
                unit=unit,
                month=month,
                version=version,
                number=number,
                content_hash=content,
                sha256=sha256,
                path=path,
                size_bytes=len(pdf),
                closing_micros=statement.closing.total,
                issued_at=at,
                corrects=before,
            )
    except IntegrityError:  # somebody else issued it this very moment
        return same_month.get(version=version)


def number_of(payee_id: int, unit: str, month: date, version: int) -> str:
    """The number of a statement: its month, payee, unit and version; without gaps, for versions have none."""
    return f"{month:%Y-%m}-{payee_id}-{unit}-{version}"


def read(issued: IssuedStatement) -> bytes:
    """The bytes of an issued statement, exactly as they were given out. Raises Damaged, or Missing which is one."""
    return b"".join(pieces(issued))


def pieces(issued: IssuedStatement) -> Iterator[bytes]:
    """The same a piece at a time, for files of any size: only when the last has come are they known to be true.

    Raises Damaged at the end when they are not, and Missing or Damaged at the beginning when there is nothing to read.
    """
    file_of = f"The file of statement {issued.number}"
    digest, size = hashlib.sha256(), 0
    try:
        with media.private().open(issued.path, "rb") as file:
            for piece in file.chunks(media.CHUNK_BYTES):
                digest.update(piece)
                size += len(piece)
                yield piece
    except FileNotFoundError:
        raise Missing(f"{file_of} is missing. We have to bring it back first.") from None
    except (OSError, SuspiciousFileOperation):
        raise Damaged(f"{file_of} cannot be read. We have to bring it back first.") from None
    if (digest.hexdigest(), size) != (issued.sha256, issued.size_bytes):
        raise Damaged(f"{file_of} was changed. We have to bring it back first.")


def issue_due(at: datetime, *, most: int = 500) -> int:
    """Issue what is missing of closed months for everybody whose money moved in them; how many are new."""
    return steps.all_of(partial(_issue, *one, at) for one in islice(_missing(), most))


def _missing() -> Iterator[tuple[int, str, date]]:
    for month in Month.objects.order_by("-month").values_list("month", flat=True)[:3]:
        done = set(IssuedStatement.objects.filter(month=month).values_list("payee_id", "unit"))
        for payee_id, unit in sorted(_moved(month) - done):
            yield payee_id, unit, month


def _issue(payee_id: int, unit: str, month: date, at: datetime) -> int:
    payee = Payee.objects.filter(pk=payee_id).first()
    if payee is None:
        return 0
    issue(payee, unit, month, at=at)
    return 1


def _moved(month: date) -> set[tuple[int, str]]:
    """Payees and units whose accounts moved in a month."""
    within = Posting.objects.filter(
        entry__occurred_at__gte=midnight(month), entry__occurred_at__lt=months.ends_at(month)
    )
    ids: set[int] = set()
    for side in ("debit", "credit"):
        moved = within.filter(**{f"{side}__code__startswith": "payee:"})
        ids |= set(moved.order_by().values_list(side, flat=True).distinct())
    matches: Iterable[re.Match[str] | None] = map(
        CODE.fullmatch, Account.objects.filter(pk__in=ids).values_list("code", flat=True)
    )
    return {(int(match[1]), match[2]) for match in matches if match}


def fingerprint(statement: Statement) -> str:
    """SHA-256 of every figure of a statement; not of the states of its lines, which go on after the month."""
    digest = hashlib.sha256()
    places = [[getattr(each, name) for name in each.__slots__] for each in (statement.opening, statement.closing)]
    head = ["megabox.statement/1", statement.payee.pk, statement.unit, f"{statement.since:%Y-%m}", places]
    digest.update(json.dumps(head).encode())
    for line in statement.lines:
        digest.update(json.dumps([line.posting_id, line.kind, line.amount]).encode())
    return digest.hexdigest()
