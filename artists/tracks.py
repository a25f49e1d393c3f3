"""Tracks of an album as artists change, order and remove them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from artists import free_later, leftovers, search, slugs
from artists.models import Album, Contribution, Original, SplitSheet, Track, Upload
from artists.models.catalogue import MOST_DISCS

_OUT_OF_THE_WAY = 16_000
"""Positions from here on are only held inside a transaction, while tracks change places."""


class BadIsrc(ValueError):
    """What was typed is no ISRC; the message says what one looks like."""


class BadIswc(ValueError):
    """What was typed is no ISWC; the message says what one looks like."""


class Rearranged(Exception):
    """The order that was asked for is not one of the tracks that are there; the message says so."""


class LastTrack(Exception):
    """A published album keeps a track; the message says what to do instead."""


class Credit(NamedTuple):
    """What somebody did on a track: a role of Contribution, and a name."""

    role: str
    name: str


class Free(NamedTuple):
    """How a track is had without paying: a FreeMode, and after how many days where it is LATER."""

    mode: str
    after_days: int | None = None


@dataclass(frozen=True)
class Details:
    """What an artist writes about a track. The price in micros of the album's currency; None: with the album only.

    Without `credits` they stay as they are, and so does `free`.
    """

    title: str
    isrc: str = ""
    price_micros: int | None = None
    artist_name: str = ""
    credit_price: int | None = None
    genre: str = ""
    lyrics: str = ""
    mood: str = ""
    language: str = ""
    wants_full_credit_price: bool = False
    iswc: str = ""
    is_explicit: bool = False
    synced_lyrics: str = ""
    is_heard_before: bool = False
    credits: tuple[Credit, ...] | None = None
    free: Free | None = None

    @classmethod
    def of(cls, track: Track) -> "Details":
        """What holds of `track`."""
        return cls(**{name: getattr(track, name) for name in _STORED})


_ABOUT_THE_MUSIC = (
    "title",
    "isrc",
    "iswc",
    "artist_name",
    "genre",
    "lyrics",
    "synced_lyrics",
    "mood",
    "language",
    "is_explicit",
)
_STORED = tuple(field.name for field in fields(Details) if field.name not in ("credits", "free"))


def parse_isrc(text: str) -> str:
    """The ISRC in `text` as twelve characters, or empty for none. Raises BadIsrc."""
    typed = re.sub(r"^ISRC", "", re.sub(r"[\s.–—-]", "", text).upper())
    if typed and not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", typed):
        raise BadIsrc(
            f"“{text.strip()[:20]}” is no ISRC. One has 12 characters, like DE-ABC-26-00001: two letters of a country, "
            "three of its registrant, two digits of the year, five of the recording. Leave it empty if you have none."
        )
    return typed


def isrcs_from(first: str, count: int) -> list[str]:
    """`count` ISRCs that follow each other from `first`. Raises BadIsrc where its registrant's year has no more."""
    isrc = parse_isrc(first)
    number = int(isrc[7:]) if isrc else 0
    if not isrc or number + count - 1 > 99_999:
        raise BadIsrc(
            f"Write the ISRC of the first track, like DE-ABC-26-00001; {count} of them must fit below number 99999."
        )
    return [f"{isrc[:7]}{number + place:05d}" for place in range(count)]


def parse_iswc(text: str) -> str:
    """The ISWC in `text` as eleven characters, or empty for none. Raises BadIswc."""
    typed = re.sub(r"^ISWC:?", "", re.sub(r"[\s.–—-]", "", text).upper())
    if typed and not (re.fullmatch(r"T[0-9]{10}", typed) and _iswc_check(typed) == int(typed[10])):
        raise BadIswc(
            f"“{text.strip()[:20]}” is no ISWC. One looks like T-034.524.680-1: a T, nine digits, and one more that "
            "fits them. Compare it with what your collecting society wrote, or leave it empty."
        )
    return typed


def _iswc_check(code: str) -> int:
    """The last digit of an ISWC by ISO 15707: one, and each digit times its place, make a whole ten with it."""
    return -(1 + sum(place * int(digit) for place, digit in enumerate(code[1:10], 1))) % 10


def with_the_same_isrc(track: Track) -> list[Track]:
    """Tracks of the same owner with this track's ISRC and another recording: one of the codes is wrong."""
    if not track.isrc:
        return []
    others = Track.objects.kept().filter(isrc=track.isrc, album__artist__owner=track.album.artist.owner)
    return list(others.exclude(original=track.original_id).select_related("album").defer("peaks")[:5])


def edit(track: Track, details: Details, at: datetime) -> None:
    """Store what the artist says now; a new title gives a new address, and the old one goes on working."""
    edit_all(track.album, [(track, details)], at)


def edit_all(album: Album, said: Sequence[tuple[Track, Details]], at: datetime) -> None:
    """Store what the artist says of several tracks of one album: all of it or nothing."""
    with transaction.atomic():
        for track, details in said:
            track.refresh_from_db(from_queryset=Track.objects.select_for_update())
            put(track, details, at)
            slugs.save(track, at=at)
            if details.credits is not None:
                _write_credits(track, details.credits)
        search.write_album(album, at=at)


def put(track: Track, details: Details, at: datetime) -> None:
    """Say of `track` what `details` say, without storing it."""
    for name in _STORED:
        setattr(track, name, getattr(details, name))
    if details.free is not None:
        track.free_mode, track.free_after_days = details.free
        free_later.settle(track, at)


def _write_credits(track: Track, said: Sequence[Credit]) -> None:
    """Store the credits in this order; whoever was linked to a payee for a role stays so."""
    before = list(track.contributions.all())
    if [(one.role, one.name) for one in before] == list(said):
        return
    payees = {(one.role, one.name): one.payee_id for one in before}
    track.contributions.all().delete()
    Contribution.objects.bulk_create(
        Contribution(track=track, role=role, name=name, payee_id=payees.get((role, name))) for role, name in said
    )


def take_over(track: Track, other: Track, at: datetime) -> None:
    """Let `track` be called like `other`, with its ISRC, words and credits; price and place stay its own."""
    with transaction.atomic():
        for name in _ABOUT_THE_MUSIC:
            setattr(track, name, getattr(other, name))
        slugs.save(track, at=at)
        Contribution.objects.filter(track=track).delete()
        credits = [
            Contribution(track=track, role=one.role, name=one.name, payee_id=one.payee_id)
            for one in other.contributions.all()
        ]
        Contribution.objects.bulk_create(credits)
        search.write_album(track.album, at=at)


def move(track: Track, step: int) -> None:
    """Move a track up (-1) or down (+1) by one place; at the end of the list nothing changes.

    From the edge of its disc it goes over to the next one.
    """
    with transaction.atomic():
        discs = _locked_discs(track.album_id)
        here = next((disc for disc in discs if track in disc), None)
        if here is None:
            return
        place, number = here.index(track) + step, discs.index(here) + step
        if 0 <= place < len(here):
            here.remove(track)
            here.insert(place, track)
        elif 0 <= number < len(discs):
            here.remove(track)
            discs[number].insert(0 if step > 0 else len(discs[number]), track)
        _place(discs)


def arrange(album: Album, discs: Sequence[Sequence[int]]) -> None:
    """Put the tracks of an album on these discs, in this order of their ids. Discs without tracks vanish.

    Raises Rearranged when these are not the album's tracks, each once, or too many discs.
    """
    if sum(map(bool, discs)) > MOST_DISCS:
        raise Rearranged(f"An album has at most {MOST_DISCS} discs. The tracks stay as they were.")
    with transaction.atomic():
        tracks = {track.pk: track for disc in _locked_discs(album.pk) for track in disc}
        wanted = [pk for disc in discs for pk in disc]
        if len(wanted) != len(tracks) or set(wanted) != set(tracks):
            raise Rearranged(f"The tracks of “{album}” changed meanwhile, so they stay as they are now. Try again.")
        _place([[tracks[pk] for pk in disc] for disc in discs])


def put_at(album: Album, wanted: Mapping[int, tuple[int, int]]) -> None:
    """Put tracks, by their ids, at these discs and places. Whoever stood there goes behind all others of the disc."""
    with transaction.atomic():
        tracks = {track.pk: track for disc in _locked_discs(album.pk) for track in disc}
        # Of two that want one place the first has it.
        firsts = {place: pk for pk, place in reversed([*wanted.items()]) if pk in tracks}
        places, taken = {pk: place for place, pk in firsts.items()}, set(firsts)
        for pk, track in tracks.items():
            if pk in places:
                continue
            place = track.disc, track.position
            if place in taken:
                last = max(position for disc, position in {*taken, *_places(tracks.values())} if disc == track.disc)
                place = track.disc, last + 1
            places[pk] = place
            taken.add(place)
        _store_places([(tracks[pk], *place) for pk, place in places.items()])


def _places(tracks: Iterable[Track]) -> Iterator[tuple[int, int]]:
    return ((track.disc, track.position) for track in tracks)


def dismiss_remarks(track: Track) -> None:
    """Note that the artist has read what is odd about the sound of `track`, and means it."""
    Track.objects.filter(pk=track.pk).update(are_remarks_dismissed=True)


def remove(track: Track, at: datetime) -> None:
    """Take a track off its album. What was published is withdrawn, and whoever has it keeps it; a draft is deleted.

    With a draft go the files that nothing else needs. Raises LastTrack for the only track of a published album.
    """
    with transaction.atomic():
        album = Album.objects.select_for_update().select_related("artist").get(pk=track.album_id)
        others = Track.objects.filter(album=album, state=Track.State.PUBLISHED).exclude(pk=track.pk)
        if album.is_published and not others.exists():
            raise LastTrack(f"“{track}” is the only track people can hear on “{album}”. Withdraw the album instead.")
        # Its file may be sent again from now on.
        Upload.objects.filter(track=track).update(is_dismissed=True)
        if track.published_at is None:
            SplitSheet.objects.filter(track=track).drop()
            Track.objects.filter(pk=track.pk).delete()
        else:
            Track.objects.filter(pk=track.pk).update(state=Track.State.WITHDRAWN, withdrawn_at=at)
            search.write_album(album, at=at)
        renumber(album)
    if track.original_id is not None:
        leftovers.let_go(Original.objects.filter(pk=track.original_id).values_list("sha256", flat=True))


def renumber(album: Album) -> None:
    """Close the gaps between tracks on each disc, and between discs: 1, 2, 3, ..."""
    _place(_locked_discs(album.pk))


def _locked_discs(album_id: int) -> list[list[Track]]:
    """The tracks of each disc that are not withdrawn, in their order, while nobody else orders them."""
    Album.objects.select_for_update().get(pk=album_id)
    tracks = Track.objects.kept().filter(album=album_id)
    return [list(disc) for _, disc in groupby(tracks, attrgetter("disc"))]


def _place(discs: Sequence[Sequence[Track]]) -> None:
    """Store discs and places, each counted 1, 2, 3, ... in this order, past the unique key."""
    _store_places(
        [
            (track, number, place)
            for number, disc in enumerate(filter(None, discs), 1)
            for place, track in enumerate(disc, 1)
        ]
    )


def _store_places(places: Sequence[tuple[Track, int, int]]) -> None:
    """Store a disc and a place for each of these tracks, past the unique key."""
    changed = [one for one in places if (one[0].disc, one[0].position) != one[1:]]
    Track.objects.filter(pk__in=[track.pk for track, _, _ in changed]).update(position=F("position") + _OUT_OF_THE_WAY)
    for track, number, place in changed:
        Track.objects.filter(pk=track.pk).update(disc=number, position=place)
