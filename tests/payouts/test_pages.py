"""The pages: what an artist sees, what the desk does, and who is turned away."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from artists.models import Payee
from ledger.models import Posting
from payouts import blocks, runs, statements, tasks
from payouts.models import Block, Payout, PayoutRun
from tests.megabox.test_snapshots import in_another_connection
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run, owner_of
from tests.standin.server import Standin
from tests.users.factories import acme, ada, charlie, leo, make_user, max_, nina
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def payee() -> Payee:
    """Nina, with $60.00 available."""
    payee = make_payee("Nova Kit")
    owner_of(payee)
    earn(payee, 60_005_000, facts={"title": "Night Bus", "price_micros": 66_672_222, "split_basis_points": 10_000})
    return payee


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def this_month() -> str:
    return f"{timezone.now():%Y-%m}"


# --- the artist


def test_the_earnings_page_says_what_is_available_and_what_comes_next(payee: Payee) -> None:
    page = signed_in(nina()).get("/studio/earnings/")

    assert page.status_code == 200
    assert "$60.005" in page.text
    assert "With the next run." in page.text
    assert "The least you can choose is $10.00." in page.text
    assert "Night Bus" in page.text


def test_a_line_says_how_it_was_earned_in_an_artists_words(payee: Payee) -> None:
    line = statements.line(payee, Posting.objects.get(facts__title="Night Bus").pk)
    assert line
    ways = {event: replace(line, event=event).way for event in ("sale", "credits spent", "ads settled", "odd")}
    assert ways == {"sale": "sale", "credits spent": "free download", "ads settled": "ads", "odd": "odd"}
    assert replace(line, kind=statements.REVERSAL, event="refund").way == "taken back"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["", "statement/", "statement.csv"])
def test_a_sale_in_the_very_moment_of_looking_breaks_no_figure(
    payee: Payee, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client, places = signed_in(nina()), statements._places

    def sell_first(*args: Any, **kwargs: Any) -> statements.Places:
        monkeypatch.setattr(statements, "_places", places)
        in_another_connection(lambda: earn(payee, 1_000_000, at=timezone.now(), is_matured=False))
        return places(*args, **kwargs)

    monkeypatch.setattr(statements, "_places", sell_first)
    answer = client.get(f"/studio/earnings/{path}", {"since": "2026-01-01", "until": "2999-12-31"})

    text = answer.getvalue().decode()
    assert answer.status_code == 200
    assert ("60.005" in text, "61.005" in text) == (True, False)
    if path:
        assert "61.005" in client.get(f"/studio/earnings/{path}", {"until": "2999-12-31"}).getvalue().decode()


def test_the_reason_for_no_payout_is_said(payee: Payee) -> None:
    blocks.place(payee, reason="DISPUTE", note="a secret note", until=None, by=ada(), at=NOON)

    page = signed_in(nina()).get("/studio/earnings/")

    assert "On hold: a dispute is open." in page.text
    assert "a secret note" not in page.text


def test_a_run_that_waits_is_shown_as_what_comes_next(payee: Payee) -> None:
    open_run()

    assert "In the run of 2026-11, which waits for its approval." in signed_in(nina()).get("/studio/earnings/").text


def test_every_line_opens_its_proof(payee: Payee) -> None:
    client = signed_in(nina())
    earnings = client.get("/studio/earnings/")
    [line] = earnings.context["lines"]

    proof = client.get(f"/studio/earnings/lines/{line.posting_id}/")

    assert f'href="/studio/earnings/lines/{line.posting_id}/"' in earnings.text
    assert proof.status_code == 200
    assert f"payee:{payee.pk}:pending:USD" in proof.text
    assert "60005000 USD" in proof.text
    assert line.source in proof.text


def test_the_chart_is_drawn_without_style_and_has_its_table(payee: Payee) -> None:
    page = signed_in(nina()).get("/studio/earnings/").text
    chart = page[page.index('<figure class="chart">') : page.index("</figure>")]

    assert chart.count("<tr>") == 13  # twelve months and their head
    assert chart.count("<rect") == 1
    assert "style=" not in page
    assert 'role="img"' in chart


def test_a_threshold_is_chosen_in_ones_own_words(payee: Payee) -> None:
    answer = signed_in(nina()).post(
        "/studio/earnings/threshold/", {"payee": payee.pk, "unit": "USD", "threshold": "12.50"}
    )

    assert answer.status_code == 302
    payee.refresh_from_db()
    assert payee.threshold_micros == 12_500_000


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("9.99", "The least you can choose is $10.00."),
        ("12,50", "without thousands separators"),
        ("-20", "cannot be below zero"),
        ("1e9", "Write digits only"),
        ("", "This field is required."),
    ],
)
def test_a_wrong_threshold_gets_a_sentence_and_stays_typed(payee: Payee, typed: str, sentence: str) -> None:
    answer = signed_in(nina()).post(
        "/studio/earnings/threshold/", {"payee": payee.pk, "unit": "USD", "threshold": typed}
    )

    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{typed}"' in answer.text or not typed
    payee.refresh_from_db()
    assert payee.threshold_micros is None


def test_the_statement_and_its_file_say_the_same(payee: Payee) -> None:
    client = signed_in(nina())
    window = {"since": "2026-10-01", "until": "2026-11-30"}

    page = client.get("/studio/earnings/statement/", window)
    file = client.get("/studio/earnings/statement.csv", window)

    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
    assert "Closing balance</dt><dd>$60.005</dd>" in page.text
    assert rows[-1]["amount_micros"] == "60005000"
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in file["Content-Disposition"]


@pytest.mark.parametrize(
    "days",
    [
        {"since": "yesterday"},
        {"since": "2026-11-30", "until": "2026-11-01"},
        {"since": "2026-11-30", "until": "9999-12-31"},
        {"since": "0001-01-01", "until": "2026-11-01"},
    ],
)
def test_days_that_make_no_sense_get_a_sentence(payee: Payee, days: dict[str, str]) -> None:
    client = signed_in(nina())

    assert client.get("/studio/earnings/statement/", days).status_code == 422
    assert client.get("/studio/earnings/statement.csv", days).status_code == 302


def test_an_artist_nobody_owes_anything_is_told_where_to_begin() -> None:
    page = signed_in(nina()).get("/studio/earnings/")

    assert "Nobody is paid through this account yet" in page.text


def test_an_artist_cannot_see_the_money_of_another(payee: Payee) -> None:
    posting = signed_in(nina()).get("/studio/earnings/").context["lines"][0].posting_id
    rival = make_user("rival@demo.megabox.test", is_artist=True)
    make_payee("Rival", user=rival)
    client = signed_in(rival)

    for path in (
        f"/studio/earnings/?payee={payee.pk}",
        f"/studio/earnings/statement/?payee={payee.pk}",
        f"/studio/earnings/statement.csv?payee={payee.pk}",
        f"/studio/earnings/lines/{posting}/",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post("/studio/earnings/threshold/", {"payee": payee.pk, "threshold": "10"}).status_code == 404
    assert "Night Bus" not in client.get("/studio/earnings/").text


# --- the desk


def test_two_people_pay_a_run_through_the_pages(standin: Standin) -> None:
    payee = make_payee("Nova Kit", stripe_account=standin.payable_account())
    earn(payee, 60_005_000)
    first, second = signed_in(ada()), signed_in(max_())

    opened = first.post("/desk/payouts/open/", {"unit": "USD", "period": this_month()})
    run = PayoutRun.objects.get()
    assert opened["Location"] == f"/desk/payouts/{run.pk}/"
    page = first.get(opened["Location"]).text
    assert "You opened this run, so somebody else has to approve it." in page
    assert 'data-difference="0"' in page
    assert "$60.00" in page

    refused = first.post(f"/desk/payouts/{run.pk}/approve/", {"content_hash": run.content_hash}, follow=True)
    assert "somebody else has to approve it" in refused.text
    approved = second.post(f"/desk/payouts/{run.pk}/approve/", {"content_hash": run.content_hash}, follow=True)
    assert "Approved. Reserved for payout: 1." in approved.text
    second.post(f"/desk/payouts/{run.pk}/execute/")
    assert 'hx-trigger="every 2s"' in second.get(f"/desk/payouts/{run.pk}/").text
    tasks.sweep()

    fragment = second.get(f"/desk/payouts/{run.pk}/progress/").text
    assert "hx-trigger" not in fragment  # it is done, and asks no more
    assert "<html" not in fragment
    assert fragment.count('hx-swap-oob="delete"') == 2  # nothing is left to pause
    assert "hx-swap-oob" not in second.get(f"/desk/payouts/{run.pk}/").text
    assert "1 payee<" in fragment
    [transfer] = standin.transfers(run.payouts.get().transfer_group)
    assert transfer["id"] in fragment
    rows = list(
        csv.DictReader(io.StringIO(first.get(f"/desk/payouts/{run.pk}/register.csv").getvalue().decode("utf-8-sig")))
    )
    assert rows[-1]["paid_micros"] == "60000000"


def test_the_message_to_the_workers_is_sent_once_the_run_is_committed(
    payee: Payee, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(tasks.pay, "delay", sent.append)
    run = approve(open_run())

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
        signed_in(max_()).post(f"/desk/payouts/{run.pk}/execute/")

    assert sent == [run.pk]


def test_a_run_that_the_ledger_does_not_confirm_has_no_live_approve_button(payee: Payee) -> None:
    run = open_run()
    run.payouts.update(payable_micros=61 * MICROS)

    page = signed_in(max_()).get(f"/desk/payouts/{run.pk}/").text

    assert 'data-difference="995000"' in page
    assert '<button type="submit" class="btn btn--primary" disabled>Approve' in page


def test_an_approval_of_an_old_page_is_refused(payee: Payee) -> None:
    run = open_run()

    answer = signed_in(max_()).post(f"/desk/payouts/{run.pk}/approve/", {"content_hash": "old"}, follow=True)

    assert "computed again after you opened this page" in answer.text
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPUTED


def test_a_run_is_computed_again_and_cancelled_at_the_desk(payee: Payee) -> None:
    run = open_run()
    client = signed_in(ada())

    assert "Computed again" in client.post(f"/desk/payouts/{run.pk}/prepare/", follow=True).text
    assert "Nothing was paid" in client.post(f"/desk/payouts/{run.pk}/cancel/", follow=True).text
    assert "cannot be cancelled" in client.post(f"/desk/payouts/{run.pk}/cancel/", follow=True).text


def test_a_second_run_of_a_currency_is_refused_with_a_reason(payee: Payee) -> None:
    open_run()

    answer = signed_in(ada()).post("/desk/payouts/open/", {"unit": "USD", "period": this_month()})

    assert answer.status_code == 422
    assert "Finish or cancel it first" in answer.text


def test_a_month_that_is_none_is_refused(payee: Payee) -> None:
    answer = signed_in(ada()).post("/desk/payouts/open/", {"unit": "USD", "period": "November"})

    assert (answer.status_code, "as 2026-11" in answer.text) == (422, True)


def test_a_month_that_has_not_begun_is_refused_and_kept(payee: Payee) -> None:
    answer = signed_in(ada()).post("/desk/payouts/open/", {"unit": "USD", "period": "2099-12"})

    assert (answer.status_code, "has not begun" in answer.text, 'value="2099-12"' in answer.text) == (422, True, True)
    assert not PayoutRun.objects.exists()


def test_payees_are_held_and_let_go_at_the_desk(payee: Payee) -> None:
    client = signed_in(ada())

    client.post("/desk/payouts/blocks/place/", {"payee": payee.pk, "reason": "FRAUD", "note": "=case", "until": ""})
    block = Block.objects.get()
    assert "under investigation" in client.get("/desk/payouts/blocks/").text
    assert "'=case" in client.get("/desk/reports/blocks.csv").getvalue().decode()
    client.post(f"/desk/payouts/blocks/{block.pk}/lift/")
    assert "Somebody lifted it before you." in client.post(f"/desk/payouts/blocks/{block.pk}/lift/", follow=True).text

    block.refresh_from_db()
    assert (block.created_by, block.lifted_by) == (ada(), ada())
    assert client.post("/desk/payouts/blocks/place/", {"reason": "FRAUD"}).status_code == 422
    for_ever = {"payee": payee.pk, "reason": "FRAUD", "until": "9999-12-31"}
    assert client.post("/desk/payouts/blocks/place/", for_ever).status_code == 422


def test_the_reports_open(payee: Payee) -> None:
    executing_run()
    client = signed_in(ada())
    year = {"since": "2026-01-01", "until": "2026-12-31"}

    assert "Nova Kit" in client.get("/desk/reports/payouts/", year).text
    assert "payout:transit:USD" in client.get("/desk/reports/trial-balance/", year).text
    register = client.get("/desk/reports/payouts.csv", year).getvalue().decode()
    assert register.splitlines()[-1].startswith("TOTAL,,USD,1,")


def test_pages_of_a_large_run_are_short(payee: Payee, django_assert_max_num_queries: object) -> None:
    for number in range(150):
        earn(make_payee(f"Payee {number:03}"), 60 * MICROS)
    run = open_run()
    client = signed_in(max_())

    with django_assert_max_num_queries(25):  # type: ignore[operator]  # pytest-django's fixture
        page = client.get(f"/desk/payouts/{run.pk}/")

    assert len(page.context["page"].object_list) == 50


# --- who is turned away

ARTIST_PATHS = ["/studio/earnings/", "/studio/earnings/statement/", "/studio/earnings/statement.csv"]
ARTIST_POSTS = ["/studio/earnings/threshold/", "/studio/earnings/set-up/"]
DESK_PATHS = [
    "/desk/payouts/",
    "/desk/payouts/blocks/",
    "/desk/payouts/{run}/",
    "/desk/payouts/{run}/progress/",
    "/desk/payouts/{run}/register.csv",
    "/desk/reports/",
    "/desk/reports/payouts/",
    "/desk/reports/payouts.csv",
    "/desk/reports/trial-balance/",
    "/desk/reports/trial-balance.xlsx",
]
DESK_POSTS = [
    "/desk/payouts/open/",
    "/desk/payouts/blocks/place/",
    "/desk/payouts/{run}/prepare/",
    "/desk/payouts/{run}/approve/",
    "/desk/payouts/{run}/cancel/",
    "/desk/payouts/{run}/execute/",
]


@pytest.mark.parametrize("path", ARTIST_PATHS + ARTIST_POSTS)
def test_only_artists_open_earnings(path: str) -> None:
    method = "post" if path in ARTIST_POSTS else "get"

    anonymous = getattr(Client(), method)(path)
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/accounts/login/")
    for person in (leo(), acme(), charlie(), ada()):
        assert getattr(signed_in(person), method)(path).status_code == 403


@pytest.mark.parametrize("path", DESK_PATHS + DESK_POSTS)
def test_only_staff_open_the_desk(payee: Payee, path: str) -> None:
    run = open_run()
    method = "post" if path in DESK_POSTS else "get"
    path = path.format(run=run.pk)

    assert getattr(Client(), method)(path).status_code == 302
    for person in (leo(), nina(), acme(), charlie()):
        assert getattr(signed_in(person), method)(path).status_code == 403
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPUTED


@pytest.mark.parametrize("path", ARTIST_POSTS + DESK_POSTS)
def test_nothing_changes_by_a_get(payee: Payee, path: str) -> None:
    run = open_run()
    person = nina() if path in ARTIST_POSTS else ada()

    assert signed_in(person).get(path.format(run=run.pk)).status_code == 405


def test_approving_asks_for_a_fresh_sign_in_where_staff_need_a_second_factor(
    payee: Payee, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STAFF_MFA = "required"
    monkeypatch.setattr("users.access.is_mfa_enabled", lambda user: True)
    run = open_run()

    answer = signed_in(max_()).post(f"/desk/payouts/{run.pk}/approve/", {"content_hash": run.content_hash})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPUTED
    runs.approve(run.pk, by=max_(), seen_hash=run.content_hash, at=NOON)
    assert Payout.objects.get().state == Payout.State.RESERVED


@pytest.mark.parametrize("way", ["post", "get"])
def test_payout_details_ask_for_a_fresh_sign_in_by_both_ways(
    payee: Payee, settings: LazySettings, standin: Standin, way: str
) -> None:
    settings.STAFF_MFA = "required"
    person = signed_in(nina())

    if way == "post":
        answer = person.post("/studio/earnings/set-up/", {"payee": payee.pk})
    else:
        answer = person.get(f"/studio/earnings/set-up/{payee.pk}/again/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
