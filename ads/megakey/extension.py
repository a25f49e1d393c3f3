"""Ads of the extension: one open offer for each wallet, so many a day, seen and paid like any other.

The extension asks, shows and reports to the address of all events; the signed token says who earns. Nothing it sends
says where its listener is: an ad on its own surfaces knows no site at all.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from ads import tokens
from ads.assets import creatives
from ads.delivery import frequency, hours, serving
from ads.models import Ad, Impression, OpenOffer, Place, Site, Wallet
from ads.revenue import replaced

STILL = frozenset({str(Ad.Kind.IMAGE), str(Ad.Kind.TEXT)})


class Refused(Exception):
    """No ad can be given to this wallet now, with a sentence for its holder."""


class DayFull(Refused):
    """The wallet has seen all it may see today."""


class AnotherOpen(Refused):
    """The wallet was given another ad, which is neither seen nor over."""


class NotReplaced(Refused):
    """No ad is replaced there."""


class WalletBlocked(Refused):
    """The wallet earns no more until somebody has looked at it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An ad to show, its token, how long it may be shown, and what the wallet earns by it, in micros."""

    ad: Ad
    image_url: str
    token: str
    ends_at: datetime
    earns_micros: int


def seen_today(wallet: Wallet, at: datetime) -> int:
    """How many ads of the extension counted for this wallet since the UTC day began."""
    return frequency.views_today(wallet.pk, at).filter(place=Place.MEGAKEY).count()


def offer(wallet: Wallet, at: datetime, *, site_id: int | None = None) -> Shown | None:
    """The ad this wallet is to see on the extension's own surfaces at `at`, or on this site; None when there is none.

    Asked again before it was seen or is over, it is the same. Raises Refused.
    """
    shares = _shares(site_id)
    if wallet.blocked_at:
        raise WalletBlocked("This wallet cannot earn credits now. Write to us and we will look at it.")
    last = _last(wallet)
    if last is not None and _is_open(last, at):
        if _terms(last) != shares:
            raise AnotherOpen("Another ad is open. There is a new one when it was seen or is over.")
        return _shown(last)
    if seen_today(wallet, at) >= settings.MEGAKEY_DAILY_ADS:
        raise DayFull(f"That was ad {settings.MEGAKEY_DAILY_ADS} today, and the last one. There are more tomorrow.")
    country = wallet.user.country if wallet.user else ""
    context = replace(serving.context_for(wallet, at, country=country, user_id=wallet.user_id), kinds=STILL)
    offered = serving.pick_and_offer(Place.MEGAKEY, context, at, wallet=wallet, shares=shares)
    hours.count_asked(Place.MEGAKEY, at, is_filled=offered is not None and offered[0].price_micros > 0)
    if offered is None:
        return None
    choice, token = offered
    given = _keep(wallet, last, tokens.verify(token), token)
    if _terms(given) != shares:
        raise AnotherOpen("Another ad was opened just now. There is a new one when it was seen or is over.")
    if given.token == token:
        hours.count_served(choice.campaign_id, Place.MEGAKEY, at)
    return _shown(given)


def _shares(site_id: int | None) -> list[list[int]]:
    """Who else has a part: the site, where an ad of its own is replaced. Raises NotReplaced."""
    if site_id is None:
        return []
    if not settings.MEGAKEY_REPLACES:
        raise NotReplaced("Replacing ads is switched off here.")
    if not Site.objects.listed().filter(pk=site_id).exists():
        raise NotReplaced("This site is not on the list, or not any more. Read the list again.")
    return replaced.shares_of(site_id)


def _terms(given: OpenOffer) -> list[list[int]]:
    return [list(share) for share in tokens.verify(given.token).shares]


def _last(wallet: Wallet) -> OpenOffer | None:
    return OpenOffer.objects.select_related("ad__campaign__advertiser").filter(wallet=wallet).first()


def _is_open(last: OpenOffer, at: datetime) -> bool:
    """Whether this ad can still be seen and counted."""
    return last.ends_at >= at and last.ad.is_showable and not Impression.objects.filter(pk=last.offer_id).exists()


def _keep(wallet: Wallet, last: OpenOffer | None, made: tokens.Offer, token: str) -> OpenOffer:
    """Make this the open offer of its wallet, unless somebody was quicker: then theirs is."""
    values = {"offer_id": made.id, "ad_id": made.ad_id, "token": token, "ends_at": made.expires_at}
    if last is None:
        try:
            with transaction.atomic():
                OpenOffer.objects.create(wallet=wallet, **values)
        except IntegrityError:
            pass
    else:
        OpenOffer.objects.filter(wallet=wallet, offer_id=last.offer_id).update(**values)
    kept = _last(wallet)
    assert kept is not None, "one of the two was kept"
    return kept


def _shown(given: OpenOffer) -> Shown:
    offered = tokens.verify(given.token)
    earns = replaced.listener_part(offered.price_micros, offered.shares)
    return Shown(given.ad, creatives.image_url(given.ad), given.token, given.ends_at, earns)
