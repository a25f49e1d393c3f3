"""A card's bank sends a refund back, weeks after Stripe called it done: the advertiser has the money again, once."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ads.models import Advertiser
from ledger import chart, journal
from ledger.models import Entry
from store.audit import findings
from store.cases import deposit_refunds, disputes, refunds, taking
from store.cases.deposit_refunds import CannotGiveBack
from store.models import BalanceTransaction, DepositRefund, Order, StripeEvent
from store.payments import events
from store.reconciliation import balance_checks
from store.sales import checkout, orders
from store.sales.checkout import Refunds
from store.sales.orders import Mismatch
from tests.ads.factories import make_advertiser, usd
from tests.standin.server import Standin
from tests.store.factories import NOON, listener, make_paid_order, told
from tests.store.test_deposit_refunds import Stripe, deposit, is_clean, stripe
from tests.users.factories import acme, ada
from users.models import Mail

__all__ = ["stripe"]

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=20)


def event(order: Order, refund_id: str, kind: str = "refund.failed", **fields: Any) -> StripeEvent:
    data = {"id": refund_id, "object": "refund", "status": "failed", "amount": 2_000, "currency": "usd"}
    data |= {"payment_intent": order.payment_intent, **fields}
    return StripeEvent.objects.create(
        event_id=f"evt_{uuid.uuid4().hex}", type=kind, payload={"data": {"object": data}}, next_try_at=NOON
    )


def refunded(advertiser: Advertiser, stripe: Stripe) -> DepositRefund:
    """All that is left, given back by us."""
    deposit_refunds.want(advertiser, NOON)
    deposit_refunds.send_due(NOON)
    return DepositRefund.objects.get()


def sent_back(row: DepositRefund, stripe: Stripe, reason: str = "lost_or_stolen_card") -> None:
    stripe.failed[str(row.provider_id)] = reason


def test_the_money_is_prepaid_again_and_the_row_says_why(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = refunded(advertiser, stripe)
    assert advertiser.prepaid_micros() == 0
    sent_back(row, stripe)
    assert events.process(event(order, str(row.provider_id)).pk, at=LATER) == "PROCESSED"
    row.refresh_from_db()
    order.refresh_from_db()
    assert advertiser.prepaid_micros() == usd("20")
    assert journal.balance(chart.stripe("USD")) == usd("20")
    assert (row.state, row.ended_at) == ("FAILED", LATER)
    assert row.problem == "The card's bank sent it back, because the card was lost or stolen. Write to us."
    assert (order.state, order.refunded_micros, order.returned_micros) == ("PAID", 0, usd("20"))
    assert is_clean()


@pytest.mark.parametrize("kind", ["refund.failed", "refund.updated", "charge.refund.updated"])
def test_whichever_events_tell_it_and_how_often_it_is_booked_once(stripe: Stripe, kind: str) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = refunded(advertiser, stripe)
    sent_back(row, stripe)
    for name in (kind, "refund.failed", "refund.updated", "charge.refund.updated"):
        assert events.process(event(order, str(row.provider_id), name).pk, at=LATER) == "PROCESSED"
    assert advertiser.prepaid_micros() == usd("20")
    assert Entry.objects.filter(kind="refund failed").count() == 1
    assert is_clean()


def test_an_old_event_of_the_refund_that_comes_after_its_failure_takes_nothing(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = refunded(advertiser, stripe)
    sent_back(row, stripe)
    events.process(event(order, str(row.provider_id)).pk, at=LATER)
    late = event(order, "ch_1", "charge.refunded", object="charge", amount_refunded=2_000)
    assert events.process(late.pk, at=LATER) == "PROCESSED"
    assert advertiser.prepaid_micros() == usd("20")
    assert is_clean()


def test_a_failure_before_our_own_record_waits_for_it_and_both_are_booked(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    stripe.fails = ["is silent after"]
    deposit_refunds.want(advertiser, NOON)
    deposit_refunds.send_due(NOON)
    stripe.failed["re_0"] = "expired_or_canceled_card"
    early = event(order, "re_0")
    assert events.process(early.pk, at=NOON) == "RECEIVED", "whoever asked has not read the answer yet"
    deposit_refunds.send_due(NOON + timedelta(minutes=2))
    row = DepositRefund.objects.get()
    assert (row.state, row.provider_id) == ("FAILED", "re_0"), "its key answers what it answered first: succeeded"
    assert events.process(early.pk, at=LATER) == "PROCESSED"
    assert advertiser.prepaid_micros() == usd("20")
    assert is_clean()


def test_what_we_do_not_know_changes_nothing(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    unknown = event(order, "re_x", payment_intent="pi_of_another_shop")
    assert events.process(unknown.pk, at=LATER) == "PROCESSED"
    unknown.refresh_from_db()
    assert unknown.error == "Not one of our orders."
    assert events.process(event(order, "re_x", status="succeeded").pk, at=LATER) == "PROCESSED"
    assert advertiser.prepaid_micros() == usd("20")
    assert is_clean()


def test_a_refund_made_by_hand_that_comes_back_is_prepaid_again_too(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    pk = stripe.by_hand(order.payment_intent, 700)
    stripe.failed[pk] = ""
    events.process(event(order, pk).pk, at=LATER)
    assert advertiser.prepaid_micros() == usd("20")
    assert Entry.objects.filter(kind="refund").count() == 1, "it went, and it came back"
    assert is_clean()


def test_a_card_whose_bank_sent_it_back_gets_it_no_second_time(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = refunded(advertiser, stripe)
    sent_back(row, stripe)
    events.process(event(order, str(row.provider_id)).pk, at=LATER)
    with pytest.raises(CannotGiveBack, match="whose bank sent it back.*Write to us"):
        deposit_refunds.want(advertiser, LATER)


def test_what_was_spent_meanwhile_and_is_owed_is_settled_first(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    spent = journal.Line(chart.prepaid(advertiser.pk, "USD"), chart.ads_revenue("USD"), usd("5"), "USD")
    journal.post("spent", "ads settled", [spent], occurred_at=NOON)
    pk = stripe.by_hand(order.payment_intent, 2_000)
    deposit_refunds.learn(order, stripe.refunds_of(order.payment_intent), NOON)
    assert (advertiser.prepaid_micros(), advertiser.owed_micros()) == (0, usd("5"))
    stripe.failed[pk] = "declined"
    deposit_refunds.learn(order, stripe.refunds_of(order.payment_intent), LATER)
    assert (advertiser.prepaid_micros(), advertiser.owed_micros()) == (usd("15"), 0)


def test_what_bank_and_we_gave_back_twice_was_our_loss_and_is_not_any_more(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    disputes.learn(order.pk, disputes.read(told(order, "lost")), at=NOON)
    pk = stripe.by_hand(order.payment_intent, 2_000)
    deposit_refunds.learn(order, stripe.refunds_of(order.payment_intent), NOON)
    assert journal.balance(chart.clawback_loss("USD")) == usd("20")
    stripe.failed[pk] = "charge_for_pending_refund_disputed"
    deposit_refunds.learn(order, stripe.refunds_of(order.payment_intent), LATER)
    assert journal.balance(chart.clawback_loss("USD")) == 0
    assert advertiser.prepaid_micros() == 0, "the issuer has it"
    order.refresh_from_db()
    assert order.state == Order.State.REFUNDED


def test_a_sale_whose_refund_comes_back_waits_for_a_person_with_a_sentence(stripe: Stripe) -> None:
    order = make_paid_order()
    failed = event(order, "re_1")
    assert events.process(failed.pk, at=LATER) == "PARKED"
    failed.refresh_from_db()
    assert "sent back by the buyer's bank. Pay the buyer another way" in failed.error
    with pytest.raises(Mismatch, match="Pay it another way"):
        refunds.came_back(order.pk, 100, at=LATER)


def test_nothing_comes_back_that_was_not_given(stripe: Stripe) -> None:
    order = deposit(make_advertiser(), usd("20"))
    with pytest.raises(taking.NotYet):
        refunds.came_back(order.pk, 100, at=NOON)
    with pytest.raises(Mismatch):
        deposit_refunds.learn(order, Refunds({"re_1": 2_000, "re_2": 1}, {}), NOON)


def test_stripe_that_is_silent_is_asked_again(stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    order = deposit(make_advertiser(), usd("20"))

    def silent(payment_intent: str) -> Refunds:
        raise checkout.Unreachable

    monkeypatch.setattr(checkout, "refunds_of", silent)
    assert events.process(event(order, "re_1").pk, at=NOON) == "RECEIVED"


def test_the_advertiser_and_the_staff_read_what_happened(client: Client, stripe: Stripe) -> None:
    staff, advertiser = ada(), make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = refunded(advertiser, stripe)
    sent_back(row, stripe)
    for _ in range(2):
        events.process(event(order, str(row.provider_id)).pk, at=LATER)
    client.force_login(acme())
    page = client.get("/advertise/").content.decode()
    assert "not given back: The card&#x27;s bank sent it back, because the card was lost or stolen." in page
    letters = {mail.to: mail for mail in Mail.objects.filter(key__startswith="refund-failed:")}
    assert letters.keys() == {acme().email, staff.email}
    assert letters[acme().email].subject == "$20.00 could not be given back to the card"
    assert "it is prepaid again" in letters[acme().email].body
    assert "the card was lost or stolen" in letters[staff.email].body


def test_the_audit_sees_money_that_came_back_and_that_nobody_booked(stripe: Stripe) -> None:
    order = deposit(make_advertiser(), usd("20"))
    Order.objects.filter(pk=order.pk).update(returned_micros=usd("5"))
    assert {finding.rule for finding in findings()} == {"refund"}


STEPS = st.one_of(
    st.tuples(st.just("press"), st.sampled_from(["", "is silent after", "is silent before", "refuses"])),
    st.tuples(st.just("hand"), st.integers(1, 2_000)),
    st.tuples(st.just("fails"), st.integers(0, 9)),
    st.tuples(st.just("told now"), st.none()),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("told what was seen"), st.integers(0, 9)),
    st.tuples(st.just("worker"), st.none()),
)


def send_due(stripe: Stripe, at: datetime) -> None:
    """What the sweeper does, at a Stripe that never gives more than was paid."""
    left = 2_000 - stripe.given_back
    if DepositRefund.objects.filter(state="WANTED", amount_micros__gt=left * 10_000).exists():
        stripe.fails = ["refuses"]
    deposit_refunds.send_due(at)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
@example(steps=[("press", "is silent before"), ("hand", 1), ("worker", None)])
def test_whatever_fails_and_in_whatever_order_it_is_told_the_books_have_what_the_cards_have_not(
    db: None, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, Any]]
) -> None:
    stripe = Stripe()
    for name, do in (("refund", stripe.refund), ("find_refund", stripe.find), ("refunds_of", stripe.refunds_of)):
        monkeypatch.setattr(checkout, name, do)
    at = NOON
    with transaction.atomic():
        monkeypatch.setattr(checkout, "refuse_transactions", lambda: None)
        point = transaction.savepoint()
        advertiser = make_advertiser()
        order = deposit(advertiser, usd("20"))
        intent, seen = order.payment_intent, []
        for step, value in steps:
            at += timedelta(hours=2)
            made = list(stripe.refunds.get(intent, {}))
            if step == "press":
                stripe.fails = [value] if value else []
                try:
                    deposit_refunds.want(advertiser, at)
                except CannotGiveBack:
                    continue
                send_due(stripe, at)
            elif step == "hand" and value <= 2_000 - stripe.given_back:
                stripe.by_hand(intent, value)
            elif step == "fails" and made:
                stripe.failed.setdefault(made[value % len(made)], "unknown")
            elif step == "look":
                seen.append(stripe.refunds_of(intent))
            elif step == "told what was seen" and seen:
                deposit_refunds.learn(order, seen[value % len(seen)], at)
            elif step == "told now":
                deposit_refunds.learn(order, stripe.refunds_of(intent), at)
            elif step == "worker":
                stripe.fails = []
                send_due(stripe, at)
        stripe.fails = ["refuses"] * 5 if stripe.given_back else []
        deposit_refunds.send_due(at + timedelta(hours=2))
        deposit_refunds.learn(order, stripe.refunds_of(intent), at)
        order.refresh_from_db()
        assert order.refunded_micros == stripe.given_back * 10_000
        assert advertiser.prepaid_micros() - advertiser.owed_micros() == usd("20") - stripe.given_back * 10_000
        assert journal.balance(chart.stripe("USD")) == usd("20") - stripe.given_back * 10_000
        standing = DepositRefund.objects.filter(state="REFUNDED").values_list("provider_id", flat=True)
        assert not set(standing) & set(stripe.failed)
        assert is_clean()
        transaction.savepoint_rollback(point)


@pytest.mark.django_db(transaction=True)
def test_the_three_events_of_one_failure_at_once_book_it_once(stripe: Stripe) -> None:
    advertiser = make_advertiser()
    order = deposit(advertiser, usd("20"))
    row = refunded(advertiser, stripe)
    sent_back(row, stripe)
    pks = [event(order, str(row.provider_id), kind).pk for kind in ("refund.failed", "refund.updated") * 2]
    barrier = threading.Barrier(len(pks))

    def work(pk: int) -> Any:
        barrier.wait(timeout=10)
        try:
            return events.process(pk, at=LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(pks)) as pool:
        done = [one.result() for one in [pool.submit(work, pk) for pk in pks]]
    assert set(done) == {"PROCESSED"}
    assert advertiser.prepaid_micros() == usd("20")
    assert Mail.objects.filter(key__endswith=":advertiser").count() == 1
    assert is_clean()


# --- with the stand-in


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        yield standin


@pytest.mark.django_db(transaction=True)
def test_the_stand_in_plays_it_and_the_balances_agree_before_and_after(
    provider: Standin, settings: LazySettings
) -> None:
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = provider.key, provider.url
    now = timezone.now()
    advertiser = make_advertiser()
    order = orders.place_deposit(advertiser, usd("20"), listener(), order_id=uuid.uuid4(), at=now)
    checkout.start(order)
    provider.pay(str(order.checkout_session), deliver=False)
    orders.fulfil(order.pk, checkout.ask(str(order.checkout_session)), at=now)
    order.refresh_from_db()
    row = refunded_at(advertiser, now)
    provider.post(f"/_test/refunds/{row.provider_id}/fail", reason="expired_or_canceled_card")
    for told_now in reversed(provider.client().v1.events.list({"limit": 100}).to_dict()["data"]):
        if told_now["data"]["object"].get("payment_intent") != order.payment_intent:
            continue
        kept = StripeEvent.objects.create(event_id=told_now["id"], type=told_now["type"], payload=told_now)
        StripeEvent.objects.filter(pk=kept.pk).update(next_try_at=now)
        assert events.process(kept.pk, at=now + timedelta(minutes=1)) == "PROCESSED", kept.type
    assert advertiser.prepaid_micros() == usd("20")
    assert provider.client().v1.charges.list({"payment_intent": order.payment_intent}).data[0].amount_refunded == 0
    outcome = balance_checks.run(at=now + timedelta(minutes=1))
    assert outcome.troubles == ()
    assert {row.type: row.state for row in BalanceTransaction.objects.all()} == dict.fromkeys(
        ("charge", "refund", "refund_failure"), "MATCHED"
    )
    assert journal.balance(chart.suspense("USD")) == 0
    assert is_clean()


def refunded_at(advertiser: Advertiser, at: Any) -> DepositRefund:
    deposit_refunds.want(advertiser, at)
    deposit_refunds.send_due(at)
    return DepositRefund.objects.get()
