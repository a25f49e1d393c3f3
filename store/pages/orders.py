"""An order's own page: where Stripe sends its buyer back to. It shows our state, never what an address claims."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from store.models import Order, PreOrder
from store.requests.responses import SeeOther
from store.requests.visitors import visitor
from store.sales import cart as carts
from store.sales import receipts


@never_cache
@require_GET
def order(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Waiting, paid, refunded or cancelled; only for its buyer, nobody else learns that it exists."""
    found = get_object_or_404(Order.objects.of(visitor(request)), pk=pk)
    context = {
        "order": found,
        "preorder": PreOrder.objects.select_related("album__artist").filter(order=found).first(),
        "lines": found.lines.select_related("discount"),
        "receipt": receipts.of(found) if found.paid_at else None,
        "has_left": "left" in request.GET,
    }
    return render(request, "store/order.html", context)


@require_POST
def try_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Put what a cancelled order had back into the cart."""
    listener = visitor(request)
    found = get_object_or_404(Order.objects.of(listener), pk=pk, kind=Order.Kind.SALE, state=Order.State.CANCELLED)
    lines = list(found.lines.select_related("album__artist", "track__album__artist"))
    kept = carts.put_back(listener, lines, at=timezone.now())
    if kept < len(lines):
        messages.warning(request, "Some of it is not sold any more, or at another price. The rest is in your cart.")
    return SeeOther("/cart/")
