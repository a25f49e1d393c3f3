"""Bank details that change: nothing is paid for a week, also what is reserved already, and the owner gets a letter."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from artists.models import Payee
from ledger import audit as books
from payouts import audit, bank_details, blocks, files, rails, runs, transfers
from payouts.models import BankAccount, Payout, PayoutRun, Rail
from store.models import StripeEvent
from store.payments import events, waiting
from tests.payouts.factories import (
    MICROS,
    NOON,
    approve,
    earn,
    executing_run,
    make_payee,
    open_run,
    owner_of,
    payable,
)
from tests.payouts.test_decisions import at_once
from tests.standin.server import Standin
from tests.standin.test_pages import fetch
from tests.users.factories import ada, nina
from users.models import Mail

pytestmark = pytest.mark.django_db
IBAN = "DE89370400440532013000"
OTHER_IBAN = "NL91ABNA0417164300"
WEEK = timedelta(days=7)


def assert_clean() -> None:
    assert list(audit.findings()) == []
    assert list(books.findings()) == []


def set_up(standin: Standin, at: datetime = NOON) -> Payee:
    """Nina, paid through Stripe, who told Stripe her bank account."""
    payee = make_payee(stripe_account=standin.payable_account())
    owner_of(payee)
    transfers.refresh_account(payee, at=at)
    earn(payee, 60 * MICROS)
    return payee


def told(standin: Standin, account: str) -> list[dict[str, Any]]:
    """What Stripe tells of this account, oldest first."""
    found = standin.client().v1.events.list({"limit": 100}).data
    every = [json.loads(json.dumps(event.to_dict())) for event in found]
    return [
        event
        for event in reversed(every)
        if account in (event["data"]["object"].get("account"), event["data"]["object"]["id"])
    ]


def deliver(told_events: Iterable[dict[str, Any]], at: datetime) -> None:
    """As the web hook stores them, worked on at `at`."""
    for event in told_events:
        stored, _ = StripeEvent.objects.get_or_create(
            event_id=event["id"],
            defaults={"type": event["type"], "payload": event, "received_at": at, "next_try_at": at},
        )
        events.process(stored.pk, at=at)
        stored.refresh_from_db()
        assert stored.state == StripeEvent.State.PROCESSED, stored.error


def test_the_first_bank_account_is_no_change(standin: Standin) -> None:
    payee = set_up(standin)

    assert payee.bank_fingerprint
    assert payee.bank_changed_at is None
    assert open_run().payouts.get().state == Payout.State.PROPOSED


def test_stripe_telling_of_another_bank_account_stops_payouts_for_a_week(standin: Standin) -> None:
    payee = set_up(standin)
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank", number="000999999999")
    news = told(standin, payee.stripe_account)
    assert [event["type"] for event in news[-3:]] == [
        "account.external_account.created",
        "account.external_account.deleted",
        "account.updated",
    ]

    deliver(news[-3:], NOON)

    payee.refresh_from_db()
    assert payee.bank_changed_at == NOON
    assert "paid again from 2026-11-27" in blocks.reason(payee, NOON + timedelta(days=6, hours=23))
    assert blocks.reason(payee, NOON + WEEK) == ""
    assert open_run().payouts.get().state == Payout.State.SKIPPED


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_of_the_three_events_alone_is_enough(standin: Standin, number: int) -> None:
    payee = set_up(standin)
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")

    deliver([told(standin, payee.stripe_account)[-3:][number]], NOON)

    payee.refresh_from_db()
    assert payee.bank_changed_at == NOON


def test_one_change_told_three_times_in_any_order_is_one_letter(standin: Standin) -> None:
    payee = set_up(standin)
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")
    news = told(standin, payee.stripe_account)[-3:]

    deliver(reversed(news), NOON)
    deliver(news, NOON + timedelta(days=2))

    payee.refresh_from_db()
    assert payee.bank_changed_at == NOON
    letter = Mail.objects.get()
    assert letter.to == nina().email
    assert "27 November 2026, 12:00 UTC" in letter.body
    assert "change your password at once" in letter.body


def test_an_update_that_is_not_about_the_bank_changes_nothing(standin: Standin) -> None:
    payee = set_up(standin)

    standin.post(f"/_test/accounts/{payee.stripe_account}/enable")
    deliver(told(standin, payee.stripe_account), NOON)

    payee.refresh_from_db()
    assert payee.bank_changed_at is None
    assert not Mail.objects.exists()


def test_an_external_account_of_nobody_we_know_changes_nothing(standin: Standin) -> None:
    account = standin.payable_account()
    standin.post(f"/_test/accounts/{account}/bank")

    deliver(told(standin, account), NOON)

    assert not Mail.objects.exists()


def test_details_that_change_mid_run_keep_a_reserved_payout_from_being_sent(standin: Standin) -> None:
    payee = set_up(standin)
    payout = executing_run().payouts.get()
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")
    deliver(told(standin, payee.stripe_account)[-1:], NOON)

    transfers.send(payout.pk, by="worker-1", at=NOON)

    payout.refresh_from_db()
    assert payout.state == Payout.State.FAILED
    assert payout.reason == "Bank details changed on 2026-11-20; paid again from 2026-11-27."
    assert payable(payee) == 60 * MICROS
    assert standin.transfers(payout.transfer_group) == []
    assert_clean()
    again = executing_run(at=NOON + WEEK).payouts.get()
    transfers.send(again.pk, by="worker-1", at=NOON + WEEK)
    assert len(standin.transfers(again.transfer_group)) == 1
    assert_clean()


def test_details_that_change_between_computing_and_approval_skip_the_payout(standin: Standin) -> None:
    payee = set_up(standin)
    run = open_run()
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")
    deliver(told(standin, payee.stripe_account)[-1:], NOON)

    payout = approve(run).payouts.get()

    assert payout.state == Payout.State.SKIPPED
    assert payout.reason.startswith("Bank details changed")
    assert payable(payee) == 60 * MICROS


def test_a_transfer_that_is_in_flight_is_still_resolved_after_a_change(standin: Standin) -> None:
    payee = set_up(standin)
    payout = executing_run().payouts.get()
    standin.fail("/v1/transfers", "drop_after_success")
    transfers.send(payout.pk, by="worker-1", at=NOON)
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")
    deliver(told(standin, payee.stripe_account)[-1:], NOON)

    transfers.send(payout.pk, by="worker-1", at=NOON + timedelta(minutes=1))

    payout.refresh_from_db()
    assert payout.state == Payout.State.PAID
    assert len(standin.transfers(payout.transfer_group)) == 1
    assert_clean()


def test_the_payee_sees_from_when_on_payouts_go_on(standin: Standin, client: Client) -> None:
    now = timezone.now()
    payee = set_up(standin)
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")
    deliver(told(standin, payee.stripe_account)[-1:], now)
    client.force_login(nina())

    page = client.get("/studio/earnings/").text

    assert f"paid again from {now + WEEK:%Y-%m-%d}" in page


def test_the_set_up_page_itself_tells_of_the_change_when_the_payee_comes_back(standin: Standin, client: Client) -> None:
    payee = make_payee(stripe_account="", is_payouts_enabled=False)
    owner_of(payee)
    client.force_login(nina())
    for bank in ("000123456789", "000987654321"):
        to_stripe = client.post("/studio/earnings/set-up/", {"payee": payee.pk})
        assert fetch(to_stripe["Location"], first_name="Nina", last_name="Example", bank=bank).status == 303
        client.get(f"/studio/earnings/set-up/{payee.pk}/done/")

    payee.refresh_from_db()
    assert payee.bank_changed_at is not None
    assert Mail.objects.get().subject == "Your bank details at Megabox were changed"


# --- bank details typed here


def choose(payee: Payee, number: str = IBAN, at: datetime = NOON, **fields: Any) -> BankAccount:
    details = {"kind": "IBAN", "holder": "Nina Example", "bic": ""} | fields
    return bank_details.choose_account(payee, number=number, by=ada(), at=at, **details)


def test_an_account_typed_here_holds_payouts_for_a_week_also_the_first_one() -> None:
    payee = make_payee(stripe_account="", is_payouts_enabled=False)
    earn(payee, 60 * MICROS, unit="EUR")
    choose(payee)

    assert "paid again from 2026-11-27" in open_run(unit="EUR").payouts.get().reason
    payee.refresh_from_db()
    assert blocks.reason(payee, NOON + WEEK) == ""


def test_the_same_details_again_change_nothing() -> None:
    payee = make_payee()
    first = choose(payee)

    again = choose(payee, at=NOON + timedelta(days=3))

    assert again == first
    payee.refresh_from_db()
    assert payee.bank_changed_at == NOON


def test_another_account_replaces_the_first_which_is_kept() -> None:
    payee = make_payee()
    first = choose(payee)
    second = choose(payee, OTHER_IBAN, at=NOON + timedelta(days=1))

    first.refresh_from_db()
    assert first.replaced_at == NOON + timedelta(days=1)
    assert rails.account_of(payee) == second
    assert Mail.objects.count() == 0  # nobody signs in for this payee


def test_going_back_to_stripe_is_a_change_too(standin: Standin) -> None:
    payee = set_up(standin)
    choose(payee)

    assert bank_details.choose_stripe(payee, at=NOON + timedelta(days=10))
    assert not bank_details.choose_stripe(payee, at=NOON + timedelta(days=10))

    assert rails.account_of(payee) is None
    payee.refresh_from_db()
    assert payee.bank_changed_at == NOON + timedelta(days=10)
    assert Mail.objects.count() == 2
    assert IBAN not in "".join(Mail.objects.values_list("body", flat=True))


def test_a_payout_of_a_file_is_not_in_it_when_its_details_changed_meanwhile() -> None:
    week = NOON + WEEK
    nina_, leo_ = make_payee("Nina"), make_payee("Leo")
    for each in (nina_, leo_):
        choose(each)
        earn(each, 60 * MICROS, unit="EUR")
    run = approve(open_run(unit="EUR", at=week), at=week)
    runs.execute(run.pk, by=ada(), at=week)
    choose(nina_, OTHER_IBAN, at=week)

    file = files.issue(run.pk, Rail.CSV, by=ada(), at=week)

    assert file.count == 1
    assert OTHER_IBAN not in file.content
    stopped = run.payouts.get(payee=nina_)
    assert stopped.state == Payout.State.FAILED
    assert stopped.reason.startswith("Bank details changed on 2026-11-27")
    assert payable(nina_, "EUR") == 60 * MICROS
    assert_clean()


@pytest.mark.django_db(transaction=True)
def test_two_accounts_chosen_at_once_leave_one_in_use() -> None:
    payee, person = make_payee(), ada()

    def chosen(number: str) -> BankAccount:
        return bank_details.choose_account(payee, kind="IBAN", holder="Nina", number=number, bic="", by=person, at=NOON)

    assert at_once(lambda: chosen(IBAN), lambda: chosen(OTHER_IBAN)) == []
    assert BankAccount.objects.filter(replaced_at__isnull=True).count() == 1
    assert BankAccount.objects.count() == 2


def test_waiting_events_of_bank_accounts_are_worked_on_by_the_sweeper_too(standin: Standin) -> None:
    payee = set_up(standin)
    standin.post(f"/_test/accounts/{payee.stripe_account}/bank")
    event = told(standin, payee.stripe_account)[-1]
    now = timezone.now()
    StripeEvent.objects.create(
        event_id=event["id"], type=event["type"], payload=event, received_at=now, next_try_at=now
    )

    waiting.work_on_events(timezone.now())

    payee.refresh_from_db()
    assert payee.bank_changed_at is not None
    assert PayoutRun.objects.count() == 0
