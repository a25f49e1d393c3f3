"""What waits for the sites whose ads the extension replaced, and how it becomes theirs.

A site's part of each view goes into `publisher:{site}:escrow` when the view is settled. Once somebody has shown that
the site is theirs, what was earned on days that are final is released to the payee they named, as pending money that
matures at once; from there it is paid like everybody's. Source: docs/money.md, "Megakey".
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, Sum

from ads.models import BookDay, GroupEntry, Impression, Place, Site
from ads.revenue import replaced
from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Posting

RELEASE = "escrow released"
"""The kind of the entries that give a site what waited for it."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What the postings say of one site, in micros: given to it less taken back, and what is left in escrow of it."""

    kept_micros: int = 0
    balance_micros: int = 0


def release_due(at: datetime) -> int:
    """Release what every claimed site has earned on days that are final; return how many entries are new.

    Once a day for each site; safe to repeat and to kill.
    """
    claimed = Site.objects.filter(payee__isnull=False).order_by("pk")
    return sum(_release(site_id, payee_id, at) for site_id, payee_id in claimed.values_list("pk", "payee"))


def _release(site_id: int, payee_id: int, at: datetime) -> bool:
    unit, day = settings.ADS_CURRENCY, at.date()
    code, key = chart.escrow(site_id, unit), f"escrow:{site_id}:{day.isoformat()}"
    with transaction.atomic():
        pending = chart.payee(payee_id, "pending", unit)
        held = journal.lock([code, pending])[code]
        amount = held - _not_final(site_id)
        if amount <= 0 or journal.entry_for(key) is not None:
            return False
        facts = {"title": "Ads that Megakey replaced on your site", "site": site_id}
        line = Line(code, pending, amount, unit, f"ads.site:{site_id}", facts, matures_on=day)
        return journal.post(key, RELEASE, [line], occurred_at=at).is_new


def _not_final(site_id: int) -> int:
    """The site's part of views that can still be found invalid: nothing of it is released yet."""
    final = BookDay.objects.filter(state=BookDay.State.FINAL).values("day")
    views = Impression.objects.viewed().filter(_of_sites(site_id), price_micros__gt=0).exclude(day__in=final)
    counted = views.order_by().values_list("shares", "price_micros").annotate(n=Count("pk"))
    return sum(replaced.site_part(price, shares) * n for shares, price, n in counted)


def releases(site_id: int) -> list[Posting]:
    """The postings that released a site's escrow, oldest first."""
    code = chart.escrow(site_id, settings.ADS_CURRENCY)
    found = Posting.objects.filter(entry__kind=RELEASE, debit__code=code)
    return list(found.select_related("credit").order_by("pk"))


# --- for the audit


def standing() -> dict[int, int]:
    """Each site's part of its billed views that still stand, recomputed from the raw impressions, in micros."""
    parts: dict[int, int] = defaultdict(int)
    entries = GroupEntry.objects.filter(group__place=Place.MEGAKEY).exclude(group__shares=[]).select_related("group")
    for entry in entries.order_by("pk").iterator():
        shares = entry.group.shares
        views = entry.views.filter(state=Impression.State.VIEWED).order_by()
        for price, n in views.values_list("price_micros").annotate(n=Count("pk")):
            parts[shares[0][0]] += replaced.site_part(price, shares) * n
    return dict(parts)


def booked() -> dict[int, Booked]:
    """What the books say of each site."""
    is_escrow = Q(debit__code__startswith="publisher:") | Q(credit__code__startswith="publisher:")
    rows = (
        Posting.objects.filter(is_escrow)
        .order_by()
        .values_list("debit__code", "credit__code")
        .annotate(micros=Sum("amount"))
    )
    kept: dict[int, int] = defaultdict(int)
    balance: dict[int, int] = defaultdict(int)
    for debit, credit, micros in rows:
        if credit.startswith("publisher:"):
            balance[chart.owner_id(credit)] += micros
            kept[chart.owner_id(credit)] += micros
        else:
            balance[chart.owner_id(debit)] -= micros
            kept[chart.owner_id(debit)] -= 0 if credit.startswith("payee:") else micros
    back = Posting.objects.filter(reverses__debit__code__startswith="publisher:").order_by()
    for code, micros in back.values_list(F("reverses__debit__code")).annotate(micros=Sum("amount")):
        kept[chart.owner_id(code)] -= micros
    return {site_id: Booked(kept[site_id], balance[site_id]) for site_id in kept.keys() | balance.keys()}


def _of_sites(site_id: int) -> Q:
    return Q(place=Place.MEGAKEY, beneficiary__startswith=f"{Place.MEGAKEY}:{site_id}:")
