"""What the application sends to Stripe, checked against the parameter types that the official library publishes.

Used by every room that talks to Stripe: `assert sent.faults(standin.requests()) == []` after its calls. The stand-in
keeps requests as they crossed the wire, so numbers and booleans are checked in their written form.
"""

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import stripe.params
import stripe.params.checkout
import typing_extensions

TYPES: list[tuple[str, str, Any]] = [
    ("POST", r"/v1/checkout/sessions", stripe.params.checkout.SessionCreateParams),
    ("POST", r"/v1/checkout/sessions/\w+/expire", stripe.params.checkout.SessionExpireParams),
    ("GET", r"/v1/checkout/sessions/\w+", stripe.params.checkout.SessionRetrieveParams),
    ("POST", r"/v1/payment_intents", stripe.params.PaymentIntentCreateParams),
    ("GET", r"/v1/payment_intents/\w+", stripe.params.PaymentIntentRetrieveParams),
    ("GET", r"/v1/charges/\w+", stripe.params.ChargeRetrieveParams),
    ("GET", r"/v1/balance_transactions", stripe.params.BalanceTransactionListParams),
    ("GET", r"/v1/balance_transactions/\w+", stripe.params.BalanceTransactionRetrieveParams),
    ("GET", r"/v1/balance", stripe.params.BalanceRetrieveParams),
    ("POST", r"/v1/refunds", stripe.params.RefundCreateParams),
    ("GET", r"/v1/refunds", stripe.params.RefundListParams),
    ("POST", r"/v1/accounts", stripe.params.AccountCreateParams),
    ("GET", r"/v1/accounts/\w+", stripe.params.AccountRetrieveParams),
    ("POST", r"/v1/account_links", stripe.params.AccountLinkCreateParams),
    ("POST", r"/v1/transfers", stripe.params.TransferCreateParams),
    ("GET", r"/v1/transfers", stripe.params.TransferListParams),
    ("GET", r"/v1/transfers/\w+", stripe.params.TransferRetrieveParams),
    ("POST", r"/v1/transfers/\w+/reversals", stripe.params.TransferReversalCreateParams),
    ("POST", r"/v1/payouts", stripe.params.PayoutCreateParams),
    ("GET", r"/v1/events", stripe.params.EventListParams),
]


def faults(requests: Iterable[dict[str, Any]]) -> list[str]:
    """Every parameter that the library's types do not know or would not take; calls without a type are faults too."""
    found = []
    for request in requests:
        method, path = request["method"], request["path"]
        wanted = [one for verb, pattern, one in TYPES if verb == method and re.fullmatch(pattern, path)]
        if not wanted:
            found.append(f"{method} {path}: no parameter type is listed for it")
            continue
        found += [f"{method} {path}: {fault}" for fault in _faults(wanted[0], request["params"], "")]
    return found


def _faults(hint: Any, value: Any, path: str) -> Iterator[str]:
    origin = get_origin(hint)
    if origin in (NotRequired, Required):
        yield from _faults(get_args(hint)[0], value, path)
    elif origin in (Union, types.UnionType):
        yield from _union(get_args(hint), value, path)
    elif typing_extensions.is_typeddict(hint):
        yield from _group(hint, value, path)
    elif origin in (list, dict):
        yield from _many(origin, get_args(hint)[-1], value, path)
    elif origin is Literal:
        if value not in get_args(hint):
            yield f"{path} is {value!r}, not one of {get_args(hint)}"
    elif not _is_written(hint, value):
        yield f"{path} is {value!r}, no {hint}"


def _union(arms: tuple[Any, ...], value: Any, path: str) -> Iterator[str]:
    """The library writes `Literal[...] | str` where Stripe may add words: only the words that are known count here."""
    literals = [arm for arm in arms if get_origin(arm) is Literal and get_args(arm) != ("",)]
    tried = [list(_faults(arm, value, path)) for arm in (literals or arms)]
    if all(tried):
        yield min(tried, key=len)[0]


def _group(hint: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is {value!r}, not a group"
        return
    # The library's options name types it imports elsewhere; options are not parameters anyway.
    elsewhere = {"StripeContext": object, "Mapping": Mapping}
    hints = typing_extensions.get_type_hints(hint, localns=elsewhere, include_extras=True)
    options = stripe.RequestOptions.__annotations__
    known = {name: one for name, one in hints.items() if name not in options}
    for name in sorted(value.keys() - known.keys()):
        yield f"{path}[{name}] is unknown to {hint.__name__}"
    for name in sorted(hint.__required_keys__ - options.keys() - value.keys()):
        yield f"{path}[{name}] is missing"
    for name in sorted(value.keys() & known.keys()):
        yield from _faults(known[name], value[name], f"{path}[{name}]")


def _many(kind: Any, inner: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, kind):
        yield f"{path} is {value!r}, no {kind.__name__}"
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _faults(inner, each, f"{path}[{key}]")


def _is_written(hint: Any, value: Any) -> bool:
    """Whether a string from the wire can be a value of this simple type."""
    if not isinstance(value, str):
        return False
    if hint is bool:
        return value in ("true", "false")
    if hint is int:
        return re.fullmatch(r"-?\d+", value) is not None
    if hint in (float, Decimal):
        return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
    return hint is str
