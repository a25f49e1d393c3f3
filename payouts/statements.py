"""A payee's statement: what came in, what was taken back, withheld and paid, from the postings alone.

Opening + earnings + reversals + adjustments + withheld + paid = closing, to the micro, for any window; where the money
stands (being checked, available, held, on its way, owed) is kept apart. Sums are the database's and lines are read
by the page, so opening one reads a page of lines, however many views they stand for. Nothing of it is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, overload

from django.db.models import BigIntegerField, Case, CharField, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncMonth

from artists.models import Payee
from ledger import chart, pending, reading
from ledger.journal import reversed_micros
from ledger.models import Account, Posting
from payouts import holds
from payouts.models import Payout

EARNING, REVERSAL, ADJUSTMENT, WITHHELD, PAID = "earning", "taken back", "adjustment", "withheld", "paid"
WAYS = {"ads settled": "ads", "credits spent": "free download", "pool shared out": "artists' pool"}
"""Events of the books in an artist's words; a sale is a sale."""


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
    def way(self) -> str:
        """How it was earned, like `sale` or `free download`; of other lines their kind."""
        return WAYS.get(self.event, self.event) if self.kind == EARNING else self.kind

    @property
    def split_percent(self) -> str:
        """The payee's part of the share, like `50` or `33.33`; empty when it is not known."""
        if self.split_basis_points is None:
            return ""
        whole, rest = divmod(self.split_basis_points, 100)
        return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


class Lines(Sequence[Line]):
    """The lines of a statement, oldest first, read when they are asked for; all of them a few hundred at a time."""

    AT_ONCE = 500

    def __init__(self, postings: QuerySet[Any], codes: Mapping[str, str], payee: Payee, unit: str) -> None:
        self._postings = postings.select_related("entry", "debit", "credit").order_by("entry__occurred_at", "pk")
        self._codes = codes
        self._payee, self._unit = payee, unit

    @cached_property
    def _held(self) -> frozenset[int | None]:
        return _held(self._payee, self._unit)

    @cached_property
    def _count(self) -> int:
        return self._postings.order_by().count()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Line]:
        found = self._postings.iterator(chunk_size=self.AT_ONCE)
        while some := list(islice(found, self.AT_ONCE)):
            yield from _lines(some, self._codes, self._held)

    @overload
    def __getitem__(self, part: int) -> Line: ...

    @overload
    def __getitem__(self, part: slice) -> list[Line]: ...

    def __getitem__(self, part: int | slice) -> Line | list[Line]:
        if isinstance(part, int):
            return _lines([self._postings[part]], self._codes, self._held)[0]
        return _lines(list(self._postings[part]), self._codes, self._held)

    def latest(self, most: int, *, but: str) -> list[Line]:
        """The newest lines of every kind but one, newest first."""
        newest = self._postings.exclude(kind=but).order_by("-entry__occurred_at", "-pk")
        return _lines(list(newest[:most]), self._codes, self._held)


@dataclass(frozen=True, slots=True)
class Statement:
    """A payee's account in one unit from `since` up to but not including `until`; `sums` in micros by kind of line."""

    payee: Payee
    unit: str
    since: datetime
    until: datetime
    opening: Places
    closing: Places
    sums: Mapping[str, int]
    lines: Lines

    def total(self, kind: str) -> int:
        """Micros of all lines of a kind."""
        return self.sums.get(kind, 0)

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


def statement(payee: Payee, unit: str, *, since: datetime, until: datetime) -> Statement:
    """The statement of one payee in one unit, oldest line first."""
    codes = _codes(payee, unit)
    within = _crossing(payee, unit, codes).filter(reading.within(since, until))
    sums = dict(within.order_by().values_list("kind").annotate(total=Sum("change")))
    opening, closing = _places(payee, unit, codes, before=since), _places(payee, unit, codes, before=until)
    assert opening.total + sum(sums.values()) == closing.total, f"statement of payee {payee.pk}"
    return Statement(payee, unit, since, until, opening, closing, sums, Lines(within, codes, payee, unit))


def places(payee: Payee, unit: str) -> Places:
    """Where the payee's money stands now."""
    return _places(payee, unit, _codes(payee, unit), before=None)


def by_month(payee: Payee, unit: str, *, since: datetime, until: datetime) -> dict[str, int]:
    """Net earnings (earned less taken back) per month like 2026-11, in micros; months without any are left out."""
    lines = _crossing(payee, unit, _codes(payee, unit)).filter(
        reading.within(since, until), kind__in=[EARNING, REVERSAL]
    )
    months = lines.annotate(month=TruncMonth("entry__occurred_at", tzinfo=UTC)).order_by("month")
    return {f"{month:%Y-%m}": net for month, net in months.values_list("month").annotate(net=Sum("change"))}


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
    unit = Posting.objects.filter(pk=posting_id).values_list("unit", flat=True).first()
    if unit is None:
        return None
    codes = _codes(payee, unit)
    found = _crossing(payee, unit, codes).select_related("entry", "debit", "credit").filter(pk=posting_id).first()
    return _lines([found], codes, _held(payee, unit))[0] if found else None


# --- reading the postings


def _codes(payee: Payee, unit: str) -> dict[str, str]:
    """The payee's own account codes, and which place each is."""
    return {chart.payee(payee.pk, place, unit): place for place in chart.PLACES}


def _payouts(payee: Payee, unit: str) -> list[str]:
    """How the books name the payee's payouts: one a month, and as values each is found by the index."""
    return list(Payout.objects.filter(payee=payee, unit=unit).sources())


def _crossing(payee: Payee, unit: str, codes: Mapping[str, str]) -> QuerySet[Any]:
    """Every posting between the payee and the rest of the world, with what it is to them: `kind` and `change`.

    The payee's are their own places, and transit where a posting is about their payouts.
    """
    own = list(Account.objects.filter(code__in=codes).values_list("pk", flat=True))
    transit = list(Account.objects.filter(code=chart.transit(unit)).values_list("pk", flat=True))
    theirs = Q(debit__in=own) | Q(credit__in=own)
    inside = own
    if payouts := _payouts(payee, unit):
        theirs |= Q(source__in=payouts, unit=unit)
        inside = own + transit
    comes, goes = Q(credit__in=inside) & ~Q(debit__in=inside), Q(debit__in=inside) & ~Q(credit__in=inside)
    return Posting.objects.filter(theirs, comes | goes).annotate(
        change=Case(When(comes, then=F("amount")), default=-F("amount"), output_field=BigIntegerField()),
        kind=_kind(comes, goes),
    )


def _kind(comes: Q, goes: Q) -> Case:
    def other_is(code: str) -> Q:
        return (comes & Q(debit__code__startswith=code)) | (goes & Q(credit__code__startswith=code))

    return Case(
        When(source__startswith="payouts.payout:", then=Value(PAID)),
        When(other_is("tax:withheld:"), then=Value(WITHHELD)),
        When(other_is("exp:clawback_loss:"), then=Value(ADJUSTMENT)),
        When(comes & Q(reverses__isnull=True), then=Value(EARNING)),
        default=Value(REVERSAL),
        output_field=CharField(),
    )


def _places(payee: Payee, unit: str, codes: Mapping[str, str], *, before: datetime | None) -> Places:
    """Where the money stood before a moment, or stands now; costs what came since the last closed month."""
    accounts = Account.objects.filter(code__in=codes).in_bulk()
    at = before - timedelta(microseconds=1) if before else None
    sums = dict.fromkeys(("pending", "payable", "hold", "transit", "owed"), 0)
    for pk, (debits, credits) in (reading.totals(list(accounts), at=at) if accounts else {}).items():
        place = codes[accounts[pk].code]
        sums[place] = (credits - debits) * _direction(place)
    if payouts := _payouts(payee, unit):
        about = Posting.objects.filter(source__in=payouts, unit=unit)
        about = about.filter(entry__occurred_at__lt=before) if before else about
        code = chart.transit(unit)
        moved = about.aggregate(
            more=Sum("amount", filter=Q(credit__code=code), default=0),
            less=Sum("amount", filter=Q(debit__code=code), default=0),
        )
        sums["transit"] = moved["more"] - moved["less"]
    return Places(**sums)


def _direction(place: str) -> int:
    """Owed is an asset of ours: it grows by debits."""
    return -1 if place == "owed" else 1


def _held(payee: Payee, unit: str) -> frozenset[int | None]:
    """The earnings of which something is on hold now, by posting."""
    return frozenset(hold.earning_id for hold in holds.of(payee, unit))


def _lines(postings: Sequence[Any], codes: Mapping[str, str], held: frozenset[int | None]) -> list[Line]:
    """Lines for postings of `_crossing`."""
    came = [posting for posting in postings if posting.change > 0]
    pending_ids = [posting.pk for posting in came if codes.get(posting.credit.code) == "pending"]
    still_pending = pending.rest(pending_ids) if pending_ids else {}
    gone = reversed_micros([posting.pk for posting in came])
    return [_line(posting, still_pending, gone, posting.pk in held) for posting in postings]


def _line(posting: Any, still_pending: Mapping[int, int], gone: Mapping[int, int], is_held: bool) -> Line:
    facts = posting.facts
    return Line(
        posting_id=posting.pk,
        entry_id=posting.entry_id,
        occurred_at=posting.entry.occurred_at,
        kind=posting.kind,
        event=posting.entry.kind,
        title=_text(facts, "title") or posting.entry.kind.capitalize(),
        album=_text(facts, "album"),
        isrc=_text(facts, "isrc") or _text(facts, "upc"),
        country=_text(facts, "country"),
        quantity=_number(facts, "quantity"),
        price_micros=_number(facts, "price_micros"),
        tax_micros=_number(facts, "tax_micros"),
        rule=", ".join(filter(None, (_text(facts, "rule"), _text(facts, "sheet")))),
        share_micros=_number(facts, "share_micros"),
        split_basis_points=_number(facts, "split_basis_points"),
        amount=posting.change,
        unit=posting.unit,
        state="on hold" if is_held and posting.kind == EARNING else _state(posting, posting.kind, still_pending, gone),
        source=posting.source,
    )


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
