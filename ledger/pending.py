"""How much of an earning is still pending: the rest that a take-back may touch and that maturity will move."""

from collections.abc import Collection
from datetime import date

from django.db.models import Exists, F, OuterRef, QuerySet, Sum

from ledger.models import Posting

MATURITY = "maturity"
"""The kind of entries that move what is due out of pending; their postings' `matures_on` is the day they cover."""


def rest(posting_ids: Collection[int]) -> dict[int, int]:
    """Micros of each of these credits to a payee's pending that neither matured nor were taken.

    Exact only while the pending account's balance row is locked.
    """
    matured_later = Posting.objects.filter(
        debit=OuterRef("credit"),
        entry__kind=MATURITY,
        matures_on__gte=OuterRef("matures_on"),
        pk__gt=OuterRef("pk"),
    )
    credited = (
        Posting.objects.filter(pk__in=posting_ids, matures_on__isnull=False)
        .annotate(is_matured=Exists(matured_later))
        .values_list("pk", "credit_id", "amount", "is_matured")
    )
    taken = {
        (pk, account): amount
        for pk, account, amount in Posting.objects.filter(reverses__in=posting_ids)
        .values_list("reverses_id", "debit_id")
        .annotate(total=Sum("amount"))
    }
    return {
        pk: 0 if is_matured else amount - taken.get((pk, account), 0) for pk, account, amount, is_matured in credited
    }


def due(account_ids: Collection[int], day: date) -> dict[int, int]:
    """Micros of each of these pending accounts that mature by `day`.

    Credits with `matures_on` up to the day, less what was reversed or held of exactly those, less what already
    matured. Exact only while the accounts' balance rows are locked.
    """
    credited = Posting.objects.filter(credit__in=account_ids, matures_on__lte=day)
    debited = Posting.objects.filter(debit__in=account_ids)
    taken = debited.filter(reverses__credit=F("debit"), reverses__matures_on__lte=day)
    matured = debited.filter(entry__kind=MATURITY)
    earned, gone, before = _totals(credited, "credit"), _totals(taken, "debit"), _totals(matured, "debit")
    return {pk: earned.get(pk, 0) - gone.get(pk, 0) - before.get(pk, 0) for pk in account_ids}


def _totals(postings: QuerySet[Posting], side: str) -> dict[int, int]:
    """Micros by account."""
    return dict(postings.order_by().values_list(side).annotate(total=Sum("amount")))
