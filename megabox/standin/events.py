"""Events: what happened, as Stripe tells it, stored with the change it tells of."""

from typing import Any

from megabox.standin.call import Call
from megabox.standin.store import Obj, new_id

API_VERSION = "2026-10-28.endive"


def emit(call: Call, kind: str, obj: Obj, *, before: Obj | None = None, created: int | None = None) -> Obj:
    """Store an event of `kind` about `obj` and queue its delivery, in the transaction of the change."""
    data: Obj = {"object": dict(obj)}
    if before is not None:
        data["previous_attributes"] = {key: value for key, value in before.items() if obj.get(key) != value}
    event = call.objects.add(
        {
            "id": new_id("evt_"),
            "object": "event",
            "api_version": call.api_version or API_VERSION,
            "created": created or call.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 1 if call.site.webhook_url and not call.is_quiet else 0,
            "request": {"id": call.request_id or None, "idempotency_key": call.key or None},
            "type": kind,
        }
    )
    if not call.is_quiet:
        call.objects.queue(event, call.clock)
    return event


def retrieve(call: Call) -> Obj:
    """GET /v1/events/{id}."""
    return call.objects.get("event", call.path_id)


def listing(call: Call) -> Obj:
    """GET /v1/events, by `type` if asked."""
    filters: dict[str, Any] = {"type": call.params.get("type")}
    return call.objects.page("event", "/v1/events", call.params, **filters)
