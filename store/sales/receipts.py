"""What a buyer and an artist can read about a paid order: price, tax, fee, the artists' share and ours."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum
from django.template.loader import render_to_string

from ledger import chart, journal
from ledger.models import Posting
from store.models import Order, OrderLine
from users import mail

SUBJECTS = {
    Order.Kind.SALE: "Your music from Megabox",
    Order.Kind.PREORDER: "Your pre-order at Megabox",
    Order.Kind.DEPOSIT: "Your deposit at Megabox",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """All the numbers of a payment, in micros of `unit`, as booked; `fee` is None until Stripe tells it."""

    unit: str
    price: int
    tax: int
    total: int
    artists: int
    commission: int
    fee: int | None
    refunded: int
    charged_back: int
    artist_count: int

    @property
    def ours(self) -> int:
        """What Megabox keeps of its tenth after the card fee; below zero on small sales."""
        return self.commission - (self.fee or 0)


def of(order: Order) -> Receipt:
    """The receipt of a paid order, summed from its postings, less what refunds took back."""
    unit = order.unit
    postings = list(Posting.objects.filter(entry__key__in={order.entry_key, order.sale_key}).select_related("credit"))
    gone = journal.reversed_micros([posting.pk for posting in postings])
    credited = [(posting.credit.code, posting.amount - gone[posting.pk]) for posting in postings]
    artists = sum(amount for code, amount in credited if code.startswith("payee:")) + _held(order)
    lines = order.lines.values_list("album__artist", "track__album__artist")
    commission = sum(amount for code, amount in credited if code == chart.commission(unit))
    return Receipt(
        unit=unit,
        price=order.net_micros,
        tax=order.tax_micros,
        total=order.total_micros,
        artists=artists,
        commission=commission,
        fee=order.fee_micros,
        refunded=order.refunded_micros,
        charged_back=order.charged_back_micros,
        artist_count=len({album or track for album, track in lines}),
    )


def _held(order: Order) -> int:
    """Micros that open disputes of an order hold: the artists' still, until the bank decides."""
    cases = [dispute.source for dispute in order.disputes.all() if dispute.open_micros]
    if not cases:
        return 0
    held = Posting.objects.filter(source__in=cases)
    came = held.filter(credit__code__contains=":hold:").aggregate(total=Sum("amount"))["total"] or 0
    went = held.filter(debit__code__contains=":hold:").aggregate(total=Sum("amount"))["total"] or 0
    return int(came - went)


def queue(order: Order, lines: Sequence[OrderLine]) -> None:
    """Write the buyer a letter, once an order; nobody is written to who gave no address."""
    to = order.email or (order.user.email if order.user else "")
    if not to:
        return
    page = settings.SITE_URL + order.get_absolute_url()
    context = {
        "order": order,
        "lines": lines,
        "receipt": of(order),
        "page": page,
        "library": settings.SITE_URL + "/library/",
    }
    subject = SUBJECTS[Order.Kind(order.kind)]
    mail.queue(to, subject, render_to_string("store/mail/receipt.txt", context), key=f"order:{order.pk}:receipt")
