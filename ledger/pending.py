"""How much of an earning is still pending: the rest that a take-back may touch and that maturity will move."""

from collections.abc import Collection
from datetime import date

from django.db.models import Exists, OuterRef, QuerySet, Sum

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


def due(account_id: int, day: date) -> int:
    """Micros of a pending account that mature by `day`.

    Credits with `matures_on` up to the day, less what was reversed or held of exactly those, less what already
    matured. Exact only while the account's balance row is locked.
    """
    credited = Posting.objects.filter(credit=account_id, matures_on__lte=day)
    debited = Posting.objects.filter(debit=account_id)
    taken = debited.filter(reverses__credit=account_id, reverses__matures_on__lte=day)
    matured = debited.filter(entry__kind=MATURITY)
    return _total(credited) - _total(taken) - _total(matured)


def _total(postings: QuerySet[Posting]) -> int:
    return postings.aggregate(total=Sum("amount"))["total"] or 0
