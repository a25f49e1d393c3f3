"""Each check of the audit sees the harm it is there for, and nothing else does; a clean busy book is silent.

The book is made once. Each harm is done behind the triggers' back, looked at, and taken back.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from ads.models import BookDay, Campaign
from artists.models import SplitSheet
from ledger import chart, journal, pending, triggers
from ledger.journal import Line
from ledger.models import Entry, Posting
from megabox import audit
from payouts.models import Attempt, Payout, PayoutRun, PoolSharing
from store.models import BalanceTransaction, Dispute, Gate, LibraryItem, Order, OrderLine, PreOrder
from tests.ledger.test_audit import force, tamper, without_triggers
from tests.megabox.books import NOON, make_busy_books

pytestmark = pytest.mark.django_db

LATER = datetime(2026, 12, 24, tzinfo=UTC)
AT = NOON + timedelta(days=40)
USD = "USD"
BANK, PAYEE = chart.bank(USD), "987654"


def found() -> set[str]:
    """The names of the checks that have findings."""
    return {check.name for check in audit.checks(LATER) if audit.look(check).count}


def post(*lines: Line, key: str = "forged", kind: str = "forged") -> None:
    journal.post(key, kind, lines, occurred_at=AT)


def payee(place: str) -> str:
    return f"payee:{PAYEE}:{place}:{USD}"


def overdraw_for_a_moment() -> None:
    prepaid = chart.prepaid(987_654, USD)
    force("early", Line(prepaid, chart.ads_revenue(USD), 10, USD), Line(BANK, prepaid, 10, USD))


def mix_units() -> None:
    with without_triggers():
        force("mixed", Line(BANK, chart.commission("EUR"), 10, USD))


def take_back_too_much() -> None:
    sold = Posting.objects.filter(credit__code=chart.commission(USD), entry__kind="sale")[0]
    force("too much", Line(sold.credit.code, sold.debit.code, sold.amount + 1, USD, reverses_id=sold.pk))


def mature_early() -> None:
    earned = Line(BANK, payee("pending"), 5, USD, matures_on=date(2026, 12, 1))
    early = Line(payee("pending"), payee("payable"), 5, USD, matures_on=date(2026, 11, 15))
    post(earned)
    post(early, key="early", kind=pending.MATURITY)


def take_pending_without_a_name() -> None:
    earned = Line(BANK, payee("pending"), 5, USD, matures_on=date(2026, 12, 1))
    force("nameless", earned, Line(payee("pending"), BANK, 5, USD))


def change_a_price() -> None:
    tamper(
        "UPDATE ads_impression SET price_micros = price_micros + 1000 WHERE id ="
        " (SELECT id FROM ads_impression WHERE place = 'page' AND state = 'VIEWED' ORDER BY number LIMIT 1)"
    )


def forget_a_rejection() -> None:
    tamper(
        "UPDATE ledger_entry SET key = 'lost' WHERE id = (SELECT MAX(id) FROM ledger_entry WHERE kind ="
        " 'impression rejected')"
    )


def stripe_line() -> None:
    BalanceTransaction.objects.create(
        stripe_id="txn_1",
        type="charge",
        category="charge",
        unit=USD,
        gross_micros=5,
        fee_micros=1,
        net_micros=4,
        subject="pi_1",
        created_at=AT,
        available_on=AT,
        imported_at=AT,
        state=BalanceTransaction.State.MATCHED,
    )


def one(rows: object) -> object:
    """The first of some rows, as rows."""
    return rows.model.objects.filter(pk=rows.order_by("pk")[0].pk)  # type: ignore[attr-defined]


def change(rows: object, **values: object) -> None:
    assert one(rows).update(**values) == 1  # type: ignore[attr-defined]


PAID_SALES = Order.objects.filter(kind="SALE", state="PAID", refunded_micros=0, charged_back_micros=0)
PAID_OUT = Payout.objects.filter(state="PAID")
FIRST_STATEMENT = "(SELECT MIN(id) FROM payouts_issuedstatement)"
CORRECTION = "(SELECT MAX(id) FROM payouts_issuedstatement WHERE version = 2)"

HARM: dict[str, tuple[Callable[[], object], set[str]]] = {
    "the triggers are dropped": (lambda: triggers.drop(connection), {"triggers and constraints are there"}),
    "a policy begins before the one it follows": (
        lambda: tamper(
            "INSERT INTO ledger_policy SELECT 2, '1999-01-01 00:00:00', commission_basis_points, sale_maturity_days,"
            " ads_maturity_days, payout_threshold_micros, payout_threshold_min_micros FROM ledger_policy"
        ),
        {"policies are in order"},
    ),
    "the policy is gone": (
        lambda: tamper("DELETE FROM ledger_policy"),
        {
            "policies are in order",
            "settled days recompute from their impressions",
            "sales recompute from their lines",
        },
    ),
    "an account is of another kind": (
        lambda: tamper("UPDATE ledger_account SET kind = 'expense' WHERE code = 'stripe:balance:USD'"),
        {"accounts are what the chart says"},
    ),
    "a cached balance is changed": (
        lambda: tamper(
            "UPDATE ledger_balance SET amount = amount + 1 WHERE account_id ="
            " (SELECT id FROM ledger_account WHERE code LIKE 'payee:%:hold:USD' ORDER BY id LIMIT 1)"
        ),
        {"cached balances are the sums of postings"},
    ),
    "a guard was broken for a moment": (overdraw_for_a_moment, {"guards held after every posting"}),
    "units are mixed": (mix_units, {"units never mix", "debits equal credits in every unit"}),
    "a reason is rewritten": (
        lambda: tamper("UPDATE ledger_entry SET why = 'because' WHERE id = 1 + (SELECT MIN(id) FROM ledger_entry)"),
        {"digests recompute"},
    ),
    "more is taken back than was given": (take_back_too_much, {"reversals mirror what they take back"}),
    "a snapshot is changed": (
        lambda: tamper(
            "UPDATE ledger_snapshotline SET debits = debits + 1 WHERE id = (SELECT MIN(id) FROM ledger_snapshotline)"
        ),
        {"closed months stay closed, snapshots hold"},
    ),
    "somebody has and owes": (
        lambda: post(Line(BANK, payee("payable"), 5, USD), Line(payee("owed"), BANK, 2, USD)),
        {"nobody has and owes"},
    ),
    "pending is taken without a name": (take_pending_without_a_name, {"pending left by maturity or by name"}),
    "something matures early": (mature_early, {"nothing matured early"}),
    "credits are given away": (
        lambda: force("gift", Line(chart.xcr_issued(), chart.wallet(987_654), 1_000_000, "XCR")),
        {
            "credits and their money move together",
            "money stands behind every credit",
            "cached balances are the sums of postings",
        },
    ),
    "suspense grows old": (
        lambda: post(Line(chart.suspense(USD), BANK, 5, USD)),
        {"suspense is zero or young", "suspense is what its transactions say"},
    ),
    "a pre-order is called delivered": (
        lambda: change(PreOrder.objects.filter(state="WAITING"), state="DELIVERED", ended_at=LATER),
        {"what is held for pre-orders is theirs", "what was bought is in a library"},
    ),
    "a campaign says it spent more": (
        lambda: change(Campaign.objects.filter(spent_micros__gt=0), spent_micros=F("spent_micros") + 1),
        {"what campaigns spent is what was viewed"},
    ),
    "a campaign says it settled less": (
        lambda: change(Campaign.objects.filter(settled_micros__gt=0), settled_micros=F("settled_micros") - 1),
        {"what campaigns settled is what their groups say"},
    ),
    "a campaign says more of it is leased": (
        lambda: change(Campaign.objects.filter(spent_micros__gt=0), leased_micros=F("leased_micros") + 1),
        {"what leases hold is set aside, and what they billed was viewed"},
    ),
    "a price is changed after settlement": (
        change_a_price,
        {
            "what campaigns spent is what was viewed",
            "a view costs its weight of what was offered",
            "settled days recompute from their impressions",
        },
    ),
    "ads are settled by nobody": (
        lambda: post(Line(BANK, chart.ads_revenue(USD), 5, USD), kind="ads settled"),
        {"every entry of a settlement has its group"},
    ),
    "a view is credited that nobody watched": (
        lambda: post(Line(BANK, chart.ads_revenue(USD), 5, USD), kind="gate view"),
        {"gate views are credited, and nothing else is"},
    ),
    "a rejection gives nothing back": (forget_a_rejection, {"what was rejected is given back"}),
    "a day is closed with a view that waits": (
        lambda: BookDay.objects.create(day=date(2026, 11, 20), state=BookDay.State.CLOSED, closed_at=LATER),
        {"unsettled is what waits, and zero for closed days"},
    ),
    "an open payout is forgotten": (
        lambda: change(Payout.objects.filter(state="UNKNOWN"), state="SKIPPED"),
        {
            "what is in transit is in open payouts",
            "payouts have the entries of their states",
            "runs reserved what two people agreed on",
        },
    ),
    "a payout is smaller than what was booked": (
        lambda: change(PAID_OUT, amount_micros=F("amount_micros") - 10_000),
        {"payouts have the entries of their states", "runs reserved what two people agreed on"},
    ),
    "an attempt is gone": (
        lambda: Attempt.objects.filter(state="SUCCEEDED").delete(),
        {"every payout that Stripe paid has exactly one transfer"},
    ),
    "a run is called complete too early": (
        lambda: change(PayoutRun.objects.filter(state="EXECUTING"), state="COMPLETED", finished_at=LATER),
        {"runs reserved what two people agreed on"},
    ),
    "a pool is carried on paper only": (
        lambda: PoolSharing.objects.create(
            month="2026-09", unit=USD, micros=5, carried_to="2026-10", policy_version=1, booked_at=AT
        ),
        {"pools shared out have their entries"},
    ),
    "the file of an issued statement is not there": (
        lambda: tamper(f"UPDATE payouts_issuedstatement SET path = 'statements/gone.pdf' WHERE id = {FIRST_STATEMENT}"),
        {"files of issued statements are what was given out"},
    ),
    "an issued statement says that its file is another": (
        lambda: tamper(f"UPDATE payouts_issuedstatement SET sha256 = '{'0' * 64}' WHERE id = {FIRST_STATEMENT}"),
        {"files of issued statements are what was given out"},
    ),
    "the second version of a statement is called the third": (
        lambda: tamper(f"UPDATE payouts_issuedstatement SET version = 3 WHERE id = {CORRECTION}"),
        {"issued statements follow each other"},
    ),
    "an order was paid with more": (
        lambda: change(PAID_SALES, total_micros=F("total_micros") + 10_000),
        {"payments are booked, and nothing else is", "sales recompute from their lines"},
    ),
    "a line has another part": (
        lambda: change(OrderLine.objects.filter(order__in=PAID_SALES), net_micros=F("net_micros") + 1),
        {"sales recompute from their lines"},
    ),
    "a split is changed after the sale": (
        lambda: change(OrderLine.objects.filter(order__in=PAID_SALES), shares=[[987_654, 10_000]]),
        {"sales recompute from their lines"},
    ),
    "a split in force is changed": (
        lambda: change(SplitSheet.objects.signed(), shares=[[987_654, 10_000]]),
        {"splits in force are what everybody signed"},
    ),
    "a refund is not booked": (
        lambda: change(PAID_SALES, refunded_micros=10_000),
        {"refunds are booked, and nothing else is"},
    ),
    "a fee is not booked": (
        lambda: change(Order.objects.filter(fee_micros__gt=0), fee_micros=F("fee_micros") + 10_000),
        {"card fees are booked, and nothing else is"},
    ),
    "what was bought is not there": (
        lambda: one(LibraryItem.objects.filter(reason="ORDER", order_line__order__in=PAID_SALES)).delete(),  # type: ignore[attr-defined]
        {"what was bought is in a library"},
    ),
    "a download cost more": (
        lambda: change(Gate.objects.filter(spent_micros__gt=0), spent_micros=F("spent_micros") + 1_000),
        {"downloads for credits are booked, and nothing else is"},
    ),
    "a lost dispute is open again": (
        lambda: change(Dispute.objects.filter(lost_micros__gt=0), lost_micros=0),
        {"disputes are booked, and nothing else is held or receivable"},
    ),
    "a line of Stripe's has no entry": (stripe_line, {"entries and Stripe's transactions name each other"}),
    "an order needs a person": (lambda: change(PAID_SALES, problem="Look at me."), {"nothing waits for a person"}),
}


def test_each_harm_is_found_by_its_checks_and_a_clean_book_is_silent() -> None:
    make_busy_books()
    assert found() == set()
    wrong = {}
    for name, (harm, expected) in HARM.items():
        with transaction.atomic():
            harm()
            if (seen := found()) != expected:
                wrong[name] = (sorted(expected - seen), sorted(seen - expected))
            transaction.set_rollback(True)
    assert wrong == {}, "harm: (checks that missed it, checks that should not have seen it)"
    assert found() == set()
    assert Entry.objects.filter(key="forged").count() == 0
    assert timezone.is_aware(LATER)


def test_the_checks_named_here_exist_and_have_names_of_their_own() -> None:
    names = [check.name for check in audit.checks(LATER)]
    assert len(names) == len(set(names))
    assert {name for _, expected in HARM.values() for name in expected} <= set(names)
