"""The tables of the business behind the postings: who is paid, orders, downloads, advertising, payouts.

No buyer's name or address is in them, no e-mail and no bank details: rows of people are only numbers here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model, QuerySet

from ads.models import BookDay, GroupEntry, Impression, ImpressionGroup
from artists.models import Payee
from megabox.export.table import AT_ONCE, Attached, Cut, Table
from payouts import issuing
from payouts.models import Attempt, IssuedStatement, Payout, PayoutRun, PoolShare, PoolSharing
from store.models import BalanceTransaction, Dispute, Gate, Naming, Order, OrderLine

Columns = Sequence[tuple[str, str, str]]
"""(name in the file, field of the row, meaning)"""


def _table(name: str, about: str, rows: QuerySet[Any], columns: Columns, *, order: Sequence[str] = ("pk",)) -> Table:
    """A table that shows columns of rows as they are."""
    fields = [field for _, field, _ in columns]

    def read(cut: Cut) -> Iterator[Sequence[Any]]:
        yield from rows.order_by(*order).values_list(*fields).iterator(AT_ONCE)

    return Table(name, about, [(column, meaning) for column, _, meaning in columns], read)


def _all(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.all()


def _statements(cut: Cut) -> Iterator[Sequence[Any]]:
    """Issued statements, each with its file."""
    found = IssuedStatement.objects.order_by("pk").select_related("corrects")
    if cut.ends_at:
        found = found.filter(issued_at__lt=cut.ends_at)
    for issued in found.iterator(AT_ONCE):
        corrects = issued.corrects.number if issued.corrects else None
        named = (issued.pk, issued.number, issued.payee_id, issued.unit, issued.month, issued.version, corrects)
        file = Attached(f"statements/{issued.number}.pdf", issuing.pieces(issued))
        yield *named, issued.sha256, issued.size_bytes, issued.issued_at, file


TABLES = (
    _table(
        "payees",
        "Who is paid for music.",
        _all(Payee),
        (
            ("payee_id", "pk", "the number in payee:<id>:... accounts"),
            ("name", "name", "under which name music is paid"),
            ("kind", "kind", "artist, collaborator or label"),
            ("country", "country", "ISO 3166"),
        ),
    ),
    _table(
        "orders",
        "What was paid by card: music, or an advertiser's deposit.",
        _all(Order),
        (
            ("order_id", "pk", "the number in order:<id>:... keys"),
            ("kind", "kind", "SALE, PREORDER or DEPOSIT"),
            ("state", "state", "PENDING, PAID, REFUNDED or CANCELLED"),
            ("unit", "unit", "the currency"),
            ("total_micros", "total_micros", "what was paid, with tax"),
            ("tax_micros", "tax_micros", "the tax in it"),
            ("refunded_micros", "refunded_micros", "what was given back so far and did not come back"),
            ("returned_micros", "returned_micros", "what was given back, and came back from the card's bank"),
            ("charged_back_micros", "charged_back_micros", "what card issuers took back for good so far"),
            ("fee_micros", "fee_micros", "the card fee, ours; empty while it is not known"),
            ("country", "country", "where the buyer paid tax"),
            ("balance_transaction", "balance_transaction", "Stripe's name of the charge in its own books"),
            ("placed_at", "placed_at", "when it was placed"),
            ("paid_at", "paid_at", "when the payment was booked"),
        ),
    ),
    _table(
        "order_lines",
        "The things of each order, with what decides who gets what.",
        _all(OrderLine),
        (
            ("line_id", "pk", "the number in store.line:<id> sources"),
            ("order_id", "order_id", "its order"),
            ("position", "position", "its place in the order"),
            ("kind", "kind", "ALBUM, TRACK or DEPOSIT"),
            ("title", "title", "what it was called"),
            ("advertiser_id", "advertiser_id", "whose deposit it is"),
            ("price_micros", "price_micros", "what was asked, after the discount"),
            ("discount_micros", "discount_micros", "what a code of the artist's took off before"),
            ("net_micros", "net_micros", "its part of what was paid without tax"),
            ("shares", "shares", "the split, [[payee_id, basis points], ...]"),
            ("policy_version", "policy_version", "the policy it was sold under"),
        ),
        order=("order", "position", "pk"),
    ),
    _table(
        "disputes",
        "Payments that a card issuer disputed. Postings name them as their source, store.dispute:<id>.",
        _all(Dispute),
        (
            ("dispute_id", "pk", "its number"),
            ("order_id", "order_id", "the order that was paid"),
            ("state", "state", "INQUIRY, OPEN, WON, LOST or CLOSED"),
            ("unit", "unit", "the currency"),
            ("amount_micros", "amount_micros", "what is disputed"),
            ("withdrawn_micros", "withdrawn_micros", "what the issuer took"),
            ("reinstated_micros", "reinstated_micros", "what came back"),
            ("lost_micros", "lost_micros", "what is gone for good"),
            ("fee_micros", "fee_micros", "what Stripe kept for it, ours"),
            ("opened_at", "opened_at", "when it was opened"),
            ("closed_at", "closed_at", "when it was over"),
        ),
    ),
    _table(
        "stripe_lines",
        "Every movement of our balance as Stripe tells it.",
        _all(BalanceTransaction),
        (
            ("stripe_id", "stripe_id", "Stripe's name of it"),
            ("type", "type", "Stripe's word for it"),
            ("unit", "unit", "the currency"),
            ("gross_micros", "gross_micros", "what moved"),
            ("fee_micros", "fee_micros", "Stripe's fee"),
            ("net_micros", "net_micros", "what our balance grew by"),
            ("state", "state", "WAITING, SUSPENSE or MATCHED"),
            ("created_at", "created_at", "when it happened at Stripe"),
        ),
        order=("stripe_id",),
    ),
    _table(
        "stripe_names",
        "Which entries of the books stand behind which of Stripe's lines.",
        _all(Naming),
        (
            ("stripe_id", "transaction__stripe_id", "the line"),
            ("entry_id", "entry_id", "the entry"),
            ("micros", "micros", "how much of the line it explains"),
        ),
    ),
    _table(
        "downloads",
        "Music that was paid for with credits.",
        Gate.objects.filter(entry_key__isnull=False),
        (
            ("gate_id", "pk", "the number in store.gate:<id> sources"),
            ("entry_key", "entry_key", "the entry that spent the credits"),
            ("wallet_id", "wallet_id", "the number in wallet:<id>:credits:XCR"),
            ("spent_micros", "spent_micros", "the money behind the credits"),
            ("granted_at", "granted_at", "when"),
        ),
    ),
    _table(
        "ad_days",
        "The days of the ads' books: CLOSED when no view of them can come any more, FINAL for ever.",
        _all(BookDay),
        (("day", "day", "a UTC day"), ("state", "state", "OPEN, CLOSED or FINAL")),
        order=("day",),
    ),
    _table(
        "ad_groups",
        "What a campaign owes for one beneficiary and day. Entries name it as their source, ads.group:<id>.",
        _all(ImpressionGroup),
        (
            ("group_id", "pk", "its number"),
            ("campaign_id", "campaign_id", "the campaign"),
            ("advertiser_id", "campaign__advertiser_id", "who pays"),
            ("beneficiary", "beneficiary", "who earns, as a name of the system"),
            ("day", "day", "the UTC day"),
            ("place", "place", "page, player, gate or megakey"),
            (
                "shares",
                "shares",
                "[[payee_id, basis points], ...]; megakey: [[site, basis points]] of each view, or []",
            ),
            ("policy_version", "policy_version", "the policy it is shared by"),
            ("count", "count", "views that were billed"),
            ("posted_micros", "posted_micros", "what was billed"),
            ("gross_micros", "gross_micros", "the same without what turned out invalid"),
            ("entries", "postings_count", "how many entries billed it: ads:<campaign>:<beneficiary>:<day>:<n>"),
            ("billed_through", "billed_through", "its views up to this number are billed"),
        ),
    ),
    _table(
        "ad_entries",
        "What each entry of a group billed: its views with numbers above `after`, up to `through`.",
        _all(GroupEntry),
        (
            ("group_id", "group_id", "the group"),
            ("n", "n", "the how manieth entry of it"),
            ("after", "after", "above this number"),
            ("through", "through", "up to this one"),
            ("count", "count", "views that were billed"),
            ("posted_micros", "posted_micros", "what was billed"),
            ("gross_micros", "gross_micros", "the same without what turned out invalid"),
        ),
        order=("group", "n"),
    ),
    _table(
        "ad_views",
        "Every ad that was seen and has a price. With these the settled days can be computed again.",
        Impression.objects.filter(price_micros__gt=0),
        (
            ("view_id", "pk", "its number"),
            ("campaign_id", "campaign_id", "the campaign"),
            ("place", "place", "page, player, gate or megakey"),
            ("price_micros", "price_micros", "what it costs the advertiser"),
            ("wallet_id", "wallet_id", "whose credits it earned"),
            ("state", "state", "VIEWED or REJECTED"),
            ("viewed_at", "viewed_at", "when"),
            ("rejected_at", "rejected_at", "when it was found invalid"),
            ("beneficiary", "beneficiary", "who earns, as a name of the system"),
            ("day", "day", "the UTC day in whose book it is"),
            ("number", "number", "its place in the line in which views are billed"),
            ("billed_by", "posting_n", "of a rejected view: which entry of its group had billed it, if one had"),
        ),
    ),
    _table(
        "pools",
        "What became of the artists' pool of a month: shared out, or carried on. The entry is pool:<month>:<unit>:<n>.",
        _all(PoolSharing),
        (
            ("pool_id", "pk", "its number"),
            ("month", "month", "whose pool it is"),
            ("unit", "unit", "the currency"),
            ("n", "number", "the how manieth time for this month"),
            ("micros", "micros", "all that was in it"),
            ("carried_to", "carried_to", "the month it was carried to; empty when it was shared out"),
            ("model", "model", "by which model it was shared out"),
            ("policy_version", "policy_version", "the policy"),
            ("booked_at", "booked_at", "when"),
        ),
    ),
    _table(
        "pool_shares",
        "Each payee's part of a pool that was shared out. Postings name it as their source, payouts.poolshare:<id>.",
        _all(PoolShare),
        (
            ("share_id", "pk", "its number"),
            ("pool_id", "sharing_id", "the pool"),
            ("payee_id", "payee_id", "who was paid"),
            ("plays", "plays", "plays that counted"),
            ("micros", "micros", "what was paid"),
        ),
    ),
    _table(
        "payout_runs",
        "Sittings in which payees were paid: opened by one person, approved by another.",
        _all(PayoutRun),
        (
            ("run_id", "pk", "its number"),
            ("unit", "unit", "the currency"),
            ("period", "period", "the month it pays"),
            ("state", "state", "how far it is"),
            ("high_water", "high_water", "the last posting it has seen"),
            ("policy_version", "policy_version", "the policy of its thresholds"),
            ("content_hash", "content_hash", "SHA-256 of what was approved"),
            ("created_by", "created_by_id", "who opened it, as a number"),
            ("created_at", "created_at", "when"),
            ("computed_at", "computed_at", "when it was computed"),
            ("approved_by", "approved_by_id", "who approved it, as a number"),
            ("approved_at", "approved_at", "when"),
            ("executed_by", "executed_by_id", "who had it paid, as a number"),
            ("finished_at", "finished_at", "when nothing was left to pay"),
        ),
    ),
    _table(
        "payouts",
        "What each payee gets in each run.",
        _all(Payout),
        (
            ("payout_id", "pk", "the number in payout:<id>:... keys"),
            ("run_id", "run_id", "its run"),
            ("payee_id", "payee_id", "who is paid"),
            ("unit", "unit", "the currency"),
            ("payable_micros", "payable_micros", "what could be paid when the run was computed"),
            ("amount_micros", "amount_micros", "what is sent, in whole cents"),
            ("amount_cents", "amount_cents", "the same in cents"),
            ("threshold_micros", "threshold_micros", "the least that is sent to this payee"),
            ("rail", "rail", "STRIPE, SEPA or CSV: how the money leaves"),
            ("destination", "destination", "the provider's name of the account, or the number of our row of it"),
            ("state", "state", "PAID, FAILED, SKIPPED and so on"),
            ("reason", "reason", "why it was skipped or failed"),
            ("transfer_id", "transfer_id", "the provider's name of the transfer"),
            ("retries", "retries", "how often it was reserved again after it had failed"),
            ("paid_at", "paid_at", "when it was confirmed"),
        ),
    ),
    _table(
        "attempts",
        "Every attempt to send a payout, each under a key of its own.",
        _all(Attempt),
        (
            ("attempt_id", "pk", "its number"),
            ("payout_id", "payout_id", "the payout"),
            ("number", "number", "the how manieth it is"),
            ("state", "state", "OPEN, SUCCEEDED or FAILED"),
            ("created_at", "created_at", "when it was made"),
            ("resolved_at", "resolved_at", "when its outcome was known"),
        ),
    ),
    Table(
        "issued_statements",
        "The statements of closed months that payees were given, as PDF: statements/<number>.pdf, in an export until a "
        "day those issued by then. Other figures are a new version, which names the one it corrects.",
        (
            ("statement_id", "its number in the database"),
            ("number", "the number on it: <month>-<payee_id>-<unit>-<version>"),
            ("payee_id", "whose it is"),
            ("unit", "the currency"),
            ("month", "the first day of its month"),
            ("version", "the how manieth of this payee, unit and month; the last is the one that counts"),
            ("corrects", "the number of the one before it"),
            ("sha256", "SHA-256 of the file that was given out"),
            ("bytes", "its size"),
            ("issued_at", "when it was issued"),
            ("file", "KEPT: the file is here; MISSING or DAMAGED: it could not be exported"),
        ),
        _statements,
    ),
)
