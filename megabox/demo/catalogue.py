"""Puts the demo's music into the catalogue the way artists do: upload, check, make formats, describe, publish."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connections, transaction
from django.db.models import Q
from django.utils import timezone

from artists import albums, profiles, renditions, signing, tracks, uploads
from artists.models import Album, Artist, Contribution, FreeMode, Language, Rendition, Track, Upload
from artists.proposals import Part
from users.models import User

from . import people, works
from .workshop import Workshop, isrc_of

Say = Callable[[str], None]
ANNOUNCED_DAYS_AGO = 5
OUT_HOUR = 8
WAIT_SECONDS = 120
"""How long we wait for a file that a worker of a running site has taken over."""


class Stuck(Exception):
    """A file of the demo could not be made; the message says which and why."""


def make(shop: Workshop, anchor: datetime, say: Say, *, hands: int) -> int:
    """Make what is missing of the catalogue; return how many tracks and albums are new.

    Safe to repeat and to kill: what is there is found by its name, and left as its artist changed it since.
    """
    for act in works.ACTS:
        _artist(act, anchor)
    unfinished = [work for work in works.WORKS if not _is_published(work)]
    missing = {song.title: shop.master(song.title) for work in unfinished for song in _missing(work)}
    sleeves = {work.title: shop.sleeve(work.title) for work in unfinished}
    portraits = {act.name: shop.portrait(act.name) for act in works.ACTS if not _picture(act)}
    with ThreadPoolExecutor(hands) as threads:
        count = _take_in(unfinished, missing, threads, say)
        for name, picture in portraits.items():
            profiles.set_picture(_act(name), picture.result(), at=anchor)
        for work in unfinished:
            _publish(work, sleeves[work.title].result(), anchor)
            say(f"  published “{work.title}” by {work.artist}")
    return count + len(unfinished)


def is_made() -> bool:
    """Whether every album came out or was announced, and every artist has a picture."""
    artists = Artist.objects.filter(name__in=[act.name for act in works.ACTS], cover__isnull=False)
    return artists.count() >= len(works.ACTS) and all(_is_published(work) for work in works.WORKS)


def album_of(work: works.Work) -> Album:
    """The album of a work; raises Album.DoesNotExist when somebody took it away."""
    return Album.objects.select_related("artist__payee").get(artist__name=work.artist, title=work.title)


def _take_in(
    unfinished: list[works.Work], masters: "dict[str, Future[Path]]", threads: ThreadPoolExecutor, say: Say
) -> int:
    """Receive every master as soon as it is played, and let threads check it and make its formats."""
    titles = {future: title for title, future in masters.items()}
    homes = {song.title: work for work in unfinished for song in work.songs}
    jobs = [
        threads.submit(_finish, upload.pk)
        for upload in Upload.objects.filter(album__in=[album_of(w) for w in unfinished if _exists(w)])
        if upload.state != Upload.State.REJECTED
    ]
    done = 0
    for future in as_completed(titles):
        work, path = homes[titles[future]], future.result()
        album = _album(work)
        with path.open("rb") as file:
            upload = uploads.receive(album, file, path.name, album.artist.owner, timezone.now())
        path.unlink()
        jobs.append(threads.submit(_finish, upload.pk))
        done += 1
        say(f"  {done:2} of {len(masters)} songs: {titles[future]} ({work.artist})")
    for job in as_completed(jobs):
        job.result()
    return done


def _finish(upload_id: int) -> None:
    """Check an upload and make its formats, unless a worker of a running site is doing that."""
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        uploads.ingest(upload_id, timezone.now())
        while True:
            upload = Upload.objects.get(pk=upload_id)
            if upload.state == Upload.State.REJECTED:
                raise Stuck(f"{upload.filename}: {upload.reason}")
            for rendition_id in renditions.waiting_ids(upload_id):
                renditions.make(rendition_id, timezone.now())
            rows = Rendition.objects.filter(original__tracks__uploads=upload_id)
            if upload.state == Upload.State.READY and not rows.exclude(state=Rendition.State.READY).exists():
                return
            if time.monotonic() > deadline:
                raise Stuck(f"The formats of {upload.filename} are not made yet. Run this command again.")
            time.sleep(0.5)
    finally:
        connections.close_all()  # this thread's own


def _artist(act: works.Act, anchor: datetime) -> None:
    owner = people.of(act.owner)
    if Artist.objects.filter(owner=owner, name=act.name).exists():
        return
    details = profiles.Details(act.name, act.bio, act.location)
    profiles.start(owner, details, at=anchor - timedelta(days=people.OLDER_DAYS - 5))


def _act(name: str) -> Artist:
    return Artist.objects.get(name=name)


def _picture(act: works.Act) -> bool:
    return _act(act.name).cover_id is not None


def _exists(work: works.Work) -> bool:
    return Album.objects.filter(artist__name=work.artist, title=work.title).exists()


def _is_published(work: works.Work) -> bool:
    """Whether it came out or was announced once; its artist may have withdrawn or renamed it since."""
    was_shown = Q(published_at__isnull=False) | Q(out_at__isnull=False) | Q(preorders__isnull=False)
    return Album.objects.filter(was_shown, artist__name=work.artist, title=work.title).exists()


def _missing(work: works.Work) -> list[works.Song]:
    """The songs whose file was not received yet."""
    received = set()
    if _exists(work):
        kept = album_of(work).uploads.exclude(state=Upload.State.REJECTED).filter(is_dismissed=False)
        received = {name.rsplit(".", 1)[0][3:] for name in kept.values_list("filename", flat=True)}
    return [song for song in work.songs if song.title not in received]


def _album(work: works.Work) -> Album:
    """The album, as a draft if it is new."""
    if _exists(work):
        return album_of(work)
    return albums.create(_act(work.artist), work.title, timezone.now())


def _publish(work: works.Work, sleeve: bytes, anchor: datetime) -> None:
    """Describe the album and its tracks, and publish it on its day, or announce it for that."""
    album, out_at = album_of(work), anchor - timedelta(days=work.days_ago, hours=3)
    if work.is_coming:
        out_at = out_at.replace(hour=OUT_HOUR, minute=0)
    on = min(out_at, anchor - timedelta(days=ANNOUNCED_DAYS_AGO))
    if album.cover_id is None:
        albums.set_cover(album, sleeve, on)
    for part in _parts(work, out_at):
        albums.edit(album, part, on)
    for song in work.songs:
        track = Track.objects.get(album=album, title=song.title)
        free = None if work.are_songs_free else tracks.Free(FreeMode.OFF)
        details = tracks.Details(
            title=song.title,
            isrc=isrc_of(song),
            price_micros=song.price_micros,
            genre=work.genre,
            free=free,
            is_heard_before=work.is_coming,
        )
        tracks.edit(track, details, on)
        _credit(track, work)
    _share(work, album, on)
    if work.is_coming:
        albums.announce(album, out_at, on)
    else:
        albums.publish(album, on)


def _parts(work: works.Work, out_at: datetime) -> list[albums.Part]:
    words = albums.Words(
        title=work.title,
        description=f"{work.description}\n\n{works.RIGHTS}",
        genre=work.genre,
        tags=work.tags,
        language=Language.NONE,  # a synthesiser does not sing
    )
    terms = albums.Terms(
        price_micros=work.price_micros,
        is_name_your_price=work.is_name_your_price,
        free_mode=work.free_mode,
        free_after_days=work.free_after_days,
        takes_preorders=work.is_coming,
    )
    return [words, terms, albums.Rights(licence=works.LICENCE, released_on=out_at.date())]


def _credit(track: Track, work: works.Work) -> None:
    """Liner credits: who wrote it and who made it sound."""
    act = next(act for act in works.ACTS if act.name == work.artist)
    for role, name in ((Contribution.Role.COMPOSER, act.credit), (Contribution.Role.PRODUCER, "Megabox")):
        Contribution.objects.get_or_create(track=track, role=role, name=name)


def _share(work: works.Work, album: Album, on: datetime) -> None:
    """Have everybody sign the split of an album that several people share."""
    if not work.shared_with or album.split_sheets.exists():
        return
    parts = [Part(name, people.address(who), role, points) for who, name, role, points in work.shared_with]
    owner = album.artist.owner
    with transaction.atomic():
        sheet = signing.propose(album, parts, by=owner, signed_as=owner.name, at=on)
        for line in sheet.lines.filter(payee=None):
            user = User.objects.get(email=line.email)
            signing.sign(line.pk, user=user, name=user.name, at=on)
