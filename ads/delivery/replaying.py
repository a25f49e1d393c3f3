"""Decisions made again from what was recorded, and why each ad that could have been shown was or was not, in words."""

import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ads.delivery import choosing, logbook
from ads.delivery.candidates import Candidate, Snapshot
from ads.delivery.choosing import Decision
from ads.delivery.logbook import NotKept, Recorded
from ads.models import Campaign, Impression, Place
from ads.tokens import Choice

WORDS: Mapping[str, str] = {
    "not live": "The campaign was not live, or what it promotes could not be seen.",
    "not approved": "The ad was not approved.",
    "not begun": "Dates: it had not begun.",
    "over": "Dates: it was over.",
    "another place": "Targeting: it is not for this place, or this kind of ad cannot be shown there.",
    "another kind": "This kind of ad could not be shown there.",
    "budget spent": "Budget: not one more view was left of it; the rest was spent, or held by leases.",
    "day's cap reached": "Daily cap: not one more view was left of it that day.",
    "own music": "An artist is not promoted beside their own music.",
    "other music": "Targeting: other genres or artists.",
    "other moods": "Targeting: other moods.",
    "other languages": "Targeting: other languages.",
    "other countries": "Targeting: other countries, or the listener's is not known.",
    "other hours": "Targeting: other hours of the day.",
    "too many unseen": "Unseen offers: so many waited to be looked at where the listener was that nobody had to pay for"
    " another one.",
    "seen often enough": "Frequency: this listener had seen it often enough that day, or it is their own campaign.",
    "held back to last": "Pacing: it took only a part of its chances, to last until its end, and not this one.",
}
"""What each of `choosing.reason_against` means to whoever asks."""
NOTHING_LEFT = "Budget: its money was leased or spent since the campaigns were read, so it could pay no more."
OFFERED = "Offered: the best price of all that could be shown."
DRAWN = "Offered: drawn by lot. One choice in twenty ignores the price, so that no campaign starves."
UNPAID = "Offered: nobody who pays could be shown, and the lot fell on it."
ABSENT = "It was not live, or had no approved ad."
_MINUTE = timedelta(minutes=1)
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one ad in a decision, and why. `fits` says that no guard refused it."""

    one: Candidate
    why: str
    fits: bool
    is_offered: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision, recorded and made again. `ad_id` is what came out now, `faults` what does not agree."""

    recorded: Recorded
    ad_id: int | None
    verdicts: tuple[Verdict, ...]
    faults: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether the same ad came out, and nothing that we know says otherwise."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Minute:
    """What became of a campaign in the decisions of a minute: how many there were, and how many ended for which reason.

    `unread` of them could not be replayed; `is_part` says that there were more than are counted.
    """

    decisions: int
    offered: int
    reasons: tuple[tuple[str, int], ...]
    unread: int
    is_part: bool


def replay(token_id: uuid.UUID, at: datetime) -> Replay:
    """The decision that made this offer, made again. Raises NotKept."""
    recorded = logbook.find(token_id, at)
    decision = _again(recorded, logbook.snapshot_of(recorded))
    offered = _offered(decision)
    return Replay(
        recorded=recorded,
        ad_id=offered.ad_id if offered else None,
        verdicts=tuple(_verdicts(decision, offered)),
        faults=tuple(_faults(recorded, decision, offered)),
    )


def asked(recorded: Recorded) -> list[tuple[str, str]]:
    """What a decision depended on beside the campaigns, in words; only what was known."""
    context = recorded.context
    said = [
        ("Genre", context.genre),
        ("Mood", context.mood),
        ("Language", context.language),
        ("Artist", str(context.artist_id or "")),
        ("Country", context.country),
        ("Kinds of ads", ", ".join(sorted(context.kinds))),
        ("At most so many ads", str(recorded.count)),
        ("Ads seen in the last minutes", ", ".join(map(str, sorted(context.recent_ads)))),
        ("Campaigns seen often, or their own", ", ".join(map(str, sorted(context.views_today)))),
        ("Campaigns without money by then", ", ".join(map(str, sorted(recorded.without)))),
        ("Only ads that nobody pays for", "yes" if context.is_unpaid else ""),
        ("Seed", context.seed),
    ]
    return [(label, value) for label, value in said if value]


def of_minute(campaign_id: int, minute: datetime) -> Minute:
    """What became of one campaign in all that was decided within this minute."""
    pictures: dict[tuple[str, datetime], Snapshot | None] = {}
    reasons: Counter[str] = Counter()
    seen = offered = unread = 0
    for recorded in logbook.between(minute, minute + _MINUTE):
        if seen == MOST_COUNTED:
            return Minute(seen, offered, tuple(reasons.most_common()), unread, is_part=True)
        seen += 1
        key = (recorded.snapshot, recorded.taken_at)
        if key not in pictures:
            pictures[key] = _picture(recorded)
        taken = pictures[key]
        if taken is None:
            unread += 1
            continue
        decision = _again(recorded, taken)
        best = next(iter(_verdicts(decision, _offered(decision), campaign_id=campaign_id)), None)
        if best is not None and best.is_offered:
            offered += 1
        else:
            reasons[best.why if best else ABSENT] += 1
    return Minute(seen, offered, tuple(reasons.most_common()), unread, is_part=False)


# --- inside


def _picture(recorded: Recorded) -> Snapshot | None:
    try:
        return logbook.snapshot_of(recorded)
    except NotKept:
        return None


def _again(recorded: Recorded, taken: Snapshot) -> Decision:
    return choosing.decide(
        taken, recorded.place, recorded.context, recorded.at, count=recorded.count, without=recorded.without
    )


def _offered(decision: Decision) -> Choice | None:
    """What is offered of a choice: the first, and at the gate the one that pays best."""
    if decision.place != Place.GATE:
        return next(iter(decision.choices), None)
    return next(iter(choosing.plan(sys.maxsize, 0, decision.choices, is_full=True).ads), None)


def _faults(recorded: Recorded, decision: Decision, offered: Choice | None) -> list[str]:
    faults = []
    if (offered.ad_id if offered else None) != recorded.ad_id:
        said, found = (f"ad {ad_id}" if ad_id else "no ad" for ad_id in (recorded.ad_id, offered and offered.ad_id))
        faults.append(f"Recorded was {said}, and now {found} came out.")
        if recorded.rules != choosing.RULES:
            faults.append(f"It was chosen by older rules: {recorded.rules}, and now they are {choosing.RULES}.")
    view = Impression.objects.filter(pk=recorded.token_id).first()
    if view is not None and (view.ad_id, view.place) != (recorded.ad_id, recorded.place):
        faults.append(
            f"The view that was counted says ad {view.ad_id} at {view.place}: the record is not of this view."
        )
    if view is not None and offered and view.offered_micros != offered.price_micros:
        faults.append(f"The view was offered for {view.offered_micros} micros, and now for {offered.price_micros}.")
    return faults


def _verdicts(decision: Decision, offered: Choice | None, *, campaign_id: int | None = None) -> list[Verdict]:
    """Of every ad in the picture, or of one campaign's: what was offered, what fits, the others; the dearest first."""
    by_id = {one.ad_id: one for one in decision.taken.candidates}
    shown = by_id[offered.ad_id] if offered else None
    is_drawn = _is_drawn(decision, shown)
    mine = (one for one in decision.taken.candidates if campaign_id in (None, one.campaign_id))
    found = [_verdict(one, decision, shown, is_drawn) for one in mine]
    return sorted(found, key=lambda it: (not it.is_offered, not it.fits, -it.one.price_micros, it.one.ad_id))


def _verdict(one: Candidate, decision: Decision, shown: Candidate | None, is_drawn: bool) -> Verdict:
    if one is shown:
        is_paid = one.campaign_kind == Campaign.Kind.PAID
        return Verdict(one, DRAWN if is_drawn else OFFERED if is_paid else UNPAID, fits=True, is_offered=True)
    reason = choosing.reason_against(one, decision.place, decision.context, decision.at)
    if reason is not None:
        return Verdict(one, WORDS[reason], fits=False, is_offered=False)
    if one.campaign_id in decision.without:
        return Verdict(one, NOTHING_LEFT, fits=False, is_offered=False)
    if decision.place == Place.GATE and one.campaign_kind != Campaign.Kind.PAID:
        why = "The gate takes only ads that pay."
        return Verdict(one, why, fits=False, is_offered=False)
    assert shown is not None, "what fits is offered when there is nothing better"
    return Verdict(one, _passed_over(one, decision, shown, is_drawn), fits=True, is_offered=False)


def _passed_over(one: Candidate, decision: Decision, shown: Candidate, is_drawn: bool) -> str:
    """Why another ad was offered though this one fits."""
    recent = decision.context.recent_ads
    if one.campaign_kind != shown.campaign_kind:
        is_paid = shown.campaign_kind == Campaign.Kind.PAID
        return "An ad that somebody pays for came first." if is_paid else "An artist's promotion came first."
    if any(choice.ad_id == one.ad_id for choice in decision.choices):
        return "It was among the best, and the next one if this download needs another."
    if one.ad_id in recent and shown.ad_id not in recent:
        return "Recent repeat: this listener saw it in the last minutes, and there was another one."
    if one.campaign_id == shown.campaign_id:
        return "Another ad of its campaign was offered."
    if one.campaign_kind != Campaign.Kind.PAID:
        return "The lot fell on another one; artists take turns."
    if is_drawn:
        return "Exploration: this was one of the choices in twenty that ignore the price, and another one was drawn."
    if one.price_micros < shown.price_micros:
        return "Another one pays more."
    return "Another one pays the same, and the lot fell on it."


def _is_drawn(decision: Decision, shown: Candidate | None) -> bool:
    """Whether the ad was drawn whatever it pays: only what was not seen lately is."""
    if shown is None or shown.campaign_kind != Campaign.Kind.PAID or shown.ad_id in decision.context.recent_ads:
        return False
    return choosing.is_lottery(decision.place, decision.context)
