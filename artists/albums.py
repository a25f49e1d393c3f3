"""Albums as artists make, change, publish and withdraw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from artists import artwork, profiles, renditions, search, slugs, tracks
from artists.models import Album, Artist, FreeMode, Licence, Rendition, SplitSheet, Track, Upload
from megabox import money
from users.access import has_confirmed_email
from users.models import User


class NotReady(Exception):
    """The album cannot be published yet; the message says all that is missing, in sentences."""


class NotPossible(Exception):
    """The album or track is in no state for this; the message says why."""


@dataclass(frozen=True)
class Details:
    """All that an artist writes about an album. Prices in micros of `currency`, credits whole."""

    title: str
    description: str = ""
    genre: str = ""
    tags: Sequence[str] = ()
    licence: str = Licence.ALL_RIGHTS
    upc: str = ""
    released_on: date | None = None
    currency: str = "USD"
    price_micros: int = 7_000_000
    is_name_your_price: bool = False
    free_mode: str = FreeMode.AD
    credit_price: int | None = None
    is_owners_only: bool = False


@dataclass(frozen=True)
class Check:
    """One line of the list before publishing: whether it is done, and what to do in words if it is not.

    What is not required is advice: it does not stop anybody.
    """

    label: str
    is_done: bool
    advice: str = ""
    is_required: bool = True


def create(artist: Artist, title: str, at: datetime, *, currency: str = "USD") -> Album:
    """A draft without tracks, at $7.00 and free with an ad."""
    album = Album(
        artist=artist, title=title, currency=currency, hue=profiles.hue_of(f"{artist.name} {title}"), created_at=at
    )
    slugs.save(album, at=at)
    return album


def edit(album: Album, details: Details, at: datetime) -> None:
    """Store what the artist says now. Prices hold for what is bought from now on.

    Raises NotPossible when a published album would be left without a price, or sold things change currency.
    """
    with transaction.atomic():
        # Read again under the lock: what was read before may have been published meanwhile.
        album.refresh_from_db(from_queryset=Album.objects.select_for_update())
        if album.state != Album.State.DRAFT and details.currency != album.currency:
            raise NotPossible(
                f"An album that was published keeps its currency, {album.currency}, so that its sales stay comparable."
            )
        Track.objects.filter(album=album, free_mode=album.free_mode).update(free_mode=details.free_mode)
        album.title, album.description, album.genre = details.title, details.description, details.genre
        album.tags, album.licence, album.upc = list(details.tags), details.licence, details.upc
        album.released_on, album.currency = details.released_on, details.currency
        album.price_micros, album.is_name_your_price = details.price_micros, details.is_name_your_price
        album.free_mode, album.credit_price = details.free_mode, details.credit_price
        album.is_owners_only = details.is_owners_only
        if album.is_published and not _has_price(album):
            raise NotPossible("A published album needs a price, a name-your-price, or to be simply free. Choose one.")
        slugs.save(album, at=at)
        search.write_album(album, at=at)


def set_cover(album: Album, data: bytes, at: datetime) -> None:
    """Store a picture as the album's cover. Raises covers.BadPicture."""
    cover = artwork.store(data, alt=f"Cover of {album.title}", at=at)
    with transaction.atomic():
        # Read again under the lock: it may have been published or renamed while the picture was made.
        album.refresh_from_db(from_queryset=Album.objects.select_for_update())
        album.cover, album.hue = cover, cover.hue
        album.save(update_fields=["cover", "hue"])
        search.write_album(album, at=at)


def checklist(album: Album) -> list[Check]:
    """What publishing asks for, in the order artists meet it."""
    owner: User = album.artist.owner
    counts = _counts(album)
    return [
        _tracks_check(counts),
        _files_check(counts),
        _formats_check(album, counts),
        Check(
            "It has a price",
            _has_price(album),
            "Set a price above zero, let listeners name it, or make the album simply free.",
        ),
        Check(
            "It has a cover",
            album.cover_id is not None,
            "Add a square picture of at least 1200 px. Without one the album shows its colour.",
            is_required=False,
        ),
        Check(
            "Your e-mail address is confirmed",
            has_confirmed_email(owner),
            f"Open the link we sent to {owner.email}. Your account page can send it again.",
        ),
    ]


def publish(album: Album, at: datetime) -> None:
    """Show the album and all its drafts of tracks to everybody. Safe to repeat; later tracks join by publishing again.

    Raises NotReady with all that is missing.
    """
    with transaction.atomic():
        album = Album.objects.select_for_update().select_related("artist__owner").get(pk=album.pk)
        missing = [check for check in checklist(album) if check.is_required and not check.is_done]
        if missing:
            raise NotReady(" ".join(check.advice for check in missing))
        tracks.renumber(album)
        album.state = Album.State.PUBLISHED
        album.published_at = album.published_at or at
        album.released_on = album.released_on or at.date()
        album.withdrawn_at = None
        album.save(update_fields=["state", "published_at", "released_on", "withdrawn_at"])
        album.tracks.filter(state=Track.State.DRAFT).update(state=Track.State.PUBLISHED, published_at=at)
        search.write_album(album, at=at)


def withdraw(album: Album, at: datetime) -> None:
    """Take a published album off the pages. Whoever has it keeps it. Raises NotPossible if it is not published."""
    with transaction.atomic():
        shown = Album.objects.published().filter(pk=album.pk)
        if shown.update(state=Album.State.WITHDRAWN, withdrawn_at=at) != 1:
            raise NotPossible(f"“{album}” is not published, so there is nothing to withdraw.")
        album.refresh_from_db(fields=["state", "withdrawn_at"])
        search.write_album(album, at=at)


def delete(album: Album) -> None:
    """Delete a draft that was never published, with its tracks. Raises NotPossible for all others."""
    with transaction.atomic():
        drafts = Album.objects.select_for_update().filter(pk=album.pk, published_at__isnull=True)
        if not drafts.exists():
            raise NotPossible(f"“{album}” was published. Withdraw it instead: whoever has it keeps it.")
        SplitSheet.objects.filter(Q(album=album) | Q(track__album=album)).delete()
        drafts.delete()


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


def _has_price(album: Album) -> bool:
    return album.is_for_sale or album.free_mode == FreeMode.FREE


@dataclass(frozen=True)
class _Counts:
    tracks: int
    checking: int
    rejected: int


def _counts(album: Album) -> _Counts:
    uploads = album.uploads.filter(is_dismissed=False).aggregate(
        checking=Count("pk", filter=Q(state=Upload.State.RECEIVED)),
        rejected=Count("pk", filter=Q(state=Upload.State.REJECTED)),
    )
    return _Counts(Track.objects.kept().filter(album=album).count(), **uploads)


def _tracks_check(counts: _Counts) -> Check:
    return Check("It has music", counts.tracks > 0, "Drop at least one audio file.")


def _files_check(counts: _Counts) -> Check:
    advice = []
    if counts.checking:
        advice.append(f"{_files(counts.checking)} still being checked; that takes seconds, or minutes for long ones.")
    if counts.rejected:
        need = "needs" if counts.rejected == 1 else "need"
        advice.append(
            f"{counts.rejected} {'file' if counts.rejected == 1 else 'files'} {need} you: "
            "send a better one, or put it away, so that no track is missing by mistake."
        )
    return Check("Every file was accepted", not advice, " ".join(advice))


def _formats_check(album: Album, counts: _Counts) -> Check:
    """Whether all tracks have the formats an album is sold in."""
    label = "MP3 and FLAC of every track are made"
    unready = _not_ready(album)
    failed = unready.filter(state=Rendition.State.FAILED).values_list("original__tracks__title", "recipe", "reason")
    if failed:
        title, _, reason = failed[0]
        return Check(label, False, f"“{title}”: {reason} Press Try again beside the track.")
    ready = Rendition.objects.filter(
        original__tracks__in=Track.objects.kept().filter(album=album),
        recipe__in=renditions.FOR_SALE,
        state=Rendition.State.READY,
    ).count()
    missing = counts.tracks * len(renditions.FOR_SALE) - ready
    advice = f"{_files(missing)} still being made for listeners; that takes about a minute." if missing else ""
    return Check(label, missing == 0 and counts.tracks > 0, advice or "They are made as soon as there is music.")


def _not_ready(album: Album) -> QuerySet[Rendition]:
    tracks = Track.objects.kept().filter(album=album)
    rows = Rendition.objects.filter(original__tracks__in=tracks, recipe__in=renditions.FOR_SALE)
    return rows.exclude(state=Rendition.State.READY)


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"
