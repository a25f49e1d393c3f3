"""Stripe's webhook: verify, store, answer 200; a task does the work."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from megabox.nudges import nudge
from store import tasks
from store.payments import events
from store.sales import checkout


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """200 once the event is stored; 400 for anything that Stripe did not just sign."""
    try:
        event = events.receive(request.body, request.headers.get("Stripe-Signature", ""), at=timezone.now())
    except checkout.Forged:
        return HttpResponse("This webhook is not signed by Stripe.", status=400, content_type="text/plain")
    nudge(tasks.process_event, event.pk)
    return HttpResponse("Stored.", content_type="text/plain")
