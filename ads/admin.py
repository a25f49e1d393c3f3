"""The ads room in Django's own admin: to look at, and to make house ads. Money and counts are never typed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ads.models import Ad, AdEvent, Advertiser, BookDay, Campaign, CampaignDay, Impression, ImpressionGroup, Wallet
from megabox.looking import ReadOnly


@admin.register(Advertiser)
class AdvertiserAdmin(admin.ModelAdmin[Advertiser]):
    list_display = ["name", "owner", "created_at"]
    search_fields = ["name", "owner__email"]
    autocomplete_fields = ["owner"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AdInline(admin.StackedInline[Ad, Campaign]):
    model = Ad
    extra = 0
    fields = ["kind", "title", "body", "click_url", "alt", "transcript", "duration_ms", "review", "review_reason"]


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin[Campaign]):
    """House campaigns are made here: no advertiser, no price, no budget."""

    list_display = ["name", "advertiser", "kind", "state", "cpm_micros", "spent_micros", "budget_micros", "starts_at"]
    list_filter = ["state", "kind"]
    search_fields = ["name", "advertiser__name"]
    list_select_related = ["advertiser"]
    readonly_fields = ["spent_micros", "went_live_at", "stopped_at", "ended_at"]

    def get_inlines(self, request: HttpRequest, obj: Campaign | None) -> Any:
        """Ads of advertisers are decided on in the review, never typed here."""
        return [AdInline] if obj is None or obj.kind == Campaign.Kind.HOUSE else []

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        """What an advertiser pays for is decided on the advertiser's pages."""
        if obj is None or obj.kind == Campaign.Kind.HOUSE:
            return self.readonly_fields
        return [field.name for field in Campaign._meta.concrete_fields if field.name != "name"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Impression)
class ImpressionAdmin(ReadOnly):
    list_display = ["id", "campaign", "place", "price_micros", "artist", "state", "reason", "viewed_at", "number"]
    list_filter = ["state", "place", "reason"]
    list_select_related = ["campaign", "artist"]
    date_hierarchy = "viewed_at"


@admin.register(ImpressionGroup)
class ImpressionGroupAdmin(ReadOnly):
    list_display = ["day", "campaign", "beneficiary", "count", "gross_micros", "posted_micros", "postings_count"]
    list_filter = ["place"]
    list_select_related = ["campaign"]
    date_hierarchy = "day"


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = ["id", "user", "merged_into", "blocked_at", "blocked_reason", "created_at"]
    list_filter = ["blocked_at"]
    exclude = ["guest_key"]
    list_select_related = ["user"]


@admin.register(BookDay)
class BookDayAdmin(ReadOnly):
    list_display = ["day", "state", "closed_at", "final_at"]


@admin.register(CampaignDay)
class CampaignDayAdmin(ReadOnly):
    list_display = ["day", "campaign", "spent_micros"]
    list_select_related = ["campaign"]


@admin.register(AdEvent)
class AdEventAdmin(ReadOnly):
    list_display = ["at", "campaign", "stage", "token_id"]
    list_filter = ["stage"]
    list_select_related = ["campaign"]
