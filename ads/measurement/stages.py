"""How far ads were played, by the hour, as browsers said: for reports.

The quarters come with the end of an ad. It ends once: what comes after its end, or at the same moment, adds nothing to
them.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from ads.measurement import sql
from ads.measurement.claims import QUARTERS, Report
from ads.models import Ad, AdEvent, Place
from ads.traffic import fraud
from megabox.days import hour_of

Hour = tuple[int, str, datetime]
"""Campaign, place and the beginning of the hour."""

ENDS = (AdEvent.Stage.COMPLETED, AdEvent.Stage.SKIPPED)
"""The stages that are an ad's end."""

_COUNTED = frozenset(str(stage.value) for stage in AdEvent.Stage) - {str(AdEvent.Stage.VIEWED.value)}
_QUARTERS = ("first_quarter", "half", "third_quarter")


def add(reports: Sequence[Report], ads: Mapping[int, Ad], ended_now: Collection[uuid.UUID]) -> None:
    """Count reports that nobody counted before, in the transaction that counts them.

    `ended_now` are the tokens of which no end was reported before these.
    """
    told = [one for one in reports if one.stage in _COUNTED and _can_be_true(one, ads[one.offer.ad_id])]
    left = set(ended_now)
    counts: dict[Hour, Counter[str]] = {}
    for one in told:
        hour = counts.setdefault((one.offer.campaign_id, one.offer.place, hour_of(one.at)), Counter())
        hour[one.stage] += 1
        if one.stage in ENDS and one.offer.id in left:
            left.remove(one.offer.id)
            is_whole = one.stage == AdEvent.Stage.COMPLETED
            passed = QUARTERS if is_whole else one.claims.quarters(ads[one.offer.ad_id].duration_ms)
            hour.update(_QUARTERS[:passed])
    if counts:
        sql.add_stages(counts)


def add_gate(campaign_id: int, at: datetime, *, is_end: bool) -> None:
    """Count the start of a gate view, or its end; apart from every transaction that moves money."""
    names = ["completed", *_QUARTERS] if is_end else ["started"]
    sql.add_stages({(campaign_id, Place.GATE.value, hour_of(at)): dict.fromkeys(names, 1)})


def _can_be_true(report: Report, ad: Ad) -> bool:
    """Robots are left out, and what is said to have been played to its end sooner than it lasts."""
    if report.signals is not None and fraud.reason_against_asking(report.signals):
        return False
    elapsed_ms = (report.at - report.offer.issued_at) // timedelta(milliseconds=1)
    return report.stage != AdEvent.Stage.COMPLETED or fraud.is_long_enough(elapsed_ms, ad.duration_ms)
