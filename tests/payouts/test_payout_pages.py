"""The desk's pages while a run is paid, and the studio's page of bank details."""

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from payouts import bank_details, files, rails, transfers
from payouts.models import BankAccount, Decision, Payout, PayoutFile, PayoutRun, Rail
from tests.payouts.factories import MICROS, NOON, earn, executing_run, make_payee, owner_of, payable
from tests.payouts.test_decisions import assert_clean, failed_payout
from tests.payouts.test_files import by_bank, run_of
from tests.payouts.test_pages import signed_in
from tests.standin.server import Standin
from tests.users.factories import ada, charlie, make_user, max_, nina

pytestmark = pytest.mark.django_db
State = Payout.State
IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def operator(settings: LazySettings) -> LazySettings:
    settings.SEPA_DEBTOR_NAME = "Megabox GmbH"
    settings.SEPA_DEBTOR_IBAN = "DE02120300000000202051"
    return settings


def waiting_payout() -> Payout:
    earn(make_payee(), 60 * MICROS)
    return executing_run().payouts.get()


# --- one payout


def test_a_failed_payout_shows_its_attempt_its_postings_and_a_button(standin: Standin) -> None:
    payout = failed_payout()

    page = signed_in(max_()).get(f"/desk/payouts/payout/{payout.pk}/").text

    assert "No such destination" in page
    assert payout.attempts.get().idempotency_key in page
    assert "payout failed" in page and "payout:transit:USD" in page
    assert "its money went back to the payee at once" in page
    assert f'action="/desk/payouts/payout/{payout.pk}/retry/"' in page
    assert f'href="/desk/books/payouts/{payout.pk}/"' in page
    assert "/desk/reports/general-ledger/?text=payout%3Atransit%3AUSD" in page
    assert "/release/" not in page


def test_the_register_of_a_run_opens_each_payout(standin: Standin) -> None:
    payout = failed_payout()

    page = signed_in(max_()).get(f"/desk/payouts/{payout.run_id}/").text

    assert f'href="/desk/payouts/payout/{payout.pk}/"' in page
    assert "money given back" in page
    assert payout.carried_micros == 60 * MICROS  # all of it is the payee's again


def test_trying_again_twice_at_the_desk_tries_once(standin: Standin) -> None:
    payout = failed_payout()
    client = signed_in(max_())
    address = f"/desk/payouts/payout/{payout.pk}/retry/"

    first = client.post(address, {"why": "mended"}, follow=True)
    second = client.post(address, {"why": "mended"}, follow=True)

    assert "Its money is reserved again" in first.text
    assert "Only one that definitely failed is tried again" in second.text
    assert Decision.objects.count() == 1
    assert "mended" in second.text and "max" in second.text
    assert_clean()


@pytest.mark.parametrize("action", ["retry", "release", "come-back"])
def test_a_decision_without_a_reason_is_refused_with_a_sentence(standin: Standin, action: str) -> None:
    payout = failed_payout()

    answer = signed_in(max_()).post(f"/desk/payouts/payout/{payout.pk}/{action}/", {"why": " "}, follow=True)

    assert "Say why, in a few words" in answer.text
    assert not Decision.objects.exists()


def test_an_unknown_outcome_has_no_button_and_says_why(standin: Standin) -> None:
    earn(make_payee(stripe_account=standin.payable_account()), 60 * MICROS)
    payout = executing_run().payouts.get()
    standin.fail("/v1/transfers", "drop_after_success")
    transfers.send(payout.pk, by="worker-1", at=NOON)

    page = signed_in(max_()).get(f"/desk/payouts/payout/{payout.pk}/").text

    assert "neither tried again nor given back" in page
    assert "/retry/" not in page and "/release/" not in page


def test_giving_back_at_the_desk() -> None:
    payout = waiting_payout()

    answer = signed_in(max_()).post(
        f"/desk/payouts/payout/{payout.pk}/release/", {"why": "she asked for it"}, follow=True
    )

    assert "the payee&#x27;s again" in answer.text
    assert payable(payout.payee) == 60 * MICROS
    assert_clean()


# --- pausing


def test_a_run_is_paused_and_resumed_at_the_desk() -> None:
    payout = waiting_payout()
    client, address = signed_in(max_()), f"/desk/payouts/{payout.run_id}/"
    assert "Pause this run" in client.get(address).text

    paused = client.post(f"{address}pause/", {"why": "a wrong amount?"}, follow=True).text
    assert "Paused since" in paused and "a wrong amount?" in paused
    assert "paused this run before you" in client.post(f"{address}pause/", {"why": "me too"}, follow=True).text
    resumed = client.post(f"{address}resume/", follow=True).text

    assert "The workers go on." in resumed
    assert "This run is not paused." in client.post(f"{address}resume/", follow=True).text
    assert list(Decision.objects.values_list("what", flat=True)) == ["PAUSED", "RESUMED"]


# --- files


def test_a_file_is_issued_downloaded_twice_and_confirmed_at_the_desk() -> None:
    by_bank("Nina")
    by_bank("Leo", "NL91ABNA0417164300")
    run = run_of(at=timezone.now() - timedelta(minutes=1))
    client, address = signed_in(max_()), f"/desk/payouts/{run.pk}/"
    assert "Issue the file" in client.get(address).text

    issued = client.post(f"{address}files/SEPA/issue/", follow=True).text
    again = client.post(f"{address}files/SEPA/issue/", follow=True).text
    file = PayoutFile.objects.get()
    assert file.sha256 in issued and file.sha256 in again
    downloads = [client.get(f"/desk/payouts/files/{file.pk}/") for _ in range(2)]
    assert downloads[0].content == downloads[1].content
    assert hashlib.sha256(downloads[0].content).hexdigest() == file.sha256
    assert downloads[0]["Content-Type"] == "application/xml"
    assert f'filename="{file.message_id}.xml"' in downloads[0]["Content-Disposition"]

    day = timezone.now().date().isoformat()
    done = client.post(f"/desk/payouts/files/{file.pk}/confirm/", {"booked_on": day}, follow=True).text
    assert "Confirmed: 2 payouts paid by the bank" in done
    twice = client.post(f"/desk/payouts/files/{file.pk}/confirm/", {"booked_on": day}, follow=True).text
    assert "Nothing of this file waits for the bank any more." in twice
    run.refresh_from_db()
    assert run.state == PayoutRun.State.COMPLETED
    assert_clean()


def test_one_payout_of_a_file_is_confirmed_and_another_comes_back_at_the_desk() -> None:
    by_bank("Nina")
    by_bank("Leo", "NL91ABNA0417164300")
    at = timezone.now() - timedelta(minutes=1)
    run = run_of(at=at)
    files.issue(run.pk, Rail.SEPA, by=ada(), at=at)
    first, second = run.payouts.order_by("pk")
    client = signed_in(max_())
    page = client.get(f"/desk/payouts/payout/{first.pk}/").text
    assert "DE89 … 3000" in page and IBAN not in page

    day = timezone.now().date().isoformat()
    paid = client.post(f"/desk/payouts/payout/{first.pk}/confirm/", {"booked_on": day}, follow=True).text
    back = client.post(f"/desk/payouts/payout/{second.pk}/come-back/", {"why": "account closed"}, follow=True).text

    assert "Confirmed: 1 payout paid" in paid
    assert "account closed" in back
    assert set(run.payouts.values_list("state", flat=True)) == {State.PAID, State.FAILED}
    assert_clean()


@pytest.mark.parametrize("day", ["", "yesterday", "2199-01-01"])
def test_a_booking_day_that_makes_no_sense_books_nothing(day: str) -> None:
    by_bank("Nina")
    run = run_of()
    file = files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)

    answer = signed_in(max_()).post(f"/desk/payouts/files/{file.pk}/confirm/", {"booked_on": day}, follow=True)

    assert "Write the day on which" in answer.text or "has not come yet" in answer.text
    assert run.payouts.get().state == State.SENDING


def test_a_sepa_rail_that_is_off_says_so_on_the_page(operator: LazySettings) -> None:
    by_bank("Nina")
    run = run_of()
    operator.SEPA_DEBTOR_NAME = ""
    client = signed_in(max_())

    assert (
        "SEPA is off: SEPA_DEBTOR_NAME and SEPA_DEBTOR_IBAN are not set" in client.get(f"/desk/payouts/{run.pk}/").text
    )
    refused = client.post(f"/desk/payouts/{run.pk}/files/SEPA/issue/", follow=True)
    assert "SEPA is off" in refused.text
    assert client.post(f"/desk/payouts/{run.pk}/files/STRIPE/issue/").status_code == 404


def test_everything_that_moves_money_asks_for_a_fresh_sign_in(settings: LazySettings) -> None:
    payout = waiting_payout()
    settings.STAFF_MFA = "required"
    person = max_()
    client = signed_in(person)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 0, "email": person.email}]
    session.save()
    before = list(Payout.objects.values_list("state", flat=True))

    for address in (
        f"/desk/payouts/{payout.run_id}/pause/",
        f"/desk/payouts/{payout.run_id}/resume/",
        f"/desk/payouts/{payout.run_id}/files/CSV/issue/",
        f"/desk/payouts/payout/{payout.pk}/retry/",
        f"/desk/payouts/payout/{payout.pk}/release/",
        f"/desk/payouts/payout/{payout.pk}/confirm/",
        f"/desk/payouts/payout/{payout.pk}/come-back/",
    ):
        answer = client.post(address, {"why": "now", "booked_on": "2026-11-25"})
        assert answer.status_code in (302, 403), address
        assert "/desk/payouts/" not in answer.headers.get("Location", "/accounts/").split("?")[0], address

    assert list(Payout.objects.values_list("state", flat=True)) == before
    assert not Decision.objects.exists()


# --- progress


def test_a_run_that_is_computed_shows_how_far_it_is() -> None:
    earn(make_payee(), 60 * MICROS)
    run = executing_run()
    run.payouts.update(state=State.PROPOSED)
    PayoutRun.objects.filter(pk=run.pk).update(state="DRAFT", item_count=4, content_hash="")

    fragment = signed_in(max_()).get(f"/desk/payouts/{run.pk}/progress/").text

    assert 'hx-trigger="every 2s"' in fragment
    assert '<progress value="1" max="4"' in fragment


def test_a_run_that_is_reserved_shows_how_far_it_is_and_cannot_be_paid_yet() -> None:
    for name in ("Nina", "Leo"):
        earn(make_payee(name), 60 * MICROS)
    run = executing_run()
    PayoutRun.objects.filter(pk=run.pk).update(state="APPROVED", executed_at=None, executed_by=None)
    Payout.objects.filter(pk=run.payouts.order_by("pk")[0].pk).update(state=State.PROPOSED)

    fragment = signed_in(max_()).get(f"/desk/payouts/{run.pk}/progress/").text

    assert 'hx-trigger="every 2s"' in fragment
    assert '<progress value="1" max="2"' in fragment
    assert re.search(r'<button type="submit" class="btn btn--primary" disabled>Pay', fragment)


def test_a_run_that_waits_for_the_bank_only_asks_no_more() -> None:
    by_bank("Nina")
    run = run_of()

    assert "hx-trigger" not in signed_in(max_()).get(f"/desk/payouts/{run.pk}/progress/").text


# --- bank details in the studio


def details(**changed: Any) -> dict[str, Any]:
    return {"kind": "IBAN", "holder": "Nina Example", "number": "DE89 3704 0044 0532 0130 00", "bic": ""} | changed


def test_an_artist_gives_their_bank_details_and_never_sees_them_whole_again() -> None:
    payee = make_payee("Nova Kit", stripe_account="", is_payouts_enabled=False)
    owner_of(payee)
    client = signed_in(nina())

    saved = client.post(f"/studio/earnings/bank/{payee.pk}/", details(bic="cobadeff xxx"), follow=True)

    account = BankAccount.objects.get()
    assert (account.number, account.bic, account.created_by) == (IBAN, "COBADEFFXXX", nina())
    for page in (saved, client.get(f"/studio/earnings/bank/{payee.pk}/"), client.get("/studio/earnings/")):
        assert "DE89 … 3000" in page.text
        assert IBAN not in page.text.replace(" ", "")
    assert "To protect you, payouts go on from" in saved.text
    assert "Set up payouts" not in client.get("/studio/earnings/").text


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"number": "DE89 3704 0044 0532 0130 01"}, "The check digits do not fit"),
        ({"number": "hello"}, "An IBAN begins with two letters"),
        ({"number": ""}, "This field is required."),
        ({"kind": "OTHER", "number": "=1+1"}, "4 to 34 letters and digits"),
        ({"kind": "CASH"}, "Select a valid choice"),
        ({"bic": "COBA"}, "A BIC has 8 or 11"),
        ({"holder": "株式会社"}, "Latin letters"),
        ({"holder": " "}, "This field is required."),
    ],
)
def test_wrong_bank_details_get_a_sentence_and_change_nothing(changed: dict[str, str], sentence: str) -> None:
    payee = make_payee()
    owner_of(payee)

    answer = signed_in(nina()).post(f"/studio/earnings/bank/{payee.pk}/", details(**changed))

    assert answer.status_code == 422
    assert sentence in answer.text
    assert not BankAccount.objects.exists()
    payee.refresh_from_db()
    assert payee.bank_changed_at is None


def test_a_double_click_saves_one_account_and_writes_one_letter() -> None:
    payee = make_payee()
    owner_of(payee)
    client = signed_in(nina())

    for _ in range(2):
        client.post(f"/studio/earnings/bank/{payee.pk}/", details())

    assert BankAccount.objects.count() == 1


def test_back_to_stripe() -> None:
    payee = make_payee()
    owner_of(payee)
    bank_details.choose_account(payee, kind="IBAN", holder="N", number=IBAN, bic="", by=ada(), at=NOON)

    page = signed_in(nina()).post(f"/studio/earnings/bank/{payee.pk}/stripe/", follow=True)

    assert "You are paid through Stripe again." in page.text
    assert rails.account_of(payee) is None


def test_nobody_gives_bank_details_for_others() -> None:
    payee = make_payee()
    owner_of(payee)
    other = charlie()
    other.is_artist = True
    other.save()
    client = signed_in(other)

    assert client.get(f"/studio/earnings/bank/{payee.pk}/").status_code == 404
    assert client.post(f"/studio/earnings/bank/{payee.pk}/", details()).status_code == 404
    assert client.post(f"/studio/earnings/bank/{payee.pk}/stripe/").status_code == 404
    assert not BankAccount.objects.exists()


def test_an_unconfirmed_address_gives_no_bank_details() -> None:
    payee = make_payee()
    payee.user = make_user("new@demo.megabox.test", is_confirmed=False, is_artist=True)
    payee.save()
    client = Client()
    client.force_login(payee.user)

    client.post(f"/studio/earnings/bank/{payee.pk}/", details())

    assert not BankAccount.objects.exists()


def test_somebody_on_hold_is_not_tried_again_at_the_desk(standin: Standin) -> None:
    payout = failed_payout()
    bank_details.choose_account(payout.payee, kind="IBAN", holder="N", number=IBAN, bic="", by=ada(), at=timezone.now())

    answer = signed_in(max_()).post(f"/desk/payouts/payout/{payout.pk}/retry/", {"why": "now"}, follow=True)

    assert "Bank details changed on" in answer.text
    assert not Decision.objects.exists()


def test_the_admin_shows_no_account_number_whole() -> None:
    by_bank("Nina")
    run = run_of()
    file = files.issue(run.pk, Rail.SEPA, by=ada(), at=NOON)
    root = make_user("root@demo.megabox.test", is_staff=True, is_superuser=True)
    client = signed_in(root)

    for address in (
        "/admin/payouts/bankaccount/",
        f"/admin/payouts/bankaccount/{BankAccount.objects.get().pk}/change/",
        f"/admin/payouts/payoutfile/{file.pk}/change/",
        "/admin/payouts/decision/",
    ):
        page = client.get(address)
        assert page.status_code == 200, address
        assert IBAN not in page.text
