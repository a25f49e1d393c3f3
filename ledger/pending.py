"""How much of an earning is still pending: the rest that a take-back may touch and that maturity will move."""

from collections.abc import Collection
from datetime import date

from django.db.models import Exists, OuterRef, Sum

from ledger import sql
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
    """Micros of each of these pending accounts that mature by `day`: what no maturity covered yet, less what is gone.

    Looks only at credits that came since the account's last maturity or whose day came since, however long its
    history. Exact only while the accounts' balance rows are locked.
    """
    return dict.fromkeys(account_ids, 0) | sql.uncovered_micros(account_ids, day, MATURITY)
