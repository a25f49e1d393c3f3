"""The two golden scenarios of docs/money.md, to the micro, on the books alone."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from ledger import audit, chart, journal, payees, policy
from ledger.journal import Line
from ledger.models import Account, Entry, Kind, Posting
from megabox.money import floor_to_minor, from_minor
from tests.ledger.factories import (
    NOON,
    USD,
    make_credit_download,
    make_gate_view,
    make_sale,
    make_top_up,
    matures,
    money,
)

pytestmark = pytest.mark.django_db

STRIPE, FEES, COMMISSION = chart.stripe(USD), chart.stripe_fees(USD), chart.commission(USD)
ADS, AD_SHARE, REWARDS = chart.ads_revenue(USD), chart.payee_ad_share(USD), chart.listener_rewards(USD)
PREPAID, BACKING, WALLET = chart.prepaid(7, USD), chart.backing(USD), chart.wallet(9)
POOL = chart.pool("2026-11", USD)
PENDING, PAYABLE, OWED = (chart.payee(42, place, USD) for place in ("pending", "payable", "owed"))
PENDING_43, PAYABLE_43 = (chart.payee(43, place, USD) for place in ("pending", "payable"))
LATER = NOON + timedelta(days=20)


def post(key: str, *moves: tuple[str, str, str]) -> Entry:
    """Post an entry of (debit, credit, amount) in the unit of its accounts."""
    lines = [
        Line(
            debit,
            credit,
            money(amount),
            chart.meaning(debit).unit,
            matures_on=matures(NOON, 7) if chart.is_pending(credit) else None,
        )
        for debit, credit, amount in moves
    ]
    return journal.post(key, key.split(":")[0], lines, occurred_at=NOON).entry


def balances(**expected: str) -> None:
    """Compare the accounts named above with amounts in whole units."""
    found = {name: journal.balance(globals()[name]) for name in expected}
    assert found == {name: money(amount) for name, amount in expected.items()}


def is_clean() -> bool:
    return list(audit.findings(LATER)) == []


def earn() -> tuple[Entry, Entry]:
    """Everything of scenario A up to the expired credits; returns the 9.99 sale and the ads beside music."""
    make_top_up(amount=money("500"))
    post("fee:deposit", (FEES, STRIPE, "14.80"))
    sale = make_sale(price=money("9.99"), number=1)
    post("fee:1", (FEES, STRIPE, "0.59"))
    assert make_sale(price=money("9.99"), number=1) == sale  # the same sale again
    make_sale(price=money("0.99"), number=2)
    post("fee:2", (FEES, STRIPE, "0.33"))
    shares = [policy.split(money(gross)).payee for gross in ("12", "8")]
    assert shares == [money("10.80"), money("7.20")]
    beside_music = post(
        "ads:901:42:2026-11-01:1", (PREPAID, ADS, "20"), (AD_SHARE, PENDING, "10.80"), (AD_SHARE, PENDING_43, "7.20")
    )
    for number, price, credits in ((1, "1.50", "1500"), (2, "4.50", "4500")):
        post(
            f"megakey:{number}",
            (PREPAID, ADS, price),
            (REWARDS, BACKING, price),
            (chart.xcr_issued(), WALLET, credits),
        )
    make_credit_download(price=money("5"), number=1)
    post("expiry:9", (WALLET, chart.xcr_expired(), "400"), (BACKING, POOL, "0.40"))
    return sale, beside_music


def invalidate(beside_music: Entry) -> None:
    """3.00 of the ads beside music turn out invalid: the advertiser is made whole, the payees give their parts back."""
    with transaction.atomic():
        payees.lock([42, 43], USD)
        lines = [Line(ADS, PREPAID, money("3"), USD)]
        for line, payee_id, amount in ((1, 42, "1.62"), (2, 43, "1.08")):
            lines += payees.take_back_lines(
                payee_id,
                USD,
                money(amount),
                to=AD_SHARE,
                reverses=beside_music.postings.get(line=line),
                source="ads.line:901",
                facts={"reason": "invalid"},
            )
        journal.post("invalid:901", "invalid impressions", lines, occurred_at=NOON)


def refund(sale: Entry) -> None:
    earned, commission = sale.postings.order_by("line")
    with transaction.atomic():
        lines = payees.take_back_lines(
            42, USD, earned.amount, to=STRIPE, reverses=earned, source="store.line:1", facts={}
        )
        lines.append(Line(COMMISSION, STRIPE, commission.amount, USD, reverses_id=commission.pk))
        journal.post("refund:1", "refund", lines, occurred_at=LATER)


def pay(payee_payable: str) -> int:
    """Reserve and pay the whole cents of what is payable; returns them in micros."""
    whole = from_minor(floor_to_minor(journal.balance(payee_payable), USD), USD)
    for key, debit, credit in (("reserve", payee_payable, chart.transit(USD)), ("paid", chart.transit(USD), STRIPE)):
        journal.post(f"payout:1:{key}", key, [Line(debit, credit, whole, USD)], occurred_at=LATER)
    return whole


def test_scenario_a_to_the_micro() -> None:
    sale, beside_music = earn()
    balances(PENDING="25.182", PENDING_43="7.20", WALLET="600", BACKING="0.60", POOL="0.40", PREPAID="474")
    invalidate(beside_music)
    balances(PENDING="23.562", PENDING_43="6.12", PREPAID="477")

    assert payees.mature(LATER.date(), at=LATER) == 2
    assert payees.mature(LATER.date(), at=LATER) == 0
    balances(PENDING="0", PAYABLE="23.562", PAYABLE_43="6.12")
    assert is_clean()

    assert pay(PAYABLE) == money("23.56")
    balances(PAYABLE="0.002", STRIPE="471.70", PREPAID="477")

    refund(sale)
    balances(STRIPE="461.71", PAYABLE="0", OWED="8.989", PAYABLE_43="6.12", PREPAID="477")
    balances(POOL="0.40", BACKING="0.60", WALLET="600")
    balances(COMMISSION="0.599", ADS="23", FEES="15.72", AD_SHARE="15.30", REWARDS="6")
    assert is_clean()


def test_scenario_a_balances_assets_with_everything_else() -> None:
    sale, beside_music = earn()
    invalidate(beside_music)
    payees.mature(LATER.date(), at=LATER)
    pay(PAYABLE)
    refund(sale)

    totals = {kind: sum(journal.balance(code) for code in codes_of(kind)) for kind in Kind}

    assert totals[Kind.ASSET] == money("470.699")
    assert totals[Kind.LIABILITY] == money("484.12")
    assert totals[Kind.REVENUE] == money("23.599")
    assert totals[Kind.EXPENSE] == money("37.02")


def codes_of(kind: Kind) -> list[str]:
    return list(Account.objects.filter(kind=kind, unit=USD).values_list("code", flat=True))


def test_scenario_a_refuses_what_must_be_refused_and_stands_unchanged() -> None:
    sale, _ = earn()
    entries, postings = Entry.objects.count(), list(Posting.objects.order_by("pk").values())

    with pytest.raises(journal.Overdraft):
        post("spend:too much", (WALLET, chart.xcr_spent(), "601"), (BACKING, POOL, "0.601"))
    with pytest.raises(journal.UnitMismatch):
        journal.post("x", "x", [Line(STRIPE, chart.commission("EUR"), 1, USD)], occurred_at=NOON)
    with pytest.raises(journal.KeyReused):
        make_sale(price=money("9.98"), number=1)
    statements = ["UPDATE ledger_posting SET amount = 1", "DELETE FROM ledger_entry"]
    if connection.vendor == "sqlite":
        statements.append("INSERT OR REPLACE INTO ledger_posting SELECT * FROM ledger_posting")
    for statement in statements:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    assert Entry.objects.count() == entries
    assert list(Posting.objects.order_by("pk").values()) == postings
    assert sale.postings.count() == 2
    assert is_clean()


def view_and_download() -> Entry:
    """Scenario B up to the settlement; returns the download."""
    make_top_up(amount=money("10"))
    post("fee:deposit", (FEES, STRIPE, "0.59"))
    make_gate_view(price=money("0.006"))
    download = make_credit_download(price=money("0.005"))
    post("ads:settled", (PREPAID, UNSETTLED, "0.006"))
    return download


UNSETTLED = chart.unsettled(USD)


def test_scenario_b_to_the_micro() -> None:
    download = view_and_download()
    balances(PREPAID="9.994", UNSETTLED="0", BACKING="0.001", WALLET="1", PENDING="0.0045")
    balances(COMMISSION="0.0005", ADS="0.006", REWARDS="0.006", STRIPE="9.41")
    assert is_clean()

    earned, commission = download.postings.order_by("line")[1:]
    with transaction.atomic():
        lines = [
            Line(ADS, PREPAID, money("0.006"), USD),
            Line(WALLET, chart.xcr_revoked(), money("1"), "XCR"),
            Line(BACKING, REWARDS, money("0.001"), USD),
            *payees.take_back_lines(42, USD, earned.amount, to=REWARDS, reverses=earned, source="", facts={}),
            Line(COMMISSION, REWARDS, commission.amount, USD, reverses_id=commission.pk),
        ]
        journal.post("invalid:1", "invalid impression", lines, occurred_at=NOON)

    balances(PREPAID="10", UNSETTLED="0", BACKING="0", WALLET="0", PENDING="0", OWED="0")
    balances(COMMISSION="0", ADS="0", REWARDS="0", STRIPE="9.41")
    assert is_clean()
