"""Pages of the gate: choose how to get it, watch, and read the receipt. docs/face.md has the protocol with gate.js."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ads import tokens
from ads.assets import loudness
from ads.limits import rates
from ads.measurement.gate_views import Mode, ViewRefused
from ads.models import Ad
from ads.rewards import wallets
from ads.traffic import fraud, prefixes
from artists.audio import RECIPES
from artists.models import FreeMode
from megabox import addresses, media, money
from store.access import downloads, gate_receipts, library
from store.access import gate as gates
from store.models import Gate
from store.music import Music, NoSuchMusic
from store.requests.responses import SeeOther
from store.requests.visitors import guest_or_person, visitor
from users.models import User

MODES: dict[str, Mode] = {"audio": "audio", "reading": "reading"}


@never_cache
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """A choice page, never an interstitial: the format first, then buy, watch, or spend credits."""
    music = _published_or_404(kind, pk)
    if request.method == "GET":
        return _choices(request, music)
    recipe = request.POST.get("recipe", "")
    if recipe not in RECIPES:
        return _choices(request, music, error="Choose a format first.")
    now = timezone.now()
    try:
        rates.opening(_session(request), addresses.client(request), now)
    except rates.TooMany as reason:
        answer = _choices(request, music, error=str(reason))
        answer.status_code, answer["Retry-After"] = 429, reason.headers["Retry-After"]
        return answer
    listener = guest_or_person(request)
    if library.has(listener, music):
        return SeeOther(reverse("store:download", args=[music.kind, music.pk, recipe]))
    try:
        opened = gates.open_gate(music, recipe, listener, at=now)
        if opened.state == Gate.State.OPEN and not opened.asked_micros:
            gates.start(opened, at=now)  # nobody pays, so there is nothing to watch: on the house
    except (gates.CannotGet, ViewRefused) as reason:
        return _choices(request, music, error=str(reason))
    if request.POST.get("way") == "credits" and not gates.finish(opened, at=timezone.now()):
        return _choices(request, music, error="Your wallet does not hold enough credits. Watch an ad, or buy it.")
    return SeeOther(
        reverse("store:gate_receipt" if opened.state == Gate.State.GRANTED else "store:gate", args=[opened.pk])
    )


def _session(request: HttpRequest) -> str:
    """Who asks, as it is counted how often they do; nothing for a stranger, who is counted by their network."""
    who = visitor(request)
    return who.key if who.user_id is not None or who.guest_key else ""


def _published_or_404(kind: str, pk: int) -> Music:
    try:
        music = Music.find(kind, pk)
    except NoSuchMusic:
        raise Http404 from None
    if not music.is_published:
        raise Http404
    return music


def _choices(request: HttpRequest, music: Music, *, error: str = "") -> HttpResponse:
    listener = visitor(request)
    user = request.user if isinstance(request.user, User) else None
    wallet = wallets.find(user, listener.guest_key)
    balance = wallet.balance_micros() if wallet else 0
    plan = gates.quote(music, wallet, listener, at=timezone.now())
    offers = downloads.offers(music)
    asked = request.POST.get("recipe", "")
    context = {
        "music": music,
        "offers": offers,
        "usual": downloads.chosen(offers, asked if asked in RECIPES else downloads.usual(listener)),
        "is_owned": library.has(listener, music),
        "is_own": music.is_of(listener.user_id),
        "is_free": music.free_mode == FreeMode.FREE,
        "is_off": music.free_mode == FreeMode.OFF,
        "is_later": music.free_mode == FreeMode.LATER,
        "plan": plan,
        "balance_xcr": money.micros_to_xcr(balance),
        "has_enough": 0 < plan.asked_micros <= balance,
        "short_micros": plan.asked_micros - balance - sum(ad.price_micros for ad in plan.ads),
        "credit_price": music.credit_price,
        "error": error,
    }
    return render(request, "store/choose.html", context, status=422 if error else 200)


def _mine(request: HttpRequest, pk: uuid.UUID) -> Gate:
    """The visitor's own gate; nobody else learns that it exists."""
    rows = Gate.objects.of(visitor(request)).select_related("album__artist", "album__cover", "track__album__artist")
    found: Gate = get_object_or_404(rows.select_related("track__album__cover"), pk=pk)
    return found


@never_cache
@require_GET
def gate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The stage of the ad; nothing sounds before a press, and leaving is always possible."""
    found = _mine(request, pk)
    if gates.finish(found, at=timezone.now()):
        return redirect("store:gate_receipt", pk=pk)
    context = {"gate": found, "music": Music.of(found), "state": gates.state(found), "label": _label(found)}
    return render(request, "store/gate.html", context)


def _label(found: Gate) -> str:
    return RECIPES[found.recipe].label


@never_cache
@require_POST
def start(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The next ad, stamped as started; or, when nothing is lacking, where the receipt is."""
    found = _mine(request, pk)
    now, address = timezone.now(), addresses.client(request)
    try:
        rates.starting(_session(request), address, found.wallet, now)
    except rates.TooMany as reason:
        return JsonResponse({"sentence": str(reason)}, status=429, headers=reason.headers)
    try:
        show = gates.start(found, at=now)
    except gates.CannotGet as reason:
        rates.not_started(address, found.wallet, now)
        return JsonResponse({"sentence": str(reason)}, status=409)
    except ViewRefused as reason:
        return JsonResponse({"sentence": str(reason)}, status=409)
    if show is None:
        rates.not_started(address, found.wallet, now)
        return JsonResponse(_told(found))
    gain_db = loudness.gain_db(Music.of(found).loudness_lufs)
    return JsonResponse({"token": show.token, "gain_db": gain_db, **_shown(request, show.started.ad)})


def _shown(request: HttpRequest, ad: Ad) -> dict[str, Any]:
    """What the stage needs of an ad."""
    is_audio, is_image = ad.kind == Ad.Kind.AUDIO, ad.kind == Ad.Kind.IMAGE
    link = media.signed_url(ad.path, bound_to=media.listener_key(request), filename=_filename(ad)) if is_audio else ""
    return {
        "kind": ad.kind.lower(),
        "media_url": link,
        "image_url": media.public().url(ad.path) if is_image else "",
        "alt": ad.alt,
        "title": ad.title,
        "body": ad.body,
        "click_url": ad.click_url,
        "transcript": ad.transcript,
        "duration_ms": ad.duration_ms,
    }


def _filename(ad: Ad) -> str:
    return ad.path.rsplit("/", 1)[-1]


@never_cache
@require_POST
def viewed(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Count the ad that was watched, and grant the music once it is covered."""
    found = _mine(request, pk)
    try:
        said = json.loads(request.body)
        token, mode = str(said["token"]), MODES[said["mode"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return JsonResponse({"sentence": "The browser sent something we do not know. Start the ad again."}, status=400)
    now, address = timezone.now(), addresses.client(request)
    signals = fraud.signals(request.headers, address)
    prefix_hash = prefixes.hash_of(address, Music.of(found).home.artist_id, now)
    try:
        gates.viewed(found, token, mode, at=now, signals=signals, prefix_hash=prefix_hash)
    except ViewRefused as reason:
        return JsonResponse({"sentence": str(reason), "is_our_fault": reason.is_our_fault}, status=409)
    rates.watched(tokens.verify(token), address, found.wallet, now)
    return JsonResponse(_told(found))


@never_cache
@require_GET
def state(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Where the gate stands, for a page that was left and came back."""
    return JsonResponse(_told(_mine(request, pk)))


def _told(found: Gate) -> dict[str, Any]:
    """Where a gate stands, in words and numbers."""
    now = gates.state(found)
    have = money.display(money.micros_to_xcr(now.balance), money.CREDIT)
    if now.is_granted:
        house = "No ad was running, so this one is on the house: nobody paid, and the artist earned nothing by it."
        own = "This is your own music, so there is no ad: nobody paid, and nobody earned by it."
        yours = own if gates.is_own(found) else f"“{Music.of(found).title}” is yours."
        sentence = house if now.is_on_the_house else yours
    else:
        lacking = money.display(money.micros_to_xcr(now.needs), money.CREDIT)
        sentence = f"You have {have}. {lacking} to go: the next ad covers more of it."
    return {
        "granted": now.is_granted,
        "credited": now.balance,
        "needs_micros": now.needs,
        "next": not now.is_granted,
        "receipt_url": reverse("store:gate_receipt", args=[found.pk]) if now.is_granted else "",
        "sentence": sentence,
    }


@never_cache
@require_GET
def receipt(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What this ad paid this artist, the file, and what comes next."""
    found = _mine(request, pk)
    if found.state != Gate.State.GRANTED:
        return redirect(found)
    music = Music.of(found)
    context = {
        "gate": found,
        "music": music,
        "offer": next(one for one in downloads.offers(music) if one.recipe == found.recipe),
        "receipt": gate_receipts.of(found),
        "is_own": gates.is_own(found),
        "is_guest": not request.user.is_authenticated,
    }
    return render(request, "store/receipt.html", context)


@never_cache
@require_GET
def file(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The file this gate opened, in the format that was chosen."""
    found = _mine(request, pk)
    if found.state != Gate.State.GRANTED:
        messages.info(request, "This download is not paid for yet. Watch the ad, or spend credits.")
        return redirect(found)
    music = Music.of(found)
    return redirect("store:download", kind=music.kind, pk=music.pk, recipe=found.recipe)
