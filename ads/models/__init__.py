"""The tables of attention. All amounts are whole micros of `settings.ADS_CURRENCY`.

Prices, shares and the policy's version are frozen on the impression, so no later change of a campaign or of a split
sheet changes what an impression was worth.
"""

from ads.models.campaigns import (
    BESIDE_MUSIC,
    LEAST_CPM_MICROS,
    MOST_BUDGET_MICROS,
    MOST_CPM_MICROS,
    MOST_FREQUENCY,
    Ad,
    Advertiser,
    Campaign,
    CampaignDay,
    Place,
    ServedHour,
)
from ads.models.impressions import AdEvent, BookDay, GroupEntry, Impression, ImpressionGroup, Settlement
from ads.models.wallets import Wallet

__all__ = [
    "BESIDE_MUSIC",
    "LEAST_CPM_MICROS",
    "MOST_BUDGET_MICROS",
    "MOST_CPM_MICROS",
    "MOST_FREQUENCY",
    "Ad",
    "AdEvent",
    "Advertiser",
    "BookDay",
    "Campaign",
    "CampaignDay",
    "GroupEntry",
    "Impression",
    "ImpressionGroup",
    "Place",
    "ServedHour",
    "Settlement",
    "Wallet",
]
