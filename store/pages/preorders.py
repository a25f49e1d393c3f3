"""Pages of pre-orders: ordering an album before it is out, and cancelling it. Never cached."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from artists.models import Album
from megabox.nudges import nudge
from store import tasks
from store.forms.buying import PreOrderForm
from store.models import Order, PreOrder
from store.music import Music
from store.requests.responses import SeeOther
from store.requests.visitors import guest_or_person, visitor
from store.sales import checkout, orders, preorders


@never_cache
@require_http_methods(["GET", "POST"])
def preorder(request: HttpRequest, pk: int) -> HttpResponse:
    """What is promised, for what, and the button that goes on to the payment page; the same form twice is one order.

    Whoever looks at it is a guest already, as at `/redeem/`: two quick presses are those of one guest.
    """
    album = get_object_or_404(Album.objects.select_related("artist", "cover"), pk=pk)
    if request.method == "POST" and (before := _placed(request)) is not None:
        if before.state == Order.State.PENDING and not (album.is_announced or album.is_published):
            raise Http404  # nobody pays for what was taken back meanwhile
        return _pay(request, before)
    if album.is_published:
        return SeeOther(album.get_absolute_url())
    if not album.may_be_ordered:
        raise Http404
    form = PreOrderForm(request.POST if request.method == "POST" else None, music=Music(album=album))
    if request.method == "POST" and form.is_valid():
        if request.POST.get("seen") != preorders.seen(album):
            form.add_error(None, "The price or the day changed in the meantime. Look at them again, then order.")
            return _page(request, album, form)
        try:
            placed = preorders.place(
                album,
                form.price_micros,
                guest_or_person(request),
                order_id=_form_id(request),
                at=timezone.now(),
                email=request.user.email if request.user.is_authenticated else "",
            )
        except orders.CannotPlace as reason:
            form.add_error(None, str(reason))
        else:
            return _pay(request, placed)
    return _page(request, album, form)


@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give up a pre-order; all of its money goes back."""
    try:
        preorders.cancel(pk, visitor(request), at=timezone.now())
    except PreOrder.DoesNotExist:
        raise Http404 from None
    except preorders.CannotCancel as reason:
        messages.warning(request, str(reason))
    else:
        nudge(tasks.give_back_preorders)
        messages.success(request, "Cancelled. All you paid for it goes back to your card.")
    return SeeOther("/library/")


def _page(request: HttpRequest, album: Album, form: PreOrderForm) -> HttpResponse:
    context = {
        "album": album,
        "music": form.music,
        "form": form,
        "order_id": _form_id(request),
        "seen": preorders.seen(album),
        "mine": preorders.open_one(guest_or_person(request), album),
        "late_days": preorders.MOST_MOVED.days,
    }
    return render(request, "store/preorder.html", context, status=422 if form.errors else 200)


def _placed(request: HttpRequest) -> Order | None:
    """The order that this form made before, if it did."""
    return Order.objects.of(visitor(request)).filter(pk=_form_id(request), kind=Order.Kind.PREORDER).first()


def _pay(request: HttpRequest, order: Order) -> HttpResponse:
    """On to the payment page of an order, or to its own page when there is nothing to pay."""
    if order.state != Order.State.PENDING:
        return SeeOther(order.get_absolute_url())
    try:
        for rival in orders.rivals(order):
            checkout.expire(str(rival.checkout_session))
        return SeeOther(checkout.start(order))
    except (checkout.Unreachable, checkout.Refused) as reason:
        messages.error(request, str(reason))
        return SeeOther(order.get_absolute_url())


def _form_id(request: HttpRequest) -> uuid.UUID:
    """The id of the order this form makes; a new one for a new form."""
    try:
        return uuid.UUID(request.POST.get("order", ""))
    except ValueError:
        return uuid.uuid4()
