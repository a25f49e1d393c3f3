"""Keeps a copy of Stripe's balance transactions: every one once, however often and by whomever they are read.

Each reading goes back some days behind the last finished one, because Stripe lists by when something happened and may
list it later. Whether anything is missing is no matter of trust: all that was ever imported sums to Stripe's balance.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Max, Sum

from store.models import BalanceImport, BalanceTransaction
from store.reconciliation import stripe_balance
from store.reconciliation.stripe_balance import Told

OVERLAP = timedelta(days=3)


def read(*, at: datetime, whole: bool = False) -> BalanceImport:
    """Import what is new at Stripe, or with `whole` look at everything again; return what was read and added.

    Safe to repeat, to run twice at once and to kill: pages are kept as they come, and only a reading that came to its
    end moves the mark from which the next one begins. Raises stripe_balance.NoAnswer.
    """
    mark = None if whole else BalanceImport.objects.filter(finished_at__isnull=False).aggregate(m=Max("newest"))["m"]
    reading = BalanceImport.objects.create(started_at=at, since=mark - OVERLAP if mark else None)
    for page in stripe_balance.pages(reading.since):
        reading.read += len(page)
        reading.added += _keep(page, at)
        # The newest comes first; the mark stays with what was seen, so that clocks that differ lose nothing.
        reading.newest = max([told.created_at for told in page], default=None) if not reading.newest else reading.newest
    reading.newest = reading.newest or mark
    reading.finished_at = at
    reading.save()
    return reading


def is_complete(told: dict[str, int]) -> bool:
    """Whether all that was imported sums to `told`, Stripe's balance in micros by unit."""
    sums = imported()
    return all(told.get(unit, 0) == sums.get(unit, 0) for unit in told.keys() | sums.keys())


def imported() -> dict[str, int]:
    """The sum of all balance transactions in micros by unit."""
    return dict(BalanceTransaction.objects.order_by().values_list("unit").annotate(total=Sum("net_micros")))


def last() -> BalanceImport | None:
    """The last reading that came to its end."""
    return BalanceImport.objects.filter(finished_at__isnull=False).order_by("-finished_at", "-pk").first()


def _keep(page: Iterable[Told], at: datetime) -> int:
    """Store those of a page that are new, oldest first; return how many were."""
    by_id = {told.id: told for told in page}
    known = set(BalanceTransaction.objects.filter(stripe_id__in=by_id).values_list("stripe_id", flat=True))
    new = [_row(told, at) for told in reversed(by_id.values()) if told.id not in known]
    # Somebody else may read the same page. To ignore conflicts would, on SQLite, ignore broken constraints too.
    BalanceTransaction.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["stripe_id"], update_fields=["stripe_id"]
    )
    return len(new)


def _row(told: Told, at: datetime) -> BalanceTransaction:
    return BalanceTransaction(
        stripe_id=told.id,
        type=told.type[:60],
        category=told.category[:60],
        unit=told.unit,
        gross_micros=told.gross,
        fee_micros=told.fee,
        net_micros=told.net,
        source=told.source,
        subject=told.subject,
        description=told.description,
        created_at=told.created_at,
        available_on=told.available_on,
        imported_at=at,
    )
