"""Pages of the cart: what is in it, naming prices, buying, and advertisers' deposits. Never cached."""

import uuid
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ads.models import Advertiser
from store.access import downloads, library
from store.forms.buying import DepositForm, PriceForm
from store.forms.discounts import CodeForm
from store.models import CartItem, Order
from store.music import Music, NoSuchMusic
from store.offers import discounts
from store.payments import waiting
from store.requests import tries
from store.requests.responses import SeeOther
from store.requests.visitors import guest_or_person, visitor
from store.sales import cart as carts
from store.sales import checkout, orders
from users.access import advertiser_required
from users.models import User


@never_cache
@require_GET
def buy_block(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The part of an album's or track's page that depends on who looks: owned, or a form to buy it."""
    music, listener = _sold_or_404(kind, pk), visitor(request)
    if library.has(listener, music):
        offers = downloads.offers(music)
        usual = downloads.chosen(offers, downloads.usual(listener))
        return render(request, "store/_buy.html", {"music": music, "is_owned": True, "offers": offers, "usual": usual})
    is_mending = music.is_sold and bool(orders.unsound([music]))
    form = PriceForm(music=music) if music.is_sold and not is_mending else None
    context = {"music": music, "is_owned": False, "price_form": form, "is_mending": is_mending}
    return render(request, "store/_buy.html", context)


def _sold_or_404(kind: str, pk: int) -> Music:
    """Published music; drafts and withdrawn music do not exist for strangers."""
    try:
        music = Music.find(kind, pk)
    except NoSuchMusic:
        raise Http404 from None
    if not music.is_published:
        raise Http404
    return music


@never_cache
@require_GET
def cart(request: HttpRequest) -> HttpResponse:
    """What is in the cart, and the button that pays for it."""
    return _cart_page(request)


def _cart_page(request: HttpRequest, *, status: int = 200, code: CodeForm | None = None) -> HttpResponse:
    bills = carts.bills(visitor(request), at=timezone.now())
    pages = [{"bill": bill, "order_id": uuid.uuid4()} for bill in bills]
    return render(request, "store/cart.html", {"pages": pages, "code_form": code or CodeForm()}, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Put one thing into the cart; a wrong price comes back with a sentence and what was typed."""
    music = _sold_or_404(kind, pk)
    if not music.is_sold:
        messages.info(request, f"“{music.title}” is not for sale on its own.")
        return redirect(music.url)
    if library.has(visitor(request), music):
        messages.info(request, f"“{music.title}” is in your library already.")
        return redirect("store:library")
    form = PriceForm(request.POST if request.method == "POST" else None, music=music)
    if request.method == "POST" and form.is_valid():
        try:
            carts.put(guest_or_person(request), music, form.price_micros, at=timezone.now())
        except orders.CannotPlace as reason:
            form.add_error(None, str(reason))
        else:
            return SeeOther("/cart/")
    status = 422 if form.errors else 200
    return render(request, "store/cart_add.html", {"music": music, "form": form}, status=status)


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one thing out of the cart."""
    CartItem.objects.of(visitor(request)).filter(pk=pk).delete()
    return SeeOther("/cart/")


@never_cache
@require_POST
def use_code(request: HttpRequest) -> HttpResponse:
    """Type a discount code; a wrong one comes back with a sentence and what was typed."""
    form, now = CodeForm(request.POST), timezone.now()
    if wait := tries.DISCOUNTS.wait(request, now):
        form.add_error("code", tries.sentence(wait))
        return _cart_page(request, status=429, code=form)
    if form.is_valid():
        try:
            found = carts.use_code(visitor(request), form.cleaned_data["code"], at=now)
        except discounts.NotGood as reason:
            if isinstance(reason, discounts.Unknown):
                tries.DISCOUNTS.count(request, now)
            form.add_error("code", str(reason))
        else:
            messages.success(request, f"“{found}” holds: {found.words}.")
            return SeeOther("/cart/")
    return _cart_page(request, status=422, code=form)


@require_POST
def drop_code(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a discount code out of the cart."""
    carts.drop_code(visitor(request), pk)
    return SeeOther("/cart/")


@require_POST
def buy(request: HttpRequest) -> HttpResponse:
    """Place the order of one bill and send its buyer to Stripe; the same form twice is one order and one payment."""
    try:
        order_id = uuid.UUID(request.POST.get("order", ""))
    except ValueError:
        return SeeOther("/cart/")
    listener = guest_or_person(request)
    before = Order.objects.of(listener).filter(pk=order_id).first()
    if before is not None:
        return _pay(request, before)
    now = timezone.now()
    bill = next((one for one in carts.bills(listener, at=now) if one.unit == request.POST.get("unit")), None)
    if bill is None or bill.seen != request.POST.get("seen"):
        messages.warning(request, "Your cart changed in the meantime. Look at it again, then buy.")
        return _cart_page(request, status=422)
    try:
        for earlier in discounts.waiting(listener, bill.discounts):
            waiting.give_up(earlier, at=now)
        order = orders.place(bill.wishes(), listener, order_id=order_id, at=now, email=_email(request))
    except (orders.CannotPlace, orders.Mismatch, checkout.Unreachable) as reason:
        messages.error(request, str(reason))
        return _cart_page(request, status=422)
    return _pay(request, order)


def _email(request: HttpRequest) -> str:
    return request.user.email if request.user.is_authenticated else ""


def _pay(request: HttpRequest, order: Order) -> HttpResponse:
    """On to the payment page of an order, or to its own page when there is nothing to pay."""
    if order.state != Order.State.PENDING:
        return SeeOther(order.get_absolute_url())
    try:
        orders.check_files(orders.music_of(order))
        for rival in orders.rivals(order):
            checkout.expire(str(rival.checkout_session))
        return SeeOther(checkout.start(order))
    except (orders.CannotPlace, checkout.Unreachable, checkout.Refused) as reason:
        messages.error(request, str(reason))
        return SeeOther("/cart/" if order.kind == Order.Kind.SALE else "/cart/deposit/")


@never_cache
@require_http_methods(["GET", "POST"])
@advertiser_required
def deposit(request: HttpRequest) -> HttpResponse:
    """An advertiser's top-up: an amount, then Stripe."""
    user = cast(User, request.user)
    if not Advertiser.objects.owned_by(user).exists():
        messages.info(request, "Name who advertises first. Then you can add money.")
        return redirect("/advertise/")
    form = DepositForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            order = orders.place_deposit(
                form.cleaned_data["advertiser"],
                form.cleaned_data["amount"],
                visitor(request),
                order_id=_form_id(request),
                at=timezone.now(),
                email=user.email,
            )
        except orders.CannotPlace as reason:
            form.add_error(None, str(reason))
        else:
            return _pay(request, order)
    context = {"form": form, "order_id": _form_id(request), "unit": settings.ADS_CURRENCY}
    return render(request, "store/deposit.html", context, status=422 if form.errors else 200)


def _form_id(request: HttpRequest) -> uuid.UUID:
    """The id of the order this form makes; a new one for a new form."""
    try:
        return uuid.UUID(request.POST.get("order", ""))
    except ValueError:
        return uuid.uuid4()
