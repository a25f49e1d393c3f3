"""Issued statements: PDFs that never change, of closed months, once with the same figures, each for its own payee."""

import hashlib
import re
import zlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from ledger import months
from megabox import media
from megabox.days import midnight
from payouts import issuing, statement_pdf, statements, tasks
from payouts.models import IssuedStatement
from tests.payouts.factories import MICROS, earn, make_payee, owner_of
from tests.users.factories import ada, leo, make_user, nina

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
EARNED = datetime(2026, 10, 5, 12, tzinfo=UTC)
CLOSED = datetime(2026, 11, 8, 3, tzinfo=UTC)
FACTS = {
    "title": "Night Bus",
    "album": "Lanterns",
    "isrc": "QZMBX2600001",
    "country": "DE",
    "quantity": 1,
    "price_micros": 9_990_000,
    "rule": "policy 1",
    "share_micros": 8_991_000,
    "split_basis_points": 5_000,
}


def text_of(pdf: bytes) -> str:
    """The words of a PDF, read without the library that wrote it: glyph numbers through each font's ToUnicode map."""
    streams = _streams(pdf)
    letters = [_letters(one.decode("latin-1")) for one in streams if b"begincmap" in one]
    words, current = [], letters[0]
    for stream in streams:
        for font, raw in re.findall(rb"/F(\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", stream, re.DOTALL):
            if font:
                current = letters[int(font) - 1]
            elif raw:
                codes = _unescaped(raw)
                glyphs = [a << 8 | b for a, b in zip(codes[::2], codes[1::2], strict=True)]
                words.append("".join(current.get(glyph, "?") for glyph in glyphs))
    return "\n".join(words)


def _streams(pdf: bytes) -> list[bytes]:
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(part) if part[:1] == b"\x78" else part for part in found]


def _letters(cmap: str) -> dict[int, str]:
    pairs = re.findall(r"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4})>\n", cmap)
    return {int(glyph, 16): chr(int(letter, 16)) for glyph, letter in pairs}


def _unescaped(raw: bytes) -> bytes:
    return re.sub(
        rb"\\([nrtbf()\\])",
        lambda found: {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(found[1], found[1]),
        raw,
        flags=re.DOTALL,
    )


def october(payee: Any, unit: str = "USD") -> statements.Statement:
    since = midnight(OCTOBER)
    return statements.statement(payee, unit, since=since, until=months.ends_at(OCTOBER))


def render(payee: Any, **fields: Any) -> bytes:
    return statement_pdf.render(october(payee), **{"number": "2026-10-1-USD-1", "issued_at": CLOSED, **fields})


def test_the_pdf_says_all_that_the_statement_says() -> None:
    payee = make_payee("Björk Ελένη Тест")
    earn(payee, 4_495_500, at=EARNED, facts=FACTS, is_matured=False)
    text = text_of(render(payee))
    for words in (
        "Statement October 2026",
        "Björk Ελένη Тест",
        "Number 2026-10-1-USD-1",
        "2026-10-05",
        "Night Bus · Lanterns",
        "QZMBX2600001",
        "policy 1",
        "$9.99",
        "$8.991",
        "50 %",
        "$4.4955",
        "Opening balance",
        "Closing balance",
        "Being checked (pending)",
        "On hold",
        "1 lines",
    ):
        assert words in text, words


def test_the_pdf_has_room_for_every_rule_and_says_how_it_was_earned() -> None:
    payee = make_payee()
    earn(payee, 4_495_500, at=EARNED, facts=FACTS | {"sheet": "track split 12"})
    text = text_of(render(payee))
    assert "policy 1, track split 12" in text
    assert "sale: Night Bus · Lanterns" in text


def test_the_same_statement_gives_the_same_bytes() -> None:
    payee = make_payee()
    earn(payee, 4_495_500, at=EARNED, facts=FACTS)
    assert render(payee) == render(payee)
    assert render(payee) != render(payee, number="2026-10-1-USD-2")


def test_a_letter_the_font_does_not_have_is_a_box_and_said_so() -> None:
    text = text_of(render(make_payee("坂本 Nina")))
    assert "▯▯ Nina" in text
    assert "stands for a letter" in text
    assert "stands for a letter" not in text_of(render(make_payee("Nina")))


def test_many_lines_go_over_many_pages_with_a_head_on_each() -> None:
    payee = make_payee()
    for number in range(80):
        earn(payee, 1_000_000 + number, at=EARNED, is_matured=False)
    text = text_of(render(payee))
    assert text.count("ISRC or UPC") >= 3
    assert "80 lines" in text
    assert "Page 1 of" in text


def test_a_month_is_issued_only_when_its_books_are_closed() -> None:
    payee = make_payee()
    earn(payee, 5 * MICROS, at=EARNED)
    with pytest.raises(issuing.MonthOpen, match="October 2026 is not closed yet"):
        issuing.issue(payee, "USD", OCTOBER, at=CLOSED)
    months.close(OCTOBER, at=CLOSED)
    issued = issuing.issue(payee, "USD", date(2026, 10, 17), at=CLOSED)
    assert (issued.number, issued.version, issued.month) == (f"2026-10-{payee.pk}-USD-1", 1, OCTOBER)
    pdf = issuing.read(issued)
    assert pdf.startswith(b"%PDF-")
    assert hashlib.sha256(pdf).hexdigest() == issued.sha256
    assert issued.size_bytes == len(pdf)
    assert issued.closing_micros == october(payee).closing.total


def test_the_same_month_is_not_issued_twice() -> None:
    payee = make_payee()
    earn(payee, 5 * MICROS, at=EARNED, is_matured=False)
    months.close(OCTOBER, at=CLOSED)
    first = issuing.issue(payee, "USD", OCTOBER, at=CLOSED)
    assert issuing.issue(payee, "USD", OCTOBER, at=CLOSED + timedelta(days=40)) == first
    assert IssuedStatement.objects.count() == 1


def test_other_figures_are_a_new_version_that_names_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    payee = make_payee()
    earn(payee, 5 * MICROS, at=EARNED)
    months.close(OCTOBER, at=CLOSED)
    first = issuing.issue(payee, "USD", OCTOBER, at=CLOSED)
    monkeypatch.setattr(issuing, "fingerprint", lambda statement: "f" * 64)
    second = issuing.issue(payee, "USD", OCTOBER, at=CLOSED + timedelta(days=1))
    assert (second.version, second.corrects) == (2, first)
    assert f"Corrects {first.number}" in text_of(issuing.read(second))
    assert issuing.read(first)
    assert list(IssuedStatement.objects.filter(corrected_by=None)) == [second]


def test_what_is_issued_is_never_changed_or_deleted() -> None:
    payee = make_payee()
    earn(payee, 5 * MICROS, at=EARNED)
    months.close(OCTOBER, at=CLOSED)
    issued = issuing.issue(payee, "USD", OCTOBER, at=CLOSED)
    issued.closing_micros = 0
    for change in (
        issued.save,
        issued.delete,
        IssuedStatement.objects.all().delete,
        lambda: IssuedStatement.objects.update(closing_micros=0),
    ):
        with pytest.raises(AssertionError):
            change()
    row = {field: getattr(issued, field) for field in ("unit", "month", "version", "content_hash", "sha256", "path")}
    with pytest.raises(IntegrityError), transaction.atomic():
        IssuedStatement.objects.create(
            payee=payee, number="another", size_bytes=1, closing_micros=0, issued_at=CLOSED, **row
        )


def test_a_file_that_was_changed_is_not_given_out() -> None:
    payee = make_payee()
    earn(payee, 5 * MICROS, at=EARNED)
    months.close(OCTOBER, at=CLOSED)
    issued = issuing.issue(payee, "USD", OCTOBER, at=CLOSED)
    with open(media.private().path(issued.path), "ab") as file:
        file.write(b"x")
    with pytest.raises(issuing.Damaged, match="was changed"):
        issuing.read(issued)
    media.private().delete(issued.path)
    with pytest.raises(issuing.Damaged, match="is missing"):
        issuing.read(issued)


def test_everybody_whose_money_moved_gets_one_by_itself_and_only_once() -> None:
    first, second, later = make_payee("A"), make_payee("B"), make_payee("C")
    earn(first, 5 * MICROS, at=EARNED, is_matured=False)
    earn(second, 5 * MICROS, at=EARNED, is_matured=False)
    earn(second, 5 * MICROS, at=EARNED, unit="EUR", is_matured=False)
    earn(later, 5 * MICROS, at=EARNED + timedelta(days=35), is_matured=False)
    assert issuing.issue_due(CLOSED) == 0
    months.close(OCTOBER, at=CLOSED)
    tasks.issue_statements()
    found = IssuedStatement.objects.order_by("payee__name", "unit").values_list("payee__name", "unit")
    assert list(found) == [("A", "USD"), ("B", "EUR"), ("B", "USD")]
    assert issuing.issue_due(CLOSED) == 0


# --- pages


@pytest.fixture
def issued() -> IssuedStatement:
    payee = make_payee("Nova Kit")
    owner_of(payee)
    earn(payee, 5 * MICROS, at=EARNED, is_matured=False)
    months.close(OCTOBER, at=CLOSED)
    return issuing.issue(payee, "USD", OCTOBER, at=CLOSED)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_artists_download_their_own_and_staff_any(issued: IssuedStatement) -> None:
    page = signed_in(nina()).get("/studio/earnings/statements/").text
    assert issued.number in page
    for client, path in (
        (signed_in(nina()), f"/studio/earnings/statements/{issued.pk}.pdf"),
        (signed_in(ada()), f"/desk/payouts/statements/{issued.pk}.pdf"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert hashlib.sha256(answer.content).hexdigest() == issued.sha256


def test_somebody_elses_statement_is_not_found(issued: IssuedStatement) -> None:
    rival = make_user("rival@demo.megabox.test", is_artist=True)
    owner_of(make_payee("Rival"), "rival@demo.megabox.test")
    assert signed_in(rival).get(f"/studio/earnings/statements/{issued.pk}.pdf").status_code == 404
    assert issued.number not in signed_in(rival).get("/studio/earnings/statements/").text
    assert signed_in(leo()).get(f"/desk/payouts/statements/{issued.pk}.pdf").status_code == 403


def test_a_closed_month_is_issued_on_demand_and_nothing_else(issued: IssuedStatement) -> None:
    months.close(NOVEMBER, at=datetime(2026, 12, 9, tzinfo=UTC))
    client = signed_in(nina())
    assert "November 2026, Nova Kit, USD" in client.get("/studio/earnings/statements/").text
    client.post("/studio/earnings/statements/issue/", {"choice": f"{issued.payee_id}:USD:2026-11-01"})
    assert IssuedStatement.objects.filter(month=NOVEMBER).count() == 1
    for choice in (f"{issued.payee_id}:USD:2026-12-01", f"{issued.payee_id + 1}:USD:2026-11-01", "x"):
        answer = client.post("/studio/earnings/statements/issue/", {"choice": choice}, follow=True)
        assert "Choose a month from the list." in answer.text
    assert IssuedStatement.objects.count() == 2


def test_the_desk_lists_what_was_issued(issued: IssuedStatement) -> None:
    page = signed_in(ada()).get("/desk/reports/statements/", {"since": "2026-01-01", "until": "2026-12-31"}).text
    assert f"/desk/payouts/statements/{issued.pk}.pdf" in page
    assert ">2026-10</td>" in page
