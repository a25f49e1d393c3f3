"""Reports about sales: from gross to net, and what was given back. Sums of the books, by the facts frozen in them."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Coalesce, Substr, TruncMonth

from ledger.models import Posting
from megabox.reporting import Bars, Filters, Queried, Report, account_url, entry_url, source_url
from megabox.tables import Column, Kind, Row, Table, Total
from store.models import Dispute, OrderLine

GROUP = "What came in"
LINE = "store.line:"
"""How postings name an order line, before its number."""
SOLD = Q(entry__kind="sale")
SALE = SOLD | Q(entry__kind="pre-order", credit__code__startswith="tax:vat:")
"""What was sold, and the tax of what is sold once it is out: that is due when it is paid."""
REFUND = Q(entry__kind="refund")
BORNE = (
    Q(debit__code__startswith="payee:")
    | Q(debit__code__startswith="rev:commission:")
    | Q(debit__code__startswith="tax:")
)
GIVEN_BACK = Q(entry__kind__in=["refund", "dispute lost"]) & BORNE
"""What was taken from those who had a sale's money: by refunds, and by disputes that were lost."""
FEE = Q(debit__code__startswith="exp:stripe_fees:", entry__kind="card fee")

BY = (("month", "Month"), ("album", "Album"), ("artist", "Artist"))


def _net(what: str) -> CombinedExpression:
    """What accounts that begin so have by sales, less what refunds and lost disputes took back."""
    return Sum("amount", filter=SALE & Q(credit__code__startswith=what), default=0) - Sum(
        "amount", filter=GIVEN_BACK & Q(debit__code__startswith=what), default=0
    )


def _sold(filters: Filters) -> QuerySet[Posting]:
    """Every posting of sales, of what was given back of them, and of their card fees in the window."""
    found = Posting.objects.filter(entry__occurred_at__gte=filters.start, entry__occurred_at__lt=filters.end)
    found = found.filter(SALE | GIVEN_BACK | FEE)
    return found.filter(unit=filters.unit) if filters.unit else found


def sales(filters: Filters) -> Table:
    """Gross, tax, refunds, the payees' part, our commission and the card fees, by month, album or artist."""
    by = filters.by or "month"
    found = _sold(filters)
    if by == "month":
        named = found.annotate(name=TruncMonth("entry__occurred_at", tzinfo=UTC))
    else:
        named = (
            found.exclude(FEE)
            .annotate(line_id=_line_id())
            .annotate(name=Coalesce(_name_of(by), Value("Lost to disputes")))
        )
        if filters.text:
            named = named.filter(name__icontains=filters.text)
    sums = named.values("name", "unit").annotate(
        lines=Count("source", filter=SOLD, distinct=True),
        gross=Sum("amount", filter=SALE, default=0),
        refunded=Sum("amount", filter=GIVEN_BACK, default=0),
        tax=_net("tax:vat:"),
        payees=_net("payee:"),
        commission=_net("rev:commission:"),
        fees=Sum("amount", filter=FEE, default=0),
    )
    sums = sums.annotate(ours=F("commission") - F("fees")).order_by("name", "unit")
    columns = [
        Column(by, dict(BY)[by]),
        Column("unit", "Unit", Kind.UNIT),
        Column("lines", "Sold", Kind.COUNT, Total.SUM),
        Column("gross", "Gross, with tax", Kind.MONEY, Total.SUM),
        Column("refunded", "Refunded or lost", Kind.MONEY, Total.SUM),
        Column("tax", "Tax", Kind.MONEY, Total.SUM, link=lambda row: account_url("tax:vat:")),
        Column("payees", "Payees' part", Kind.MONEY, Total.SUM),
        Column("commission", "Our commission", Kind.MONEY, Total.SUM, link=_commission_url),
        Column("card_fees", "Card fees", Kind.MONEY, Total.SUM),
        Column("ours", "Left to us", Kind.MONEY, Total.SUM),
    ]
    fields = ["name", "unit", "lines", "gross", "refunded", "tax", "payees", "commission", "fees", "ours"]
    note = (
        "Gross less what was given back is tax + payees' part + commission, each after it, and after discounts. "
        "Card fees are booked per payment, deposits' too, so they stand only in the report by month."
    )
    return Table("Sales, gross to net", columns, Queried(sums, fields, _month if by == "month" else None), note)


def _month(values: tuple[Any, ...]) -> Row:
    return (f"{values[0]:%Y-%m}", *values[1:])


def _commission_url(row: Row) -> str:
    return account_url(f"rev:commission:{row[1]}")


def _line_id() -> Case:
    """The number of the order line that a posting comes from; CASE, for nothing else may be read as a number."""
    number = Cast(Substr("source", len(LINE) + 1), BigIntegerField())
    return Case(When(source__startswith=LINE, then=number), default=None, output_field=BigIntegerField())


def _name_of(by: str) -> Subquery:
    """The album or the artist of the order line that a posting comes from."""
    ways = {
        "album": ("album__title", "track__album__title"),
        "artist": ("album__artist__name", "track__album__artist__name"),
    }
    return Subquery(
        OrderLine.objects.order_by()
        .filter(pk=OuterRef("line_id"))
        .annotate(name=Coalesce(*ways[by]))
        .values("name")[:1]
    )


def discount_codes(filters: Filters) -> Table:
    """What codes took off sales that were paid in the window, refunded ones included, by code."""
    found = OrderLine.objects.filter(discount__isnull=False).filter(
        order__paid_at__gte=filters.start, order__paid_at__lt=filters.end
    )
    if filters.unit:
        found = found.filter(order__unit=filters.unit)
    if filters.text:
        found = found.filter(discount__artist__name__icontains=filters.text)
    keys = ("discount__artist__name", "discount__code", "order__unit")
    sums = (
        found.order_by()
        .values(*keys)
        .annotate(
            payments=Count("order", distinct=True),
            lines=Count("pk"),
            full=Sum(F("price_micros") + F("discount_micros")),
            off=Sum("discount_micros"),
            net=Sum("net_micros"),
        )
    )
    columns = [
        Column("artist", "Artist"),
        Column("code", "Code"),
        Column("unit", "Unit", Kind.UNIT),
        Column("payments", "Payments", Kind.COUNT, Total.SUM),
        Column("lines", "Sold", Kind.COUNT, Total.SUM),
        Column("price", "Price before", Kind.MONEY, Total.SUM),
        Column("taken_off", "Taken off", Kind.MONEY, Total.SUM),
        Column("paid", "Paid, without tax", Kind.MONEY, Total.SUM),
    ]
    rows = Queried(sums.order_by(*keys), [*keys, "payments", "lines", "full", "off", "net"])
    return Table("Discounts", columns, rows, empty="Nobody paid with a discount code in these days.")


def refunds(filters: Filters) -> Table:
    """Every refund, and who bore which part of it."""
    found = Posting.objects.filter(REFUND, entry__occurred_at__gte=filters.start, entry__occurred_at__lt=filters.end)
    if filters.unit:
        found = found.filter(unit=filters.unit)

    def part(what: str) -> Sum:
        return Sum("amount", filter=Q(debit__code__startswith=what), default=0)

    sums = found.values("entry", "entry__occurred_at", "entry__key", "unit").annotate(
        total=Sum("amount"),
        tax=part("tax:"),
        commission=part("rev:commission:"),
        owed=Sum("amount", filter=Q(debit__code__contains=":owed:"), default=0),
        payees=part("payee:"),
        advertisers=part("advertiser:"),
    )
    columns = [
        Column("occurred_at", "When", Kind.MOMENT),
        Column("entry", "Entry", total=Total.COUNT, link=lambda row: entry_url(int(str(row[1])))),
        Column("key", "Order and sum so far"),
        Column("unit", "Unit", Kind.UNIT),
        Column("refunded", "Refunded", Kind.MONEY, Total.SUM),
        Column("tax", "From tax", Kind.MONEY, Total.SUM),
        Column("commission", "From our commission", Kind.MONEY, Total.SUM),
        Column("payees", "From payees", Kind.MONEY, Total.SUM),
        Column("advertisers", "From advertisers", Kind.MONEY, Total.SUM),
        Column("owed", "Of it owed to us now", Kind.MONEY, Total.SUM),
    ]
    fields = ["entry__occurred_at", "entry", "entry__key", "unit", "total", "tax", "commission", "payees"]
    rows = Queried(sums.order_by("entry__occurred_at", "entry"), [*fields, "advertisers", "owed"])
    return Table("Refunds", columns, rows, empty="Nothing was refunded in these days.")


def disputes(filters: Filters) -> Table:
    """Every dispute opened in the window: its state and reason, what was withdrawn, given back, lost, and is open."""
    found = Dispute.objects.filter(opened_at__gte=filters.start, opened_at__lt=filters.end)
    if filters.unit:
        found = found.filter(unit=filters.unit)
    waiting = found.annotate(open=F("withdrawn_micros") - F("reinstated_micros") - F("lost_micros"))
    columns = [
        Column("opened_at", "Opened", Kind.MOMENT),
        Column("dispute", "Dispute", total=Total.COUNT, link=lambda row: source_url(f"store.dispute:{row[12]}")),
        Column("order", "Order", link=lambda row: source_url(f"store.order:{row[2]}"), is_shown=False),
        Column("state", "State"),
        Column("reason", "Reason"),
        Column("unit", "Unit", Kind.UNIT),
        Column("amount", "Disputed", Kind.MONEY, Total.SUM),
        Column("withdrawn", "Withdrawn", Kind.MONEY, Total.SUM),
        Column("reinstated", "Given back", Kind.MONEY, Total.SUM),
        Column("lost", "Lost", Kind.MONEY, Total.SUM),
        Column("open", "Open", Kind.MONEY, Total.SUM, link=lambda row: account_url(f"dispute:receivable:{row[5]}")),
        Column("fee", "Stripe's fee", Kind.MONEY, Total.SUM),
        Column("id", "Number", is_shown=False),
        Column("closed_at", "Closed", Kind.MOMENT),
    ]
    fields = [
        "opened_at",
        "stripe_id",
        "order_id",
        "state",
        "reason",
        "unit",
        "amount_micros",
        "withdrawn_micros",
        "reinstated_micros",
        "lost_micros",
        "open",
        "fee_micros",
        "pk",
        "closed_at",
    ]
    labels = dict(Dispute.State.choices)

    def make(values: tuple[Any, ...]) -> Row:
        return (*values[:2], str(values[2]), str(labels[values[3]]), *values[4:])

    rows = Queried(waiting.order_by("opened_at", "pk"), fields, make)
    return Table("Disputes", columns, rows, empty="No dispute was opened in these days.")


def _by_month(filters: Filters) -> Bars | None:
    """What was sold by month, in the unit asked for or the first one there is."""
    found = _sold(filters).filter(SALE).annotate(month=TruncMonth("entry__occurred_at", tzinfo=UTC))
    unit = filters.unit or found.order_by("unit").values_list("unit", flat=True).first()
    if not unit:
        return None
    sums = found.filter(unit=unit).values_list("month").annotate(gross=Sum("amount")).order_by("month")
    return Bars(f"Sold, with tax, {unit}", {f"{month:%Y-%m}": gross for month, gross in sums}, unit)


REPORTS: Sequence[Report] = (
    Report(
        "sales",
        "Sales, gross to net",
        "What did buyers pay, and who has it: the state, the payees, Stripe, us?",
        GROUP,
        sales,
        asks=("since", "until", "unit", "by", "text"),
        labels={"text": "Album's or artist's name has"},
        choices=BY,
        bars=_by_month,
    ),
    Report(
        "discounts",
        "Discounts",
        "Which codes took how much off what was sold?",
        GROUP,
        discount_codes,
        asks=("since", "until", "unit", "text"),
        labels={"text": "Artist's name has"},
    ),
    Report(
        "refunds",
        "Refunds",
        "What was given back to buyers, and who bore which part of it?",
        GROUP,
        refunds,
    ),
    Report(
        "disputes",
        "Disputes",
        "Which payments were disputed, what became of them, and what is still open?",
        GROUP,
        disputes,
    ),
)
