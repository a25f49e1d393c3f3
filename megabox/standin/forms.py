"""Form-encoded parameters in: nested keys become dicts and lists, and each endpoint says what it knows.

A parameter the endpoint does not know is refused, as Stripe does, so that a typing error in the application
is found here and not on the first day with real money.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from megabox.standin import errors

MAX_METADATA_KEYS = 50


@dataclass(frozen=True)
class Field:
    """What one parameter may be."""

    kind: Literal["text", "whole", "flag", "pairs", "group", "many", "span"]
    required: bool = False
    choices: tuple[str, ...] = ()
    fields: "dict[str, Field]" = field(default_factory=dict)
    item: "Field | None" = None


Fields = dict[str, Field]


def text(*choices: str, required: bool = False) -> Field:
    """A string, or one of the given words."""
    return Field("text", required, choices)


def whole(required: bool = False) -> Field:
    """A whole number."""
    return Field("whole", required)


def flag() -> Field:
    """`true` or `false`."""
    return Field("flag")


def pairs() -> Field:
    """Metadata: words to words."""
    return Field("pairs")


def group(fields: Fields, required: bool = False) -> Field:
    """A nested object."""
    return Field("group", required, fields=fields)


def many(item: Field, required: bool = False) -> Field:
    """A list."""
    return Field("many", required, item=item)


EXPAND: Fields = {"expand": many(text())}
PAGING: Fields = EXPAND | {
    "limit": whole(),
    "starting_after": text(),
    "ending_before": text(),
    "created": Field("span"),
}
SPAN: Fields = {"gt": whole(), "gte": whole(), "lt": whole(), "lte": whole()}


def decode(encoded: str) -> dict[str, Any]:
    """Turn `a[b][0]=c` into `{"a": {"b": ["c"]}}`; all values stay strings."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        *groups, last = name.replace("]", "").split("[")
        branch = tree
        for key in groups:
            nested = branch.setdefault(key or str(len(branch)), {})
            if not isinstance(nested, dict):
                raise errors.invalid(name, f"Invalid parameter: {name} is both a value and a group.")
            branch = nested
        branch[last or str(len(branch))] = value
    return {key: _listed(value) for key, value in tree.items()}


def _listed(value: Any) -> Any:
    """Groups whose keys are 0, 1, 2 ... are lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(nested) for key, nested in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def clean(fields: Fields, sent: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Check the parameters against the endpoint's list and give them their types.

    Raises WireError (400) for unknown, missing or malformed parameters. An empty string unsets: it becomes None.
    """
    for name in sent:
        if name not in fields:
            path = _path(prefix, name)
            raise errors.invalid(path, f"Received unknown parameter: {path}", "parameter_unknown")
    cleaned: dict[str, Any] = {}
    for name, wanted in fields.items():
        path = _path(prefix, name)
        if name in sent:
            cleaned[name] = _value(wanted, sent[name], path)
        if wanted.required and cleaned.get(name) is None:
            raise errors.missing(path)
    return cleaned


def _path(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _value(wanted: Field, sent: Any, path: str) -> Any:
    if sent == "":
        return {} if wanted.kind == "pairs" else None
    if wanted.kind == "span" and isinstance(sent, str):
        return {"gte": _whole(sent, path), "lte": _whole(sent, path)}
    if wanted.kind in ("group", "span", "pairs"):
        if not isinstance(sent, dict):
            raise errors.invalid(path, f"Invalid object: {path} must be a group of parameters.")
        if wanted.kind == "pairs":
            return _pairs(sent, path)
        return clean(SPAN if wanted.kind == "span" else wanted.fields, sent, path)
    if wanted.kind == "many":
        if not isinstance(sent, list):
            raise errors.invalid(path, f"Invalid array: {path}")
        assert wanted.item is not None
        return [_value(wanted.item, each, f"{path}[{index}]") for index, each in enumerate(sent)]
    if not isinstance(sent, str):
        raise errors.invalid(path, f"Invalid string: {path} must be one value.")
    return _scalar(wanted, sent, path)


def _scalar(wanted: Field, sent: str, path: str) -> Any:
    if wanted.kind == "whole":
        return _whole(sent, path)
    if wanted.kind == "flag":
        if sent not in ("true", "false"):
            raise errors.invalid(path, f"Invalid boolean: {sent}")
        return sent == "true"
    if wanted.choices and sent not in wanted.choices:
        raise errors.invalid(path, f"Invalid {path}: must be one of {', '.join(wanted.choices)}")
    return sent


def _whole(sent: str, path: str) -> int:
    digits = sent.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise errors.invalid(path, f"Invalid integer: {sent}", "parameter_invalid_integer")
    return int(sent)


def _pairs(sent: dict[str, Any], path: str) -> dict[str, str]:
    if len(sent) > MAX_METADATA_KEYS:
        raise errors.invalid(path, f"You can have up to {MAX_METADATA_KEYS} metadata keys.")
    for key, value in sent.items():
        if not isinstance(value, str):
            raise errors.invalid(f"{path}[{key}]", "Metadata values must be strings.")
        if len(key) > 40 or len(value) > 500:
            raise errors.invalid(f"{path}[{key}]", "Metadata keys have up to 40 characters, values up to 500.")
    return dict(sent)
