"""Checks of the books are kept, survive their workers, show how far they are, and are told to the staff."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, transaction
from django.test import Client
from django.urls import reverse

from ledger import chart, journal
from ledger.audit import Check, Finding
from ledger.journal import Line
from ledger.models import Entry
from megabox import audit, audit_runs, health, jobs, tasks
from megabox.models import AuditRun, Job
from tests.ledger.factories import make_sale
from tests.users.factories import ada, leo, max_
from users.models import Mail

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
USD = "USD"


def clock() -> datetime:
    return NOON


def hourly(number: int = 0) -> AuditRun:
    """What the clock does, `number` hours after noon."""
    at = NOON + number * HOUR
    run = audit_runs.ask_by_the_clock(at)
    assert run is not None
    assert audit_runs.work(run.pk, now=lambda: at)
    run.refresh_from_db()
    return run


def break_the_books(payee: int = 42) -> None:
    """A payee who has something to be paid and owes at once."""
    payable, owed, stripe = chart.payee(payee, "payable", USD), chart.payee(payee, "owed", USD), chart.stripe(USD)
    lines = [Line(stripe, payable, 10, USD), Line(owed, stripe, 4, USD)]
    journal.post(f"broken:{payee}", "x", lines, occurred_at=NOON)


def mend_the_books(payee: int = 42) -> None:
    line = Line(chart.payee(payee, "payable", USD), chart.payee(payee, "owed", USD), 4, USD)
    journal.post(f"mended:{payee}:{Entry.objects.count()}", "x", [line], occurred_at=NOON)


def letters() -> list[str]:
    return list(Mail.objects.order_by("pk").values_list("to", flat=True))


def with_checks(monkeypatch: pytest.MonkeyPatch, *looks: object) -> None:
    """An audit that asks only these."""
    checks = [Check("test", f"check {n}", look, Entry) for n, look in enumerate(looks)]  # type: ignore[arg-type]
    monkeypatch.setattr(audit, "checks", lambda at: checks)


def nothing() -> Iterator[Finding]:
    return iter(())


def test_a_clean_run_says_what_it_looked_at_and_writes_no_letter() -> None:
    ada()
    make_sale()
    run = hourly()
    assert (run.state, run.findings_count, run.who, run.finished_at) == ("DONE", 0, "the clock", NOON)
    assert len(run.checks) == run.checks_count == len(audit.checks(NOON))
    digests = next(check for check in run.checks if check["name"] == "digests recompute")
    assert (digests["room"], digests["over"], digests["rows"], digests["findings"]) == ("ledger", "entries", 1, 0)
    assert letters() == []


def test_what_the_clock_finds_is_told_to_the_staff_once() -> None:
    people = [ada().email, max_().email]
    leo()
    break_the_books()
    run = hourly()
    assert run.findings_count == 1
    assert letters() == people
    body = Mail.objects.first().body  # type: ignore[union-attr]
    assert "payee:42:owed:USD is 4 micros while 10 are payable" in body
    assert reverse("desk_audit_run", args=[run.pk]) in body

    hourly(1)
    assert letters() == people, "the same findings an hour later are no news"
    break_the_books(43)
    hourly(2)
    assert letters() == people * 2, "other findings are"
    mend_the_books(43)
    hourly(3)
    assert letters() == people * 2, "these were told before"
    mend_the_books()
    assert hourly(4).is_clean
    break_the_books(44)
    hourly(5)
    assert letters() == people * 3


def test_what_comes_back_after_the_books_were_clean_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ada()
    for number, found in enumerate(([Finding("a", "b", "c")], [], [Finding("a", "b", "c")])):
        with_checks(monkeypatch, lambda found=found: iter(found))
        hourly(number)
    assert len(letters()) == 2


def test_what_somebody_asked_for_is_shown_to_them_and_not_mailed() -> None:
    break_the_books()
    run = audit_runs.ask(origin=Job.Origin.DESK, by=ada(), at=NOON)
    assert audit_runs.work(run.pk, now=clock)
    assert letters() == []


def test_asking_twice_is_asking_once() -> None:
    first = audit_runs.ask(origin=Job.Origin.DESK, by=ada(), at=NOON)
    assert audit_runs.ask(origin=Job.Origin.CLOCK, at=NOON) == first
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditRun.objects.create(origin=Job.Origin.DESK, asked_at=NOON)


def test_the_clock_asks_for_none_while_one_is_done() -> None:
    run = audit_runs.ask_by_the_clock(NOON)
    assert run is not None
    jobs.take(AuditRun, run.pk, by="a worker", at=NOON)
    assert audit_runs.ask_by_the_clock(NOON + timedelta(seconds=30)) is None
    assert audit_runs.ask_by_the_clock(NOON + HOUR) is not None


def test_a_run_is_done_by_one_worker_only() -> None:
    run = audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    jobs.take(AuditRun, run.pk, by="a worker", at=NOON)
    assert not audit_runs.work(run.pk, now=clock)


def test_a_killed_workers_run_is_seen_and_done_by_the_next() -> None:
    run = audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    jobs.take(AuditRun, run.pk, by="a worker that was killed", at=NOON)
    assert audit_runs.work_on_open(lambda: NOON + timedelta(seconds=30)) == 0
    assert audit_runs.work_on_open(lambda: NOON + timedelta(seconds=61)) == 1
    run.refresh_from_db()
    assert (run.state, run.tries, run.is_clean) == ("DONE", 2, True)


def test_a_run_that_kills_its_workers_is_given_up() -> None:
    run = audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    for number in range(jobs.MOST_TRIES):
        assert jobs.take(AuditRun, run.pk, by=f"worker {number}", at=NOON + number * HOUR)
    assert audit_runs.work_on_open(lambda: NOON + 10 * HOUR) == 0
    run.refresh_from_db()
    assert (run.state, run.tries) == ("FAILED", 3)
    assert "3 workers ended" in run.error


def test_a_worker_that_was_too_slow_leaves_the_run_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken() -> Iterator[Finding]:
        AuditRun.objects.update(claimed_by="the next worker")
        return iter([Finding("a", "b", "too late")])

    with_checks(monkeypatch, overtaken, nothing)
    run = audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    assert not audit_runs.work(run.pk, now=clock)
    run.refresh_from_db()
    assert (run.state, run.claimed_by, run.checks) == ("RUNNING", "the next worker", [])


def broken() -> Iterator[Finding]:
    """A check over rows so wrong that it stumbles over them."""
    raise ZeroDivisionError("by nothing")
    yield


def unreachable() -> Iterator[Finding]:
    raise OperationalError("the database is gone")
    yield


def test_a_check_that_stumbles_is_a_finding_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with_checks(monkeypatch, broken, lambda: iter([Finding("a", "b", "c")]))
    run = hourly()
    assert (run.state, run.findings_count) == ("DONE", 2)
    assert run.findings[0][2] == "This check could not be finished: ZeroDivisionError: by nothing"


def test_without_a_database_the_run_fails_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with_checks(monkeypatch, nothing, unreachable)
    run = hourly()
    assert (run.state, run.error, len(run.checks)) == ("FAILED", "OperationalError: the database is gone", 1)
    assert not run.is_clean


@pytest.mark.django_db(transaction=True)
def test_a_check_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def repairing() -> Iterator[Finding]:
        leo()
        return iter(())

    with_checks(monkeypatch, repairing)
    run = hourly()
    assert run.state == "FAILED"
    assert "read" in run.error


def test_of_many_findings_some_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [Finding("a", "b", f"c {n}") for n in range(700)]
    with_checks(monkeypatch, lambda: iter(many), lambda: iter(many))
    run = hourly()
    assert (run.findings_count, len(run.findings)) == (1_400, audit_runs.MOST_KEPT)
    assert [check["findings"] for check in run.checks] == [700, 700]
    body = signed_in().get(reverse("desk_audit_run", args=[run.pk])).content.decode()
    assert "900 more are counted" in body


def test_the_mark_does_not_depend_on_the_order_of_findings() -> None:
    found = [Finding("a", "b", str(n)) for n in range(5)]

    def mark(findings: list[Finding]) -> int:
        return audit.look(Check("a", "b", lambda: iter(findings), Entry)).mark

    assert mark(found) == mark(found[::-1])
    assert mark(found) != mark(found[1:])


# --- the command


def run_command(verbosity: int = 1) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("audit_books", stdout=out, verbosity=verbosity)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_nothing_but_that_the_books_are_clean() -> None:
    make_sale()
    assert run_command() == (0, "The books are clean.\n")
    assert AuditRun.objects.get().who == "the command line"


def test_the_command_names_every_check_when_it_is_asked_to() -> None:
    break_the_books()
    code, text = run_command(verbosity=2)
    assert code == 1
    lines = text.splitlines()
    for check in audit.checks(NOON):
        assert sum(line.startswith(f"{check.room}: {check.name}: ") for line in lines) == 1
    assert "ledger: nobody has and owes: 1 findings (" in text
    assert "ledger: owed and payable: payee:42:owed:USD is 4 micros" in text
    assert lines[-1] == "1 finding."


def test_the_command_fails_when_a_check_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    with_checks(monkeypatch, unreachable)
    code, text = run_command()
    assert code == 1
    assert "The check failed: OperationalError" in text


# --- the desk


def signed_in() -> Client:
    client = Client()
    client.force_login(ada())
    return client


def test_the_button_asks_and_the_page_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    client, sent = signed_in(), []
    monkeypatch.setattr("megabox.books_desk.nudge", lambda task, pk: sent.append((task, pk)))
    answer = client.post(reverse("desk_check_books"))
    run = AuditRun.objects.get()
    page = reverse("desk_audit_run", args=[run.pk])
    assert (answer["Location"], sent, run.asked_by) == (page, [(tasks.check_books, run.pk)], ada())
    body = client.get(page).content.decode()
    assert "Waiting for a worker." in body
    assert 'hx-trigger="every 2s"' in body

    tasks.check_books(run.pk)
    body = client.get(reverse("desk_audit_progress", args=[run.pk])).content.decode()
    assert "The books are clean: all" in body
    assert "every 2s" not in body
    assert "digests recompute" in body
    assert "The books were clean" in client.get(reverse("desk_books")).content.decode()


def test_without_workers_the_page_says_so() -> None:
    run = audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    body = signed_in().get(reverse("desk_audit_run", args=[run.pk])).content.decode()
    assert "No worker has taken this" in body
    assert health.QUEUES["checks of the books"]() == NOON


def test_a_lost_worker_is_seen() -> None:
    run = audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    jobs.take(AuditRun, run.pk, by="a worker that was killed", at=NOON)
    assert "The worker was lost." in signed_in().get(reverse("desk_audit_run", args=[run.pk])).content.decode()


def test_findings_and_failures_wait_for_the_staff_at_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in()
    assert "The books were not checked yet." in client.get(reverse("desk")).content.decode()
    break_the_books()
    run = hourly()
    body = client.get(reverse("desk")).content.decode()
    assert "findings in the last check of the books" in body
    assert reverse("desk_audit_run", args=[run.pk]) in body
    assert "1 finding." in body

    with_checks(monkeypatch, unreachable)
    hourly(1)
    assert "check of the books that failed" in client.get(reverse("desk")).content.decode()


def test_the_clocks_task_checks_the_books() -> None:
    tasks.check_books_hourly()
    assert AuditRun.objects.get().is_clean
    audit_runs.ask(origin=Job.Origin.DESK, at=NOON)
    tasks.sweep()
    assert AuditRun.objects.filter(state="DONE").count() == 2
