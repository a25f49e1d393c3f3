"""Albums as artists make, change, publish and withdraw them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import ProtectedError, Q

from artists import artwork, checklist, free_later, incoming, leftovers, profiles, search, slugs, tracks
from artists.models import Album, Artist, Cover, FreeMode, Licence, SplitSheet, Track
from megabox import money

MOST_AHEAD = timedelta(days=731)
_log = logging.getLogger(__name__)


class NotReady(Exception):
    """The album cannot be published yet; the message says all that is missing, in sentences."""


class NotPossible(Exception):
    """The album or track is in no state for this; the message says why."""


@dataclass(frozen=True)
class Words:
    """What an album is called and how it is described."""

    title: str
    description: str = ""
    genre: str = ""
    mood: str = ""
    language: str = ""
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class Terms:
    """What an album costs. Prices in micros of `currency`, credits whole."""

    currency: str = "USD"
    price_micros: int = 7_000_000
    is_name_your_price: bool = False
    free_mode: str = FreeMode.AD
    free_after_days: int | None = None
    credit_price: int | None = None
    wants_full_credit_price: bool = False
    is_owners_only: bool = False
    takes_preorders: bool = False


@dataclass(frozen=True)
class Rights:
    """What may be done with an album, by which code shops know it, and from which day it is."""

    licence: str = Licence.ALL_RIGHTS
    upc: str = ""
    released_on: date | None = None
    label: str = ""
    p_line: str = ""
    c_line: str = ""


@dataclass(frozen=True)
class Face:
    """The picture of an album, 0 for none, and what is on it in words."""

    cover_id: int = 0
    alt: str = ""


Part = Words | Terms | Rights | Face
"""What is edited at once; two people who edit two parts do not meet."""


def create(artist: Artist, title: str, at: datetime, *, currency: str = "USD") -> Album:
    """A draft without tracks, at $7.00 and free with an ad."""
    album = Album(
        artist=artist, title=title, currency=currency, hue=profiles.hue_of(f"{artist.name} {title}"), created_at=at
    )
    slugs.save(album, at=at)
    return album


def edit(album: Album, part: Part, at: datetime) -> None:
    """Store one part of what the artist says, and no other. Prices hold for what is bought from now on.

    Raises NotPossible when a published album would be left without a price, or sold things change currency.
    """
    with transaction.atomic():
        # Read again under the lock: what was read before may have been published meanwhile.
        album.refresh_from_db(from_queryset=Album.objects.select_for_update())
        check(album, part)
        if isinstance(part, Terms):
            _take_along(album, part, at)
        put(album, part, at)
        slugs.save(album, at=at)
        search.write_album(album, at=at)


def put(album: Album, part: Part, at: datetime) -> None:
    """Say of `album` what `part` says, without storing it: for storing, and for looking at it beforehand."""
    if isinstance(part, Face):
        album.cover = Cover.objects.filter(pk=part.cover_id).first()
        album.hue = album.cover.hue if album.cover else album.hue
        album.cover_alt = part.alt
        return
    for field in fields(part):
        value = getattr(part, field.name)
        setattr(album, field.name, list(value) if field.name == "tags" else value)
    free_later.settle(album, at)


def _take_along(album: Album, terms: Terms, at: datetime) -> None:
    """Tracks that went along with their album go along still; those with a mind of their own keep it."""
    alike = Track.objects.filter(album=album, wants_full_credit_price=album.wants_full_credit_price)
    alike.update(wants_full_credit_price=terms.wants_full_credit_price)
    before, now = (album.free_mode, album.free_after_days), (terms.free_mode, terms.free_after_days)
    if now != before:
        tracks_of_it = Track.objects.filter(album=album, free_mode=before[0], free_after_days=before[1])
        free_later.settle_all(tracks_of_it, at, now=now)


def check(album: Album, part: Part) -> None:
    """Raise NotPossible if `album` cannot be what `part` says."""
    if not isinstance(part, Terms):
        return
    if album.state != Album.State.DRAFT and part.currency != album.currency:
        raise NotPossible(
            f"An album that was published keeps its currency, {album.currency}, so that its sales stay comparable."
        )
    is_priced = part.price_micros > 0 or part.is_name_your_price or part.free_mode == FreeMode.FREE
    if album.is_published and not is_priced:
        raise NotPossible("A published album needs a price, a name-your-price, or to be simply free. Choose one.")


def set_cover(album: Album, data: bytes, at: datetime) -> None:
    """Store a picture as the album's cover. Raises covers.BadPicture."""
    edit(album, Face(receive_cover(album, data, at).pk, album.cover_alt), at)


def receive_cover(album: Album, data: bytes, at: datetime) -> Cover:
    """Store a picture that may become the album's cover. Raises covers.BadPicture."""
    return artwork.store(data, alt=f"Cover of {album.title}", at=at)


def publish(album: Album, at: datetime) -> None:
    """Show the album and all its drafts of tracks to everybody. Safe to repeat; later tracks join by publishing again.

    Raises NotReady with all that is missing.
    """
    with transaction.atomic():
        album = Album.objects.select_for_update().select_related("artist__owner").get(pk=album.pk)
        _require(album)
        tracks.renumber(album)
        if album.is_announced:
            _plan(album, at.date())
        album.state = Album.State.PUBLISHED
        album.published_at = album.published_at or at
        album.released_on = album.released_on or at.date()
        album.withdrawn_at = None
        free_later.settle(album, at)
        changed = ["state", "published_at", "released_on", "withdrawn_at", *free_later.COLUMNS]
        album.save(update_fields=changed)
        album.tracks.filter(state=Track.State.DRAFT).update(state=Track.State.PUBLISHED, published_at=at)
        free_later.settle_all(album.tracks.filter(free_mode=FreeMode.LATER), at)
        search.write_album(album, at=at)


def announce(album: Album, out_at: datetime, at: datetime) -> None:
    """Show the album's page with the time when it is out, and have it published by itself then.

    Raises NotReady with all that is missing, NotPossible for what was published before and for a time that has passed.
    """
    with transaction.atomic():
        album.refresh_from_db(from_queryset=Album.objects.select_for_update())
        if album.published_at is not None:
            raise NotPossible(f"“{album}” was published before, so it cannot be announced. Publish it.")
        if not at < out_at <= at + MOST_AHEAD:
            raise NotPossible("Choose a time between now and two years from now, or leave it empty to publish now.")
        _require(album)
        tracks.renumber(album)
        _plan(album, out_at.date())
        album.state, album.out_at = Album.State.ANNOUNCED, out_at
        album.save(update_fields=["state", "out_at", "released_on"])


def bring_out(at: datetime) -> int:
    """Publish the announced albums whose time has come; return how many. What is not ready waits and is tried again."""
    count = 0
    for album in Album.objects.due(at):
        try:
            with transaction.atomic():
                # Its artist may have taken the announcement back since it was found.
                if Album.objects.select_for_update().due(at).filter(pk=album.pk).first() is None:
                    continue
                publish(album, at)
        except NotReady as reason:
            _log.error("Album %s should be out and is not ready: %s", album.pk, reason)
        else:
            count += 1
    return count


def withdraw(album: Album, at: datetime) -> None:
    """Take an album off the pages. Whoever has it keeps it; one that was only announced is a draft again.

    Raises NotPossible if it is neither.
    """
    with transaction.atomic():
        album.refresh_from_db(from_queryset=Album.objects.select_for_update())
        if album.is_announced:
            _plan(album, None)
            album.state, album.out_at = Album.State.DRAFT, None
            album.save(update_fields=["state", "out_at", "released_on"])
            return
        shown = Album.objects.published().filter(pk=album.pk)
        if shown.update(state=Album.State.WITHDRAWN, withdrawn_at=at) != 1:
            raise NotPossible(f"“{album}” is not published, so there is nothing to withdraw.")
        album.refresh_from_db(fields=["state", "withdrawn_at"])
        search.write_album(album, at=at)


def delete(album: Album) -> None:
    """Delete a draft that was never published, with its tracks and all that is on its way to it.

    Masters and other files that nothing else needs go with it. Raises NotPossible for published albums.
    """
    with transaction.atomic():
        drafts = Album.objects.select_for_update().filter(pk=album.pk, state=Album.State.DRAFT)
        drafts = drafts.filter(published_at__isnull=True)
        if not drafts.exists():
            raise NotPossible(f"“{album}” was published or announced. Withdraw it instead: whoever has it keeps it.")
        SplitSheet.objects.filter(Q(album=album) | Q(track__album=album)).drop()
        on_their_way = list(album.transfers.values_list("pk", flat=True))
        files = {*album.uploads.values_list("sha256", flat=True)}
        files |= {*album.tracks.filter(original__isnull=False).values_list("original__sha256", flat=True)}
        try:
            drafts.delete()
        except ProtectedError:
            raise NotPossible(
                f"“{album}” was ordered before it was out, and orders name it for good. Leave it as a draft."
            ) from None
    for transfer_id in on_their_way:
        incoming.piece(transfer_id).unlink(missing_ok=True)
    leftovers.let_go(files)


def simulate(price_micros: int, buyers: int = 100) -> int:
    """Micros that `buyers` at this price bring all payees of the album together: 90 % of each sale."""
    # The commission is rounded down on each sale, as ledger.policy does; the catalogue may not import the books.
    return buyers * (price_micros - price_micros // 10)


def simulation(album: Album) -> str:
    """The line beside the price: what a hundred buyers would bring."""
    if not album.is_for_sale:
        return "Free for everybody: listeners can still pay you by watching an ad beside your music."
    price = album.price_micros or 7 * money.MICROS
    paid, got = money.display(price, album.currency), money.display(simulate(price), album.currency)
    return f"100 buyers at {paid} → you get {got}."


def _plan(album: Album, day: date | None) -> None:
    """Let the day of its release be `day`, unless its artist wrote another one than was planned."""
    planned = album.out_at.date() if album.out_at else None
    if album.released_on in (None, planned):
        album.released_on = day


def _require(album: Album) -> None:
    """Raise NotReady with all that publishing asks for and that is not done."""
    missing = [check for check in checklist.of(album) if check.is_required and not check.is_done]
    if missing:
        raise NotReady(" ".join(check.advice for check in missing))
