"""Payouts killed at every boundary there is, under every behaviour of the provider: exactly one transfer each.

The boundaries are counted, not chosen (tests/crashing.py); what must be true in the end: tests/payouts/crashing.py.
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.conf import LazySettings
from django.db import models, transaction

from payouts import files, reservations, runs, transfers
from tests.crashing import Arena, Clock, Swept, at_once, boundaries, findings, sweep
from tests.payouts.crashing import (
    BEHAVIOURS,
    Behaviour,
    ByFile,
    BySepa,
    Cancellation,
    Confirm,
    Contest,
    GivenBack,
    PayoutStory,
    Provider,
    Refusal,
    Retry,
    Return,
    Run,
)
from tests.standin.server import Standin

Record = Callable[[str, object], None]

TELLING = "success, then dropped, and the key is forgotten"
"""The behaviour that every run of the tests tries; the marker `sweep` stands for all others."""

FINE = Behaviour()
FIRST_THEN = {
    "made, then 429": ("success, then the connection is dropped", Behaviour("rate_limit_429")),
    "made, then dropped again": ("success, then the connection is dropped", Behaviour("drop_before")),
    "made, then slow": ("success, then the connection is dropped", Behaviour("slow")),
    "not made, then made and dropped": ("429", Behaviour("drop_after_success")),
    "not made, then 500": ("the connection is dropped before", Behaviour("error_500")),
    "500 not made, then looked up": ("500 before doing", FINE),
    "500 made, then looked up": ("500 after doing", FINE),
    "500 made, then the look-up fails": ("500 after doing", Behaviour("error_500", "GET")),
    "500 not made, then the look-up is dropped": ("500 before doing", Behaviour("drop_after_success", "GET")),
    "old and made": ("success, then dropped, and the key is forgotten", FINE),
    "old and made, then the look-up is slow": (
        "success, then dropped, and the key is forgotten",
        Behaviour("slow", "GET"),
    ),
    "old and made, then the look-up fails": (
        "success, then dropped, and the key is forgotten",
        Behaviour("error_500", "GET"),
    ),
    "old and not made": ("dropped before, and the key is forgotten", FINE),
    "old and not made, then made and dropped": (
        "dropped before, and the key is forgotten",
        Behaviour("drop_after_success"),
    ),
}


def cases(names: Any, *telling: str) -> list[Any]:
    """All of them, those that are not telling under the marker `sweep`."""
    return [pytest.param(name, marks=() if name in telling else pytest.mark.sweep) for name in names]


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Standin(tmp_path_factory.mktemp("standin")) as standin:
        standin.fund(50_000_000)
        yield Provider(standin)


@pytest.fixture(autouse=True)
def _provider_is_stripe(provider: Provider, settings: LazySettings) -> None:
    settings.STRIPE_API_KEY = provider.standin.key
    settings.STRIPE_API_BASE = provider.standin.url


@pytest.fixture(autouse=True)
def _batches_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two payees are many: whatever is done some at a time is killed between two batches too."""
    for module in (runs, reservations, files):
        monkeypatch.setattr(module, "AT_ONCE", 1)


def swept_clean(arena: Arena, story: PayoutStory, record: Record) -> Swept:
    story.given()
    arena.keep()
    swept = sweep(arena, story)
    record("crash points", swept.points)
    assert swept.faults == []
    assert (
        list(findings(story.clock.now)) == []
    )  # no other room has to do with it, and after the last life they all say so
    return swept


@pytest.mark.parametrize("behaviour", cases(BEHAVIOURS, TELLING))
def test_a_run_killed_anywhere_pays_everybody_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record, behaviour: str
) -> None:
    swept = swept_clean(arena, Run(provider, clock, BEHAVIOURS[behaviour]), record_property)

    assert "before commit of payouts_attempt, payouts_payout" in swept.boundaries
    assert "before POST /v1/transfers" in swept.boundaries


@pytest.mark.parametrize("case", cases(FIRST_THEN, "500 made, then looked up"))
def test_an_open_question_killed_anywhere_is_answered_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record, case: str
) -> None:
    first, then = FIRST_THEN[case]
    swept_clean(arena, Confirm(provider, clock, BEHAVIOURS[first], then), record_property)


def test_a_refusal_killed_anywhere_gives_the_money_back_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record
) -> None:
    swept_clean(arena, Refusal(provider, clock, FINE), record_property)


def test_a_return_killed_anywhere_is_payable_again_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record
) -> None:
    swept_clean(arena, Return(provider, clock, FINE), record_property)


def test_a_cancellation_killed_anywhere_gives_the_money_back_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record
) -> None:
    swept_clean(arena, Cancellation(provider, clock, FINE), record_property)


RETRIED = [name for name in BEHAVIOURS if not BEHAVIOURS[name].is_poor]
"""What was refused for its size is not tried again as it is."""


@pytest.mark.parametrize("behaviour", cases(RETRIED, "success, then the connection is dropped"))
def test_a_retry_killed_anywhere_pays_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record, behaviour: str
) -> None:
    swept_clean(arena, Retry(provider, clock, BEHAVIOURS[behaviour]), record_property)


def test_pausing_and_giving_back_killed_anywhere_gives_back_once(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record
) -> None:
    swept_clean(arena, GivenBack(provider, clock, FINE), record_property)


@pytest.mark.parametrize("by", [pytest.param(ByFile, marks=pytest.mark.sweep), BySepa])
def test_a_file_for_the_bank_killed_anywhere_is_one_file_and_booked_once(
    arena: Arena,
    clock: Clock,
    provider: Provider,
    settings: LazySettings,
    record_property: Record,
    tmp_path: Path,
    by: type[ByFile],
) -> None:
    settings.SEPA_DEBTOR_NAME, settings.SEPA_DEBTOR_IBAN = "Megabox", "DE75512108001245126199"
    provider.standin.fund(50_000_000, by.unit.lower())
    swept_clean(arena, by(provider, clock, tmp_path / "bank"), record_property)


# --- two workers at once


def duel(arena: Arena, story: PayoutStory, *, seconds: int = 0, crash_at: int = 0) -> tuple[bool, list[str]]:
    """Two processes send the same run at the same moment, the second with a clock that is `seconds` ahead.

    Returns whether the first was killed, and what is wrong in the end.
    """

    def ahead() -> object:
        story.clock.passes(seconds=seconds)
        return story.work()

    arena.restore()
    story.begin()
    lives = at_once(story.work, ahead, crash_at=crash_at, patience=story.patience)
    errors = [life.error for life in lives if life.error]
    story.recover()
    return lives[0].is_killed, errors + list(story.faults())


@pytest.mark.parametrize("behaviour", cases(BEHAVIOURS, TELLING))
def test_two_workers_at_once_make_one_transfer_each(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record, behaviour: str
) -> None:
    """Beside each other, and one a minute later, when the claims of the other have run out while it still works."""
    story = PayoutStory(provider, clock, BEHAVIOURS[behaviour])
    story.given()
    arena.keep()
    tries = [duel(arena, story, seconds=seconds) for seconds in (0, 61) for _ in range(3)]
    record_property("crash points", len(tries))
    assert [fault for _, faults in tries for fault in faults] == []


@pytest.mark.parametrize("behaviour", cases(BEHAVIOURS, "success, then the connection is dropped"))
def test_one_worker_killed_anywhere_while_the_other_goes_on(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record, behaviour: str
) -> None:
    story = PayoutStory(provider, clock, BEHAVIOURS[behaviour])
    story.given()
    arena.keep()
    alone = len(boundaries(arena, story))  # beside another one it may have less to do, and live
    tries = [duel(arena, story, seconds=61 * (number % 2), crash_at=number) for number in range(1, alone + 1)]
    record_property("crash points", len(tries))
    assert [fault for _, faults in tries for fault in faults] == []
    assert sum(is_killed for is_killed, _ in tries) >= 5


@pytest.mark.parametrize("is_approved_before", [False, True])
def test_paying_and_cancelling_at_once_one_of_them_killed_anywhere_do_one_of_both(
    arena: Arena, clock: Clock, provider: Provider, record_property: Record, is_approved_before: bool
) -> None:
    story = Contest(provider, clock, FINE)
    story.is_approved_before = is_approved_before
    story.given()
    arena.keep()
    faults, outcomes = [], set()
    alone = boundaries(arena, story).index("before POST /v1/transfers")
    for crash_at in range(alone):
        arena.restore()
        story.begin()
        works = (story.work, story.cancel) if crash_at % 2 else (story.cancel, story.work)
        lives = at_once(*works, crash_at=crash_at)
        story.recover()
        faults += [*(life.error for life in lives if life.error), *story.faults()]
        outcomes.add(story.run_state())
    record_property("crash points", alone)
    assert faults == []
    assert outcomes <= {"CANCELLED", "COMPLETED"}


# --- the sweep finds what it is there for


def first_faults(arena: Arena, story: PayoutStory) -> list[str]:
    story.given()
    arena.keep()
    return sweep(arena, story, is_first_fault_enough=True).faults


def test_the_sweep_notices_a_new_key_on_each_try(
    arena: Arena, clock: Clock, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stripe.TransferService.create

    def careless(service: Any, params: Any, options: Any) -> stripe.Transfer:
        return real(service, params, {"idempotency_key": str(uuid.uuid4())})

    monkeypatch.setattr(stripe.TransferService, "create", careless)

    faults = first_faults(arena, PayoutStory(provider, clock, FINE))

    assert "(request sent, answer not read): 2 transfers for a payout that is PAID." in faults[0]


def test_the_sweep_notices_an_attempt_that_is_not_committed_before_the_call(
    arena: Arena, clock: Clock, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "send", transaction.atomic(transfers.send))

    faults = first_faults(arena, PayoutStory(provider, clock, BEHAVIOURS["success, and the key is forgotten"]))

    assert "(request sent, answer not read): 2 transfers for a payout that is PAID." in faults[0]


def test_the_sweep_notices_work_without_transactions(
    arena: Arena, clock: Clock, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = PayoutStory(provider, clock, FINE)
    work = story.work

    def careless() -> object:
        monkeypatch.setattr(transaction.Atomic, "__enter__", lambda _: None)
        monkeypatch.setattr(transaction.Atomic, "__exit__", lambda *_: None)
        monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
        return work()  # in the child only

    monkeypatch.setattr(story, "work", careless)

    assert first_faults(arena, story) != []
