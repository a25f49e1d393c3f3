"""The WSGI application: the API with its keys and switches, the pages for people, the test switches."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from megabox.standin import answers, errors, pages, router, switches
from megabox.standin.answers import Answer
from megabox.standin.call import Call, Site
from megabox.standin.events import API_VERSION
from megabox.standin.http import Environ, Request, Response, StartResponse, as_json, read
from megabox.standin.store import Database, Objects, new_id
from megabox.standin.switches import Switch


@dataclass
class App:
    """The stand-in, answering HTTP. `wake` is called when there may be events to deliver."""

    database: Database
    site: Site
    wake: Callable[[], None]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = read(environ)
        try:
            response = self._respond(request)
        except errors.WireError as error:
            response = as_json({"error": error.error}, error.status)
        self.wake()
        return response.send(start_response)

    def _respond(self, request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return self._api(request)
        if request.path.startswith("/_test/"):
            return switches.answer(request, self.database, self.site)
        if request.path == "/healthz":
            return as_json({"ok": True})
        return pages.answer(request, self.database, self.site)

    def _api(self, request: Request) -> Response:
        """One call of the API, and a note of it for the tests."""
        request_id = new_id("req_", 14)
        sent: dict[str, Any] = {}
        try:
            sent = request.params()
            require_key(request)
            answer = self._keyed(request, sent, request_id)
        except errors.WireError as error:
            answer = Answer(error.status, _error_body(error, request_id))
        switches.note(self.database, request, sent, answer.status)
        if answer.is_dropped:
            self.wake()
            request.hang_up()
        headers = [("Request-Id", request_id), ("Stripe-Version", _version(request))]
        if request.header("Idempotency-Key"):
            headers.append(("Idempotency-Key", request.header("Idempotency-Key")))
        if answer.is_replay:
            headers += [("Idempotent-Replayed", "true"), ("Original-Request", answer.request_id)]
        return Response(answer.status, answer.body, "application/json", tuple(headers))

    def _keyed(self, request: Request, sent: dict[str, Any], request_id: str) -> Answer:
        """Answer a call, once per idempotency key."""
        switch = switches.take(self.database, request.method, request.path)
        if switch.mode == "rate_limit_429":
            raise errors.WireError(429, "Too many requests in a short time. Back off and retry.", code="rate_limit")
        if switch.mode == "drop_before":
            return LOST
        key = request.header("Idempotency-Key") if request.method == "POST" else ""
        if key:
            asked = answers.fingerprint(request.method, request.path, sent)
            remembered = answers.begin(self.database, key, asked, time.time())
            if remembered is not None:
                return remembered
        if switch.mode == "slow":
            time.sleep(switch.seconds)
        try:
            answer = self._done(request, sent, request_id, key, switch)
        except BaseException:
            with self.database.transaction() as objects:
                answers.forget(objects, key)
            raise
        return replace(answer, is_dropped=switch.mode == "drop_after_success")

    def _done(self, request: Request, sent: dict[str, Any], request_id: str, key: str, switch: Switch) -> Answer:
        """Do what was asked and remember the answer, in one transaction."""
        with self.database.transaction() as objects:
            call = Call(
                objects=objects,
                site=self.site,
                clock=time.time(),
                key=key,
                request_id=request_id,
                api_version=_version(request),
            )
            is_remembered = True
            if switch.mode == "error_500":
                answer = Answer(500, _error_body(FAILURE, request_id))
            else:
                answer, is_remembered = _answer(request, sent, call, objects)
                if switch.mode == "error_500_after_success":
                    answer = Answer(500, _error_body(FAILURE, request_id))
            if key and is_remembered:
                answers.remember(objects, key, answer, request_id)
            elif key:
                answers.forget(objects, key)
        return answer


LOST = Answer(0, "", is_dropped=True)
"""The request never arrived, as far as anybody can tell: nothing was done, and its key was not seen."""
FAILURE = errors.WireError(500, "An unknown error occurred (a test switch of the stand-in).", kind="api_error")


def _answer(request: Request, sent: dict[str, Any], call: Call, objects: Objects) -> tuple[Answer, bool]:
    """The endpoint's answer, and whether its key remembers it; an error's effects are undone unless it keeps them."""
    objects.db.execute("SAVEPOINT endpoint")
    try:
        route, call.path_id = router.find(request.method, request.path)
        body = router.answer(route, call, sent)
    except errors.WireError as error:
        if not error.keeps_effects:
            objects.db.execute("ROLLBACK TO endpoint")
        return Answer(error.status, _error_body(error, call.request_id)), error.is_remembered
    return Answer(200, json.dumps(body, indent=2)), True


def require_key(request: Request) -> None:
    """Raise WireError (401) unless a test key was sent; live keys are refused, this is not Stripe."""
    scheme, _, key = request.header("Authorization").partition(" ")
    if scheme not in ("Bearer", "Basic") or not key:
        raise errors.WireError(401, "You did not provide an API key. Provide it in the Authorization header.")
    if not key.startswith("sk_test_"):
        raise errors.WireError(401, f"Invalid API Key provided: {key[:8]}****. The stand-in takes sk_test_ keys only.")


def _version(request: Request) -> str:
    return request.header("Stripe-Version") or API_VERSION


def _error_body(error: errors.WireError, request_id: str) -> str:
    return json.dumps({"error": error.error | {"request_log_url": f"standin:{request_id}"}}, indent=2)
