"""The public pages: the same whole HTML for everybody, so that they can be cached; no session, no person, no CSRF.

What depends on who looks (owned, ads, the header's corner) is loaded apart, and everything works without scripts.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from artists import lrc, slugs
from artists import search as searching
from artists.models import Artist, SearchDocument
from store.access import downloads
from store.music import Music
from store.pages import shelves

View = Callable[..., HttpResponse]
MOST_FOUND = 60


def public_page(view: View) -> View:
    """A page for everybody, kept for a minute."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "\0" in request.path:
            raise Http404  # PostgreSQL takes no NUL, not even to look for it
        return view(request, *args, **kwargs)

    return require_safe(cache_control(public=True, max_age=60)(shown))


@public_page
def home(request: HttpRequest) -> HttpResponse:
    """One promise, what is in the box today, what is new and what is out next, and what ads paid."""
    now = timezone.now()
    midnight = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    today = shelves.earned(midnight)
    context = {
        "today": today,
        "week": [] if today else shelves.earned(now - shelves.WEEK),
        "box": shelves.box_of(now.date()),
        "newest": shelves.newest(),
        "announced": shelves.announced(),
        "tags": shelves.tags(),
        "paid": shelves.paid_by_ads(now - shelves.WEEK),
    }
    return render(request, "store/home.html", context)


@public_page
def search(request: HttpRequest) -> HttpResponse:
    """What matches a plain form's `q`."""
    q = request.GET.get("q", "").strip()
    found = searching.find(q, limit=MOST_FOUND) if q else []
    groups = [
        {"title": title, "documents": [one for one in found if one.kind == kind]}
        for kind, title in (
            (SearchDocument.Kind.ARTIST, "Artists"),
            (SearchDocument.Kind.ALBUM, "Albums"),
            (SearchDocument.Kind.TRACK, "Tracks"),
        )
    ]
    shown = [group for group in groups if group["documents"]]
    return render(request, "store/search.html", {"q": q, "groups": shown, "count": len(found)})


@public_page
def artist(request: HttpRequest, artist_slug: str) -> HttpResponse:
    """An artist: albums, all their tracks to play, and what free downloads paid them this month."""
    found = Artist.objects.select_related("cover").filter(slug=artist_slug).first()
    if found is None:
        return _moved(slugs.moved_artist(artist_slug))
    albums = shelves.albums_of(found)
    announced = shelves.announced(found)
    if not albums and not announced:
        raise Http404
    downloads, paid = shelves.free_downloads(found, shelves.start_of_month(timezone.now()))
    context = {"artist": found, "albums": albums, "announced": announced, "downloads": downloads, "paid": paid}
    return render(request, "store/artist.html", context)


@public_page
def album(request: HttpRequest, artist_slug: str, album_slug: str) -> HttpResponse:
    """An album: play it, buy it, get it free, and in words who gets what."""
    found = shelves.album_page(artist_slug, album_slug)
    if found is None:
        announced = shelves.announced_page(artist_slug, album_slug)
        if announced is None:
            return _moved_album(artist_slug, album_slug)
        return render(request, "store/announced.html", {"album": announced, "tracks": shelves.heard_before(announced)})
    tracks = list(found.tracks.all())
    for one in tracks:
        one.album = found  # for its address, without a query each
    context = {
        "album": found,
        "tracks": tracks,
        "length_ms": sum(one.duration_ms for one in tracks),
        "more": shelves.more_by(found.artist, found),
        "formats": downloads.offers_of(tracks),
        "music": Music(album=found),
    }
    return render(request, "store/album.html", context)


@public_page
def track(request: HttpRequest, artist_slug: str, album_slug: str, track_slug: str) -> HttpResponse:
    """A track: its waveform, words, credits, and how to have it."""
    found = shelves.track_page(artist_slug, album_slug, track_slug)
    if found is None:
        return _moved_track(artist_slug, album_slug, track_slug)
    context = {
        "track": found,
        "album": found.album,
        "credits": shelves.credits_of(found),
        "synced": lrc.parse(found.synced_lyrics),
        "formats": downloads.offers_of([found]),
        "music": Music(track=found),
    }
    return render(request, "store/track.html", context)


# --- addresses that changed


def _moved(to: Any) -> HttpResponse:
    """For ever on to where it is now; 404 for what never was, and for what is not published."""
    if to is None:
        raise Http404
    return HttpResponsePermanentRedirect(to.get_absolute_url())


def _artist_now(slug: str) -> Artist:
    found = Artist.objects.filter(slug=slug).first() or slugs.moved_artist(slug)
    if found is None:
        raise Http404
    return found


def _moved_album(artist_slug: str, album_slug: str) -> HttpResponse:
    owner = _artist_now(artist_slug)
    found = owner.albums.filter(slug=album_slug).first() or slugs.moved_album(owner, album_slug)
    return _moved(found if found and (found.is_published or found.is_announced) else None)


def _moved_track(artist_slug: str, album_slug: str, track_slug: str) -> HttpResponse:
    owner = _artist_now(artist_slug)
    home_album = owner.albums.filter(slug=album_slug).first() or slugs.moved_album(owner, album_slug)
    if home_album is None:
        raise Http404
    found = home_album.tracks.filter(slug=track_slug).first() or slugs.moved_track(home_album, track_slug)
    return _moved(found if found and found.is_published else None)
