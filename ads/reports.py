"""Reports about ads for the staff: revenue, prepaid money, credits and what stands behind them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate, TruncMonth

from ads.models import Advertiser, AskedHour, Campaign, Impression, Place, ServedHour
from ads.traffic.fraud import Reason
from ledger import chart, flows, journal
from ledger.flows import Move
from ledger.models import Account, Posting
from megabox import money
from megabox.reporting import Bars, Filters, Report, account_url
from megabox.tables import Column, Kind, Listed, Row, Table, Total, Value

GROUP = "What came in"
BY = (("day", "Day and campaign"), ("campaign", "Campaign"), ("reason", "Reason against a view"))


def revenue(filters: Filters) -> Table:
    """Served, billable and invalid views with what they earned, by day and campaign; or invalid ones by reason."""
    return _by_reason(filters) if filters.by == "reason" else _by_campaign(filters, by_day=filters.by != "campaign")


def _by_campaign(filters: Filters, *, by_day: bool) -> Table:
    found: dict[tuple[date | None, int], list[int]] = defaultdict(lambda: [0] * 7)
    campaigns = _campaigns(filters)

    def add(day: date, campaign: int, position: int, number: int) -> None:
        if campaign in campaigns or (not filters.text and campaign == 0):
            found[day if by_day else None, campaign][position] += number

    for day, campaign, count in _served(filters):
        add(day, campaign, 0, count)
    for day, campaign, viewed, rejected in _seen(filters):
        add(day, campaign, 1, viewed)
        add(day, campaign, 2, rejected)
    for position, (debit, credit) in enumerate(_CAUSES, start=3):
        for day, campaign, micros in _booked(filters, debit, credit):
            add(day, campaign, position, micros)
    unit = settings.ADS_CURRENCY
    rows: list[Row] = []
    for (date_of, campaign), numbers in sorted(found.items(), key=lambda item: (item[0][0] or date.min, item[0][1])):
        gross, payees, listeners, publishers = numbers[3:]
        left = gross - payees - listeners - publishers
        head: list[Value] = [campaign, campaigns.get(campaign, "")]
        rows.append([*([date_of] if by_day else []), *head, *numbers[:3], unit, *numbers[3:], left])
    columns = [
        Column("campaign_id", "Campaign's number", is_shown=False),
        Column("campaign", "Campaign"),
        Column("served", "Served", Kind.COUNT, Total.SUM),
        Column("billable", "Billable", Kind.COUNT, Total.SUM),
        Column("invalid", "Invalid", Kind.COUNT, Total.SUM),
        Column("unit", "Unit", Kind.UNIT),
        Column(
            "gross", "Gross", Kind.MONEY, Total.SUM, link=lambda row: account_url(f"rev:ads:{settings.ADS_CURRENCY}")
        ),
        Column("payees", "Payees' part", Kind.MONEY, Total.SUM),
        Column("listeners", "Listeners' credits", Kind.MONEY, Total.SUM),
        Column("publishers", "Publishers' part", Kind.MONEY, Total.SUM),
        Column("ours", "Left to us", Kind.MONEY, Total.SUM),
    ]
    if by_day:
        columns.insert(0, Column("day", "Day", Kind.DAY))
    note = "Views by the UTC day they were seen on; amounts by the day they occurred in the books."
    return Table("Ad revenue", columns, Listed(rows), note, empty="No ad was seen in these days.")


_CAUSES = (
    ("", "rev:ads:"),
    ("exp:payee_ad_share:", ""),
    ("exp:listener_rewards:", ""),
    ("exp:publishers:", ""),
)


def _campaigns(filters: Filters) -> dict[int, str]:
    found = Campaign.objects.all()
    if filters.text:
        found = found.filter(name__icontains=filters.text)
    return dict(found.values_list("pk", "name"))


def _served(filters: Filters) -> "QuerySet[ServedHour, tuple[date, int, int]]":
    hours = ServedHour.objects.filter(hour__gte=filters.start, hour__lt=filters.end).order_by()
    by_day = hours.annotate(day=TruncDate("hour", tzinfo=UTC)).values_list("day", "campaign")
    return by_day.annotate(n=Sum("count"))


def _seen(filters: Filters) -> "QuerySet[Impression, tuple[date, int, int, int]]":
    seen = Impression.objects.filter(day__range=(filters.since, filters.until)).order_by()
    viewed = Q(state=Impression.State.VIEWED)
    return seen.values_list("day", "campaign").annotate(
        viewed=Count("pk", filter=viewed & Q(price_micros__gt=0)), rejected=Count("pk", filter=~viewed)
    )


def _booked(filters: Filters, debit: str, credit: str) -> "list[tuple[date, int, int]]":
    """Micros that an account grew by, by day and campaign, less what was taken back from it."""
    grows = Q(debit__code__startswith=debit) if debit else Q(credit__code__startswith=credit)
    falls = Q(credit__code__startswith=debit) if debit else Q(debit__code__startswith=credit)
    within = Posting.objects.filter(entry__occurred_at__gte=filters.start, entry__occurred_at__lt=filters.end)
    by_day = within.filter(grows | falls).annotate(day=TruncDate("entry__occurred_at", tzinfo=UTC)).order_by()
    sums = by_day.values_list("day", "facts__campaign").annotate(
        more=Sum("amount", filter=grows, default=0), less=Sum("amount", filter=falls, default=0)
    )
    return [(day, int(campaign or 0), more - less) for day, campaign, more, less in sums]


def _by_reason(filters: Filters) -> Table:
    rejected = Impression.objects.filter(state=Impression.State.REJECTED, day__range=(filters.since, filters.until))
    if filters.text:
        rejected = rejected.filter(campaign__name__icontains=filters.text)
    sums = rejected.order_by().values_list("reason").annotate(n=Count("pk"), price=Sum("price_micros", default=0))
    rows: list[Row] = [[Reason.say(why), n, settings.ADS_CURRENCY, price] for why, n, price in sums]
    rows.sort(key=lambda row: (-int(str(row[1])), str(row[0])))
    columns = [
        Column("reason", "Reason"),
        Column("invalid", "Invalid views", Kind.COUNT, Total.SUM),
        Column("unit", "Unit", Kind.UNIT),
        Column("price", "Price nobody paid", Kind.MONEY, Total.SUM),
    ]
    return Table("Ad revenue: invalid views", columns, Listed(rows), empty="No view was rejected in these days.")


def _revenue_bars(filters: Filters) -> Bars | None:
    sums: dict[str, int] = {}
    for day, _, micros in sorted(_booked(filters, "", "rev:ads:"), key=lambda row: row[0]):
        sums[day.isoformat()] = sums.get(day.isoformat(), 0) + micros
    if filters.by == "reason" or not sums:
        return None
    return Bars("Gross ad revenue by day", sums, settings.ADS_CURRENCY, names="Day")


# --- fill rate


def fill_rate(filters: Filters) -> Table:
    """How often an ad was asked for, and how often one came that somebody pays for, by day and place or place alone."""
    by_day = filters.by != "place"
    hours = AskedHour.objects.filter(hour__gte=filters.start, hour__lt=filters.end).order_by()
    names = (["day"] if by_day else []) + ["place"]
    dated = hours.annotate(day=TruncDate("hour", tzinfo=UTC)).values_list(*names)
    labels = {place.value: str(place.label) for place in Place}
    rows: list[Row] = []
    for *head, place, asked, filled in dated.annotate(a=Sum("asked"), f=Sum("filled")).order_by(*names):
        rows.append([*head, labels.get(place, place), asked, filled, 10_000 * filled // asked if asked else 0])
    columns = [
        Column("place", "Place"),
        Column("asked", "Asked for", Kind.COUNT, Total.SUM),
        Column("filled", "A paid one came", Kind.COUNT, Total.SUM),
        Column("rate", "Fill rate", Kind.SHARE),
    ]
    if by_day:
        columns.insert(0, Column("day", "Day", Kind.DAY))
    note = "Only ads that somebody pays for fill; where an artist's or a house ad was shown instead, nothing was sold."
    return Table("Fill rate", columns, Listed(rows), note, empty="No ad was asked for in these days.")


# --- roll-forwards

PREPAID_MOVES = (
    Move("deposits", "Deposits", "credit", Q(entry__kind="deposit")),
    Move("made_whole", "Made whole", "credit", Q(entry__kind="impression rejected")),
    Move("sent_back", "Refunds sent back", "credit", Q(entry__kind="refund failed")),
    Move("spent", "Spent on ads", "debit", Q(entry__kind="ads settled")),
    Move("refunded", "Refunded", "debit", Q(entry__kind="refund")),
)


def prepaid(filters: Filters) -> Table:
    """Each advertiser's money: what was there, what came, what was spent and refunded, what is there."""
    names = dict(Advertiser.objects.values_list("pk", "name"))
    accounts = Account.objects.filter(code__startswith="advertiser:", code__contains=":prepaid:")
    if filters.unit:
        accounts = accounts.filter(unit=filters.unit)
    rows: list[Row] = []
    for flow in flows.flows(accounts, PREPAID_MOVES, start=filters.start, end=filters.end):
        number = chart.owner_id(flow.account.code)
        name = names.get(number, f"advertiser {number}")
        if flow.is_used and filters.text.casefold() in name.casefold():
            rows.append([name, flow.account.code, flow.account.unit, *flows.cells(flow)])
    columns = [
        Column("advertiser", "Advertiser", link=lambda row: account_url(str(row[1]))),
        Column("account", "Account", is_shown=False),
        Column("unit", "Unit", Kind.UNIT),
        *flows.columns(PREPAID_MOVES),
    ]
    return Table("Prepaid money, rolled forward", columns, Listed(rows), empty="No advertiser has paid in yet.")


def credits(filters: Filters) -> Table:
    """Credits and the money behind them, month by month: opening, in and out by kind, closing, coverage."""
    unit = settings.ADS_CURRENCY
    xcr = _months(filters, money.CREDIT, _XCR_KINDS)
    backing = _months(filters, unit, _BACKING_KINDS)
    before = filters.start - timedelta(microseconds=1)
    open_xcr = journal.balance(chart.xcr_issued(), at=before) - sum(
        journal.balance(code, at=before) for code in (chart.xcr_spent(), chart.xcr_expired(), chart.xcr_revoked())
    )
    open_backing = journal.balance(chart.backing(unit), at=before)
    rows: list[Row] = []
    for month in sorted({_first(filters.since), *xcr, *backing}):
        closing_xcr = open_xcr + sum(xcr.get(month, _NOTHING))
        closing = open_backing + sum(backing.get(month, _NOTHING))
        coverage = 10_000 * money.micros_to_xcr(closing) // closing_xcr if closing_xcr else 10_000
        name = f"{month:%Y-%m}"
        rows.append([name, "credits", money.CREDIT, open_xcr, *xcr.get(month, _NOTHING), closing_xcr, coverage])
        rows.append([name, "money behind", unit, open_backing, *backing.get(month, _NOTHING), closing, coverage])
        open_xcr, open_backing = closing_xcr, closing
    wallets, behind = account_url("wallet:"), account_url(chart.backing(unit))
    columns = [
        Column("month", "Month"),
        Column("what", "What", link=lambda row: wallets if row[2] == money.CREDIT else behind),
        Column("unit", "Unit", Kind.UNIT),
        Column("opening", "Opening", Kind.MONEY),
        Column("earned", "Earned", Kind.MONEY, Total.SUM),
        Column("spent", "Spent on music", Kind.MONEY, Total.SUM),
        Column("expired", "Expired", Kind.MONEY, Total.SUM),
        Column("revoked", "Revoked", Kind.MONEY, Total.SUM),
        Column("closing", "Closing", Kind.MONEY),
        Column("coverage", "Coverage", Kind.SHARE),
    ]
    note = "One credit is 0.001 of the ads currency. Coverage is the money behind all credits over their worth: 100 %."
    return Table("Credits, rolled forward", columns, Listed(rows), note)


_NOTHING = (0, 0, 0, 0)
_XCR_KINDS = tuple(
    (Q(**{f"{up}__code__startswith": code}), Q(**{f"{down}__code__startswith": code}))
    for code, up, down in (
        ("xcr:issued:", "debit", "credit"),
        ("xcr:spent:", "debit", "credit"),
        ("xcr:expired:", "debit", "credit"),
        ("xcr:revoked:", "debit", "credit"),
    )
)
"""For each kind of movement: the postings that add to what wallets hold, and those that take from it."""
_IN, _OUT = Q(credit__code__startswith="credits:backing:"), Q(debit__code__startswith="credits:backing:")
_EXPIRED = Q(debit__code__startswith="pool:") | Q(credit__code__startswith="pool:")
_REVOKED = Q(credit__code__startswith="exp:listener_rewards:")
_EARNED = Q(debit__code__startswith="exp:listener_rewards:")
_BACKING_KINDS = (
    (_IN & _EARNED, Q(pk__in=[])),
    (_IN & ~_EARNED & ~_EXPIRED, _OUT & ~_EXPIRED & ~_REVOKED),
    (_IN & _EXPIRED, _OUT & _EXPIRED),
    (Q(pk__in=[]), _OUT & _REVOKED),
)


def _months(filters: Filters, unit: str, kinds: Sequence[tuple[Q, Q]]) -> dict[date, tuple[int, ...]]:
    """Micros by month and kind, what goes out below zero."""
    within = Posting.objects.filter(
        unit=unit, entry__occurred_at__gte=filters.start, entry__occurred_at__lt=filters.end
    ).filter(Q(debit__code__startswith="xcr:") | Q(credit__code__startswith="xcr:") | _IN | _OUT)
    sums = {f"in_{n}": Sum("amount", filter=more, default=0) for n, (more, _) in enumerate(kinds)}
    sums |= {f"out_{n}": Sum("amount", filter=less, default=0) for n, (_, less) in enumerate(kinds)}
    months = within.annotate(month=TruncMonth("entry__occurred_at", tzinfo=UTC)).order_by().values("month")
    names = [f"{way}_{n}" for way in ("in", "out") for n in range(len(kinds))]
    rows = months.annotate(**sums).values_list("month", *names)
    half = len(kinds)
    return {
        _first(month): tuple(more - less for more, less in zip(moved[:half], moved[half:], strict=True))
        for month, *moved in rows
    }


def _first(day: date | datetime) -> date:
    return date(day.year, day.month, 1)


REPORTS: Sequence[Report] = (
    Report(
        "fill-rate",
        "Fill rate",
        "How often was an ad asked for, and how often did one come that somebody pays for?",
        GROUP,
        fill_rate,
        asks=("since", "until", "by"),
        choices=(("day", "Day and place"), ("place", "Place")),
    ),
    Report(
        "ad-revenue",
        "Ad revenue",
        "What was served, billed and rejected, what did it earn, and who has it?",
        GROUP,
        revenue,
        asks=("since", "until", "by", "text"),
        labels={"text": "Campaign's name has"},
        choices=BY,
        bars=_revenue_bars,
    ),
    Report(
        "prepaid",
        "Prepaid money, rolled forward",
        "What did advertisers pay in, spend and get back, and what is left of it?",
        "What we owe",
        prepaid,
        asks=("since", "until", "unit", "text"),
        labels={"text": "Advertiser's name has"},
    ),
    Report(
        "credits",
        "Credits, rolled forward",
        "How many credits are out, how did they move, and is there money behind all of them?",
        "What we owe",
        credits,
        asks=("since", "until"),
    ),
)
