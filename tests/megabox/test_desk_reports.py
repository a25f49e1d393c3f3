"""Every report is a page, a CSV and an XLSX, says what is wrong with a question, and can be sorted and paged."""

import csv
import io
from datetime import date

import pytest
from django.test import Client
from openpyxl import load_workbook

from megabox import desk_reports
from megabox.reporting import FilterForm
from tests.ledger.factories import make_sale
from tests.users.factories import ada

pytestmark = pytest.mark.django_db

NAMES = sorted(desk_reports.REPORTS)
YEAR = {"since": "2026-01-01", "until": "2026-12-31"}


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(ada())
    return client


def test_the_index_says_what_each_report_answers(desk: Client) -> None:
    page = desk.get("/desk/reports/").text
    for report in desk_reports.REPORTS.values():
        assert f'href="/desk/reports/{report.name}/"' in page
        assert report.question.replace("'", "&#x27;") in page


def test_every_report_has_a_place_on_the_index_and_ends_with_its_question() -> None:
    for report in desk_reports.REPORTS.values():
        assert report.group in desk_reports.GROUPS
        assert report.question.endswith("?")


@pytest.mark.parametrize("name", NAMES)
def test_a_report_without_a_row_says_so_and_its_files_still_have_their_header(desk: Client, name: str) -> None:
    page = desk.get(f"/desk/reports/{name}/", YEAR)
    assert page.status_code == 200
    assert "<table" in page.text or 'class="empty"' in page.text
    rows = list(csv.reader(io.StringIO(desk.get(f"/desk/reports/{name}.csv", YEAR).getvalue().decode("utf-8-sig"))))
    book = load_workbook(io.BytesIO(desk.get(f"/desk/reports/{name}.xlsx", YEAR).getvalue()))
    assert len(rows[0]) == book.worksheets[0].max_column


@pytest.mark.parametrize("name", [name for name in NAMES if "since" in desk_reports.REPORTS[name].asks])
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"since": "yesterday"}, "Choose a day, like 2026-11-29."),
        ({"since": "2026-12-01", "until": "2026-11-01"}, "The first day is after the last. Swap them."),
        ({"until": "9999-12-31"}, "Choose a day between 1970 and 9998."),
    ],
)
def test_a_wrong_question_gets_a_sentence_and_no_table(
    desk: Client, name: str, asked: dict[str, str], sentence: str
) -> None:
    page = desk.get(f"/desk/reports/{name}/", asked)
    assert (page.status_code, sentence in page.text, "<table" in page.text) == (422, True, False)
    assert desk.get(f"/desk/reports/{name}.csv", asked)["Location"].startswith(f"/desk/reports/{name}/?")


@pytest.mark.parametrize("odd", ["' OR 1=1 --", "%", "\x00", "<script>alert(1)</script>", "é" * 100, "x" * 101])
def test_odd_words_break_nothing(desk: Client, odd: str) -> None:
    for name in NAMES:
        page = desk.get(f"/desk/reports/{name}/", {"text": odd, "unit": odd, "sort": odd, "page": odd, "by": odd})
        assert page.status_code in (200, 422)
        assert "<script>alert" not in page.text


def test_unknown_reports_are_not_found(desk: Client) -> None:
    assert desk.get("/desk/reports/nothing/").status_code == 404
    assert desk.get("/desk/reports/nothing.csv").status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_every_column_can_be_sorted_by(desk: Client, name: str) -> None:
    make_sale()
    form = FilterForm(desk_reports.REPORTS[name], {}, date(2026, 11, 20))
    assert form.is_valid()
    for column in desk_reports.REPORTS[name].table(form.filters).columns:
        for sort in (column.name, f"-{column.name}"):
            assert desk.get(f"/desk/reports/{name}/", {**YEAR, "sort": sort}).status_code == 200


def test_a_sorted_column_says_so_and_turns_when_pressed_again(desk: Client) -> None:
    make_sale()
    page = desk.get("/desk/reports/trial-balance/", {"until": "2026-12-31", "sort": "balance"}).text
    assert '<th scope="col" class="num" aria-sort="ascending"><a href="?until=2026-12-31&amp;sort=-balance">' in page
    codes = [row[1][0].text for row in desk.get("/desk/reports/trial-balance/?sort=-balance").context["lines"]]
    assert codes[0] == "stripe:balance:USD"


def test_pages_keep_the_question_and_the_order(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_reports, "PER_PAGE", 2)
    make_sale()
    page = desk.get("/desk/reports/trial-balance/", {"until": "2026-12-31", "sort": "account"})
    assert "?until=2026-12-31&amp;sort=account&amp;page=2" in page.text
    assert len(page.context["lines"]) == 2
    assert page.context["totals"], "totals are of all pages"


def test_the_balances_around_an_account_are_on_its_first_and_last_page(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_reports, "PER_PAGE", 1)
    make_sale()
    make_sale(number=2)
    asked = {**YEAR, "text": "rev:commission:USD"}
    first = desk.get("/desk/reports/general-ledger/", asked).text
    last = desk.get("/desk/reports/general-ledger/", {**asked, "page": "2"}).text
    assert ("Opening balance" in first, "Closing balance" in first) == (True, False)
    assert ("Opening balance" in last, "Closing balance" in last) == (False, True)
