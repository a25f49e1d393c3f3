"""The ads room in Django's own admin: to look at. Campaigns and ads are made on the pages of whoever runs them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ads.models import (
    Ad,
    AdEvent,
    Advertiser,
    BookDay,
    Campaign,
    CampaignDay,
    Impression,
    ImpressionGroup,
    ParkedReport,
    Wallet,
)
from megabox.looking import ReadOnly


@admin.register(Advertiser)
class AdvertiserAdmin(admin.ModelAdmin[Advertiser]):
    list_display = ["name", "owner", "created_at"]
    search_fields = ["name", "owner__email"]
    autocomplete_fields = ["owner"]
    # Stopping somebody pauses their campaigns too: only `campaigns.stop_all` does both.
    readonly_fields = ["stopped_at", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Campaign)
class CampaignAdmin(ReadOnly):
    list_display = ["name", "advertiser", "kind", "state", "cpm_micros", "spent_micros", "budget_micros", "starts_at"]
    list_filter = ["state", "kind"]
    search_fields = ["name", "advertiser__name"]
    list_select_related = ["advertiser"]


@admin.register(Ad)
class AdAdmin(ReadOnly):
    list_display = ["title", "campaign", "kind", "review", "media_state", "reviewed_by", "reviewed_at"]
    list_filter = ["review", "kind", "media_state"]
    search_fields = ["title", "campaign__name"]
    readonly_fields = ["click_url"]  # Django would make a form of it even to look at, and warn of the scheme it assumes
    list_select_related = ["campaign", "reviewed_by"]


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


@admin.register(ParkedReport)
class ParkedReportAdmin(ReadOnly):
    list_display = ["parked_at", "stream", "entry_id", "problem"]
    date_hierarchy = "parked_at"
