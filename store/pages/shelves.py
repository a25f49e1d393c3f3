"""What the public pages show: new albums, the box of today, tags, who was paid, and lines from the ledger.

Every function costs a constant number of queries; the pages that call them are cached.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from artists.models import Album, Artist, Contribution, Track
from ledger.models import Posting
from megabox.days import day_of, midnight
from store.models import Gate

IN_THE_BOX = 4
NEWEST = 12
ANNOUNCED = 4
TAGS = 16
LOOKED_AT = 500
"""So many of the newest albums are looked at for tags and for the box of today."""

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Earned:
    """What artists earned in one unit, in micros."""

    unit: str
    micros: int


@dataclass(frozen=True)
class Paid:
    """An album whose free downloads were paid by ads: how many downloads, and what they paid its artist, in micros."""

    album: Album
    downloads: int
    artist_micros: int


@dataclass(frozen=True)
class Credits:
    """The liner credits of one role."""

    role: str
    names: Sequence[str]


def newest(most: int = NEWEST) -> list[Album]:
    """The newest albums, with what cards show."""
    return list(Album.objects.published().for_pages().order_by("-published_at", "-pk")[:most])


def box_of(day: date, most: int = IN_THE_BOX) -> list[Album]:
    """Some albums to open today: others every day, the same for everybody all day long."""
    recent = Album.objects.published().order_by("-published_at", "-pk").values_list("pk", flat=True)
    ids = sorted(recent[:LOOKED_AT])
    chosen = random.Random(day.isoformat()).sample(ids, min(most, len(ids)))  # noqa: S311 - a shelf, not a secret
    found = {album.pk: album for album in Album.objects.filter(pk__in=chosen).for_pages()}
    return [found[pk] for pk in chosen if pk in found]


def tags(most: int = TAGS) -> list[str]:
    """The words artists use most for their newest albums."""
    recent = Album.objects.published().order_by("-published_at", "-pk").values_list("tags", "genre")
    count = Counter(str(tag) for words, genre in recent[:LOOKED_AT] for tag in {*words, genre} if tag)
    return [tag for tag, _ in count.most_common(most)]


def earned(since: datetime) -> list[Earned]:
    """What payees earned since then, less what was taken back meanwhile, per currency; from the postings alone."""
    recent = Posting.objects.filter(entry__occurred_at__gte=since)
    credited = recent.filter(credit__code__startswith="payee:", credit__code__contains=":pending:")
    taken = recent.filter(debit__code__startswith="payee:", reverses__isnull=False)
    back = dict(taken.order_by().values_list("unit").annotate(total=Sum("amount")))
    sums = credited.order_by().values_list("unit").annotate(total=Sum("amount")).order_by("-total")
    return [Earned(unit, total - back.get(unit, 0)) for unit, total in sums if total > back.get(unit, 0)]


def paid_by_ads(since: datetime, most: int = 4) -> list[Paid]:
    """The albums whose free downloads earned their artists most since then; tracks count for their album."""
    granted = Gate.objects.filter(state=Gate.State.GRANTED, spent_micros__gt=0, granted_at__gte=since)
    rows = granted.order_by().values_list("album", "track__album").annotate(n=Count("pk"), spent=Sum("spent_micros"))
    downloads: Counter[int] = Counter()
    spent: Counter[int] = Counter()
    for album_id, of_track, n, micros in rows:
        downloads[album_id or of_track] += n
        spent[album_id or of_track] += micros
    best = [pk for pk, _ in spent.most_common(most * 3)]
    found = {album.pk: album for album in Album.objects.published().filter(pk__in=best).for_pages()}
    shown = [pk for pk in best if pk in found][:most]
    return [Paid(found[pk], downloads[pk], spent[pk] - spent[pk] // 10) for pk in shown]


def start_of_month(at: datetime) -> datetime:
    """The first moment of the UTC month of `at`."""
    return midnight(day_of(at).replace(day=1))


def free_downloads(artist: Artist, since: datetime) -> tuple[int, int]:
    """How many free downloads paid for an artist's music since then, and what of their credits is the artists'."""
    gates = Gate.objects.filter(Q(album__artist=artist) | Q(track__album__artist=artist), spent_micros__gt=0)
    found = gates.filter(state=Gate.State.GRANTED, granted_at__gte=since).aggregate(
        n=Count("pk"), spent=Sum("spent_micros")
    )
    spent = found["spent"] or 0
    return found["n"], spent - spent // 10


def albums_of(artist: Artist) -> list[Album]:
    """An artist's published albums, newest first, with their tracks."""
    return list(artist.albums.published().for_pages().order_by("-released_on", "-published_at", "-pk"))


def more_by(artist: Artist, but: Album, most: int = 4) -> list[Album]:
    """Other albums of an artist."""
    others = artist.albums.published().for_pages().exclude(pk=but.pk)
    return list(others.order_by("-published_at", "-pk")[:most])


def album_page(artist_slug: str, album_slug: str) -> Album | None:
    """A published album with everything its page shows."""
    found: QuerySet[Album] = Album.objects.published().for_pages()
    return found.filter(artist__slug=artist_slug, slug=album_slug).first()


def announced(artist: Artist | None = None, most: int = ANNOUNCED) -> list[Album]:
    """What is out next, of everybody or of one artist: the soonest first, with what cards show."""
    found = Album.objects.announced().select_related("artist", "cover").order_by("out_at", "pk")
    return list((found.filter(artist=artist) if artist else found)[:most])


def announced_page(artist_slug: str, album_slug: str) -> Album | None:
    """An album that is not out yet and has a page already."""
    found = Album.objects.announced().select_related("artist", "cover")
    return found.filter(artist__slug=artist_slug, slug=album_slug).first()


def heard_before(album: Album) -> list[Track]:
    """The tracks of an announced album that everybody may hear, in their order."""
    rows = list(album.tracks.kept().filter(is_heard_before=True))
    for track in rows:
        track.album = album
    return rows


def track_page(artist_slug: str, album_slug: str, track_slug: str) -> Track | None:
    """A published track with everything its page shows."""
    found = Track.objects.published().select_related("album__artist", "album__cover", "original")
    return found.filter(album__artist__slug=artist_slug, album__slug=album_slug, slug=track_slug).first()


def credits_of(track: Track) -> list[Credits]:
    """The liner credits of a track, by role, in the order they were written."""
    by_role: dict[str, list[str]] = {}
    for one in track.contributions.all():
        by_role.setdefault(Contribution.Role(one.role).label, []).append(one.name)
    return [Credits(role, names) for role, names in by_role.items()]
