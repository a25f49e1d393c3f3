"""The address browsers report to: what happened to the ads they were given, in batches.

It is not cached, makes no session for somebody who has none, and asks nobody who they are: the token says it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ads.limits import rates, unseen
from ads.measurement import claims, counting
from ads.measurement.claims import Answer, Report
from ads.models import AdEvent
from ads.traffic import fraud, prefixes
from megabox import addresses

MOST_EVENTS = 50
MOST_BYTES = 100_000


@csrf_exempt  # a token is its own proof, and pages of strangers hold no CSRF token
@never_cache
@require_POST
def events(request: HttpRequest) -> JsonResponse:
    """Take a batch of at most 50 `{token, stage, visible_ms, ...}`; answer each of them, in order."""
    now, address = timezone.now(), addresses.client(request)
    try:
        rates.reporting(address, now)
    except rates.TooMany as reason:
        return JsonResponse({"error": str(reason)}, status=429, headers=reason.headers)
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
    signals = fraud.signals(request.headers, address)
    hash_of = cache(lambda artist_id: prefixes.hash_of(address, artist_id, now))  # for as long as this request lasts
    taken = [_taken(event, now, signals, hash_of) for event in batch]
    answers = _answers(taken)
    for one, answer in zip(taken, answers, strict=True):
        if isinstance(one, Report) and answer == "accepted":
            unseen.seen(one, address)
    return JsonResponse({"answers": answers})


def _taken(event: Any, at: datetime, signals: fraud.Signals, hash_of: Callable[[int | None], str]) -> Report | Answer:
    """The report with what stands for its network, which only its token's artist makes into one thing."""
    if not isinstance(event, dict):
        return "invalid"
    taken = claims.take(event.get("token"), event.get("stage"), event, at, signals=signals)
    if not isinstance(taken, Report) or taken.stage != AdEvent.Stage.VIEWED:
        return taken
    return replace(taken, prefix_hash=hash_of(taken.offer.artist_id))


def _answers(taken: Sequence[Report | Answer]) -> list[Answer]:
    """The answer to each: those that can be counted are counted together."""
    counted = iter(counting.tell([one for one in taken if isinstance(one, Report)]))
    return [next(counted) if isinstance(one, Report) else one for one in taken]
