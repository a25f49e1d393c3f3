"""Idempotency keys: one effect per key, the same answer again, and no other question."""

import contextlib
import threading

import pytest
import stripe

from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_session, make_transfer


@pytest.fixture(scope="module", autouse=True)
def _funded(standin: Standin) -> None:
    standin.fund(1_000_000)


def test_the_same_key_gives_the_same_answer_and_one_effect(standin: Standin) -> None:
    first = make_session(standin, key="order-7")
    second = make_session(standin, key="order-7")

    assert first.id == second.id
    assert second.last_response is not None
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.last_response.headers  # type: ignore[union-attr]  # it has a response


def test_a_key_remembers_across_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        first = make_session(standin, key="order-7")

        standin.restart()

        assert make_session(standin, key="order-7").id == first.id


def test_the_same_key_with_other_parameters_is_refused(standin: Standin) -> None:
    make_session(standin, 999, key="order-8")

    with pytest.raises(stripe.IdempotencyError) as error:
        make_session(standin, 1_000, key="order-8")

    assert error.value.http_status == 400
    assert error.value.error is not None and error.value.error.type == "idempotency_error"
    assert "same parameters" in str(error.value)


def test_a_key_that_is_being_answered_is_in_use(standin: Standin) -> None:
    account = standin.payable_account()
    standin.fail("/v1/transfers", "slow", seconds=1.5)
    results: list[stripe.Transfer] = []
    first = threading.Thread(
        target=lambda: results.append(make_transfer(standin, group="slow", key="slow", account=account))
    )
    first.start()
    threading.Event().wait(0.5)

    with pytest.raises(stripe.APIError) as error:
        make_transfer(standin, group="slow", key="slow", account=account)
    assert error.value.http_status == 409
    assert error.value.error is not None and error.value.error.code == "idempotency_key_in_use"
    first.join()

    again = make_transfer(standin, group="slow", key="slow", account=account)
    assert [again.id] == [result.id for result in results] == [each["id"] for each in standin.transfers("slow")]


def test_ten_at_once_with_one_key_make_one_transfer(standin: Standin) -> None:
    account = standin.payable_account()

    def transfer() -> None:
        with contextlib.suppress(stripe.APIError):  # the key is in use: 409
            make_transfer(standin, group="parallel", key="parallel", account=account)

    threads = [threading.Thread(target=transfer) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(standin.transfers("parallel")) == 1


def test_a_refused_parameter_does_not_use_up_the_key(standin: Standin) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        make_session(standin, 1, key="order-9")

    # Stripe remembers only what an endpoint began to do, so a corrected request may use the key.
    assert make_session(standin, 999, key="order-9").status == "open"


def test_a_failure_that_was_begun_is_replayed(standin: Standin) -> None:
    account = standin.payable_account()
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as error:
            make_transfer(standin, 99_000_000, group="poor", key="poor", account=account)
        assert error.value.code == "balance_insufficient"

    assert error.value.headers is not None
    assert error.value.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("mode", "error", "transfers"),
    [
        ("drop_after_success", stripe.APIConnectionError, 1),
        ("drop_before", stripe.APIConnectionError, 0),
        ("error_500", stripe.APIError, 0),
        ("error_500_after_success", stripe.APIError, 1),
        ("rate_limit_429", stripe.RateLimitError, 0),
    ],
)
def test_the_switches_fail_one_call_as_they_say(
    standin: Standin, mode: str, error: type[stripe.StripeError], transfers: int
) -> None:
    account = standin.payable_account()
    standin.fail("/v1/transfers", mode)

    with pytest.raises(error):
        make_transfer(standin, group=mode, key=mode, account=account)

    assert len(standin.transfers(mode)) == transfers


def test_a_dropped_answer_is_given_when_the_key_comes_back(standin: Standin) -> None:
    account = standin.payable_account()
    standin.fail("/v1/transfers", "drop_after_success")
    with pytest.raises(stripe.APIConnectionError):
        make_transfer(standin, group="dropped", key="dropped", account=account)

    transfer = make_transfer(standin, group="dropped", key="dropped", account=account)

    assert [transfer.id] == [each["id"] for each in standin.transfers("dropped")]


def test_a_request_that_was_lost_left_its_key_unused(standin: Standin) -> None:
    account = standin.payable_account()
    standin.fail("/v1/transfers", "drop_before")
    with pytest.raises(stripe.APIConnectionError):
        make_transfer(standin, group="lost", key="lost", account=account)

    transfer = make_transfer(standin, 200, group="lost", key="lost", account=account)

    assert transfer.last_response is not None
    assert "idempotent-replayed" not in transfer.last_response.headers
    assert [each["amount"] for each in standin.transfers("lost")] == [200]


@pytest.mark.parametrize(("mode", "transfers"), [("error_500", 0), ("error_500_after_success", 1)])
def test_a_500_is_replayed_for_ever_and_says_so(standin: Standin, mode: str, transfers: int) -> None:
    account = standin.payable_account()
    group = f"broken {mode}"
    standin.fail("/v1/transfers", mode)
    replays = []
    for _ in range(3):
        with pytest.raises(stripe.APIError) as error:
            make_transfer(standin, group=group, key=group, account=account)
        assert error.value.http_status == 500
        replays.append((error.value.headers or {}).get("idempotent-replayed"))

    assert replays == [None, "true", "true"]
    assert len(standin.transfers(group)) == transfers


def test_a_call_that_its_caller_gave_up_is_finished_all_the_same(standin: Standin) -> None:
    account = standin.payable_account()
    standin.fail("/v1/transfers", "slow", seconds=0.6)
    impatient = stripe.StripeClient(
        standin.key,
        base_addresses={"api": standin.url},
        http_client=stripe.RequestsClient(timeout=0.2),
        max_network_retries=0,
    )
    with pytest.raises(stripe.APIConnectionError):
        impatient.v1.transfers.create(
            {"amount": 100, "currency": "usd", "destination": account, "transfer_group": "given up"},
            {"idempotency_key": "given up"},
        )
    assert standin.transfers("given up") == []
    threading.Event().wait(0.8)

    transfer = make_transfer(standin, group="given up", key="given up", account=account)

    assert [transfer.id] == [each["id"] for each in standin.transfers("given up")]


def test_a_429_is_not_remembered(standin: Standin) -> None:
    account = standin.payable_account()
    standin.fail("/v1/transfers", "rate_limit_429")
    with pytest.raises(stripe.RateLimitError):
        make_transfer(standin, group="busy", key="busy", account=account)

    assert make_transfer(standin, group="busy", key="busy", account=account).amount == 100


def test_healing_turns_all_switches_off(standin: Standin) -> None:
    standin.fail("/v1/balance", "error_500", method="GET", times=5)

    assert standin.post("/_test/heal")["removed"] >= 1

    assert standin.client().v1.balance.retrieve().available


def test_after_a_day_a_key_is_forgotten(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        make_paid_session(standin, 5_000)
        account = standin.payable_account()
        first = make_transfer(standin, group="old", key="old", account=account)

        standin.post("/_test/age-keys", seconds=24 * 3600 + 1)

        # This is the danger the application must avoid: the same key makes a second transfer.
        assert make_transfer(standin, group="old", key="old", account=account).id != first.id


def test_short_of_a_day_a_key_is_remembered(standin: Standin) -> None:
    account = standin.payable_account()
    first = make_transfer(standin, group="young", key="young", account=account)

    standin.post("/_test/age-keys", seconds=24 * 3600 - 60)

    assert make_transfer(standin, group="young", key="young", account=account).id == first.id
