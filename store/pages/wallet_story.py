"""The story of a wallet: where each credit came from and which artist it went to, from the books alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from ads.models import Impression, ImpressionGroup, Place, Wallet
from ads.rewards import credits, wallets
from ads.traffic.fraud import Reason
from ledger import chart, journal
from ledger.models import Posting
from megabox import money
from megabox.tables import Column, Kind, Listed, Row, Table, Total
from store.listeners import Listener
from store.models import Gate, GateView
from store.music import Music
from users.models import User

ON_A_PAGE = 50
SOON = 3
"""So many of the next days on which something expires are told."""
_AT_ONCE = 500
_VIEW, _GATE, _GROUP = "ads.impression:", "store.gate:", "ads.group:"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line: what happened, about what, and the change in XCR micros; `artist_micros` is what the artist got."""

    at: datetime
    what: str
    about: str
    change_xcr: int
    url: str = ""
    artist: str = ""
    artist_micros: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """A wallet as its listener sees it. Amounts in XCR micros; `expiring` has the next days, `later` the rest."""

    balance_xcr: int
    page: Page[Posting] | None = None
    movements: Sequence[Movement] = ()
    expiring: Sequence[tuple[date, int]] = ()
    later: int = 0
    is_blocked: bool = False


def of(listener: Listener, *, page: str = "1") -> Story:
    """The wallet of a listener and one page of its movements, in a constant number of queries; empty for a stranger."""
    wallet = _wallet(listener)
    if wallet is None:
        return Story(0)
    shown = Paginator(wallets.postings(wallet), ON_A_PAGE).get_page(page)
    expiring = credits.forecast(wallet.pk)
    return Story(
        balance_xcr=wallet.balance_xcr(),
        page=shown,
        movements=_told(wallet, list(shown.object_list)),
        expiring=expiring[:SOON],
        later=sum(xcr for _, xcr in expiring[SOON:]),
        is_blocked=wallet.blocked_at is not None,
    )


def table(listener: Listener) -> Table:
    """All movements of a wallet for a spreadsheet, newest first; the last line is what the wallet holds."""
    wallet = _wallet(listener)
    moved = list(wallets.postings(wallet)) if wallet else []
    told = [one for start in range(0, len(moved), _AT_ONCE) for one in _told(wallet, moved[start : start + _AT_ONCE])]
    columns = [
        Column("at", "When", Kind.MOMENT),
        Column("what", "What"),
        Column("about", "About"),
        Column("unit", "Unit", Kind.UNIT),
        Column("credits", "Credits", Kind.MONEY, Total.SUM),
        Column("artist", "Artist"),
        Column("artist_part", f"To the artist, {settings.ADS_CURRENCY}"),
    ]
    rows: list[Row] = [
        [
            one.at,
            one.what,
            one.about,
            money.CREDIT,
            one.change_xcr,
            one.artist,
            money.plain(one.artist_micros) if one.artist else "",
        ]
        for one in told
    ]
    return Table("Wallet", columns, Listed(rows))


def _wallet(listener: Listener) -> Wallet | None:
    user = User.objects.get(pk=listener.user_id) if listener.user_id is not None else None
    return wallets.find(user, listener.guest_key)


# --- in words


@dataclass(slots=True)
class _Known:
    """The rows that movements name, read together: views, gates, and the groups of the extension."""

    views: Mapping[str, Impression]
    gates: Mapping[str, Gate]
    groups: Mapping[str, ImpressionGroup]
    gate_of: Mapping[object, Gate]
    parts: Mapping[str, int] = field(default_factory=dict)


def _told(wallet: Wallet | None, moved: Sequence[Posting]) -> list[Movement]:
    if wallet is None:
        return []
    movements = wallets.movements(wallet, moved)
    known = _known([one.source for one in movements])
    known.parts = _artist_parts([gate.entry_key for gate in known.gates.values() if gate.entry_key])
    return [_tell(one, known) for one in movements]


def _tell(one: wallets.Movement, known: _Known) -> Movement:
    """One movement in words, by the account on the other side."""
    tellers: dict[str, Callable[[wallets.Movement, _Known], Movement]] = {
        chart.xcr_issued(): _earned,
        chart.xcr_spent(): _spent,
        chart.xcr_expired(): _expired,
        chart.xcr_revoked(): _revoked,
    }
    return tellers.get(one.other, _joined)(one, known)


def _earned(one: wallets.Movement, known: _Known) -> Movement:
    if (group := known.groups.get(one.source)) is not None:
        about = f"Ads by {group.campaign.whose}, seen on {group.day:%-d %b %Y}"
        return Movement(one.occurred_at, "Earned with Megakey", about, one.change_xcr)
    seen = known.views.get(one.source)
    about = _ad(seen) if seen else "an ad"
    gate = known.gate_of.get(seen.pk) if seen else None
    if gate is not None:
        about += f", at the gate of “{Music.of(gate).title}”"
    elif seen is not None:
        about += f", {Place(seen.place).label.lower()}"
    return Movement(one.occurred_at, "Earned by an ad", about, one.change_xcr)


def _spent(one: wallets.Movement, known: _Known) -> Movement:
    what = "Spent on a free download" if one.change_xcr < 0 else "Given back: the download was undone"
    gate = known.gates.get(one.source)
    if gate is None:
        return Movement(one.occurred_at, what, str(one.facts.get("title", "")), one.change_xcr)
    music = Music.of(gate)
    about = music.title if music.track is None else f"{music.title}, from {music.home.title}"
    return Movement(
        at=one.occurred_at,
        what=what,
        about=about,
        change_xcr=one.change_xcr,
        url=f"{gate.get_absolute_url()}receipt/",
        artist=music.home.artist.name,
        artist_micros=known.parts.get(gate.entry_key or "", 0) if one.change_xcr < 0 else 0,
    )


def _expired(one: wallets.Movement, known: _Known) -> Movement:
    about = f"Not spent within {credits.MONTHS} months: their money is in the artists’ pool"
    return Movement(one.occurred_at, "Expired", about, one.change_xcr)


def _revoked(one: wallets.Movement, known: _Known) -> Movement:
    seen = known.views.get(one.source)
    if seen is None:
        return Movement(one.occurred_at, "Taken back", "The view did not count", one.change_xcr)
    why = Reason.say(seen.reason)
    about = f"The view of {_ad(seen)} did not count: {why[:1].lower()}{why[1:]}. Its advertiser got the money back"
    return Movement(one.occurred_at, "Taken back", about, one.change_xcr)


def _joined(one: wallets.Movement, known: _Known) -> Movement:
    amount = money.display(one.amount_xcr, money.CREDIT)
    about = f"{amount} of the time before you signed in; how they were earned stands below"
    return Movement(one.occurred_at, "Joined with your wallet", about, one.change_xcr)


def _ad(seen: Impression) -> str:
    return f"“{seen.ad.title}” by {seen.campaign.whose}"


# --- rows


def _known(sources: Iterable[str]) -> _Known:
    names = list(sources)
    views = _views(_ids(names, _VIEW))
    at_gates = GateView.objects.filter(token_id__in=[view.pk for view in views.values()])
    music = ("gate__album__artist", "gate__track__album__artist")
    gates = Gate.objects.filter(pk__in=_ids(names, _GATE)).select_related("album__artist", "track__album__artist")
    groups = ImpressionGroup.objects.filter(pk__in=_ids(names, _GROUP)).select_related(*_WHOSE)
    return _Known(
        views,
        {gate.source: gate for gate in gates},
        {group.source: group for group in groups},
        {view.token_id: view.gate for view in at_gates.select_related(*music)},
    )


_WHOSE = ("campaign__advertiser", "campaign__artist")


def _views(ids: Sequence[str]) -> dict[str, Impression]:
    found: QuerySet[Impression] = Impression.objects.filter(pk__in=ids).select_related("ad", *_WHOSE)
    return {f"{_VIEW}{one.pk}": one for one in found}


def _ids(sources: Iterable[str], prefix: str) -> list[str]:
    return [source.removeprefix(prefix) for source in sources if source.startswith(prefix)]


def _artist_parts(keys: Sequence[str]) -> dict[str, int]:
    """What each entry paid to payees, in micros, less what was taken back from them."""
    paid = Posting.objects.filter(entry__key__in=keys, credit__code__startswith="payee:")
    found = list(paid.values_list("pk", "entry__key", "amount"))
    gone = journal.reversed_micros([pk for pk, _, _ in found]) if found else {}
    parts: dict[str, int] = {}
    for pk, key, amount in found:
        parts[key] = parts.get(key, 0) + amount - gone[pk]
    return parts
