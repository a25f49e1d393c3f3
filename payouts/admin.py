"""Payouts in Django's own admin: to look at. Everything is done at the desk, where it is checked and booked."""

from django.contrib import admin

from megabox.looking import ReadOnly
from payouts.models import Attempt, BankAccount, Block, Decision, Payout, PayoutFile, PayoutRun, PoolShare, PoolSharing


class Attempts(admin.TabularInline[Attempt, Payout]):
    model = Attempt
    extra = 0
    can_delete = False


@admin.register(PayoutRun)
class PayoutRunAdmin(ReadOnly):
    list_display = ["pk", "period", "unit", "state", "created_by", "approved_by", "executed_at", "finished_at"]
    list_filter = ["state", "unit"]


@admin.register(Payout)
class PayoutAdmin(ReadOnly):
    list_display = ["pk", "run", "payee", "unit", "amount_micros", "state", "reason", "tries", "transfer_id", "paid_at"]
    list_filter = ["state", "unit"]
    list_select_related = ["run", "payee"]
    search_fields = ["reference", "transfer_id", "payee__name"]
    inlines = [Attempts]


@admin.register(Block)
class BlockAdmin(ReadOnly):
    list_display = ["pk", "payee", "reason", "note", "created_by", "created_at", "until", "lifted_by", "lifted_at"]
    list_filter = ["reason"]
    list_select_related = ["payee", "created_by", "lifted_by"]


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["pk", "run", "payout", "what", "why", "by", "at"]
    list_filter = ["what"]
    list_select_related = ["run", "payout", "by"]


@admin.register(PayoutFile)
class PayoutFileAdmin(ReadOnly):
    """Without its content, which holds account numbers."""

    list_display = ["message_id", "run", "rail", "count", "micros", "sha256", "issued_by", "issued_at"]
    list_select_related = ["run", "issued_by"]
    exclude = ["content"]


@admin.register(BankAccount)
class BankAccountAdmin(ReadOnly):
    """Shortened, as everywhere."""

    list_display = ["pk", "payee", "kind", "masked", "holder", "created_by", "created_at", "replaced_at"]
    list_select_related = ["payee", "created_by"]
    exclude = ["number"]


@admin.register(PoolSharing)
class PoolSharingAdmin(ReadOnly):
    list_display = [
        "month",
        "unit",
        "number",
        "micros",
        "carried_to",
        "model",
        "plays",
        "listeners",
        "guests",
        "booked_at",
    ]
    list_filter = ["unit", "model"]


@admin.register(PoolShare)
class PoolShareAdmin(ReadOnly):
    list_display = ["sharing", "payee", "plays", "listeners", "micros", "user_centric_micros", "pro_rata_micros"]
    list_select_related = ["sharing", "payee"]
    search_fields = ["sharing__month", "payee__name"]
