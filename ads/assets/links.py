"""Where a click goes: web addresses that are what they look like, and nothing that a browser would run."""

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

_OURS_ONLY = frozenset({"localhost", "local", "internal", "lan", "home", "corp", "arpa", "onion", "invalid"})
"""Last names of hosts that no listener can reach."""
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LIKE_LATIN = frozenset("асԁеһіјӏорԛѕԝхуѵαεικνορτυχωօոսհց")
"""Letters of other scripts that read as Latin ones."""
_LATIN_DISGUISED = frozenset("ıɑɡɩʟɴʀᴀᴄᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢſƅɢʏ")


class BadLink(ValueError):
    """An address that no ad may lead to; the message says what to write instead."""


def clean(typed: str) -> str:
    """The web address that was typed. Raises BadLink."""
    text = typed.strip()
    if any(sign.isspace() or not sign.isprintable() or sign == "\\" for sign in text):
        raise BadLink(_WHOLE)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise BadLink(_WHOLE) from None
    if parts.scheme.lower() != "https" or not host:
        raise BadLink(_WHOLE)
    if "@" in parts.netloc:
        raise BadLink("An address with a name or a password before the @ can mislead people. " + _WHOLE)
    _check_host(host)
    return text


_WHOLE = "Write a whole web address that begins with https://, like https://example.com/."


def ascii_host(url: str) -> str:
    """The host of an address as machines write it, for reviewers: `xn--...` when it has other letters; else empty."""
    host = urlsplit(url).hostname or ""
    if host.isascii():
        return host if "xn--" in host else ""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""


def _check_host(host: str) -> None:
    labels = host.split(".")
    if ":" in host or _is_number(host) or _NUMBER.fullmatch(labels[-1]):
        raise BadLink("Write the name of the site, like https://example.com/, not a number: people cannot read those.")
    if len(labels) < 2 or labels[-1] in _OURS_ONLY:
        raise BadLink(f"Nobody but you can reach “{host[:60]}”. {_WHOLE}")
    if len(host) > 253:
        raise BadLink(_WHOLE)
    for label in labels:
        _check_label(label, is_abroad=not labels[-1].isascii() or labels[-1].startswith("xn--"))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_label(label: str, *, is_abroad: bool) -> None:
    """One part of a name between points; letters of all the world, but not those that pass for others."""
    name = label
    if label.startswith("xn--"):
        try:
            name = label.encode().decode("idna")
        except UnicodeError:
            raise BadLink(_WHOLE) from None
    if name.isascii():
        if not _LABEL.fullmatch(name):
            raise BadLink(_WHOLE)
        return
    if unicodedata.normalize("NFKC", name).casefold() != name.casefold() or _encoded(name) is None:
        raise BadLink(_WHOLE)
    scripts = {_script(sign) for sign in name if sign.isalpha()}
    mixes = len(scripts - _EAST_ASIAN) > 1 or (bool(scripts & _EAST_ASIAN) and bool(scripts - _EAST_ASIAN - {"LATIN"}))
    letters = [sign for sign in name.casefold() if sign.isalpha()]
    is_whole_disguise = not is_abroad and "LATIN" not in scripts and all(sign in _LIKE_LATIN for sign in letters)
    if mixes or is_whole_disguise or any(sign in _LATIN_DISGUISED for sign in name):
        raise BadLink(
            f"“{name[:60]}” has letters that look like other ones, so people may take it for another site. "
            "Use the address in plain letters."
        )


_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
"""Scripts that are written together."""


def _encoded(label: str) -> bytes | None:
    try:
        return label.encode("idna")
    except UnicodeError:
        return None


def _script(sign: str) -> str:
    return unicodedata.name(sign, "UNKNOWN").split()[0].removesuffix("-HIRAGANA")
