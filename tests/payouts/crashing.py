"""What can be killed in payouts: each story from its beginning to what must be true in the end."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from time import sleep
from xml.etree import ElementTree as ET

from django.conf import settings

from artists.models import Payee
from ledger import audit as ledger_audit
from ledger import chart, journal
from payouts import audit as payouts_audit
from payouts import bank_details, decisions, files, runs, sepa, tasks
from payouts.models import Payout, PayoutRun, Rail
from store import tasks as store_tasks
from store.payments import events
from tests.crashing import Clock, findings
from tests.payouts.factories import MICROS, NOON, approve, earn, executing_run, make_payee, open_run
from tests.standin.server import Standin
from tests.store.factories import signature
from tests.users.factories import ada, max_

State = Payout.State
TRANSFERS = "/v1/transfers"
NOWHERE = "http://127.0.0.1:9"
SLOW_SECONDS, PATIENCE_SECONDS = 0.4, 0.15
MICROS_A_CENT = 10_000


@dataclass(frozen=True)
class Behaviour:
    """How the provider answers while the work is done; afterwards it is well again."""

    mode: str = ""
    """A switch of the stand-in, for the first call of each payout."""
    method: str = "POST"
    is_poor: bool = False
    """It has too little money for one of the payouts."""
    is_unreachable: bool = False
    is_forgetful: bool = False
    """Whoever looks after the payout comes a day later, when the provider has forgotten its keys."""


BEHAVIOURS = {
    "success": Behaviour(),
    "success, then the connection is dropped": Behaviour("drop_after_success"),
    "the connection is dropped before": Behaviour("drop_before"),
    "nobody answers": Behaviour(is_unreachable=True),
    "429": Behaviour("rate_limit_429"),
    "500 before doing": Behaviour("error_500"),
    "500 after doing": Behaviour("error_500_after_success"),
    "slow": Behaviour("slow"),
    "insufficient funds": Behaviour(is_poor=True),
    "success, and the key is forgotten": Behaviour(is_forgetful=True),
    "success, then dropped, and the key is forgotten": Behaviour("drop_after_success", is_forgetful=True),
    "dropped before, and the key is forgotten": Behaviour("drop_before", is_forgetful=True),
    "500 after doing, and the key is forgotten": Behaviour("error_500_after_success", is_forgetful=True),
}


class Provider:
    """The stand-in, as these stories turn it and look at it."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin
        self.accounts = [standin.payable_account() for _ in range(2)]

    def behave(self, behaviour: Behaviour) -> None:
        """From now on, for as many calls as there are payouts."""
        self.standin.post("/_test/heal")
        if behaviour.mode:
            times = 1 if behaviour.mode == "slow" else len(self.accounts)
            self.standin.fail(TRANSFERS, behaviour.mode, method=behaviour.method, times=times, seconds=SLOW_SECONDS)

    def forget_keys(self) -> None:
        """A day passes."""
        self.standin.post("/_test/age-keys", seconds=25 * 3600)

    def faults(self, payouts: list[Payout]) -> Iterator[str]:
        """Exactly one transfer for what is paid, of the right amount to the right account, and none for what is not."""
        made = self.standin.transfers()
        count = Counter(transfer["transfer_group"] for transfer in made)
        found = {transfer["transfer_group"]: transfer for transfer in made}
        for payout in payouts:
            is_sent = payout.rail == Rail.STRIPE and payout.state in (State.PAID, State.RETURNED)
            wanted = 1 if is_sent else 0
            if count[payout.transfer_group] != wanted:
                yield f"{count[payout.transfer_group]} transfers for a payout that is {payout.state}."
            elif wanted:
                transfer = found[payout.transfer_group]
                sent = (transfer["id"], transfer["amount"], transfer["currency"], transfer["destination"])
                ours = (payout.transfer_id, payout.amount_cents, payout.unit.lower(), payout.destination)
                if sent != ours:
                    yield f"The provider sent {sent}, we say {ours}."


class PayoutStory:
    """Two payees with money in the books; what each story has in common."""

    EARNED = (12_345_678, 20 * MICROS)
    BIG = 3_000_000 * MICROS
    """More than the provider has."""
    unit = "USD"

    def __init__(self, provider: Provider, clock: Clock, behaviour: Behaviour) -> None:
        self.provider, self.clock, self.behaviour = provider, clock, behaviour
        self.patience = PATIENCE_SECONDS if behaviour.mode == "slow" else 0.0
        self.earned: dict[int, int] = {}

    def given(self) -> None:
        """Once, before the arena is kept."""
        ada(), max_()
        amounts = (self.EARNED[0], self.BIG if self.behaviour.is_poor else self.EARNED[1])
        for number, (account, micros) in enumerate(zip(self.provider.accounts, amounts, strict=True)):
            payee = make_payee(f"Payee {number}", stripe_account=account, threshold_micros=10 * MICROS)
            earn(payee, micros, unit=self.unit)
            self.earned[payee.pk] = micros

    def begin(self) -> None:
        """A run that is being paid, and a provider about to behave."""
        self.clock.now = NOON
        executing_run(unit=self.unit)
        self.provider.behave(self.behaviour)

    def work(self) -> object:
        """A worker sends what is due."""
        if self.behaviour.is_unreachable:
            settings.STRIPE_API_BASE = NOWHERE  # only in this process
        return tasks.sweep()

    def recover(self) -> None:
        """The sweeper comes again and again, when the claim's time has passed."""
        if self.behaviour.is_forgetful:
            self.provider.forget_keys()
            self.clock.passes(hours=25)
        for _ in range(50):
            self.clock.passes(minutes=11)
            tasks.sweep()
            if not PayoutRun.objects.filter(state=PayoutRun.State.EXECUTING).exists():
                break
            sleep(0.02)  # a request of the dead may still be on its way

    def faults(self) -> Iterator[str]:
        """Each payee has the money once, to the micro; the run is over; nothing is wrong in the books."""
        payouts = list(Payout.objects.order_by("payee_id"))
        yield from self.provider.faults(payouts)
        yield from (f"A payout is still {payout.state}." for payout in payouts if payout.state in Payout.OPEN)
        if (states := [payout.state for payout in payouts]) != self.states():
            yield f"The payouts are {states}."
        if (over := list(PayoutRun.objects.values_list("state", flat=True))) != [self.run_state()]:
            yield f"The runs are {over}."
        yield from self.money(payouts)
        yield from findings(self.clock.now, (ledger_audit, payouts_audit))

    def money(self, payouts: list[Payout]) -> Iterator[str]:
        """What a payee earned is what the provider has sent them and what is still payable."""
        groups = {payout.transfer_group: payout.payee_id for payout in payouts}
        sent: Counter[int] = Counter()
        for transfer in self.provider.standin.transfers():
            if transfer["transfer_group"] in groups:
                cents = transfer["amount"] - transfer["amount_reversed"]
                sent[groups[transfer["transfer_group"]]] += cents * MICROS_A_CENT
        for payee_id, micros in self.earned.items():
            payable = journal.balance(chart.payee(payee_id, "payable", self.unit))
            if payable + sent[payee_id] != micros:
                yield f"Payee {payee_id} earned {micros}, was sent {sent[payee_id]} and has {payable} payable."
        if transit := journal.balance(chart.transit(self.unit)):
            yield f"{transit} micros are still in transit."

    def states(self) -> list[str]:
        """How the payouts must end."""
        return [State.PAID, State.FAILED if self.behaviour.is_poor else State.PAID]

    def run_state(self) -> str:
        is_whole = State.FAILED not in self.states()
        return PayoutRun.State.COMPLETED if is_whole else PayoutRun.State.COMPLETED_WITH_ERRORS


class Run(PayoutStory):
    """From nothing: a run is opened, approved, executed and sent. People do again what they find undone."""

    def begin(self) -> None:
        self.clock.now = NOON
        self.provider.behave(self.behaviour)

    def work(self) -> object:
        run = runs.open_run(unit="USD", period="2026-11", by=ada(), at=self.clock.now)
        runs.approve(run.pk, by=max_(), seen_hash=run.content_hash, at=self.clock.now)
        runs.execute(run.pk, by=ada(), at=self.clock.now)
        return super().work()

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        tasks.sweep()  # goes on with what was begun
        run = PayoutRun.objects.first() or runs.open_run(unit="USD", period="2026-11", by=ada(), at=self.clock.now)
        if run.state == PayoutRun.State.COMPUTED:
            run = runs.approve(run.pk, by=max_(), seen_hash=run.content_hash, at=self.clock.now)
        if run.state == PayoutRun.State.APPROVED:
            runs.execute(run.pk, by=ada(), at=self.clock.now)
        super().recover()


class Confirm(PayoutStory):
    """The first answer said nothing certain, or never came: the work is to find out what became of it."""

    def __init__(self, provider: Provider, clock: Clock, first: Behaviour, behaviour: Behaviour) -> None:
        super().__init__(provider, clock, behaviour)
        self.first = first

    def begin(self) -> None:
        self.clock.now = NOON
        executing_run(unit=self.unit)
        self.provider.behave(self.first)
        tasks.sweep()
        if self.first.is_forgetful:
            self.provider.forget_keys()
            self.clock.passes(hours=25)
        self.clock.passes(minutes=11)
        self.provider.behave(self.behaviour)


class Refusal(PayoutStory):
    """The provider refuses one payee for good; the reservation is released and settles first what the payee owes."""

    OWED = 7 * MICROS

    def given(self) -> None:
        super().given()
        poor = Payee.objects.get(stripe_account=self.provider.accounts[1])
        poor.stripe_account = "acct_nobody"
        poor.save()

    def begin(self) -> None:
        super().begin()
        poor = Payee.objects.get(stripe_account="acct_nobody")
        line = journal.Line(chart.payee(poor.pk, "owed", "USD"), chart.stripe("USD"), self.OWED, "USD")
        journal.post("lost", "lost", [line], occurred_at=NOON)

    def states(self) -> list[str]:
        return [State.PAID, State.FAILED]

    def money(self, payouts: list[Payout]) -> Iterator[str]:
        self.earned = {payout.payee_id: payout.payable_micros for payout in payouts}
        self.earned[payouts[1].payee_id] -= self.OWED
        yield from super().money(payouts)
        if owed := journal.balance(chart.payee(payouts[1].payee_id, "owed", "USD")):
            yield f"{owed} micros are still owed."


class Return(PayoutStory):
    """A transfer that was paid comes back: the provider tells us, again and again until we have heard it."""

    def begin(self) -> None:
        super().begin()
        tasks.sweep()
        transfer = Payout.objects.order_by("payee_id")[0].transfer_id
        client = self.provider.standin.client()
        client.v1.transfers.reversals.create(transfer)
        told = client.v1.events.list({"type": "transfer.reversed", "limit": 1}).data[0]
        self.body = json.dumps(told.to_dict()).encode()

    def work(self) -> object:
        events.receive(self.body, signature(self.body), at=self.clock.now)
        return store_tasks.sweep()

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        events.receive(self.body, signature(self.body), at=self.clock.now)
        store_tasks.sweep()

    def states(self) -> list[str]:
        return [State.RETURNED, State.PAID]


class Cancellation(PayoutStory):
    """An approved run is cancelled: its reservations go back to the payees. A person presses again."""

    def begin(self) -> None:
        self.clock.now = NOON
        approve(open_run())

    def work(self) -> object:
        return runs.cancel(PayoutRun.objects.get().pk, by=ada(), at=self.clock.now)

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        tasks.sweep()
        if PayoutRun.objects.get().state == PayoutRun.State.APPROVED:
            self.work()

    def states(self) -> list[str]:
        return [State.CANCELLED] * 2

    def run_state(self) -> str:
        return PayoutRun.State.CANCELLED


class Contest(PayoutStory):
    """One person wants to pay a run and another one to cancel it, at the same moment; either may win, nobody half."""

    is_approved_before = False

    def begin(self) -> None:
        self.clock.now = NOON
        self.provider.behave(self.behaviour)
        run = open_run()
        if self.is_approved_before:
            approve(run)

    def work(self) -> object:
        run = PayoutRun.objects.get()
        with suppress(runs.CannotRun):
            if not self.is_approved_before:
                approve(run)
            runs.execute(run.pk, by=ada(), at=self.clock.now)
        return super().work()

    def cancel(self) -> None:
        with suppress(runs.CannotRun):
            runs.cancel(PayoutRun.objects.get().pk, by=max_(), at=self.clock.now)

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        tasks.sweep()
        self.cancel()
        super().recover()

    def states(self) -> list[str]:
        is_cancelled = PayoutRun.objects.get().state == PayoutRun.State.CANCELLED
        return [State.CANCELLED if is_cancelled else State.PAID] * 2

    def run_state(self) -> str:
        is_cancelled = PayoutRun.objects.get().state == PayoutRun.State.CANCELLED
        return PayoutRun.State.CANCELLED if is_cancelled else PayoutRun.State.COMPLETED


class Retry(PayoutStory):
    """A payout that definitely failed is tried again by a person, with a new attempt under a new key."""

    def begin(self) -> None:
        self.clock.now = NOON
        client = self.provider.standin.client()
        account = client.v1.accounts.create({"country": "US", "capabilities": {"transfers": {"requested": True}}}).id
        Payee.objects.filter(stripe_account=self.provider.accounts[1]).update(stripe_account=account)
        executing_run()
        self.provider.behave(Behaviour())
        tasks.sweep()
        assert Payout.objects.filter(state=State.FAILED).count() == 1
        self.provider.standin.post(f"/_test/accounts/{account}/enable")
        self.clock.passes(hours=1)
        self.provider.behave(self.behaviour)

    def work(self) -> object:
        self._press()
        return super().work()

    def _press(self) -> None:
        failed = Payout.objects.filter(state=State.FAILED).first()
        if failed is not None:
            decisions.retry(failed.pk, by=max_(), why="the account is complete now", at=self.clock.now)

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        self._press()
        super().recover()


class GivenBack(PayoutStory):
    """While a run is paused, a payout that waits to be sent is given back to its payee; then the run goes on."""

    def work(self) -> object:
        self._press()
        return super().work()

    def _press(self) -> None:
        run = PayoutRun.objects.get()
        payout = Payout.objects.order_by("payee_id")[1]
        if run.state == PayoutRun.State.EXECUTING and payout.state == State.RESERVED and run.paused_at is None:
            run = decisions.pause(run.pk, by=ada(), why="a question", at=self.clock.now)
        if payout.state == State.RESERVED:
            decisions.release(payout.pk, by=max_(), why="not today", at=self.clock.now)
        if run.paused_at is not None:
            decisions.resume(run.pk, by=ada(), at=self.clock.now)

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        self._press()
        super().recover()

    def states(self) -> list[str]:
        return [State.PAID, State.FAILED]


class ByFile(PayoutStory):
    """One payee is paid by a file for the bank: issued, paid by the bank, confirmed; the other one through Stripe.

    The bank pays every file it is handed once, by the file's message id; whoever was stopped hands it over again.
    """

    rail = Rail.CSV

    def __init__(self, provider: Provider, clock: Clock, bank: Path) -> None:
        super().__init__(provider, clock, Behaviour())
        self.bank = bank

    def given(self) -> None:
        super().given()
        nina = Payee.objects.get(stripe_account=self.provider.accounts[1])
        details = {"kind": "IBAN", "holder": "Nina", "number": "DE89370400440532013000", "bic": ""}
        bank_details.choose_account(nina, by=ada(), at=NOON - timedelta(days=30), **details)

    def begin(self) -> None:
        super().begin()
        self.bank.unlink(missing_ok=True)

    def work(self) -> object:
        super().work()
        self._press()
        return None

    def _press(self) -> None:
        run = PayoutRun.objects.get()
        waiting = Payout.objects.filter(rail=self.rail, state__in=Payout.OPEN)
        if not waiting.exists():
            return
        file = files.issue(run.pk, self.rail, by=ada(), at=self.clock.now)
        with self.bank.open("a") as post:
            post.write(json.dumps([file.message_id, file.content]) + "\n")
        files.confirm(file.pk, booked_on=self.clock.now.date(), by=max_(), at=self.clock.now)

    def recover(self) -> None:
        self.clock.passes(minutes=2)
        self._press()
        super().recover()

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        handed_in = [json.loads(line) for line in self.bank.read_text().splitlines()]
        if len({tuple(each) for each in handed_in}) != 1:
            yield f"The bank was handed {len(handed_in)} files that differ."
        content = handed_in[0][1]
        if content.count("DE89370400440532013000") != 1:
            yield f"The bank was told to pay {content.count('DE89370400440532013000')} times: {content}"

    def money(self, payouts: list[Payout]) -> Iterator[str]:
        """What the bank pays by the file counts as sent."""
        by_file = payouts[1]
        sent = self.told()[by_file.end_to_end_id]
        earned = dict(self.earned)
        self.earned = earned | {by_file.payee_id: earned[by_file.payee_id] - sent}
        yield from super().money(payouts)
        self.earned = earned
        if (bank := journal.balance(chart.bank(self.unit))) != -sent:
            yield f"The bank's account is {bank}, the file says {sent}."

    def told(self) -> dict[str, int]:
        """What the file tells the bank to pay, in micros, by payout."""
        rows = csv.DictReader(io.StringIO(self._content().removeprefix("\ufeff")))
        return {row["payout"]: int(row["amount_micros"]) for row in rows}

    def _content(self) -> str:
        content: str = json.loads(self.bank.read_text().splitlines()[0])[1]
        return content


class BySepa(ByFile):
    """The same in euros, by a SEPA credit transfer."""

    rail = Rail.SEPA
    unit = "EUR"

    def told(self) -> dict[str, int]:
        names = {"": sepa.NAMESPACE}
        transfers = ET.fromstring(self._content().encode()).iterfind(".//CdtTrfTxInf", names)
        return {
            transfer.findtext("PmtId/EndToEndId", "", names): int(
                Decimal(transfer.findtext("Amt/InstdAmt", "", names)) * MICROS
            )
            for transfer in transfers
        }
