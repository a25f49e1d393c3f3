"""Which albums and tracks of a plan are there already, so that the same sheet twice doubles nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from artists import slugs
from artists.imports.cells import bare
from artists.imports.plans import Plan, PlannedAlbum, PlannedTrack, Problem
from artists.models import Album, Artist, Track, Upload
from artists.naming import stem
from users.models import User


@dataclass(frozen=True)
class Matched:
    """A planned album beside what is there: its artist, None where the name is nobody's; its album; its tracks.

    `tracks` has a place for each planned track: the track that is there, or None.
    """

    planned: PlannedAlbum
    artist: Artist | None
    album: Album | None
    tracks: Sequence[Track | None]
    problems: Sequence[Problem]

    @property
    def new_tracks(self) -> int:
        """How many tracks will be new."""
        return sum(track is None for track in self.tracks)


def match(plan: Plan, usual: Artist, owner: User, *, opens_artists: bool) -> list[Matched]:
    """Every album of `plan` beside what `owner` has; in a number of queries that hardly grows."""
    artists = {folded(artist.name): artist for artist in Artist.objects.owned_by(owner).order_by("-pk")}
    shelf = _Shelf(owner, {**artists, folded(usual.name): usual})
    found = [
        shelf.find(album, shelf.artists.get(folded(album.artist)) if album.artist else usual) for album in plan.albums
    ]
    lists = _lists(album for album in found if album)
    told = []
    for planned, album in zip(plan.albums, found, strict=True):
        artist = album.artist if album else shelf.artists.get(folded(planned.artist)) if planned.artist else usual
        tracks = pair(planned.tracks, lists[album.pk] if album else [])
        problems = [*planned.problems, *_problems(planned, artist, album, tracks, opens_artists=opens_artists)]
        told.append(Matched(planned, artist, album, tracks, problems))
    return told


def folded(name: str) -> str:
    """A name as it is compared."""
    return " ".join(name.casefold().split())


@dataclass(frozen=True)
class Known:
    """A track that is there, and the file it was made of or waits for."""

    track: Track
    filename: str = ""


def known_tracks(album: Album) -> list[Known]:
    """The tracks of an album that are not withdrawn, with their files."""
    return _lists([album])[album.pk]


def pair(planned: Sequence[PlannedTrack], known: Sequence[Known]) -> list[Track | None]:
    """For each planned track the one that is there: by ISRC, file, place and title, title, place; none twice."""
    free = {one.track.pk: one for one in known}
    pairs: dict[int, Track] = {}

    for of_known, of_planned in _KEYS:
        wanted: dict[str, list[int]] = defaultdict(list)
        for place, track in enumerate(planned):
            if place not in pairs and (key := of_planned(track)):
                wanted[key].append(place)
        there: dict[str, list[Known]] = defaultdict(list)
        for one in free.values():
            there[of_known(one)].append(one)
        for key, places in wanted.items():
            alike = there.get(key, [])
            # Of two with one title neither is meant for certain, unless there are two rows with it as well.
            if len(alike) not in (1, len(places)):
                continue
            for place, one in zip(places, alike, strict=False):
                if not _are_two(one.track, planned[place]):
                    pairs[place] = free.pop(one.track.pk).track
    return [pairs.get(place) for place in range(len(planned))]


def _are_two(track: Track, planned: PlannedTrack) -> bool:
    """Whether neither title nor code is the same: then a number makes them no one track."""
    code = planned.texts.get("isrc", "")
    return bool(track.isrc and code and track.isrc != code) and bare(track.title) != bare(planned.title)


def _place(planned: PlannedTrack) -> str:
    return f"{planned.disc or 1}-{planned.number}" if planned.number else ""


_KEYS: tuple[tuple[Callable[[Known], str], Callable[[PlannedTrack], str]], ...] = (
    (lambda known: known.track.isrc, lambda planned: planned.texts.get("isrc", "")),
    (lambda known: stem(known.filename), lambda planned: stem(planned.filename)),
    (
        lambda known: f"{known.track.disc}-{known.track.position} {bare(known.track.title)}",
        lambda planned: f"{_place(planned)} {bare(planned.title)}" if planned.number else "",
    ),
    (lambda known: bare(known.track.title), lambda planned: bare(planned.title)),
    (lambda known: f"{known.track.disc}-{known.track.position}", _place),
)


def with_the_code(planned: PlannedAlbum, owner: User) -> Album | None:
    """The album of `owner` that has the UPC of a planned one, whoever's it is said to be."""
    owned = Album.objects.owned_by(owner).select_related("artist").order_by("pk")
    return owned.filter(upc=planned.upc).first() if planned.upc else None


def with_the_title(planned: PlannedAlbum, artist: Artist) -> Album | None:
    """The album of `artist` that is called like a planned one, unless the codes of both say that they are two."""
    owned = Album.objects.filter(artist=artist).select_related("artist").order_by("pk")
    # An album's address begins with its title; one without letters has no such address.
    rows = owned.filter(slug__startswith=slugs.slugify(planned.title))
    alike = [album for album in rows if planned.title and folded(album.title) == folded(planned.title)]
    return next((one for one in alike if not (planned.upc and one.upc)), None)


class _Shelf:
    """The albums of an owner, by what a sheet may know them by."""

    def __init__(self, owner: User, artists: Mapping[str, Artist]) -> None:
        self.artists = artists
        self._by_upc: dict[str, Album] = {}
        self._by_title: dict[tuple[int, str], list[Album]] = defaultdict(list)
        for album in Album.objects.owned_by(owner).select_related("artist").order_by("pk"):
            if album.upc:
                self._by_upc.setdefault(album.upc, album)
            self._by_title[album.artist_id, folded(album.title)].append(album)

    def find(self, planned: PlannedAlbum, artist: Artist | None) -> Album | None:
        """By its code, else by artist and title: then no code of its own may say that it is another one."""
        if planned.upc and planned.upc in self._by_upc:
            return self._by_upc[planned.upc]
        if artist is None or not planned.title:
            return None
        alike = self._by_title.get((artist.pk, folded(planned.title)), [])
        return next((one for one in alike if not (planned.upc and one.upc)), None)


def _lists(albums: Iterable[Album]) -> dict[int, list[Known]]:
    """The tracks of these albums with their files, by album."""
    ids = [album.pk for album in albums]
    lists: dict[int, list[Known]] = defaultdict(list)
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        files = dict(
            Upload.objects.filter(album__in=some, track__isnull=False).order_by("pk").values_list("track", "filename")
        )
        heavy = ("peaks", "lyrics", "synced_lyrics")
        for track in Track.objects.kept().filter(album__in=some).defer(*heavy):
            lists[track.album_id].append(Known(track, track.awaits or files.get(track.pk, "")))
    return lists


def _problems(
    planned: PlannedAlbum,
    artist: Artist | None,
    album: Album | None,
    tracks: Sequence[Track | None],
    *,
    opens_artists: bool,
) -> list[Problem]:
    found = []
    if artist is None and not opens_artists:
        advice = "Tick “Open an artist for every new name” with the columns, or correct it."
        sentence = f"“{planned.artist}” is none of your artists. {advice}"
        found.append(Problem(planned.row, "", sentence))
    if album is None and not planned.title:
        found.append(Problem(planned.row, "", f"No album of yours has the UPC {planned.upc}. Write its title, too."))
    if album and album.state != Album.State.DRAFT and planned.texts:
        unit = next((texts["currency"] for texts in planned.texts.values() if "currency" in texts), album.currency)
        if unit != album.currency:
            sentence = f"“{album}” was published in {album.currency}, and keeps its currency."
            found.append(Problem(planned.row, "", sentence))
    for one, track in zip(planned.tracks, tracks, strict=True):
        if track is None and not one.title:
            found.append(
                Problem(one.row, "", "It has no title, and no track of the album is meant by its number or code.")
            )
    return found
