"""Test switches under `/_test/`: make the next calls fail, pay without a browser, deliver an event again.

Only for callers on this machine. Nothing here exists at Stripe.
"""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from megabox.standin import balance, bank, cards, checkout, connect, disputes, errors, external_accounts, payments
from megabox.standin.call import Call, Site
from megabox.standin.http import Request, Response, as_json
from megabox.standin.payments import Payer
from megabox.standin.store import Database, Obj

MODES = ("drop_after_success", "drop_before", "error_500", "error_500_after_success", "rate_limit_429", "slow")
NOTED = 5_000
LOCAL = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Switch:
    """How one call is to go wrong; no mode, no trouble."""

    mode: str = ""
    seconds: float = 0.0


def take(database: Database, method: str, path: str) -> Switch:
    """The switch that waits for this call, counted down."""
    with database.connection() as db:
        if db.execute("SELECT 1 FROM switches WHERE remaining > 0 LIMIT 1").fetchone() is None:
            return Switch()
    with database.transaction() as objects:
        row = objects.db.execute(
            "SELECT seq, mode, seconds FROM switches"
            " WHERE method = ? AND path = ? AND remaining > 0 ORDER BY seq LIMIT 1",
            (method, path),
        ).fetchone()
        if row is None:
            return Switch()
        objects.db.execute("UPDATE switches SET remaining = remaining - 1 WHERE seq = ?", (row[0],))
    return Switch(row[1], row[2])


def note(database: Database, request: Request, sent: dict[str, Any], status: int) -> None:
    """Keep the last calls, so that tests can check what the application sends."""
    with database.transaction() as objects:
        cursor = objects.db.execute(
            "INSERT INTO requests (at, method, path, params, key, status) VALUES (?, ?, ?, ?, ?, ?)",
            (time.time(), request.method, request.path, json.dumps(sent), request.header("Idempotency-Key"), status),
        )
        assert cursor.lastrowid is not None
        objects.db.execute("DELETE FROM requests WHERE seq <= ?", (cursor.lastrowid - NOTED,))


def answer(request: Request, database: Database, site: Site) -> Response:
    """Answer one address under `/_test/`."""
    if request.environ.get("REMOTE_ADDR") not in LOCAL:
        raise errors.WireError(403, "The test switches answer to this machine only.")
    sent = request.params()
    for method, pattern, action in ACTIONS:
        match = re.fullmatch(pattern, request.path)
        if match and method == request.method:
            with database.transaction() as objects:
                call = Call(objects=objects, site=site, clock=time.time(), params=sent)
                call.path_id = match.groupdict().get("id") or ""
                call.is_quiet = str(sent.get("deliver", "true")).lower() == "false"
                return as_json(action(call))
    raise errors.WireError(404, f"There is no test switch {request.method} {request.path}.")


def _fail(call: Call) -> Obj:
    """POST /_test/fail: the next `times` calls of `method` `path` go wrong in `mode`."""
    mode, path = call.params.get("mode"), call.params.get("path")
    if mode not in MODES or not path:
        raise errors.WireError(400, f"Send a path and a mode out of {', '.join(MODES)}.")
    times, seconds = int(call.params.get("times", 1)), float(call.params.get("seconds", 3))
    method = str(call.params.get("method", "POST"))
    call.objects.db.execute(
        "INSERT INTO switches (method, path, mode, remaining, seconds) VALUES (?, ?, ?, ?, ?)",
        (method, path, mode, times, seconds),
    )
    return {"method": method, "path": path, "mode": mode, "times": times, "seconds": seconds}


def _heal(call: Call) -> Obj:
    """POST /_test/heal: no call goes wrong any more."""
    return {"removed": call.objects.db.execute("DELETE FROM switches").rowcount}


def _pay(call: Call) -> Obj:
    """POST /_test/checkout/{id}/pay: what a person does on the payment page, with `card`, `email`, `name`.

    `deliver=false` stores the events without sending them, for a demo that imports past sales.
    """
    session = checkout.expire_if_due(call, call.objects.get("checkout.session", call.path_id))
    card = cards.by_number(str(call.params.get("card", "4242424242424242")))
    if card is None:
        raise errors.WireError(400, "That is no test card.")
    paid = checkout.pay(call, session, Payer(card, call.params.get("name"), call.params.get("email")))
    return checkout.shown(paid)


def _enable(call: Call) -> Obj:
    """POST /_test/accounts/{id}/enable: what a person does on the onboarding page."""
    return connect.enable(call, call.objects.get("account", call.path_id))


def _change_bank(call: Call) -> Obj:
    """POST /_test/accounts/{id}/bank: whoever is paid changes the bank account to `number`."""
    account = call.objects.get("account", call.path_id)
    return external_accounts.pay_to(call, account, str(call.params.get("number", "000999999999")))


def _fail_payout(call: Call) -> Obj:
    """POST /_test/payouts/{id}/fail: the operator's bank sends a payout back."""
    return bank.fail_payout(call, call.objects.get("payout", call.path_id))


def _fail_refund(call: Call) -> Obj:
    """POST /_test/refunds/{id}/fail: the card's bank sends a refund back, for a `reason`."""
    reason = str(call.params.get("reason", "lost_or_stolen_card"))
    return payments.fail_refund(call, call.objects.get("refund", call.path_id), reason)


def _deliver(call: Call) -> Obj:
    """POST /_test/events/{id}/deliver: send the event again, `times` times at once."""
    event = call.objects.get("event", call.path_id)
    times = int(call.params.get("times", 1))
    for _ in range(times):
        call.objects.queue(event, call.clock)
    return {"event": event["id"], "times": times}


def _deliveries(call: Call) -> Obj:
    """GET /_test/deliveries: what was and will be sent."""
    rows = call.objects.db.execute("SELECT event_id, tries, is_done, last_answer FROM deliveries ORDER BY seq")
    data = [{"event": e, "tries": tries, "is_done": bool(done), "last_answer": last} for e, tries, done, last in rows]
    return {"data": data, "waiting": sum(not each["is_done"] for each in data)}


def _transfers(call: Call) -> Obj:
    """GET /_test/transfers: all of them, oldest first; `transfer_group` if asked."""
    rows = call.objects.db.execute("SELECT body FROM objects WHERE kind = 'transfer' ORDER BY seq")
    data = [json.loads(row[0]) for row in rows]
    group = call.params.get("transfer_group")
    return {"data": [each for each in data if group in (None, each["transfer_group"])]}


def _requests(call: Call) -> Obj:
    """GET /_test/requests: the last calls of the API, oldest first; of one `path` if asked."""
    rows = call.objects.db.execute("SELECT method, path, params, key, status FROM requests ORDER BY seq")
    data = [
        {"method": m, "path": p, "params": json.loads(params), "key": k, "status": s} for m, p, params, k, s in rows
    ]
    path = call.params.get("path")
    return {"data": [each for each in data if path in (None, each["path"])]}


def _age_keys(call: Call) -> Obj:
    """POST /_test/age-keys: idempotency keys become `seconds` older, so that a day need not be waited for."""
    seconds = float(call.params.get("seconds", 24 * 3600))
    return {"aged": call.objects.db.execute("UPDATE answers SET at = at - ?", (seconds,)).rowcount}


ACTIONS = [
    ("POST", r"/_test/fail", _fail),
    ("POST", r"/_test/heal", _heal),
    ("POST", r"/_test/checkout/(?P<id>\w+)/pay", _pay),
    ("POST", r"/_test/accounts/(?P<id>\w+)/enable", _enable),
    ("POST", r"/_test/accounts/(?P<id>\w+)/bank", _change_bank),
    ("POST", r"/_test/balance", balance.adjust),
    ("POST", r"/_test/payouts/automatic", bank.pay_out_all),
    ("POST", r"/_test/payouts/(?P<id>\w+)/fail", _fail_payout),
    ("POST", r"/_test/refunds/(?P<id>\w+)/fail", _fail_refund),
    ("POST", r"/_test/charges/(?P<id>\w+)/dispute", disputes.dispute_charge),
    ("POST", r"/_test/disputes/(?P<id>\w+)/decide", disputes.decide_charge),
    ("POST", r"/_test/events/(?P<id>\w+)/deliver", _deliver),
    ("POST", r"/_test/age-keys", _age_keys),
    ("GET", r"/_test/deliveries", _deliveries),
    ("GET", r"/_test/transfers", _transfers),
    ("GET", r"/_test/requests", _requests),
]
