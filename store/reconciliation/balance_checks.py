"""The hourly reconciliation: read Stripe's list, match it, compare the balances, and tell the staff what is wrong.

Stripe's balance = ours + what waits (told by Stripe, not booked) - what is in flight (booked, not told yet). Anything
beyond that, twice in a row, and anything that stays open for more than a day is an alarm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum
from django.urls import reverse

from ledger import chart, journal
from ledger.models import Account
from megabox import money
from store.models import BalanceCheck, BalanceImport, BalanceTransaction, Naming
from store.reconciliation import balance_import, naming, reconciliation, stripe_balance
from users import mail
from users.models import User

PATIENCE = timedelta(days=1)
"""What stays in suspense or in flight for longer is an alarm."""

MOST_READINGS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one reconciliation did: transactions read for the first time, matched, and what is wrong, in sentences."""

    added: int
    matched: int
    troubles: tuple[str, ...]


def run(*, at: datetime) -> Outcome:
    """Reconcile once. Safe to repeat, to run twice at once and to kill. Raises stripe_balance.NoAnswer."""
    readings, told = _read(at)
    matched = reconciliation.settle_due(at=at)
    record(told, at=at)
    found = troubles(at)
    write_letters(found, at=at)
    return Outcome(sum(reading.added for reading in readings), matched, tuple(found))


def _read(at: datetime) -> tuple[list[BalanceImport], dict[str, int]]:
    """Read until the transactions sum to the balance.

    What moves meanwhile is read again, and what is still missing is looked for from the very beginning.
    """
    readings = [balance_import.read(at=at)]
    told = stripe_balance.balance()
    while not balance_import.is_complete(told) and len(readings) < MOST_READINGS:
        readings.append(balance_import.read(at=at, whole=len(readings) == MOST_READINGS - 1))
        told = stripe_balance.balance()
    return readings, told


def record(told: Mapping[str, int], *, at: datetime) -> list[BalanceCheck]:
    """Compare `told`, Stripe's balance in micros by unit, with the books and keep both numbers."""
    imported, named = balance_import.imported(), _named()
    through = naming.named_through(named_through())
    old = naming.unnamed(until=at - PATIENCE, after=through)
    checks = []
    for unit in sorted(told.keys() | imported.keys() | _units()):
        ours = journal.balance(chart.stripe(unit))
        check = BalanceCheck(
            at=at,
            unit=unit,
            stripe_micros=told.get(unit, 0),
            ledger_micros=ours,
            waiting_micros=imported.get(unit, 0) - named.get(unit, 0),
            in_flight_micros=ours - named.get(unit, 0),
            suspense_micros=journal.balance(chart.suspense(unit)),
            old_in_flight=sum(unit == movement.unit for movement in old),
            named_through=through,
        )
        checks.append(check)
    BalanceCheck.objects.bulk_create(checks, ignore_conflicts=True)  # two workers at the very same moment
    return checks


def named_through() -> int:
    """Up to which entry all that moved money at Stripe was told by Stripe, as the last check found."""
    return max((check.named_through for check in latest()), default=0)


def _named() -> dict[str, int]:
    sums = Naming.objects.order_by().values_list("transaction__unit").annotate(total=Sum("micros"))
    return dict(sums)


def _units() -> set[str]:
    """The units in which we ever had money at Stripe."""
    return set(Account.objects.filter(code__startswith="stripe:balance:").values_list("unit", flat=True))


def latest() -> list[BalanceCheck]:
    """The last check of every unit."""
    newest = BalanceCheck.objects.order_by("-at").first()
    return list(BalanceCheck.objects.filter(at=newest.at).order_by("unit")) if newest else []


# --- what is wrong


def troubles(at: datetime) -> list[str]:
    """Sentences about what a person has to look at; none when both sides agree. Cheap: rows and the last checks."""
    return [*_unexplained(), *_old_suspense(at), *_old_in_flight()]


def _unexplained() -> list[str]:
    """A difference that nothing explains, in two checks in a row: one alone may be a payment of that very moment."""
    found = []
    for check in latest():
        before = BalanceCheck.objects.filter(unit=check.unit, at__lt=check.at).order_by("-at").first()
        if check.unexplained_micros and before is not None and before.unexplained_micros:
            found.append(
                f"Stripe has {money.display_exact(check.unexplained_micros, check.unit)} that its own list of"
                f" transactions does not explain ({check.unit}). Read everything again; then ask Stripe."
            )
    return found


def _old_suspense(at: datetime) -> list[str]:
    old = BalanceTransaction.objects.filter(
        state=BalanceTransaction.State.SUSPENSE, suspended_at__lte=at - PATIENCE
    ).order_by("created_at")
    return [
        f"{row.type} {row.stripe_id} of {row.created_at:%Y-%m-%d}, {money.display_exact(row.net_micros, row.unit)}, is"
        f" in suspense since {row.suspended_at:%Y-%m-%d %H:%M}. {row.note}"
        for row in old
    ]


def _old_in_flight() -> list[str]:
    return [
        f"{check.old_in_flight} movements of our books in {check.unit} are older than a day, and Stripe tells of none"
        " of them. Look at them before anything is paid out."
        for check in latest()
        if check.old_in_flight
    ]


def write_letters(found: Sequence[str], *, at: datetime) -> None:
    """Write to every member of the staff, once a day however often it is checked."""
    if not found:
        return
    page = settings.SITE_URL + reverse("store:reconciliation")
    body = "\n\n".join(["The books and Stripe do not agree:", *found[:20], f"What to do: {page}"])
    for person in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
        key = f"reconciliation:{at:%Y-%m-%d}:{person.pk}"
        mail.queue(person.email, "The books and Stripe do not agree", body, key=key)
