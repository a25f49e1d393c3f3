"""Ads beside music: the slot that a page asks for apart, and the address browsers report to.

Neither is cached, neither makes a session for somebody who has none.
"""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from ads import creatives, fraud, impressions, serving, tokens, wallets
from ads.models import BESIDE_MUSIC, Ad
from artists import splits
from artists.models import Album, Artist, Track
from artists.models.payees import WHOLE
from megabox import media
from users.models import User

MOST_EVENTS = 50
MOST_BYTES = 100_000


@never_cache
@require_GET
def slot(request: HttpRequest, place: str, kind: str, pk: int) -> HttpResponse:
    """One ad beside an artist's, an album's or a track's music; 204 when there is none to show."""
    if place not in BESIDE_MUSIC:
        raise Http404
    artist, album, genre, shares = _music(kind, pk)
    signals = fraud.signals(request.headers)
    now = timezone.now()
    user_id = request.user.pk if request.user.is_authenticated else None
    wallet = wallets.find(request.user, media.guest_key(request, create=False))
    context = serving.context_for(wallet, now, genre=genre, country=_country(request), user_id=user_id)
    # Robots and pages loaded ahead are shown nothing: an offer that cannot count is only noise.
    picked = [] if fraud.reason_against_asking(signals) else serving.pick(place, context, now)
    ad = Ad.objects.filter(pk=picked[0].ad_id).first() if picked else None
    if ad is None:
        return HttpResponse(status=204)
    choice = picked[0]
    token = tokens.issue(
        choice,
        place,
        at=now,
        wallet_id=wallet.pk if wallet else None,
        artist_id=artist.pk,
        album_id=album.pk if album else None,
        shares=shares,
    )
    serving.count_served(choice.campaign_id, place, now)
    shown = {
        "ad": ad,
        "token": token,
        "image_url": creatives.image_url(ad),
        "pays": artist.name if choice.price_micros else "",
    }
    return render(request, "ads/_slot.html", shown)


@csrf_exempt  # a token is its own proof, and pages of strangers hold no CSRF token
@never_cache
@require_POST
def events(request: HttpRequest) -> JsonResponse:
    """Take a batch of at most 50 `{token, stage, visible_ms, ...}`; answer each of them, in order."""
    if request.content_type != "application/json":
        return JsonResponse({"error": "Send application/json."}, status=415)
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return JsonResponse({"error": f"Send at most {MOST_BYTES} bytes."}, status=413)
    try:
        batch = json.loads(body)
    except (ValueError, RecursionError):
        return JsonResponse({"error": "This is not JSON."}, status=400)
    if not isinstance(batch, list):
        return JsonResponse({"error": "Send a list of events."}, status=400)
    if len(batch) > MOST_EVENTS:
        return JsonResponse({"error": f"Send at most {MOST_EVENTS} events at once."}, status=413)
    signals = fraud.signals(request.headers)
    user_id = request.user.pk if request.user.is_authenticated else None
    return JsonResponse({"answers": [_answer(event, signals, user_id) for event in batch]})


def _answer(event: Any, signals: fraud.Signals, user_id: int | None) -> impressions.Answer:
    if not isinstance(event, dict):
        return "invalid"
    token, stage = event.get("token"), event.get("stage")
    if not isinstance(token, str) or not isinstance(stage, str):
        return "invalid"
    return impressions.record_event(token, stage, event, timezone.now(), signals=signals, user_id=user_id)


def _music(kind: str, pk: int) -> tuple[Artist, Album | None, str, list[list[int]]]:
    """The artist, the album if it is known, the genre, and who shares what is earned. Raises Http404."""
    if kind == "artist":
        artist = Artist.objects.published().filter(pk=pk).first()
        if artist is None:
            raise Http404
        return artist, None, "", [[artist.payee_id, WHOLE]]
    thing: Album | Track | None
    if kind == "album":
        thing = Album.objects.published().select_related("artist").filter(pk=pk).first()
    elif kind == "track":
        thing = Track.objects.published().select_related("album__artist").filter(pk=pk).first()
    else:
        raise Http404
    if thing is None:
        raise Http404
    album = thing.album if isinstance(thing, Track) else thing
    shares = [list(pair) for pair in splits.current(thing).pairs]
    return album.artist, album, thing.genre or album.genre, shares


def _country(request: HttpRequest) -> str:
    """The country a person has chosen; guests have none, because nobody is located here."""
    return request.user.country if isinstance(request.user, User) else ""
