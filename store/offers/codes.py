"""Download codes: an artist makes a batch for an album, and whoever types one of them has the album for ever, once.

No money moves, so nothing is posted; the library item names its code.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from artists.models import Album
from megabox.tables import Column, Kind, Made, Row, Table
from store import letters
from store.access import library
from store.listeners import Listener
from store.models import CodeBatch, DownloadCode, LibraryItem
from store.music import Music

MOST_IN_BATCH = 5_000
MOST_OF_ALBUM = 100_000
"""So many codes an album may have, used or not."""


class NotPossible(Exception):
    """These codes cannot be made; the message says what to do."""


class NotRedeemed(Exception):
    """The code gives nothing; the message says why, and what to do."""


class UnknownCode(NotRedeemed):
    """Nobody made this code, though no letter of it is mistyped: it may be a guess."""


def make(album: Album, count: int, *, name: str = "", at: datetime) -> CodeBatch:
    """Make `count` codes for `album`; those of an album that is not out yet wait for it. Raises NotPossible."""
    if not 1 <= count <= MOST_IN_BATCH:
        raise NotPossible(f"Make between 1 and {MOST_IN_BATCH:,} codes at once; more go into a second batch.")
    if album.state == Album.State.WITHDRAWN:
        raise NotPossible(f"“{album}” is withdrawn, so nobody could use its codes. Publish it again first.")
    if DownloadCode.objects.filter(batch__album=album).count() + count > MOST_OF_ALBUM:
        raise NotPossible(f"An album has at most {MOST_OF_ALBUM:,} codes. Print those again that were not used.")
    with transaction.atomic():
        batch = CodeBatch.objects.create(album=album, name=" ".join(name.split()), count=count, made_at=at)
        while missing := count - batch.codes.count():
            # One that somebody has already, if ever, is passed over and made up for by the next round.
            made = [DownloadCode(batch=batch, letters=letters.new()) for _ in range(missing)]
            DownloadCode.objects.bulk_create(made, ignore_conflicts=True, batch_size=1_000)
    return batch


def stop(batch: CodeBatch, *, at: datetime) -> bool:
    """Let nobody use what is left of a batch; False when it was stopped before."""
    return CodeBatch.objects.filter(pk=batch.pk, stopped_at=None).update(stopped_at=at) == 1


def go_on(batch: CodeBatch) -> bool:
    """Let a stopped batch be used again; False when it was not stopped."""
    return CodeBatch.objects.filter(pk=batch.pk, stopped_at__isnull=False).update(stopped_at=None) == 1


def redeem(text: str, listener: Listener, *, at: datetime) -> LibraryItem:
    """Give the listener the album of the code they typed; the same code again gives them the same item.

    The code and its batch are locked: of many who type a code at once one has it, and nobody once its batch is
    stopped. Raises letters.Mistyped, UnknownCode and NotRedeemed, and then the code is as good as before.
    """
    named = letters.read(text)
    with transaction.atomic():
        locked = DownloadCode.objects.select_for_update(of=("self", "batch"), no_key=True)
        found = locked.select_related("batch__album__artist").filter(letters=named).first()
        if found is None:
            raise UnknownCode("Nobody made this code. Compare it with your card, letter by letter.")
        music = Music(album=found.batch.album)
        item = library.item_for(listener, music)
        if item is not None and item.download_code_id == found.pk:
            return item
        _check(found)
        if item is None:
            item = library.grant(music, listener, LibraryItem.Reason.CODE, at=at, download_code=found)
        if item.download_code_id != found.pk:  # had before, or by another code or an order this very moment
            raise NotRedeemed(
                f"“{music.title}” is in your library already, so your code was not used. Give it to a friend."
            )
        DownloadCode.objects.filter(pk=found.pk).update(redeemed_at=at)
    return item


def _check(code: DownloadCode) -> None:
    album = code.batch.album
    if code.redeemed_at is not None:
        raise _used(code.redeemed_at)
    if code.batch.stopped_at is not None:
        raise NotRedeemed(f"The codes of this batch are no longer good. Ask {album.artist.name} for another one.")
    if album.state == Album.State.WITHDRAWN:
        raise NotRedeemed(f"{album.artist.name} has withdrawn this album. Keep the code, in case it comes back.")
    if not album.is_published:
        raise NotRedeemed("This album is not out yet. Keep the code: it is good as soon as the album is.")


def _used(at: datetime) -> NotRedeemed:
    return NotRedeemed(
        f"This code was used on {at:%-d %B %Y}. If that was you, log in, or open the library in the browser you used "
        "it in."
    )


def redeem_url(code: DownloadCode | None = None) -> str:
    """Where codes are typed, with the site's name; with a code it is filled in there already."""
    page = settings.SITE_URL + reverse("store:redeem")
    return f"{page}?code={code.letters}" if code else page


def table(batch: CodeBatch) -> Table:
    """A batch as a file: each code, its address, and when it was used."""
    columns = [
        Column("code", "Code"),
        Column("address", "Address"),
        Column("used_at", "Used", Kind.MOMENT),
    ]

    def row(code: DownloadCode) -> Row:
        return (code.spoken, redeem_url(code), code.redeemed_at)

    return Table("Download codes", columns, Made(list(batch.codes.all()), row), is_totalled=False)
