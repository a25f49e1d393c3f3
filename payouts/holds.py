"""What is held of a payee and why, in words, from the postings alone: one line for each case and each thing sold."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from artists.models import Payee
from ledger import chart, journal
from ledger.models import Account, Posting

WHY = "A case is open."


@dataclass(frozen=True, slots=True)
class Hold:
    """Micros that a case holds of one earning; `source` names the case, `earning_id` the posting it was taken from."""

    source: str
    earning_id: int | None
    title: str
    why: str
    since: datetime
    micros: int


def of(payee: Payee, unit: str) -> list[Hold]:
    """What is held now, oldest first; the sum is the balance of the payee's hold."""
    code = chart.payee(payee.pk, "hold", unit)
    if not journal.balance(code):
        return []
    account = Account.objects.get(code=code)
    open_cases = _open_cases(account)
    held = list(Posting.objects.filter(credit=account, source__in=open_cases).select_related("entry").order_by("pk"))
    released = journal.reversed_micros([posting.pk for posting in held])
    found: dict[tuple[str, int | None], Hold] = {}
    for posting in held:
        key = (posting.source, posting.reverses_id)
        before = found[key].micros if key in found else 0
        found[key] = Hold(
            source=posting.source,
            earning_id=posting.reverses_id,
            title=str(posting.facts.get("title") or posting.entry.kind.capitalize()),
            why=str(posting.facts.get("held_for") or WHY),
            since=posting.entry.occurred_at,
            micros=before + posting.amount - released[posting.pk],
        )
    return [hold for hold in found.values() if hold.micros]


def _open_cases(account: Account) -> list[str]:
    """The cases that hold anything: what a case takes, it takes whole, so nothing is left of one that is over."""
    sums: dict[str, int] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        postings = Posting.objects.filter(**{side: account}).order_by()
        for source, total in postings.values_list("source").annotate(total=Sum("amount")):
            sums[source] = sums.get(source, 0) + sign * total
    return [source for source, total in sums.items() if total]
