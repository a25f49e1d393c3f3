"""Signed ad tokens: what an offer froze, in the browser's hands, so that an offer needs no row.

A token binds ad, campaign, price, place, listener, music, shares and policy together, expires, and counts once. It is
`version, key id, UUIDv7, lifetime, numbers` packed into bytes, followed by an HMAC-SHA256 over all of them, in
URL-safe base64. The time of issue is the time in the UUIDv7. Keys rotate by their id: `settings.ADS_TOKEN_KEYS`,
newest first; tokens of an older key are read as long as the key is listed.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import models

from ads.models import BESIDE_MUSIC, Place
from ledger import policy

VERSION = 2
_READ = (1, VERSION)
"""Tokens of version 1 name no lease and no person; they are read until the last of them has expired."""
LIFETIME_SECONDS = 1_800
"""No token lives longer, so a day can be closed that long after its end."""
SLOT_LIFETIME_SECONDS = 180
"""Beside music: an ad is asked for when it is about to be looked at, and what nobody looks at comes back so soon."""
GATE_LIFETIME_SECONDS = 900
MEGAKEY_LIFETIME_SECONDS = 300
"""A wallet has one open offer of the extension, and waits so long at most for another when it was not seen."""
SKEW = timedelta(minutes=10)
"""Clocks of our machines may differ by this much."""
MOST_CHARACTERS = 1_500
MOST_SHARES = 64

_MAC_BYTES = 32
_CONTEXT = b"megabox.ads.token"
_PLACES = (Place.GATE, Place.PLAYER, Place.PAGE, Place.MEGAKEY)  # the order is part of the format
LIFETIMES: dict[str, int] = {
    Place.GATE: GATE_LIFETIME_SECONDS,
    Place.PLAYER: SLOT_LIFETIME_SECONDS,
    Place.PAGE: SLOT_LIFETIME_SECONDS,
    Place.MEGAKEY: MEGAKEY_LIFETIME_SECONDS,
}
"""How many seconds a token of each place lives unless told otherwise."""
_LARGEST = 2**63 - 1


class Fault(models.TextChoices):
    """What can be wrong with a token."""

    MALFORMED = "malformed", "This ad token is not complete."
    FORGED = "forged", "This ad token was not made by us."
    EXPIRED = "expired", "This ad was offered too long ago. Start again to get another one."
    EARLY = "early", "This ad token is from the future."


class BadToken(Exception):
    """The token cannot be used; `fault` says why, the message says it in a sentence."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault.label))


@dataclass(frozen=True, slots=True)
class Choice:
    """What serving picked: an ad, and the price a view of it costs at this moment, in micros."""

    ad_id: int
    campaign_id: int
    price_micros: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a token says. Amounts in micros of the ads currency; shares are (payee id, basis points) beside music, and
    (site id, basis points) where the extension replaced an ad of a site.

    `lease_id` names who pays, None the budget itself. `user_id` is the person it was shown to, None for a guest;
    `is_proven` says that whoever it was shown to is known to be a person.
    """

    id: uuid.UUID
    lifetime_seconds: int
    campaign_id: int
    ad_id: int
    price_micros: int
    place: str
    wallet_id: int | None
    artist_id: int | None
    album_id: int | None
    policy_version: int
    shares: tuple[tuple[int, int], ...]
    lease_id: int | None = None
    is_proven: bool = False
    user_id: int | None = None

    @property
    def issued_at(self) -> datetime:
        """When the token was made, to the millisecond."""
        return datetime.fromtimestamp((self.id.int >> 80) / 1000, UTC)

    @property
    def expires_at(self) -> datetime:
        return self.issued_at + timedelta(seconds=self.lifetime_seconds)

    @property
    def beneficiary(self) -> str:
        """Who earns it, as groups and keys of entries name them: `gate`, `megakey`, `megakey:{site}:{shares}` or
        `artist:{id}:{shares}`.

        Shares and policy are part of the name, so that everything in one group is shared alike.
        """
        if not self.shares:
            return self.place
        who = f"artist:{self.artist_id}" if self.place in BESIDE_MUSIC else f"{self.place}:{self.shares[0][0]}"
        return f"{who}:{_terms(self.policy_version, self.shares)}"


@lru_cache(maxsize=10_000)
def _terms(policy_version: int, shares: tuple[tuple[int, int], ...]) -> str:
    """What stands for how something is shared, in the names of groups."""
    terms = json.dumps([policy_version, shares], separators=(",", ":"))
    return hashlib.sha256(terms.encode()).hexdigest()[:12]


def issue(
    choice: Choice,
    place: str,
    *,
    at: datetime,
    token_id: uuid.UUID | None = None,
    wallet_id: int | None = None,
    artist_id: int | None = None,
    album_id: int | None = None,
    shares: Sequence[Sequence[int]] = (),
    policy_version: int | None = None,
    lifetime_seconds: int | None = None,
    lease_id: int | None = None,
    is_proven: bool = False,
    user_id: int | None = None,
) -> str:
    """A token for showing `choice` at `place` at `at`.

    At the gate and in Megakey it needs the wallet that is paid; beside music the artist and the shares of the split
    sheet that applies now, as [payee id, basis points]; where an ad was replaced the site, as [site id, basis points].
    Without `policy_version` the policy in force counts. `token_id` is a fresh `uuid7(at)`, made here unless given.
    """
    if place in BESIDE_MUSIC:
        assert artist_id and shares, "beside music somebody must earn"
    else:
        assert wallet_id, "a wallet must earn"
        assert len(shares) <= (place == Place.MEGAKEY), "at the gate all is the wallet's, in the extension one site's"
    assert len(shares) <= MOST_SHARES, f"{len(shares)} shares"
    offer = Offer(
        id=token_id or uuid7(at),
        lifetime_seconds=min(lifetime_seconds or LIFETIMES[place], LIFETIME_SECONDS),
        campaign_id=choice.campaign_id,
        ad_id=choice.ad_id,
        price_micros=choice.price_micros,
        place=place,
        wallet_id=wallet_id,
        artist_id=artist_id,
        album_id=album_id,
        policy_version=policy.current(at).version if policy_version is None else policy_version,
        shares=tuple((int(payee_id), int(points)) for payee_id, points in shares),
        lease_id=lease_id,
        is_proven=is_proven,
        user_id=user_id,
    )
    key_id = next(iter(settings.ADS_TOKEN_KEYS))
    body = _pack(offer, key_id)
    return base64.urlsafe_b64encode(body + _mac(body, key_id)).rstrip(b"=").decode()


def read(token: str, at: datetime) -> Offer:
    """What a token offers at `at`. Raises BadToken when it is malformed, forged, expired or from the future."""
    offer = verify(token)
    if offer.issued_at > at + SKEW:
        raise BadToken(Fault.EARLY)
    if at > offer.expires_at:
        raise BadToken(Fault.EXPIRED)
    return offer


def verify(token: str) -> Offer:
    """What a token offers, whether or not its time is over. Raises BadToken when it is malformed or forged."""
    raw = _decode(token)
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) < 2 or body[0] not in _READ:
        raise BadToken(Fault.MALFORMED)
    try:
        key_id = body[2 : 2 + body[1]].decode("ascii")
    except UnicodeDecodeError:
        raise BadToken(Fault.MALFORMED) from None
    if key_id not in settings.ADS_TOKEN_KEYS or not hmac.compare_digest(mac, _mac(body, key_id)):
        raise BadToken(Fault.FORGED)
    return _unpack(body)


def uuid7(at: datetime) -> uuid.UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then chance."""
    milliseconds = int(at.timestamp() * 1000)
    number = (milliseconds << 80) | secrets.randbits(80)
    number = (number & ~(0xF << 76)) | (7 << 76)
    number = (number & ~(0x3 << 62)) | (2 << 62)
    return uuid.UUID(int=number)


# --- the format


def _decode(token: str) -> bytes:
    if not isinstance(token, str) or not 60 < len(token) <= MOST_CHARACTERS or not token.isascii():
        raise BadToken(Fault.MALFORMED)
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken(Fault.MALFORMED) from None
    return raw


def _mac(body: bytes, key_id: str) -> bytes:
    return hmac.digest(settings.ADS_TOKEN_KEYS[key_id].encode(), _CONTEXT + body, "sha256")


def _pack(offer: Offer, key_id: str) -> bytes:
    name = key_id.encode("ascii")
    numbers = [
        offer.lifetime_seconds,
        _PLACES.index(Place(offer.place)),
        offer.campaign_id,
        offer.ad_id,
        offer.price_micros,
        offer.wallet_id or 0,
        offer.artist_id or 0,
        offer.album_id or 0,
        offer.policy_version,
        offer.lease_id or 0,
        int(offer.is_proven),
        offer.user_id or 0,
        len(offer.shares),
        *(number for share in offer.shares for number in share),
    ]
    return bytes([VERSION, len(name)]) + name + offer.id.bytes + b"".join(_varint(number) for number in numbers)


def _unpack(body: bytes) -> Offer:
    """The offer in a body whose signature holds; one that does not fit its format is a mistake of ours."""
    start = 2 + body[1]
    numbers = _varints(body[start + 16 :])
    try:
        if body[0] == 1:
            numbers[9:9] = [0, 0, 0]
        lifetime, place, campaign, ad, price, wallet, artist, album, version, lease, proven, user, count = numbers[:13]
        shares = tuple(zip(numbers[13::2], numbers[14::2], strict=True))
        if len(shares) != count:
            raise ValueError(count)
        return Offer(
            id=uuid.UUID(bytes=body[start : start + 16]),
            lifetime_seconds=lifetime,
            campaign_id=campaign,
            ad_id=ad,
            price_micros=price,
            place=str(_PLACES[place].value),
            wallet_id=wallet or None,
            artist_id=artist or None,
            album_id=album or None,
            policy_version=version,
            shares=shares,
            lease_id=lease or None,
            is_proven=bool(proven),
            user_id=user or None,
        )
    except (ValueError, IndexError):
        raise BadToken(Fault.MALFORMED) from None


def _varint(number: int) -> bytes:
    assert 0 <= number <= _LARGEST, number
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varints(data: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in data:
        if byte < 0x80:
            numbers.append(number | byte << shift)
            number = shift = 0
        else:
            number |= (byte & 0x7F) << shift
            shift += 7
    return numbers
