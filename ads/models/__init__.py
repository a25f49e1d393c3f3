"""The tables of attention. All amounts are whole micros of `settings.ADS_CURRENCY`.

Prices, shares and the policy's version are frozen on the impression, so no later change of a campaign or of a split
sheet changes what an impression was worth.
"""

from ads.models.budgets import BudgetLease, CampaignDay
from ads.models.campaigns import (
    BESIDE_MUSIC,
    LEAST_CPM_MICROS,
    MOST_BUDGET_MICROS,
    MOST_CPM_MICROS,
    MOST_FREQUENCY,
    WHOLE_PERMILLE,
    Ad,
    Advertiser,
    Campaign,
    LooseFile,
    Place,
)
from ads.models.events import AdEvent, ParkedReport, StreamOffset
from ads.models.hours import AskedHour, ServedHour, StageHour
from ads.models.impressions import BookDay, GroupEntry, Impression, ImpressionGroup, Settlement
from ads.models.megakey import OpenOffer, Pairing
from ads.models.sites import Site, SiteClaim, SiteList
from ads.models.suspicion import DayKey, Invalidation, PrefixCount, SeenHour, Spike
from ads.models.wallets import Wallet

__all__ = [
    "BESIDE_MUSIC",
    "LEAST_CPM_MICROS",
    "MOST_BUDGET_MICROS",
    "MOST_CPM_MICROS",
    "MOST_FREQUENCY",
    "WHOLE_PERMILLE",
    "Ad",
    "AdEvent",
    "Advertiser",
    "AskedHour",
    "BookDay",
    "BudgetLease",
    "Campaign",
    "CampaignDay",
    "DayKey",
    "GroupEntry",
    "Impression",
    "ImpressionGroup",
    "Invalidation",
    "LooseFile",
    "OpenOffer",
    "Pairing",
    "ParkedReport",
    "Place",
    "PrefixCount",
    "SeenHour",
    "ServedHour",
    "Settlement",
    "Site",
    "SiteClaim",
    "SiteList",
    "Spike",
    "StageHour",
    "StreamOffset",
    "Wallet",
]
