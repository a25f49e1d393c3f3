"""What a posting comes from: from its `source` (`store.line:77`) to the row, in the room that has it.

No names or addresses of people: who may look at the books need not know who listened.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from ads.models import Impression, ImpressionGroup, Site
from megabox import money
from megabox.presenting import moment
from megabox.reporting import source_url
from payouts.models import Payout, PoolShare, PoolSharing
from store.models import Adjustment, Dispute, Gate, Order, OrderLine


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known, and where it is proved."""

    label: str
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Thing:
    """A row that postings come from: what it is called, what is known of it, and its own page, if it has one."""

    title: str
    facts: Sequence[Fact]
    href: str = ""


NOTHING = uuid.UUID(int=0)


def resolve(source: str) -> Thing | None:
    """The row that a source names; None when nothing is known by that name, or not any more."""
    prefix, _, name = source.partition(":")
    find = _FINDERS.get(prefix)
    return find(name) if find and name else None


def _number(name: str) -> int | None:
    return int(name) if name.isascii() and name.isdecimal() and len(name) < 19 else None


def _uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


def _line(name: str) -> Thing | None:
    line = OrderLine.objects.filter(pk=_number(name) or 0).select_related("order").first()
    if line is None:
        return None
    unit = line.order.unit
    net = "" if line.net_micros is None else money.display_exact(line.net_micros, unit)
    return Thing(
        f"Order line {line.pk}: {line.title}",
        [
            Fact("Order", str(line.order_id), source_url(f"store.order:{line.order_id}")),
            Fact("Kind", line.get_kind_display()),
            Fact("Asked", money.display_exact(line.price_micros, unit)),
            Fact("Taken off before, by a code", money.display_exact(line.discount_micros, unit)),
            Fact("Paid without tax", net),
            Fact("Split (payee: basis points)", ", ".join(f"{payee}: {points}" for payee, points in line.shares)),
            Fact("Policy", str(line.policy_version)),
        ],
    )


def _order(name: str) -> Thing | None:
    order = Order.objects.filter(pk=_uuid(name) or NOTHING).first()
    if order is None:
        return None
    fee = "not known yet" if order.fee_micros is None else money.display_exact(order.fee_micros, order.unit)
    facts = [
        Fact("Kind", order.get_kind_display()),
        Fact("State", order.get_state_display()),
        Fact("Paid", moment(order.paid_at)),
        Fact("Total", money.display_exact(order.total_micros, order.unit)),
        Fact("Of it tax", money.display_exact(order.tax_micros, order.unit)),
        Fact("Refunded", money.display_exact(order.refunded_micros, order.unit)),
        Fact("Charged back", money.display_exact(order.charged_back_micros, order.unit)),
        Fact("Card fee", fee),
        Fact("Country", order.country),
        Fact("Payment at Stripe", order.payment_intent),
    ]
    lines = [Fact(f"Line {n}", line.title, source_url(line.source)) for n, line in enumerate(order.lines.all(), 1)]
    return Thing(f"Order {order.pk}", [*facts, *lines])


def _gate(name: str) -> Thing | None:
    gate = Gate.objects.filter(pk=_uuid(name) or NOTHING).select_related("album", "track").first()
    if gate is None:
        return None
    return Thing(
        f"Free download of {gate.album or gate.track}",
        [
            Fact("Asked", money.display_exact(gate.asked_micros, settings.ADS_CURRENCY)),
            Fact("Spent, in money", money.display_exact(gate.spent_micros, settings.ADS_CURRENCY)),
            Fact("Format", gate.recipe),
            Fact("Granted", moment(gate.granted_at)),
        ],
    )


def _dispute(name: str) -> Thing | None:
    case = Dispute.objects.filter(pk=_number(name) or 0).first()
    if case is None:
        return None
    return Thing(
        f"Dispute {case.stripe_id}",
        [
            Fact("State", case.get_state_display()),
            Fact("Reason", case.reason),
            Fact("Order", str(case.order_id), source_url(f"store.order:{case.order_id}")),
            Fact("Amount", money.display_exact(case.amount_micros, case.unit)),
            Fact("Opened", moment(case.opened_at)),
            Fact("Closed", moment(case.closed_at)),
        ],
        reverse("store:dispute", args=[case.pk]),
    )


def _adjustment(name: str) -> Thing | None:
    decided = Adjustment.objects.filter(pk=_uuid(name) or NOTHING).select_related("decided_by").first()
    if decided is None:
        return None
    about = f"payee {decided.payee_id}" if decided.payee_id else f"advertiser {decided.advertiser_id}"
    return Thing(
        f"Decision of the staff: {decided.get_kind_display()}",
        [
            Fact("About", about),
            Fact("Amount", money.display_exact(decided.amount_micros, decided.unit)),
            Fact("Country", decided.country),
            Fact("Reason", decided.reason),
            Fact("Decided", moment(decided.decided_at)),
        ],
        reverse("store:owed"),
    )


def _group(name: str) -> Thing | None:
    group = ImpressionGroup.objects.filter(pk=_number(name) or 0).select_related("campaign").first()
    return group_thing(group) if group else None


def _site(name: str) -> Thing | None:
    site = Site.objects.filter(pk=_number(name) or 0).first()
    if site is None:
        return None
    facts = [
        Fact("Category", site.get_category_display()),
        Fact("Claimed by payee", str(site.payee_id or "")),
        Fact("Waits in escrow", money.display_exact(site.escrow_micros(), settings.ADS_CURRENCY)),
    ]
    return Thing(f"Site {site.domain}", facts, f"{reverse('ads:sites')}?q={site.domain}")


def group_thing(group: ImpressionGroup) -> Thing:
    """A group of views: what one campaign owes one beneficiary for one day."""
    unit = settings.ADS_CURRENCY
    return Thing(
        f"{group.campaign.name}, {group.day}",
        [
            Fact("Campaign", group.campaign.name),
            Fact("Beneficiary", group.beneficiary),
            Fact("Day", group.day.isoformat()),
            Fact("Place", group.get_place_display()),
            Fact("Entries (n)", str(group.postings_count)),
            Fact("Views billed", str(group.count)),
            Fact("Posted", money.display_exact(group.posted_micros, unit)),
            Fact("Of it still standing", money.display_exact(group.gross_micros, unit)),
            Fact("Split (who: basis points)", ", ".join(f"{who}: {points}" for who, points in group.shares)),
            Fact("Policy", str(group.policy_version)),
        ],
        f"/desk/books/groups/{group.pk}/",
    )


def _impression(name: str) -> Thing | None:
    view = Impression.objects.filter(pk=_uuid(name) or NOTHING).select_related("campaign", "artist").first()
    return view_thing(view) if view else None


def view_thing(view: Impression) -> Thing:
    """One view of an ad; not who saw it."""
    facts = [
        Fact("Campaign", view.campaign.name),
        Fact("Artist", view.artist.name if view.artist else ""),
        Fact("Place", view.get_place_display()),
        Fact("Seen", moment(view.viewed_at)),
        Fact("Price", money.display_exact(view.price_micros, settings.ADS_CURRENCY)),
        Fact("State", view.get_state_display()),
        Fact("Reason", view.reason),
        Fact("Number in the line", str(view.number)),
    ]
    return Thing(f"View {view.pk}", facts, f"/desk/books/views/{view.pk}/")


def _payout(name: str) -> Thing | None:
    payout = Payout.objects.filter(pk=_number(name) or 0).select_related("payee", "run").first()
    return payout_thing(payout) if payout else None


def payout_thing(payout: Payout) -> Thing:
    """What one payee got in one run."""
    facts = [
        Fact("Payee", payout.payee.name),
        Fact("Run", f"{payout.run_id}, {payout.run.period}", f"/desk/payouts/{payout.run_id}/"),
        Fact("State", payout.get_state_display()),
        Fact("Amount", money.display_exact(payout.amount_micros, payout.unit)),
        Fact("Transfer", payout.transfer_id),
        Fact("Paid", moment(payout.paid_at)),
        Fact("Why", payout.reason),
    ]
    return Thing(f"Payout {payout.pk}", facts, f"/desk/books/payouts/{payout.pk}/")


def _pool_share(name: str) -> Thing | None:
    share = PoolShare.objects.filter(pk=_number(name) or 0).select_related("sharing", "payee").first()
    if share is None:
        return None
    sharing = share.sharing
    facts = [
        Fact("Pool", f"{sharing.month}, {sharing.unit}", source_url(sharing.source)),
        Fact("Payee", share.payee.name),
        Fact("Plays", f"{share.plays} of {sharing.plays}"),
        Fact("Listeners", f"{share.listeners} of {sharing.listeners}"),
        Fact("Got", money.display_exact(share.micros, sharing.unit)),
    ]
    models = [Fact(model.label, money.display_exact(micros, sharing.unit)) for model, micros in share.by_model.items()]
    return Thing(f"{share.payee.name}'s part of the pool of {sharing.month}", [*facts, *models])


def _pool_sharing(name: str) -> Thing | None:
    sharing = PoolSharing.objects.filter(pk=_number(name) or 0).first()
    if sharing is None:
        return None
    facts = [
        Fact("In the pool", money.display_exact(sharing.micros, sharing.unit)),
        Fact("Carried on to", sharing.carried_to),
        Fact("Shared by", sharing.get_model_display()),
        Fact("Plays", str(sharing.plays)),
        Fact("Listeners", str(sharing.listeners)),
        Fact("Of them guests", str(sharing.guests)),
        Fact("Policy", str(sharing.policy_version)),
        Fact("Booked", moment(sharing.booked_at)),
    ]
    return Thing(f"Artists' pool of {sharing.month}", facts, f"/desk/reports/pool/?since={sharing.month}-01")


def _balance(name: str) -> Thing | None:
    number = _number(name)
    return None if number is None else Thing(f"Stripe's line {number}", [], f"/desk/stripe/{number}/")


_FINDERS: Mapping[str, Callable[[str], Thing | None]] = {
    "store.line": _line,
    "store.order": _order,
    "store.gate": _gate,
    "store.dispute": _dispute,
    "store.adjustment": _adjustment,
    "store.balance": _balance,
    "ads.group": _group,
    "ads.site": _site,
    "ads.impression": _impression,
    "payouts.payout": _payout,
    "payouts.poolshare": _pool_share,
    "payouts.poolsharing": _pool_sharing,
}
