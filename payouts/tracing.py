"""Which earnings a payout is made of, and which payouts paid an earning: first in, first out, to the micro.

Nothing of it is stored. What is payable is a queue: each credit to it (a maturity, a payout given back) joins at its
end, each debit takes from its head, in the order of their ids. A maturity is the earnings it moved, in the order of
theirs: the first of them settled what was owed, the rest became payable. So every micro of a payout is of one earning.
Source: docs/money.md, "From a payout to its impressions".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from ledger import pending
from ledger.models import Posting
from payouts.models import Payout


@dataclass(frozen=True, slots=True)
class Part:
    """Micros of one posting that are part of something."""

    posting_id: int
    micros: int


@dataclass(frozen=True, slots=True)
class _Slice:
    """A stretch of one posting: from its `start`-th micro up to but not including its `stop`-th."""

    posting_id: int
    start: int
    stop: int


def made_of(payout: Payout) -> list[Part]:
    """The earnings that a payout's reservation took, oldest first; money given back by a payout stands for itself."""
    parts: dict[int, int] = {}
    for taken in _reservations(payout):
        for piece in _taken_from(taken):
            for part in _earnings_in(piece):
                parts[part.posting_id] = parts.get(part.posting_id, 0) + part.micros
    return [Part(posting_id, micros) for posting_id, micros in parts.items()]


def maturity_of(earning: Posting) -> Posting | None:
    """The posting that moved an earning out of pending; None while it is pending or was taken back before."""
    if earning.matures_on is None:
        return None
    return _maturities(earning.credit_id).filter(matures_on__gte=earning.matures_on, pk__gt=earning.pk).first()


def uses_of(earning: Posting) -> list[Part]:
    """What took the money of an earning once it was payable, oldest first: payouts' reservations, take-backs."""
    matured = maturity_of(earning)
    if matured is None:
        return []
    uses: list[Part] = []
    for line in Posting.objects.filter(entry=matured.entry_id, debit=matured.debit_id).order_by("line"):
        if ":payable:" in line.credit.code:
            for piece in _pieces_of(earning, line):
                uses += _used(piece)
    return uses


def payouts_of(earning: Posting) -> list[tuple[Payout, int]]:
    """The payouts that took micros of an earning, whatever became of them, oldest first."""
    uses = uses_of(earning)
    source = dict(Posting.objects.filter(pk__in=[use.posting_id for use in uses]).values_list("pk", "source"))
    sums: dict[int, int] = {}
    for use in uses:
        prefix, _, number = source[use.posting_id].partition(":")
        if prefix == "payouts.payout" and number.isdecimal():
            sums[int(number)] = sums.get(int(number), 0) + use.micros
    found = Payout.objects.select_related("run").in_bulk(sums)
    return [(found[pk], micros) for pk, micros in sums.items() if pk in found]


# --- the queue of what is payable


def _reservations(payout: Payout) -> "QuerySet[Posting]":
    """The postings that took a payout's money from payable; more than one when it was given back and taken again."""
    mine = Posting.objects.filter(source=payout.source, debit__code__contains=":payable:")
    return mine.filter(credit__code__startswith="payout:transit:").order_by("pk")


def _taken_from(taken: Posting) -> list[_Slice]:
    """Which stretches of which credits to payable a debit of it took."""
    before = Posting.objects.filter(debit=taken.debit_id, pk__lt=taken.pk)
    start = before.aggregate(total=Sum("amount"))["total"] or 0
    credits = Posting.objects.filter(credit=taken.debit_id, pk__lt=taken.pk).order_by("pk")
    return list(_cut(credits.values_list("pk", "amount"), start, start + taken.amount))


def _used(piece: _Slice) -> list[Part]:
    """Which debits of payable took a stretch of a credit to it."""
    credit = Posting.objects.get(pk=piece.posting_id)
    before = Posting.objects.filter(credit=credit.credit_id, pk__lt=credit.pk)
    start = before.aggregate(total=Sum("amount"))["total"] or 0
    debits = Posting.objects.filter(debit=credit.credit_id).order_by("pk").values_list("pk", "amount")
    found = _cut(debits, start + piece.start, start + piece.stop)
    return [Part(one.posting_id, one.stop - one.start) for one in found]


def _cut(amounts: Iterable[tuple[int, int]], start: int, stop: int) -> Iterable[_Slice]:
    """The stretches of postings, one behind the other, that lie between two places of the whole."""
    place = 0
    for posting_id, amount in amounts:
        first, last = max(start, place), min(stop, place + amount)
        if first < last:
            yield _Slice(posting_id, first - place, last - place)
        place += amount
        if place >= stop:
            return


# --- a maturity as the earnings it moved


def _earnings_in(piece: _Slice) -> Sequence[Part]:
    """The earnings in a stretch of a credit to payable; a credit that is no maturity stands for itself."""
    line = Posting.objects.select_related("entry").get(pk=piece.posting_id)
    if line.entry.kind != pending.MATURITY:
        return [Part(piece.posting_id, piece.stop - piece.start)]
    settled = _before_in_entry(line)
    found = _cut(_matured_by(line), settled + piece.start, settled + piece.stop)
    return [Part(one.posting_id, one.stop - one.start) for one in found]


def _pieces_of(earning: Posting, line: Posting) -> Iterable[_Slice]:
    """Which stretch of a maturity's line an earning is."""
    settled, place = _before_in_entry(line), 0
    for posting_id, rest in _matured_by(line):
        if posting_id == earning.pk:
            start, stop = max(place - settled, 0), min(place + rest - settled, line.amount)
            if start < stop:
                yield _Slice(line.pk, start, stop)
            return
        place += rest


def _before_in_entry(line: Posting) -> int:
    """Micros that the lines before this one moved out of the same pending: they settled what was owed."""
    before = Posting.objects.filter(entry=line.entry_id, debit=line.debit_id, line__lt=line.line)
    return before.aggregate(total=Sum("amount"))["total"] or 0


def _matured_by(line: Posting) -> Iterable[tuple[int, int]]:
    """The earnings that a maturity moved, oldest first, and how much of each was left to be moved."""
    earlier = _maturities(line.debit_id).filter(
        pk__gt=OuterRef("pk"), entry__lt=line.entry_id, matures_on__gte=OuterRef("matures_on")
    )
    taken = Posting.objects.filter(reverses=OuterRef("pk"), debit=OuterRef("credit")).order_by().values("reverses")
    gone = Subquery(taken.annotate(total=Sum("amount")).values("total"), output_field=BigIntegerField())
    earned = Posting.objects.filter(credit=line.debit_id, matures_on__lte=line.matures_on, entry__lt=line.entry_id)
    rest = earned.exclude(Exists(earlier)).annotate(rest=F("amount") - Coalesce(gone, 0)).filter(rest__gt=0)
    return rest.order_by("pk").values_list("pk", "rest").iterator(chunk_size=2_000)


def _maturities(pending_id: int) -> "QuerySet[Posting]":
    found = Posting.objects.filter(debit=pending_id, entry__kind=pending.MATURITY)
    return found.select_related("entry").order_by("pk")
