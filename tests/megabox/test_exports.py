"""The zip for an auditor: asked for at the desk, made by a worker even if one is killed, saved by the staff only."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from megabox import exports, jobs, media, tasks
from megabox.export import folder
from megabox.models import BooksExport, Job
from tests.ledger.factories import make_sale
from tests.megabox.forging import verdict
from tests.payouts.factories import make_statement
from tests.users.factories import ada

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _room(settings: LazySettings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


def clock() -> datetime:
    return NOON


def made(until: date | None = None) -> BooksExport:
    export = exports.ask(until=until, at=NOON, by=ada())
    assert exports.work(export.pk, now=clock)
    export.refresh_from_db()
    return export


def signed_in() -> Client:
    client = Client()
    client.force_login(ada())
    return client


def content(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_the_zip_holds_a_folder_that_is_clean(tmp_path: Path) -> None:
    statement = make_statement()
    export = made()
    assert (export.state, export.error) == ("DONE", "")
    answer = signed_in().get(reverse("desk_export_zip", args=[export.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="megabox-books-all-{export.pk}.zip"'
    data = content(answer)
    assert len(data) == export.size_bytes
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        packed.extractall(tmp_path / "out")
    assert (tmp_path / "out" / "megabox-books" / "statements" / f"{statement.number}.pdf").is_file()
    assert verdict(tmp_path / "out" / "megabox-books") == {}
    assert not list((tmp_path / "exports").iterdir()), "nothing is left over"


def test_the_same_books_make_the_same_zip() -> None:
    make_sale()
    first, second = made(), made()
    assert first.manifest_sha256 == second.manifest_sha256
    client = signed_in()
    zips = [content(client.get(reverse("desk_export_zip", args=[one.pk]))) for one in (first, second)]
    assert zips[0] == zips[1]
    make_sale(number=2)
    assert made().manifest_sha256 != first.manifest_sha256
    assert made(until=date(2026, 10, 1)).rows < first.rows


def test_asking_twice_is_asking_once_and_another_day_waits_its_turn() -> None:
    first = exports.ask(until=None, at=NOON, by=ada())
    assert exports.ask(until=None, at=NOON, by=ada()) == first
    with pytest.raises(exports.AnotherWaits, match="of everything waits"):
        exports.ask(until=NOON.date(), at=NOON, by=ada())


def test_a_killed_workers_export_is_made_by_the_next(tmp_path: Path) -> None:
    make_sale()
    export = exports.ask(until=None, at=NOON, by=ada())
    assert jobs.take(BooksExport, export.pk, by="a worker that was killed", at=NOON)
    left_over = tmp_path / "exports" / str(export.pk) / "books.partial"
    left_over.mkdir(parents=True)
    assert exports.work_on_open(lambda: NOON + timedelta(seconds=30)) == 0
    assert exports.work_on_open(lambda: NOON + timedelta(seconds=61)) == 1
    export.refresh_from_db()
    assert (export.state, export.tries) == ("DONE", 2)
    assert not left_over.exists()


def test_an_export_that_breaks_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(folder, "write", full)
    export = made()
    assert (export.state, export.error) == ("FAILED", "OSError: No space left on device")
    client = signed_in()
    assert "No space left" in client.get(reverse("desk_export", args=[export.pk])).content.decode()
    assert client.get(reverse("desk_export_zip", args=[export.pk])).status_code == 404


def test_old_zips_are_deleted_and_remembered() -> None:
    export = made()
    path = export.path
    assert media.private().exists(path)
    assert exports.forget_old(NOON + exports.KEPT) == 0
    assert exports.forget_old(NOON + exports.KEPT + timedelta(seconds=1)) == 1
    assert not media.private().exists(path)
    client = signed_in()
    assert "deleted after a month" in client.get(reverse("desk_export", args=[export.pk])).content.decode()
    assert client.get(reverse("desk_export_zip", args=[export.pk])).status_code == 404


def test_the_button_asks_and_the_page_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sale()
    client, sent = signed_in(), []
    monkeypatch.setattr("megabox.books_desk.nudge", lambda task, pk: sent.append((task, pk)))
    answer = client.post(reverse("desk_export_books"), {"until": ""})
    export = BooksExport.objects.get()
    assert answer["Location"] == reverse("desk_export", args=[export.pk])
    assert sent == [(tasks.export_books, export.pk)]
    progress = reverse("desk_export_progress", args=[export.pk])
    assert "No worker has taken this" not in client.get(progress).content.decode()
    again = client.post(reverse("desk_export_books"), {"until": "2026-11-01"})
    assert (again.status_code, "waits for a worker" in again.content.decode()) == (422, True)

    seen = []
    write = folder.write

    def slowly(*arguments: object, **named: object) -> None:
        write(*arguments, **named)  # type: ignore[arg-type]
        seen.append(client.get(progress).content.decode())

    monkeypatch.setattr(folder, "write", slowly)
    tasks.export_books(export.pk)
    assert "rows written" in seen[0]
    assert 'hx-trigger="every 2s"' in seen[0]
    body = client.get(progress).content.decode()
    assert "Save the zip" in body
    assert "every 2s" not in body
    assert f"Export {export.pk}" in client.get(reverse("desk_books")).content.decode()


def test_without_workers_the_page_says_so() -> None:
    export = exports.ask(until=None, at=NOON, by=ada())
    assert "No worker has taken this" in signed_in().get(reverse("desk_export", args=[export.pk])).content.decode()
    assert export.state == Job.State.WAITING


def test_a_day_that_is_none_has_a_sentence() -> None:
    answer = signed_in().post(reverse("desk_export_books"), {"until": "yesterday"})
    assert answer.status_code == 422
    assert not BooksExport.objects.exists()


def test_a_day_that_has_no_next_one_is_refused() -> None:
    answer = signed_in().post(reverse("desk_export_books"), {"until": "9999-12-31"})
    assert (answer.status_code, "Choose a day between 1970 and 9998." in answer.text) == (422, True)
    assert not BooksExport.objects.exists()
