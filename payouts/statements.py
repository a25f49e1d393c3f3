"""A payee's statement: what came in, what was taken back, withheld and paid, from the postings alone.

Opening + earnings + reversals + adjustments + withheld + paid = closing, to the micro, for any window; where the money
stands (being checked, available, held, on its way, owed) is kept apart. Nothing of it is stored.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Q, QuerySet, Sum

from artists.models import Payee
from ledger import chart, pending
from ledger.journal import reversed_micros
from ledger.models import Account, Posting
from payouts.models import Payout

EARNING, REVERSAL, ADJUSTMENT, WITHHELD, PAID = "earning", "taken back", "adjustment", "withheld", "paid"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a payee's money stands, in micros."""

    pending: int = 0
    payable: int = 0
    hold: int = 0
    transit: int = 0
    owed: int = 0

    @property
    def total(self) -> int:
        """All that is the payee's, less what they owe back."""
        return self.pending + self.payable + self.hold + self.transit - self.owed


@dataclass(frozen=True, slots=True)
class Line:
    """One movement between the payee and the rest of the world; `amount` in micros, above zero when it is theirs."""

    posting_id: int
    entry_id: int
    occurred_at: datetime
    kind: str
    event: str
    title: str
    album: str
    isrc: str
    country: str
    quantity: int | None
    price_micros: int | None
    tax_micros: int | None
    rule: str
    share_micros: int | None
    split_basis_points: int | None
    amount: int
    unit: str
    state: str
    source: str

    @property
    def split_percent(self) -> str:
        """The payee's part of the share, like `50` or `33.33`; empty when it is not known."""
        if self.split_basis_points is None:
            return ""
        whole, rest = divmod(self.split_basis_points, 100)
        return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


@dataclass(frozen=True, slots=True)
class Statement:
    """A payee's account in one unit from `since` up to but not including `until`."""

    payee: Payee
    unit: str
    since: datetime
    until: datetime
    opening: Places
    closing: Places
    lines: tuple[Line, ...]

    def total(self, kind: str) -> int:
        """Micros of all lines of a kind."""
        return sum(line.amount for line in self.lines if line.kind == kind)

    @property
    def earnings(self) -> int:
        """What was earned in the window."""
        return self.total(EARNING)

    @property
    def reversals(self) -> int:
        """What was taken back in the window, below zero; less what of it was given again."""
        return self.total(REVERSAL)

    @property
    def adjustments(self) -> int:
        """Everything that is neither earned nor taken back, withheld or paid: write-offs."""
        return self.total(ADJUSTMENT)

    @property
    def withheld(self) -> int:
        """Tax kept back in the window, below zero."""
        return self.total(WITHHELD)

    @property
    def paid(self) -> int:
        """What was paid out in the window, below zero; less what came back."""
        return self.total(PAID)


def day_start(day: date) -> datetime:
    """The first moment of a UTC day."""
    return datetime.combine(day, time.min, UTC)


def statement(payee: Payee, unit: str, *, since: datetime, until: datetime) -> Statement:
    """The statement of one payee in one unit, oldest line first."""
    codes = _codes(payee, unit)
    theirs = _postings(payee, unit, codes)
    opening = _places(theirs.filter(entry__occurred_at__lt=since), codes)
    within = list(
        theirs.filter(entry__occurred_at__gte=since, entry__occurred_at__lt=until)
        .select_related("entry", "debit", "credit", "reverses")
        .order_by("entry__occurred_at", "pk")
    )
    moved = _moved(within, codes)
    lines = _lines(within, codes, unit)
    closing = Places(**{name: getattr(opening, name) + moved[name] for name in moved})
    assert opening.total + sum(line.amount for line in lines) == closing.total, f"statement of payee {payee.pk}"
    return Statement(payee, unit, since, until, opening, closing, tuple(lines))


def places(payee: Payee, unit: str) -> Places:
    """Where the payee's money stands now."""
    codes = _codes(payee, unit)
    return _places(_postings(payee, unit, codes), codes)


def paid_ever(payee: Payee, unit: str) -> int:
    """Micros that were paid out to the payee and did not come back."""
    paid = Payout.objects.filter(payee=payee, unit=unit, state=Payout.State.PAID)
    return paid.aggregate(total=Sum("amount_micros"))["total"] or 0


def units(payee: Payee) -> list[str]:
    """The units in which this payee ever had anything."""
    codes = Account.objects.filter(code__startswith=f"payee:{payee.pk}:")
    return sorted(set(codes.values_list("unit", flat=True)))


def line(payee: Payee, posting_id: int) -> Line | None:
    """One line of a payee's statements by its posting; None when the posting is none of theirs."""
    posting = Posting.objects.filter(pk=posting_id).select_related("entry", "debit", "credit", "reverses").first()
    if posting is None:
        return None
    codes = _codes(payee, posting.unit)
    if not _postings(payee, posting.unit, codes).filter(pk=posting_id).exists():
        return None
    found = _lines([posting], codes, posting.unit)
    return found[0] if found else None


def by_period(lines: Iterable[Line], period_of: Callable[[datetime], str]) -> dict[str, int]:
    """Net earnings (earned less taken back) per period, in the order they occurred."""
    sums: dict[str, int] = {}
    for each in lines:
        if each.kind in (EARNING, REVERSAL):
            name = period_of(each.occurred_at)
            sums[name] = sums.get(name, 0) + each.amount
    return sums


# --- reading the postings


def _codes(payee: Payee, unit: str) -> dict[str, str]:
    """The payee's own account codes, and which place each is."""
    return {chart.payee(payee.pk, place, unit): place for place in chart.PLACES}


def _postings(payee: Payee, unit: str, codes: Mapping[str, str]) -> QuerySet[Posting]:
    """Every posting that touches the payee: their own places, and transit where it is about their payouts."""
    own = Account.objects.filter(code__in=codes)
    theirs = Q(debit__in=own) | Q(credit__in=own)
    payouts = Payout.objects.filter(payee=payee, unit=unit)
    if payouts.exists():
        theirs |= Q(source__in=payouts.sources(), unit=unit)
    return Posting.objects.filter(theirs)


def _place(account: Account, codes: Mapping[str, str]) -> str:
    """The place an account is for this payee; empty for the rest of the world."""
    if account.code.startswith("payout:transit:"):
        return "transit"
    return codes.get(account.code, "")


def _places(postings: QuerySet[Posting], codes: Mapping[str, str]) -> Places:
    """The balances after these postings."""
    sums = dict.fromkeys(("pending", "payable", "hold", "transit", "owed"), 0)
    for side, sign in (("credit", 1), ("debit", -1)):
        for code, total in postings.order_by().values_list(f"{side}__code").annotate(total=Sum("amount")):
            place = "transit" if code.startswith("payout:transit:") else codes.get(code, "")
            if place:
                sums[place] += total * sign * _direction(place)
    return Places(**sums)


def _moved(postings: Sequence[Posting], codes: Mapping[str, str]) -> dict[str, int]:
    """How much each place changed by these postings."""
    sums = dict.fromkeys(("pending", "payable", "hold", "transit", "owed"), 0)
    for posting in postings:
        for account, sign in ((posting.credit, 1), (posting.debit, -1)):
            if place := _place(account, codes):
                sums[place] += posting.amount * sign * _direction(place)
    return sums


def _direction(place: str) -> int:
    """Owed is an asset of ours: it grows by debits."""
    return -1 if place == "owed" else 1


def _lines(postings: Sequence[Posting], codes: Mapping[str, str], unit: str) -> list[Line]:
    """Lines for the postings that cross the border between the payee and the rest of the world."""
    crossing = [
        (posting, is_in)
        for posting in postings
        if (is_in := bool(_place(posting.credit, codes))) != bool(_place(posting.debit, codes))
    ]
    pending_ids = [posting.pk for posting, is_in in crossing if is_in and codes.get(posting.credit.code) == "pending"]
    still_pending = pending.rest(pending_ids) if pending_ids else {}
    gone = reversed_micros([posting.pk for posting, is_in in crossing if is_in])
    return [_line(posting, is_in, still_pending, gone) for posting, is_in in crossing]


def _line(posting: Posting, is_in: bool, still_pending: Mapping[int, int], gone: Mapping[int, int]) -> Line:
    facts = posting.facts
    kind = _kind(posting, is_in)
    return Line(
        posting_id=posting.pk,
        entry_id=posting.entry_id,
        occurred_at=posting.entry.occurred_at,
        kind=kind,
        event=posting.entry.kind,
        title=_text(facts, "title") or posting.entry.kind.capitalize(),
        album=_text(facts, "album"),
        isrc=_text(facts, "isrc") or _text(facts, "upc"),
        country=_text(facts, "country"),
        quantity=_number(facts, "quantity"),
        price_micros=_number(facts, "price_micros"),
        tax_micros=_number(facts, "tax_micros"),
        rule=_text(facts, "rule"),
        share_micros=_number(facts, "share_micros"),
        split_basis_points=_number(facts, "split_basis_points"),
        amount=posting.amount if is_in else -posting.amount,
        unit=posting.unit,
        state=_state(posting, kind, still_pending, gone),
        source=posting.source,
    )


def _kind(posting: Posting, is_in: bool) -> str:
    other = (posting.debit if is_in else posting.credit).code
    if posting.source.startswith("payouts.payout:"):
        return PAID
    if other.startswith("tax:withheld:"):
        return WITHHELD
    if other.startswith("exp:clawback_loss:"):
        return ADJUSTMENT
    if is_in and posting.reverses_id is None:
        return EARNING
    return REVERSAL


def _state(posting: Posting, kind: str, still_pending: Mapping[int, int], gone: Mapping[int, int]) -> str:
    if kind != EARNING:
        return "done"
    if gone.get(posting.pk, 0) == posting.amount:
        return "taken back"
    if still_pending.get(posting.pk, 0):
        return f"being checked until {posting.matures_on}"
    return "available"


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""


def _number(facts: Mapping[str, Any], name: str) -> int | None:
    value = facts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
