"""The story of a wallet: where its credits came from and which artists they went to, from the books alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ads import wallets
from ads.models import Impression
from ledger.models import Posting
from store.listeners import Listener
from store.models import Gate
from store.music import Music
from users.models import User

NAMES = {
    "gate view": "Ad watched",
    "credits spent": "Free download",
    "wallet claimed": "Taken over from before you logged in",
    "credits expired": "Expired after 12 months, to the artists' pool",
    "reversal": "Taken back: the view was found invalid",
}


@dataclass(frozen=True)
class Movement:
    """One line: what happened, about what, and the change in XCR micros; `artist_micros` is what the artist got."""

    at: datetime
    what: str
    about: str
    url: str
    change_xcr: int
    artist: str
    artist_micros: int


@dataclass(frozen=True)
class Story:
    """A wallet as its listener sees it. Balance in XCR micros."""

    balance_xcr: int
    movements: Sequence[Movement]
    is_blocked: bool


def of(listener: Listener) -> Story:
    """The wallet of a listener and its latest movements, in a constant number of queries; empty for a stranger."""
    user = User.objects.get(pk=listener.user_id) if listener.user_id is not None else None
    wallet = wallets.find(user, listener.guest_key)
    if wallet is None:
        return Story(0, [], is_blocked=False)
    moved = wallets.history(wallet)
    ads, gates = _ads(moved), _gates(moved)
    shares = _artist_parts([gate.entry_key for gate in gates.values() if gate.entry_key])
    movements = [_told(one, ads, gates, shares) for one in moved]
    return Story(wallet.balance_xcr(), movements, is_blocked=wallet.blocked_at is not None)


def _told(
    one: wallets.Movement, ads: dict[str, Impression], gates: dict[str, Gate], shares: dict[str, int]
) -> Movement:
    about, url, artist, part = "", "", "", 0
    if (seen := ads.get(one.source)) is not None:
        about = seen.ad.title
    elif (gate := gates.get(one.source)) is not None:
        music = Music.of(gate)
        about, artist = music.title, music.home.artist.name
        url = gate.get_absolute_url() + "receipt/"
        part = shares.get(gate.entry_key or "", 0)
    return Movement(
        at=one.occurred_at,
        what=NAMES.get(one.kind, one.kind.capitalize()),
        about=about,
        url=url,
        change_xcr=one.change_xcr,
        artist=artist,
        artist_micros=part,
    )


def _ads(moved: Sequence[wallets.Movement]) -> dict[str, Impression]:
    prefix = "ads.impression:"
    ids = [one.source.removeprefix(prefix) for one in moved if one.source.startswith(prefix)]
    found = Impression.objects.filter(pk__in=ids).select_related("ad")
    return {f"{prefix}{impression.pk}": impression for impression in found}


def _gates(moved: Sequence[wallets.Movement]) -> dict[str, Gate]:
    prefix = "store.gate:"
    ids = [one.source.removeprefix(prefix) for one in moved if one.source.startswith(prefix)]
    found = Gate.objects.filter(pk__in=ids).select_related("album__artist", "track__album__artist")
    return {gate.source: gate for gate in found}


def _artist_parts(keys: Sequence[str]) -> dict[str, int]:
    """What each entry paid to payees, in micros."""
    parts: dict[str, int] = {}
    paid = Posting.objects.filter(entry__key__in=keys, credit__code__startswith="payee:")
    for key, amount in paid.values_list("entry__key", "amount"):
        parts[key] = parts.get(key, 0) + amount
    return parts
