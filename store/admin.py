"""Orders, gates, the library and Stripe's inbox in Django's own admin: to look at, and to try a parked event again."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from megabox.looking import ReadOnly
from store.models import (
    Adjustment,
    BalanceCheck,
    BalanceImport,
    BalanceTransaction,
    CodeBatch,
    Counting,
    Decision,
    Discount,
    Dispute,
    Download,
    Figure,
    Gate,
    GateView,
    HandEntry,
    LibraryItem,
    Order,
    OrderLine,
    Prediction,
    PreOrder,
    StripeEvent,
)


class OrderLines(admin.TabularInline[OrderLine, Order]):
    model = OrderLine
    extra = 0
    can_delete = False


class GateViews(admin.TabularInline[GateView, Gate]):
    model = GateView
    extra = 0
    can_delete = False


@admin.register(Order)
class OrderAdmin(ReadOnly):
    list_display = ["pk", "kind", "state", "unit", "total_micros", "fee_micros", "placed_at", "paid_at", "problem"]
    list_filter = ["state", "kind", "unit"]
    search_fields = ["pk", "email", "payment_intent", "checkout_session"]
    inlines = [OrderLines]


@admin.register(PreOrder)
class PreOrderAdmin(ReadOnly):
    list_display = ["order", "album", "promised_for", "state", "why", "tries", "problem", "next_try_at", "ended_at"]
    list_filter = ["state", "why"]
    list_select_related = ["order", "album"]
    search_fields = ["order__id", "album__title"]


@admin.register(Dispute)
class DisputeAdmin(ReadOnly):
    list_display = ["stripe_id", "state", "status", "unit", "amount_micros", "lost_micros", "due_by", "opened_at"]
    list_filter = ["state", "status", "unit"]
    search_fields = ["stripe_id", "order__id", "order__payment_intent"]


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnly):
    list_display = ["pk", "kind", "payee", "advertiser", "unit", "amount_micros", "reason", "decided_by", "decided_at"]
    list_filter = ["kind", "unit"]


@admin.register(Gate)
class GateAdmin(ReadOnly):
    list_display = ["pk", "state", "album", "track", "asked_micros", "spent_micros", "is_on_the_house", "opened_at"]
    list_filter = ["state", "is_on_the_house"]
    search_fields = ["pk", "entry_key"]
    inlines = [GateViews]


@admin.register(LibraryItem)
class LibraryItemAdmin(ReadOnly):
    list_display = ["pk", "user", "album", "track", "reason", "added_at"]
    list_filter = ["reason"]


@admin.register(Discount)
class DiscountAdmin(ReadOnly):
    list_display = ["code", "artist", "album", "words", "use_count", "most_uses", "starts_on", "ends_on", "stopped_at"]
    search_fields = ["code"]


@admin.register(CodeBatch)
class CodeBatchAdmin(ReadOnly):
    list_display = ["pk", "album", "name", "count", "made_at", "stopped_at"]


@admin.register(Download)
class DownloadAdmin(ReadOnly):
    list_display = ["pk", "album", "track", "recipe", "reason", "size_bytes", "at"]
    list_filter = ["recipe", "reason"]


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnly):
    list_display = ["event_id", "type", "state", "tries", "error", "received_at"]
    list_filter = ["state", "type"]
    search_fields = ["event_id"]
    actions = ["try_again"]

    @admin.action(description="Try these again", permissions=["view"])
    def try_again(self, request: HttpRequest, chosen: "QuerySet[StripeEvent]") -> None:
        """Take parked events up again, with all their tries."""
        count = chosen.filter(state=StripeEvent.State.PARKED).update(
            state=StripeEvent.State.RECEIVED, tries=0, next_try_at=timezone.now()
        )
        self.message_user(request, f"{count} events are worked on again.")


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnly):
    list_display = ["stripe_id", "type", "unit", "gross_micros", "fee_micros", "net_micros", "state", "created_at"]
    list_filter = ["state", "type", "unit"]
    search_fields = ["stripe_id", "source", "subject"]


@admin.register(BalanceImport)
class BalanceImportAdmin(ReadOnly):
    list_display = ["started_at", "finished_at", "since", "newest", "read", "added"]


@admin.register(BalanceCheck)
class BalanceCheckAdmin(ReadOnly):
    list_display = ["at", "unit", "stripe_micros", "ledger_micros", "waiting_micros", "in_flight_micros"]
    list_filter = ["unit"]


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["transaction", "choice", "reason", "decided_by", "decided_at", "taken_back_at"]
    list_filter = ["choice"]


@admin.register(HandEntry)
class HandEntryAdmin(ReadOnly):
    list_display = ["booked_at", "kind", "country", "unit", "micros", "reason", "booked_by"]
    list_filter = ["kind", "unit"]


@admin.register(Counting)
class CountingAdmin(ReadOnly):
    list_display = ["through", "started_at", "finished_at", "since", "reached", "claimed_by"]


@admin.register(Figure)
class FigureAdmin(ReadOnly):
    list_display = ["day", "what", "key", "artist", "album", "track", "count", "micros", "unit"]
    list_filter = ["what", "unit"]
    list_select_related = ["artist", "album", "track"]


@admin.register(Prediction)
class PredictionAdmin(ReadOnly):
    list_display = ["month", "album", "price_micros", "unit", "plays", "sales", "earned_micros", "made_at"]
    list_select_related = ["album"]
