"""Files for the operator's bank: issued once per run and rail, downloaded unchanged, then confirmed line by line.

Issuing is what sends: payouts of the rail go from reserved to sending with their file in one transaction, so a second
download never pays twice. The bank's answer is typed by the staff: paid (transit -> bank), or come back
(transit -> payable; after it was paid, bank -> payable). Source: docs/money.md, "Payout runs".
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time

from django.conf import settings
from django.db import IntegrityError, transaction

from megabox.sheets import to_csv
from megabox.tables import Column, Kind, Listed, Table, Total
from payouts import booking, decisions, rails, reservations, runs, sepa
from payouts.models import BankAccount, Decision, Payout, PayoutFile, PayoutQuerySet, PayoutRun, Rail
from payouts.runs import CannotRun, Changed, WrongState, require_later
from users.models import User

AT_ONCE = 100
"""Payouts changed in one transaction when many are confirmed."""


class RailOff(CannotRun):
    """The operator has not named the account that SEPA files are paid from."""


class NothingToPay(CannotRun):
    """No payout of the run goes by this rail now."""


class BadDay(CannotRun):
    """A booking day that cannot be: before the file was issued, or in the future."""


def issue(run_id: int, rail: Rail, *, by: User, at: datetime) -> PayoutFile:
    """The file of one rail of an executing run: made the first time, the same one ever after.

    Payouts that something has come up against (a hold, changed bank details) are given back and not in it. Raises
    RailOff, NothingToPay, WrongState, Changed, ClockWentBack.
    """
    assert rail != Rail.STRIPE, "Stripe takes no files"
    if found := PayoutFile.objects.filter(run_id=run_id, rail=rail).first():
        return found
    if rail == Rail.SEPA and not rails.is_sepa_on():
        raise RailOff("SEPA is off: SEPA_DEBTOR_NAME and SEPA_DEBTOR_IBAN are not set.")
    run = PayoutRun.objects.get(pk=run_id)
    _require_open(run)
    require_later(run, at)
    _give_back_changed(run, rail, at)
    payouts = list(_reserved(run, rail).order_by("pk"))
    if not payouts:
        runs.finish(run.pk, at=at)
        raise NothingToPay("Nothing is left to be paid this way.")
    message_id = f"MEGABOX-{run.pk}-{rail.value}-{at:%Y%m%d}"
    content = _content(run, rail, payouts, message_id, at)
    try:
        with transaction.atomic():
            _require_open(PayoutRun.objects.select_for_update(of=("self",)).get(pk=run_id))
            file = PayoutFile.objects.create(
                run=run,
                rail=rail,
                message_id=message_id,
                content=content,
                sha256=hashlib.sha256(content.encode()).hexdigest(),
                count=len(payouts),
                micros=sum(payout.amount_micros for payout in payouts),
                issued_by=by,
                issued_at=at,
            )
            ids = [payout.pk for payout in payouts]
            taken = _reserved(run, rail).filter(pk__in=ids).update(state=Payout.State.SENDING, file=file)
            if taken != len(ids) or _reserved(run, rail).exists():
                raise Changed("A payout changed while the file was made. Nothing was issued: try again.")
            decisions.record(run.pk, Decision.What.ISSUED, by=by, why=message_id, at=at)
    except IntegrityError:  # two at once: the other one's file is the file
        return PayoutFile.objects.get(run_id=run_id, rail=rail)
    return file


def _require_open(run: PayoutRun) -> None:
    if run.state != PayoutRun.State.EXECUTING:
        raise WrongState(f"This run is {run.get_state_display()}. Files are issued while a run is being paid.")
    if run.paused_at is not None:
        raise WrongState("This run is paused. Resume it first.")


def _reserved(run: PayoutRun, rail: Rail) -> PayoutQuerySet:
    return Payout.objects.filter(run=run, rail=rail, state=Payout.State.RESERVED)


def _give_back_changed(run: PayoutRun, rail: Rail, at: datetime) -> None:
    """Payouts that something has come up against go back to their payees before the file is made."""
    ids = list(_reserved(run, rail).order_by("pk").values_list("pk", flat=True))
    for i in range(0, len(ids), AT_ONCE):
        batch = list(_reserved(run, rail).filter(pk__in=ids[i : i + AT_ONCE]).select_related("payee"))
        against = reservations.why_not(batch, at)
        if not against:
            continue
        with transaction.atomic():
            for payout in _reserved(run, rail).select_for_update().filter(pk__in=against).order_by("pk"):
                decisions.give_back(payout, against[payout.pk], at=at)


def _content(run: PayoutRun, rail: Rail, payouts: Sequence[Payout], message_id: str, at: datetime) -> str:
    accounts = BankAccount.objects.in_bulk([int(payout.destination.removeprefix("bank:")) for payout in payouts])
    lines = [(payout, accounts[int(payout.destination.removeprefix("bank:"))]) for payout in payouts]
    text = f"Megabox {run.period} payout"
    if rail == Rail.CSV:
        return _csv(run, lines, text)
    debtor = sepa.Account(settings.SEPA_DEBTOR_NAME, settings.SEPA_DEBTOR_IBAN, settings.SEPA_DEBTOR_BIC)
    transfers = [
        sepa.Transfer(
            payout.end_to_end_id,
            sepa.Account(account.holder, account.number, account.bic),
            payout.amount_cents,
            f"{text} {payout.pk}",
        )
        for payout, account in lines
    ]
    return sepa.document(
        message_id, debtor, transfers, created_at=at.astimezone(UTC), execute_on=at.astimezone(UTC).date()
    )


CSV_COLUMNS = (
    Column("payout", "Payout"),
    Column("holder", "Holder", total=Total.COUNT),
    Column("account_kind", "Kind of account"),
    Column("account", "Account"),
    Column("bic", "BIC"),
    Column("amount", "Amount", Kind.MONEY, Total.SUM),
    Column("unit", "Unit", Kind.UNIT),
    Column("text", "Text"),
)


def _csv(run: PayoutRun, lines: Sequence[tuple[Payout, BankAccount]], text: str) -> str:
    """A line for each payout, and the control total in the last one."""
    rows = Listed(
        [
            [
                payout.end_to_end_id,
                account.holder,
                account.get_kind_display(),
                account.number,
                account.bic,
                payout.amount_micros,
                payout.unit,
                f"{text} {payout.pk}",
            ]
            for payout, account in lines
        ]
    )
    return to_csv(Table(text, CSV_COLUMNS, rows))


def confirm(file_id: int, *, booked_on: date, by: User, at: datetime, payout_ids: Collection[int] | None = None) -> int:
    """The bank has paid these payouts of a file (all that wait, when none are named) on that day; how many are new.

    Raises BadDay, WrongState when nothing of it waits, and what the books refuse (journal.Refused).
    """
    file = PayoutFile.objects.select_related("run").get(pk=file_id)
    moment = _booking_moment(file, booked_on, at)
    count = 0
    while batch := _confirm_some(file, moment, by, at, payout_ids):
        count += batch
    if not count:
        raise WrongState("Nothing of this file waits for the bank any more.")
    runs.finish(file.run_id, at=at)
    return count


def _booking_moment(file: PayoutFile, booked_on: date, at: datetime) -> datetime:
    issued_on, today = file.issued_at.astimezone(UTC).date(), at.astimezone(UTC).date()
    if booked_on < issued_on:
        raise BadDay(f"The file was issued on {issued_on}, so the bank did not pay it on {booked_on}.")
    if booked_on > today:
        raise BadDay(f"{booked_on} has not come yet. Confirm a payout once the bank has booked it.")
    noon = datetime.combine(booked_on, time(12), UTC)
    return min(max(noon, file.issued_at), at)


def _confirm_some(
    file: PayoutFile, moment: datetime, by: User, at: datetime, payout_ids: Collection[int] | None
) -> int:
    """One batch in one transaction, with who confirmed it; 0 when nothing is left."""
    with transaction.atomic():
        rows = file.payouts.select_for_update().filter(state=Payout.State.SENDING).order_by("pk")
        batch = list((rows if payout_ids is None else rows.filter(pk__in=payout_ids))[:AT_ONCE])
        if batch:
            booking.paid_by_file(file, batch, booked=moment, at=at)
            paid = file.payouts.filter(pk__in=[payout.pk for payout in batch])
            paid.update(state=Payout.State.PAID, reason="", paid_at=moment)
            one = batch[0] if payout_ids is not None and len(batch) == 1 else None
            why = f"{len(batch)} of {file.message_id}, booked {moment:%Y-%m-%d}"
            decisions.record(file.run_id, Decision.What.CONFIRMED, by=by, why=why, at=at, payout=one)
    return len(batch)


def come_back(payout_id: int, *, why: str, by: User, at: datetime) -> Payout:
    """The bank did not pay a payout of a file, or gave it back later: the money is payable again.

    Raises NoReason, WrongState.
    """
    why = decisions.reason(why)
    with transaction.atomic():
        payout = Payout.objects.select_for_update(of=("self",)).get(pk=payout_id)
        if payout.rail == Rail.STRIPE:
            raise WrongState("Stripe pays this one, and Stripe tells when it comes back.")
        if payout.state == Payout.State.SENDING:
            payout.state, payout.reason = Payout.State.FAILED, why
            payout.save()
            booking.failed(payout, at=at)
        elif payout.state == Payout.State.PAID:
            payout.state, payout.reason = Payout.State.RETURNED, why
            payout.save()
            booking.returned(payout, at=at)
        else:
            raise WrongState(f"This payout is {payout.get_state_display()}, so the bank has nothing to give back.")
        decisions.record(payout.run_id, Decision.What.RETURNED, by=by, why=why, at=at, payout=payout)
    runs.finish(payout.run_id, at=at)
    return payout
