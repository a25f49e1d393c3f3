"""The list of sites: filled by the staff from a file, left by whoever opts out, signed for everybody alike.

The list is one text with a version, the same for every browser, signed with Ed25519: a browser checks it with the
public key it was built with, takes no older version than it has, and tells nobody which of the sites it visits.
"""

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import IntegrityError, transaction

from ads.models import Site, SiteList

COLUMNS = ("domain", "rank", "months", "category", "partner")
MOST_ROWS = 20_000
MOST_FAULTS = 20
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_YES = {"1": True, "yes": True, "true": True, "": False, "0": False, "no": False, "false": False}
_FIELDS = ("rank", "months", "category", "is_partner")
_TRIES = 5


class BadList(Exception):
    """A file that cannot be read as a list of sites, with a sentence that says where it is wrong."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The list as browsers get it: the text, which version it is, and the signature over the bytes of the text."""

    version: int
    body: str
    signature: str
    key_id: str


@dataclass(slots=True)
class Plan:
    """What an import would do, or did: new, changed and equal sites, and the lines that are wrong."""

    new: list[Site] = field(default_factory=list)
    changed: list[Site] = field(default_factory=list)
    same: int = 0
    faults: list[str] = field(default_factory=list)


def domain_of(text: str) -> str:
    """The name of a site as it is kept: small letters, ASCII, without `www.`. Raises BadList."""
    name = text.strip().rstrip(".").casefold().removeprefix("www.")
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    labels = ascii_name.split(".")
    if len(labels) < 2 or len(ascii_name) > 253 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise BadList(f"“{text.strip()[:60]}” is no domain. Write it like example.com.")
    return ascii_name


def plan(text: str) -> Plan:
    """What importing this CSV would do. Sites it does not name stay as they are. Raises BadList."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise BadList(f"The first line must name these columns: {', '.join(COLUMNS)}. Missing: {', '.join(missing)}.")
    made, found = Plan(), {}
    try:
        for number, row in enumerate(reader, 2):
            if number > MOST_ROWS + 1:
                raise BadList(f"This file has more than {MOST_ROWS} lines. Import it in parts.")
            try:
                site = _site_of(row)
            except BadList as fault:
                made.faults.append(f"Line {number}: {fault}")
                continue
            if site.domain in found:
                made.faults.append(f"Line {number}: {site.domain} is in the file twice.")
            found[site.domain] = site
    except csv.Error as fault:
        raise BadList(f"Line {reader.line_num} cannot be read as CSV: {fault}.") from None
    _compare(found, made)
    return made


def apply(made: Plan, at: datetime) -> int:
    """Write what was planned and publish the list; return how many sites are new or changed. All or nothing."""
    assert not made.faults, "a file with faults is not imported"
    with transaction.atomic():
        Site.objects.bulk_create(made.new, batch_size=500)
        Site.objects.bulk_update(made.changed, _FIELDS, batch_size=500)
    publish(at)
    return len(made.new) + len(made.changed)


def opt_out(site: Site, by: str, at: datetime) -> bool:
    """Take a site off the list at once; False when it was off before. Only the staff lift it again."""
    is_new = Site.objects.filter(pk=site.pk, opted_out_at=None).update(opted_out_at=at, opted_out_by=by) == 1
    if is_new:
        publish(at)
    return is_new


def opt_in(site: Site, at: datetime) -> bool:
    """Lift an opt-out because the site's operator asked for it; False when there was none."""
    lifted = Site.objects.filter(pk=site.pk, opted_out_at__isnull=False).update(opted_out_at=None, opted_out_by="")
    publish(at)
    return lifted == 1


# --- the signed list


def publish(at: datetime) -> SiteList:
    """The newest version of the list; a new one when the sites on it have changed. Safe to repeat and to race."""
    for _ in range(_TRIES):
        sites = [{"id": pk, "domain": name} for pk, name in _listed()]
        digest = hashlib.sha256(json.dumps(sites).encode()).hexdigest()
        last = SiteList.objects.order_by("-version").first()
        if last is not None and last.sites_hash == digest:
            return last
        version = last.version + 1 if last else 1
        body = json.dumps({"version": version, "made_at": at.isoformat(), "sites": sites}, separators=(",", ":"))
        try:
            with transaction.atomic():
                return SiteList.objects.create(version=version, sites_hash=digest, body=body, made_at=at)
        except IntegrityError:
            continue  # somebody published this version just now: look again
    raise AssertionError("versions run away")


def signed(at: datetime) -> Signed:
    """The newest list with its signature."""
    newest = SiteList.objects.order_by("-version").first() or publish(at)
    key = _key()
    signature = base64.b64encode(key.sign(newest.body.encode())).decode()
    return Signed(newest.version, newest.body, signature, key_id(key))


def public_key() -> str:
    """The key that browsers check the list with, raw, in base64; empty when none is set."""
    return base64.b64encode(_raw(_key())).decode() if settings.MEGAKEY_LIST_KEY else ""


def key_id(key: Ed25519PrivateKey) -> str:
    """A short name of a key, so that a browser that knows two tries the right one."""
    return hashlib.sha256(_raw(key)).hexdigest()[:16]


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(settings.MEGAKEY_LIST_KEY))


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _listed() -> Sequence[tuple[int, str]]:
    return list(Site.objects.listed().order_by("domain").values_list("pk", "domain"))


# --- reading a file


def _site_of(row: dict[str, str | None]) -> Site:
    said = {name: (row.get(name) or "").strip() for name in COLUMNS}
    category = said["category"].lower() or Site.Category.GENERAL
    if category not in Site.Category.values:
        raise BadList(f"“{said['category'][:40]}” is no category. Use one of: {', '.join(Site.Category.values)}.")
    if said["partner"].lower() not in _YES:
        raise BadList(f"“{said['partner'][:40]}” says neither yes nor no for partner.")
    return Site(
        domain=domain_of(said["domain"]),
        rank=_number(said["rank"], "rank", 1, 2**31 - 1) if said["rank"] else None,
        months=_number(said["months"] or "0", "months", 0, 1_200),
        category=category,
        is_partner=_YES[said["partner"].lower()],
    )


def _number(text: str, name: str, least: int, most: int) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) < 12
    if not is_number or not least <= int(text) <= most:
        raise BadList(f"“{text[:40]}” is no {name}. It is a whole number from {least} to {most}.")
    return int(text)


def _compare(found: dict[str, Site], made: Plan) -> None:
    names = list(found)
    known: dict[str, Site] = {}
    for start in range(0, len(names), 500):
        known |= {site.domain: site for site in Site.objects.filter(domain__in=names[start : start + 500])}
    for name, said in found.items():
        site = known.get(name)
        if site is None:
            made.new.append(said)
        elif all(getattr(site, field) == getattr(said, field) for field in _FIELDS):
            made.same += 1
        else:
            for changed in _FIELDS:
                setattr(site, changed, getattr(said, changed))
            made.changed.append(site)
