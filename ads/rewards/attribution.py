"""Which credits paid for what: first in, first out, replayed from the books of one wallet.

No lots are stored. The postings of a wallet are replayed in their order: what it earned stands in a line, what it
spent or let expire is taken from the head of the line, what was revoked is taken from its own place, and a guest's
wallet that was merged brings its line along.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from ledger import chart
from ledger.models import Posting
from megabox import money

EARNING = "earning"
"""The fact of a revocation that names the posting whose credits it takes."""


@dataclass(slots=True)
class Lot:
    """Credits of one earning: the posting that made them, and how many micros of money behind them are left."""

    posting_id: int
    left: int
    revoked: int = 0
    uses: list["Use"] = field(default_factory=list)


@dataclass(slots=True)
class Use:
    """Micros of one lot that one posting spent or let expire."""

    posting_id: int
    entry_id: int
    micros: int
    is_expiry: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A lot that stands in a wallet's line, with so many micros of it."""

    lot: Lot
    micros: int


def lots(wallet_id: int) -> dict[int, Lot]:
    """Every earning that ever stood in a wallet, by the id of the posting that made it."""
    made: dict[int, Lot] = {}
    _replay(wallet_id, made, until=None)
    return made


def _replay(wallet_id: int, made: dict[int, Lot], *, until: int | None) -> list[Part]:
    """The wallet's line after its postings up to, not including, `until`; fills `made` on the way."""
    code = chart.wallet(wallet_id)
    line: list[Part] = []
    for posting in _postings(code, until):
        micros = money.xcr_to_micros(posting.amount)
        if posting.credit.code == code:
            line += _came(posting, micros, made)
        elif posting.credit.code == chart.xcr_revoked():
            line = _revoked(line, posting.facts.get(EARNING), micros)
        elif chart.is_wallet(posting.credit.code):
            line = []  # merged into another wallet, whose own replay takes the line over
        else:
            line = _used(line, posting, micros)
    return line


def _postings(code: str, until: int | None) -> Iterable[Posting]:
    found = Posting.objects.filter(Q(debit__code=code) | Q(credit__code=code))
    if until is not None:
        found = found.filter(pk__lt=until)
    return found.select_related("debit", "credit").order_by("pk")


def _came(posting: Posting, micros: int, made: dict[int, Lot]) -> list[Part]:
    if chart.is_wallet(posting.debit.code):
        return _replay(chart.owner_id(posting.debit.code), made, until=posting.pk)
    if posting.reverses_id is not None and posting.debit.code == chart.xcr_spent():
        return _restored(posting.reverses_id, micros, made)
    lot = made[posting.pk] = Lot(posting.pk, micros)
    return [Part(lot, micros)]


def _restored(spent_id: int, micros: int, made: dict[int, Lot]) -> list[Part]:
    """A download was undone: its credits stand in the line again, as what they were."""
    parts = []
    for lot in made.values():
        for use in lot.uses:
            if use.posting_id == spent_id and micros:
                back = min(use.micros, micros)
                use.micros -= back
                lot.left += back
                micros -= back
                parts.append(Part(lot, back))
    return parts


def _revoked(line: list[Part], earning_id: object, micros: int) -> list[Part]:
    kept = []
    for part in line:
        taken = min(part.micros, micros) if part.lot.posting_id == earning_id else 0
        micros -= taken
        part.lot.left -= taken
        part.lot.revoked += taken
        if part.micros > taken:
            kept.append(Part(part.lot, part.micros - taken))
    return kept


def _used(line: list[Part], posting: Posting, micros: int) -> list[Part]:
    is_expiry = posting.credit.code == chart.xcr_expired()
    kept = []
    for part in line:
        taken = min(part.micros, micros)
        micros -= taken
        if taken:
            part.lot.left -= taken
            _note(part.lot, Use(posting.pk, posting.entry_id, taken, is_expiry))
        if part.micros > taken:
            kept.append(Part(part.lot, part.micros - taken))
    return kept


def _note(lot: Lot, use: Use) -> None:
    """One use for each posting, even when the lot stood in the line in two pieces."""
    for before in lot.uses:
        if before.posting_id == use.posting_id:
            before.micros += use.micros
            return
    lot.uses.append(use)
