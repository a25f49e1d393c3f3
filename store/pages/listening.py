"""Listening: an address that never changes leads to a signed link, and what was heard is counted by POST."""

import json

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from artists import plays
from artists.models import Rendition, Track
from megabox import media
from store.access import streams
from store.requests.visitors import guest_or_person

FORMATS = {"opus": "opus", "mp3": "mp3-v0"}
STAGES = ("counted", "complete", "skipped")


@never_cache
@require_safe
def stream(request: HttpRequest, pk: int) -> HttpResponse:
    """302 to a link of ten minutes for this listener, Opus or MP3 by `?format=` or by what the browser accepts."""
    track = get_object_or_404(Track.objects.select_related("album__artist"), pk=pk)
    listener = guest_or_person(request)
    if not streams.may_hear(listener, track):
        raise Http404
    found = streams.rendition(track, _wanted(request))
    if found is None:
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    return redirect(media.signed_url(found.path, bound_to=listener.key, filename=_filename(found)))


def _wanted(request: HttpRequest) -> str:
    asked = request.GET.get("format", "")
    if asked in FORMATS:
        return FORMATS[asked]
    accepts = request.headers.get("Accept", "")
    return "opus" if "audio/ogg" in accepts or "opus" in accepts else "mp3-v0"


def _filename(found: Rendition) -> str:
    return "stream.opus" if found.recipe == "opus" else "stream.mp3"


@require_POST
def played(request: HttpRequest) -> JsonResponse:
    """Count `{"track": 12, "seconds": 30}`: seconds that were really heard, each once.

    `stage` says what is told: `counted` (the usual), `complete` or `skipped`; `place` and `site` where it came from.
    """
    try:
        said = json.loads(request.body)
        pk, seconds, stage = said["track"], said["seconds"], said.get("stage", "counted")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return JsonResponse({"error": 'Send {"track": 12, "seconds": 30}.'}, status=400)
    if type(pk) is not int or type(seconds) is not int or not 0 <= seconds <= 86_400:
        return JsonResponse({"error": "Track and seconds are whole numbers."}, status=400)
    if stage not in STAGES:
        return JsonResponse({"error": f"The stage is one of {', '.join(STAGES)}."}, status=400)
    track = Track.objects.select_related("album__artist").filter(pk=pk).first()
    listener = guest_or_person(request)
    if track is None or not streams.may_hear(listener, track):
        return JsonResponse({"error": "There is no such track."}, status=404)
    now = timezone.now()
    if stage == "complete":
        return JsonResponse({"counted": plays.complete(track, listener.key, now, seconds=seconds)})
    if stage == "skipped":
        return JsonResponse({"counted": plays.skip(track, listener.key, now, seconds=seconds)})
    user = request.user if request.user.is_authenticated else None
    origin = plays.origin(said.get("place"), said.get("site"), user.country if user else "")
    counted = plays.record(track, listener.key, now, seconds=seconds, user=user, origin=origin)
    return JsonResponse({"counted": counted})
