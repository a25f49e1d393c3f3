"""Plain makers of entries, as the rooms above the ledger would post them. All amounts are micros of USD."""

from datetime import UTC, date, datetime, timedelta

from ledger import chart, journal, policy
from ledger.journal import Line
from ledger.models import Entry

USD = "USD"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def money(text: str) -> int:
    """Micros of an amount written with a point: `money("9.99")`."""
    whole, _, fraction = text.partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or 0)


def matures(at: datetime, days: int) -> date:
    return at.date() + timedelta(days=days)


def make_sale(
    *, price: int = 9_990_000, payee: int = 42, number: int = 1, at: datetime = NOON, unit: str = USD
) -> Entry:
    """A sale of one line; posting 0 is the payee's, posting 1 the commission."""
    shares = policy.split(price)
    source = f"store.line:{number}"
    lines = [
        Line(
            chart.stripe(unit),
            chart.payee(payee, "pending", unit),
            shares.payee,
            unit,
            source,
            matures_on=matures(at, 14),
        ),
        Line(chart.stripe(unit), chart.commission(unit), shares.commission, unit, source),
    ]
    return journal.post(f"sale:{number}", "sale", lines, occurred_at=at).entry


def make_top_up(*, amount: int = 500_000_000, advertiser: int = 7, number: int = 1, at: datetime = NOON) -> Entry:
    line = Line(chart.stripe(USD), chart.prepaid(advertiser, USD), amount, USD, f"store.line:{number}")
    return journal.post(f"deposit:{number}", "deposit", [line], occurred_at=at).entry


def make_gate_view(*, price: int = 6_000, wallet: int = 9, number: int = 1, at: datetime = NOON) -> Entry:
    """A view watched for credits; posting 2 is the wallet's."""
    source = f"ads.impression:{number}"
    lines = [
        Line(chart.unsettled(USD), chart.ads_revenue(USD), price, USD, source),
        Line(chart.listener_rewards(USD), chart.backing(USD), price, USD, source),
        Line(chart.xcr_issued(), chart.wallet(wallet), price * 1_000, "XCR", source),
    ]
    return journal.post(f"gate:{number}", "gate view", lines, occurred_at=at).entry


def make_credit_download(
    *, price: int = 5_000, wallet: int = 9, payee: int = 42, number: int = 1, at: datetime = NOON
) -> Entry:
    """A download paid with credits; posting 1 is the payee's."""
    shares = policy.split(price)
    source = f"store.gate:{number}"
    lines = [
        Line(chart.wallet(wallet), chart.xcr_spent(), price * 1_000, "XCR", source),
        Line(
            chart.backing(USD), chart.payee(payee, "pending", USD), shares.payee, USD, source, matures_on=matures(at, 7)
        ),
        Line(chart.backing(USD), chart.commission(USD), shares.commission, USD, source),
    ]
    return journal.post(f"spend:{number}", "credit download", lines, occurred_at=at).entry
