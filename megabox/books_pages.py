"""`/desk/books/...`: every figure opened down to its postings, and from there to orders and views, and up again."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads.models import GroupEntry, Impression, ImpressionGroup
from ledger.models import Entry, Posting
from megabox import money, sources
from megabox.presenting import Cell, Head, cells, heads, moment, total_cells
from megabox.reporting import Queried, account_url, entry_url, posting_url, source_url
from megabox.sheets import percent
from megabox.sources import Fact, Thing
from megabox.tables import Column, Kind, Listed, Row, Table, Total
from payouts import tracing
from payouts.models import Payout
from users.access import staff_required

PER_PAGE = 50

POSTINGS = (
    Column("posting", "Posting", link=lambda row: posting_url(int(str(row[0])))),
    Column("occurred_at", "When", Kind.MOMENT),
    Column("event", "Event"),
    Column("debit", "Debit", link=lambda row: account_url(str(row[3]))),
    Column("credit", "Credit", link=lambda row: account_url(str(row[4]))),
    Column("source", "Source", link=lambda row: source_url(str(row[5]))),
    Column("takes_back", "Takes back", link=lambda row: posting_url(int(str(row[6])))),
    Column("unit", "Unit", Kind.UNIT),
    Column("amount", "Amount", Kind.MONEY, Total.SUM),
)
POSTING_FIELDS = (
    "pk",
    "entry__occurred_at",
    "entry__kind",
    "debit__code",
    "credit__code",
    "source",
    "reverses_id",
    "unit",
    "amount",
)


@dataclass(frozen=True)
class Section:
    """A table of a page, one page of it."""

    heading: str
    table: Table
    page: Page[Row]

    @property
    def heads(self) -> Sequence[Head]:
        """The heads of its columns."""
        return list(heads(self.table, "", ""))

    @property
    def lines(self) -> Sequence[tuple[bool, list[Cell]]]:
        """Its lines; none is a balance."""
        return [(False, list(cells(self.table, row))) for row in self.page.object_list]

    @property
    def totals(self) -> Sequence[list[Cell]]:
        """The totals of all pages."""
        return total_cells(self.table)


def _page(request: HttpRequest, path: str, thing: Thing, *sections: Section) -> HttpResponse:
    context = {"path": path, "thing": thing, "sections": sections}
    return render(request, "desk/books/page.html", context)


def _section(request: HttpRequest, heading: str, table: Table) -> Section:
    rows = cast("Sequence[Row]", table.rows)
    return Section(heading, table, Paginator(rows, PER_PAGE).get_page(request.GET.get("page")))


def _postings(request: HttpRequest, heading: str, which: Q) -> Section:
    found = Posting.objects.filter(which).order_by("pk")
    return _section(request, heading, Table(heading, POSTINGS, Queried(found, POSTING_FIELDS), empty="None."))


@never_cache
@staff_required
@require_GET
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One business event with all its postings, what it takes back and what took it back."""
    found = get_object_or_404(Entry, pk=entry_id)
    taken = Entry.objects.filter(postings__reversals__entry=found).distinct().order_by("pk")[:20]
    taking = Entry.objects.filter(postings__reverses__entry=found).distinct().order_by("pk")[:20]
    facts = [
        Fact("Event", found.kind),
        Fact("Key", found.key),
        Fact("Why", found.why),
        Fact("Occurred", moment(found.occurred_at)),
        Fact("Booked", moment(found.created_at)),
        Fact("Fingerprint", found.digest),
        *(Fact("Takes back", other.key, entry_url(other.pk)) for other in taken),
        *(Fact("Taken back by", other.key, entry_url(other.pk)) for other in taking),
    ]
    return _page(request, "Entry", Thing(f"Entry {found.pk}", facts), _postings(request, "Postings", Q(entry=found)))


@never_cache
@staff_required
@require_GET
def posting(request: HttpRequest, posting_id: int) -> HttpResponse:
    """One movement: where from and to, what of, its frozen facts, what took it back, where its money went."""
    found = get_object_or_404(Posting.objects.select_related("entry", "debit", "credit"), pk=posting_id)
    matured = tracing.maturity_of(found)
    known = [
        Fact("Entry", found.entry.key, entry_url(found.entry_id)),
        Fact("Event", found.entry.kind),
        Fact("Occurred", moment(found.entry.occurred_at)),
        Fact("Debit", found.debit.code, account_url(found.debit.code)),
        Fact("Credit", found.credit.code, account_url(found.credit.code)),
        Fact("Amount", _exact(found.amount, found.unit)),
        Fact("Source", found.source, source_url(found.source)),
        Fact("Matures on", found.matures_on.isoformat() if found.matures_on else ""),
        Fact("Matured by", f"posting {matured.pk}", posting_url(matured.pk)) if matured else Fact("", ""),
        Fact("Takes back", str(found.reverses_id or ""), posting_url(found.reverses_id or 0)),
        *_frozen(found),
    ]
    sections = [_uses(request, found)] if matured else []
    if found.reversals.exists():
        sections.append(_postings(request, "Taken back by", Q(reverses=found)))
    return _page(request, "Posting", Thing(f"Posting {found.pk}", known), *sections)


FACTS = {"isrc": "ISRC", "upc": "UPC", "sheet": "Split sheet", "artist": "Artist, by number"}
"""What frozen facts are called, where it is not their own name."""


def _frozen(posting: Posting) -> list[Fact]:
    """The facts a posting froze: titles first, amounts as money, parts in percent."""
    found = []
    for name, value in sorted(posting.facts.items(), key=lambda fact: (fact[0] != "title", fact[0])):
        words = name.removesuffix("_micros").removesuffix("_basis_points")
        text = str(value)
        if name.endswith("_micros") and isinstance(value, int):
            text = _exact(value, posting.unit)
        elif name.endswith("_basis_points") and isinstance(value, int):
            text = f"{percent(value)} %"
        found.append(Fact(FACTS.get(words, words.replace("_", " ").capitalize()), text))
    return found


def _exact(micros: int, unit: str) -> str:
    """An amount as people write it, and as the books hold it."""
    return f"{money.display_exact(micros, unit)} ({micros} micros)"


def _uses(request: HttpRequest, earning: Posting) -> Section:
    """What took the money of an earning once it could be paid."""
    uses = tracing.uses_of(earning)
    took = Posting.objects.select_related("entry").in_bulk([use.posting_id for use in uses])
    rows: list[Row] = [
        [
            use.posting_id,
            took[use.posting_id].entry.occurred_at,
            took[use.posting_id].entry.kind,
            took[use.posting_id].source,
            earning.unit,
            use.micros,
        ]
        for use in uses
    ]
    columns = (*POSTINGS[:3], Column("source", "Source", link=lambda row: source_url(str(row[3]))), *POSTINGS[7:])
    empty = "All of it can still be paid, or settled what was owed."
    return _section(
        request, "Where its money went, first in, first out", Table("Uses", columns, Listed(rows), empty=empty)
    )


@never_cache
@staff_required
@require_GET
def source(request: HttpRequest, name: str) -> HttpResponse:
    """What postings come from, and all postings of it."""
    if "\0" in name:  # no row can hold it, and PostgreSQL refuses to look for it
        raise Http404("No posting comes from this.")
    thing = sources.resolve(name)
    if thing is None and not Posting.objects.filter(source=name).exists():
        raise Http404("No posting comes from this.")
    return _page(request, "Source", thing or Thing(name, []), _postings(request, "Its postings", Q(source=name)))


@never_cache
@staff_required
@require_GET
def group(request: HttpRequest, group_id: int) -> HttpResponse:
    """A group of views: its numbers, its entries, and the views themselves."""
    found = get_object_or_404(ImpressionGroup.objects.select_related("campaign"), pk=group_id)
    unit = settings.ADS_CURRENCY
    entries = {one.n: one for one in found.entries.order_by("n")}
    keys = {found.entry_key(n): n for n in entries}
    ids = {keys[key]: pk for key, pk in Entry.objects.filter(key__in=keys).values_list("key", "pk")}
    rows: list[Row] = [
        [n, ids.get(n), one.count, unit, one.posted_micros, one.gross_micros] for n, one in entries.items()
    ]
    columns = (
        Column("n", "n"),
        Column("entry", "Entry", link=lambda row: entry_url(int(str(row[1])))),
        Column("views", "Views", Kind.COUNT, Total.SUM),
        Column("unit", "Unit", Kind.UNIT),
        Column("posted", "Posted", Kind.MONEY, Total.SUM),
        Column("standing", "Still standing", Kind.MONEY, Total.SUM),
    )
    thing = sources.group_thing(found)
    books = Fact("In the books", found.source, source_url(found.source))
    return _page(
        request,
        "Group of views",
        Thing(thing.title, [*thing.facts, books]),
        _section(request, "Entries", Table("Entries", columns, Listed(rows), empty="Nothing is billed yet.")),
        _section(request, "Views", Table("Views", VIEWS, Queried(_views(found), VIEW_FIELDS), empty="None.")),
    )


VIEWS = (
    Column("view", "View", link=lambda row: f"/desk/books/views/{row[0]}/"),
    Column("seen_at", "Seen", Kind.MOMENT),
    Column("number", "Number"),
    Column("state", "State"),
    Column("reason", "Reason"),
    Column("price_micros", "Price in micros", Kind.COUNT, Total.SUM),
)
VIEW_FIELDS = ("pk", "viewed_at", "number", "state", "reason", "price_micros")


def _views(found: ImpressionGroup) -> Any:
    return found.views.order_by("number")


@never_cache
@staff_required
@require_GET
def view(request: HttpRequest, view_id: uuid.UUID) -> HttpResponse:
    """One view of an ad: up to its group, its entry, the payees' postings, and the payouts that paid them."""
    found = get_object_or_404(Impression.objects.select_related("campaign", "artist"), pk=view_id)
    thing = sources.view_thing(found)
    billed = _billed_by(found)
    chosen = Fact("Why this ad", "how it was chosen", reverse("ads:decision", args=[found.pk]))
    facts = [*thing.facts, chosen]
    if billed is None:
        facts.append(Fact("Billed", "not yet, or never"))
        return _page(request, "View", Thing(thing.title, facts))
    of = billed.group
    key = of.entry_key(billed.n)
    booked = Entry.objects.filter(key=key).first()
    facts.append(Fact("Group", str(of), f"/desk/books/groups/{of.pk}/"))
    if booked is None:
        return _page(request, "View", Thing(thing.title, facts))
    facts.append(Fact("Entry", key, entry_url(booked.pk)))
    mine = Posting.objects.filter(entry=booked, credit__code__startswith="payee:").select_related("credit")
    for earning in mine.order_by("line"):
        facts.append(Fact("Earning of", earning.credit.code, posting_url(earning.pk)))
        facts += [
            Fact("Paid by", f"payout {payout.pk}, {payout.get_state_display()}", source_url(payout.source))
            for payout, _ in tracing.payouts_of(earning)
        ]
    return _page(request, "View", Thing(thing.title, facts), _postings(request, "Postings", Q(entry=booked)))


def _billed_by(found: Impression) -> GroupEntry | None:
    """The entry of its group that billed a view."""
    same = GroupEntry.objects.select_related("group__campaign").filter(
        group__campaign=found.campaign_id, group__beneficiary=found.beneficiary, group__day=found.day
    )
    if found.state == Impression.State.REJECTED:
        return same.filter(n=found.posting_n).first() if found.posting_n else None
    if not found.price_micros:
        return None
    return same.filter(after__lt=found.number, through__gte=found.number).first()


@never_cache
@staff_required
@require_GET
def payout(request: HttpRequest, payout_id: int) -> HttpResponse:
    """One payout and the earnings it is made of, first in, first out."""
    found = get_object_or_404(Payout.objects.select_related("payee", "run"), pk=payout_id)
    parts = tracing.made_of(found)
    earnings = Posting.objects.select_related("entry").in_bulk([part.posting_id for part in parts])
    rows: list[Row] = []
    for part in parts:
        one = earnings[part.posting_id]
        title = str(one.facts.get("title", one.entry.kind))
        rows.append(
            [one.pk, one.entry.occurred_at, one.entry.kind, title, one.source, one.unit, one.amount, part.micros]
        )
    columns = (
        *POSTINGS[:3],
        Column("what", "What"),
        Column("source", "Source", link=lambda row: source_url(str(row[4]))),
        Column("unit", "Unit", Kind.UNIT),
        Column("earned", "Earned", Kind.MONEY),
        Column("in_this_payout", "In this payout", Kind.MONEY, Total.SUM),
    )
    table = Table("Earnings", columns, Listed(rows), empty="Nothing was reserved for it.")
    return _page(
        request,
        "Payout",
        sources.payout_thing(found),
        _section(request, "What it is made of, first in, first out", table),
        _postings(request, "Its postings", Q(source=found.source)),
    )
