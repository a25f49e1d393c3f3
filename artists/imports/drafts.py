"""Drafts made of what a sheet says: one album at a time, all of it or nothing. Nothing is published by it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from artists import albums, changes, profiles, slugs, tracks
from artists.changes import NotRight
from artists.forms.albums import AlbumPartForm, CoverForm, PriceForm, RightsForm, WordsForm
from artists.forms.amounts import FIXED, FREE
from artists.forms.tracks import TrackForm
from artists.imports import cells, matching
from artists.imports.fields import Part
from artists.imports.plans import DEFAULT_UNIT, PlannedAlbum, PlannedTrack
from artists.models import Album, Artist, Track
from users.models import User


class NotTaken(Exception):
    """The album cannot be what its rows say; the message says why, and nothing of it was stored."""


def store(planned: PlannedAlbum, usual: Artist, at: datetime, *, opens_artists: bool) -> bool:
    """Make a draft of an album, or say what its rows say of the one that is there; whether it is new.

    Of an album that listeners see, what is said waits to be published. Raises NotTaken.
    """
    with transaction.atomic():
        # One after the other, so that two sheets at once make no album and no artist twice.
        owner = User.objects.select_for_update().get(pk=usual.owner_id)
        album, is_new = matching.with_the_code(planned, owner), False
        if album is None:
            if not planned.title:
                raise NotTaken(f"No album of yours has the UPC {planned.upc}. Write its title, too.")
            artist = _artist(planned, usual, at, opens_artists=opens_artists)
            album = matching.with_the_title(planned, artist)
            is_new = album is None
        if album is None:
            unit = planned.texts.get(Part.PRICE, {}).get("currency", DEFAULT_UNIT)
            album = albums.create(artist, planned.title, at, currency=unit)
        for form, texts in _parts(album, planned):
            if texts:
                _say(album, form, texts, at)
        _store_tracks(album, planned.tracks, at)
    return is_new


def _artist(planned: PlannedAlbum, usual: Artist, at: datetime, *, opens_artists: bool) -> Artist:
    if not planned.artist or matching.folded(planned.artist) == matching.folded(usual.name):
        return usual
    for artist in Artist.objects.owned_by(usual.owner).order_by("pk"):
        if matching.folded(artist.name) == matching.folded(planned.artist):
            return artist
    if not opens_artists:
        raise NotTaken(f"“{planned.artist}” is none of your artists.")
    return profiles.create(usual.owner, profiles.Details(planned.artist), at=at)


def _parts(album: Album, planned: PlannedAlbum) -> list[tuple[type[AlbumPartForm], Mapping[str, str]]]:
    """The studio's forms, with what is said in each."""
    key = planned.texts.get(Part.KEY, {})
    words, rights = planned.texts.get(Part.WORDS, {}), planned.texts.get(Part.RIGHTS, {})
    return [
        (WordsForm, {**({"title": planned.title} if planned.title else {}), **words}),
        (CoverForm, planned.texts.get(Part.COVER, {})),
        (PriceForm, _price(album, planned.texts.get(Part.PRICE, {}))),
        (RightsForm, {**({"upc": key["upc"]} if "upc" in key else {}), **rights}),
    ]


def _price(album: Album, texts: Mapping[str, str]) -> Mapping[str, str]:
    """What is said of the price; an amount alone says how the album is sold, too: for 0 it is free."""
    if "price" not in texts or "price_mode" in texts:
        return texts
    if cells.is_nothing(texts["price"]):
        return {**texts, "price_mode": FREE}
    return texts if album.is_for_sale else {**texts, "price_mode": FIXED}


def _say(album: Album, form: type[AlbumPartForm], texts: Mapping[str, str], at: datetime) -> None:
    answer = changes.save(album, form, texts, "", at)
    if not answer.is_right:
        told = [f"{name}: {' '.join(map(str, errors))}" for name, errors in answer.form.errors.items()]
        raise NotTaken(f"“{album}”: {' '.join(told)}")


def _store_tracks(album: Album, planned: Sequence[PlannedTrack], at: datetime) -> None:
    if not planned:
        return
    pairs = list(zip(planned, matching.pair(planned, matching.known_tracks(album)), strict=True))
    made = {one.row: _new(album, one, at) for one, track in pairs if track is None}
    rows = [(one, track or made[one.row]) for one, track in pairs]
    for one, track in rows:
        track.album = album
        if one.filename and track.original_id is None and track.awaits != one.filename:
            Track.objects.filter(pk=track.pk).update(awaits=one.filename)
    texts = {track: _texts(one) for one, track in rows if one.texts}
    try:
        changes.save_rows(album, TrackForm, texts, dict.fromkeys(texts, ""), at)
    except NotRight as wrong:
        raise NotTaken(f"“{album}”: {' '.join(wrong.sentences)}") from None
    if album.published_at is None:  # what listeners see keeps its order
        tracks.put_at(album, {track.pk: (one.disc or track.disc, one.number) for one, track in rows if one.number})


def _texts(planned: PlannedTrack) -> dict[str, str]:
    """What is said of a track; a price of 0 is none: it is had with its album."""
    texts = dict(planned.texts)
    if "price" in texts and cells.is_nothing(texts["price"]):
        texts["price"] = ""
    return texts


def _new(album: Album, planned: PlannedTrack, at: datetime) -> Track:
    """A track without its sound, behind all others of its disc."""
    if not planned.title:
        raise NotTaken(
            f"Row {planned.row}: no track of “{album}” is meant by its number or code. Write its title, too."
        )
    disc = planned.disc or 1
    last = Track.objects.kept().filter(album=album, disc=disc).order_by("-position").first()
    track = Track(
        album=album,
        disc=disc,
        position=last.position + 1 if last else 1,
        title=planned.title,
        free_mode=album.free_mode,
        free_after_days=album.free_after_days,
        awaits=planned.filename,
        created_at=at,
    )
    slugs.save(track, at=at)
    return track
