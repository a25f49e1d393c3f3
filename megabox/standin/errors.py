"""The errors of Stripe's wire format, raised anywhere in the stand-in and written out in one place."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class WireError(Exception):
    """An answer that is an error: `status`, and the object under `error` in the body.

    `keeps_effects` is true for errors that leave rows behind (a declined card leaves a failed charge);
    `is_remembered` says whether the idempotency key replays this answer: Stripe remembers what an endpoint
    answered once it began to work, not parameters it refused to read.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keeps_effects: bool = False,
        is_remembered: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keeps_effects = keeps_effects
        self.is_remembered = is_remembered
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            self.error |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
        if param is not None:
            self.error["param"] = param
        self.error |= details


def missing(param: str) -> WireError:
    """A required parameter was not sent."""
    return WireError(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def invalid(param: str, message: str, code: str | None = None) -> WireError:
    """A parameter was sent whose value cannot be used."""
    return WireError(400, message, code=code, param=param)


def unknown_object(kind: str, identifier: str, param: str = "id", status: int = 404) -> WireError:
    """No object of this kind has this id."""
    return WireError(status, f"No such {kind}: '{identifier}'", code="resource_missing", param=param)
