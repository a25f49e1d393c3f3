"""An album in the studio: its files and tracks, looking at it beforehand, publishing and withdrawing it."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from artists import albums, audio, awaited, changes, checklist, naming, progress, sections
from artists.forms import amounts
from artists.forms.albums import NewAlbumForm, OutForm
from artists.models import Album, Artist
from megabox import media, money
from users.access import SignedInRequest, artist_required


def own_album(request: SignedInRequest, album_id: int) -> Album:
    """The person's album of this id; 404 for everybody else's."""
    albums = Album.objects.owned_by(request.user).select_related("artist__owner", "cover")
    return get_object_or_404(albums, pk=album_id)


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def new_album(request: SignedInRequest) -> HttpResponse:
    """A title, and the rest follows while the files are on their way."""
    artists = Artist.objects.owned_by(request.user)
    if not artists.exists():
        return redirect("artists:start")
    form = NewAlbumForm(request.POST or None, artists=artists)
    if request.method == "POST" and form.is_valid():
        album = albums.create(form.cleaned_data["artist"], form.cleaned_data["title"], timezone.now())
        return redirect("artists:album", album.pk)
    return render(request, "artists/new_album.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@artist_required
def drop(request: SignedInRequest) -> JsonResponse:
    """A draft for what was dropped on the studio's front page, called after its folder or zip where that is sure."""
    artists = Artist.objects.owned_by(request.user).order_by("pk")
    told = request.POST.get("artist", "")
    artist = artists.filter(pk=told).first() if told.isdecimal() and len(told) < 19 else artists.first()
    if artist is None:
        return JsonResponse({"error": "Open an artist page first; then drop your files here again."}, status=422)
    title = naming.album_title(request.POST.get("name", ""), artist=artist.name)
    # Files of an album that a sheet told us of belong to its draft.
    album = awaited.album_called(artist, title) or albums.create(artist, title, timezone.now())
    return JsonResponse(
        {
            "title": album.title,
            "url": reverse("artists:album", args=[album.pk]),
            "transfers_url": reverse("artists:transfers", args=[album.pk]),
            "status_url": reverse("artists:uploads", args=[album.pk]),
        },
        status=201,
    )


@require_safe
@artist_required
def album(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The album's first section: its files and tracks."""
    album, now = own_album(request, album_id), timezone.now()
    rows, lines = progress.of_uploads(album, now), progress.of_tracks(album)
    context: dict[str, Any] = {
        # What became a track is told in the table of tracks; here is what is on its way or needs somebody.
        "rows": [row for row in rows if row.upload.track is None or row.upload.reason or row.upload.twin],
        "lines": lines,
        "is_on_discs": any(line.track.disc > 1 for line in lines),
        "is_moving": any(step.is_open for step in [*(row.step for row in rows), *(line.step for line in lines)]),
        "supported": audio.SUPPORTED,
        "suffixes": ",".join(audio.SUFFIXES),
    }
    return render(request, "artists/album.html", frame(album, "album") | context)


@require_safe
@artist_required
def simulation(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The line beside the price, for what is typed right now."""
    album, mode = own_album(request, album_id), request.GET.get("price_mode", amounts.FIXED)
    unit = request.GET.get("currency", album.currency)
    album.currency = unit if unit in settings.SALE_CURRENCIES else album.currency
    try:
        typed = amounts.parse_price(request.GET.get("price", ""), mode, album.currency) if mode != amounts.FREE else 0
    except money.BadAmount as reason:
        return render(request, "artists/_simulation.html", {"sentence": str(reason), "is_wrong": True})
    album.price_micros, album.is_name_your_price = typed, mode == amounts.NAMED
    return render(request, "artists/_simulation.html", {"sentence": albums.simulation(album)})


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def publish(request: SignedInRequest, album_id: int) -> HttpResponse:
    """What publishing asks for and would change; a press shows it to everybody, or says what is missing."""
    album = own_album(request, album_id)
    # A day and an hour are typed and read on the artist's own clock.
    with timezone.override(ZoneInfo(request.user.time_zone)):
        return _publish(request, album)


def _publish(request: SignedInRequest, album: Album) -> HttpResponse:
    form = OutForm(request.POST) if request.method == "POST" else OutForm(initial={"out_at": album.out_at})
    if request.method != "POST" or not form.is_valid():
        return _publish_page(request, album, form)
    now, was_out = timezone.now(), album.is_published
    out_at = None if "now" in request.POST else form.cleaned_data["out_at"]
    try:
        waits = changes.publish(album, now, out_at=out_at)
    except albums.NotReady as reason:
        kept = "Your changes are kept, and listeners see none of them yet" if was_out else "It is not published yet"
        messages.error(request, f"“{album}”: {kept}. {reason}")
    except albums.NotPossible as reason:
        form.add_error("out_at" if out_at else None, str(reason))
        return _publish_page(request, album, form)
    else:
        if was_out:
            messages.success(request, "Your changes are published. Listeners see them now.")
        elif out_at:
            messages.success(request, f"“{album}” is announced. Its page says when it is out; then it is published.")
        else:
            messages.success(request, f"“{album}” is published. Everybody can hear, have and buy it.")
        if waits:
            messages.warning(request, waits)
    return redirect("artists:publish", album.pk)


@require_POST
@artist_required
def discard(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Forget what is not published."""
    album = own_album(request, album_id)
    changes.discard(album)
    messages.success(request, "Your changes are discarded. The album is as it was.")
    return redirect("artists:publish", album.pk)


@require_POST
@artist_required
def withdraw(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Take it off the pages."""
    album = own_album(request, album_id)
    try:
        albums.withdraw(album, timezone.now())
    except albums.NotPossible as reason:
        messages.error(request, str(reason))
    else:
        kept = (
            "withdrawn. Whoever has it keeps it" if album.published_at else "no longer announced. It is a draft again"
        )
        messages.success(request, f"“{album}” is {kept}.")
    return redirect("artists:publish", album.pk)


@require_POST
@artist_required
def delete(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Delete a draft."""
    album = own_album(request, album_id)
    try:
        albums.delete(album)
    except albums.NotPossible as reason:
        messages.error(request, str(reason))
        return redirect("artists:publish", album.pk)
    messages.success(request, f"The draft “{album}” is deleted.")
    return redirect("artists:index")


@require_safe
@artist_required
def preview(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The album as listeners will see it, with its tracks to hear; only its owner can open this."""
    album = own_album(request, album_id)
    lines = progress.of_tracks(album, is_drawn=True)
    changes.previewed(album, [line.track for line in lines], timezone.now())
    listener = media.listener_key(request)
    streams = [(line, _stream(line, listener)) for line in lines]
    return render(request, "artists/preview.html", {"album": album, "artist": album.artist, "streams": streams})


def _publish_page(request: SignedInRequest, album: Album, form: OutForm) -> HttpResponse:
    checks = checklist.of(album)
    context = {
        "form": form,
        "checks": checks,
        "is_ready": all(check.is_done for check in checks if check.is_required),
        "is_moving": any(check.short.startswith("being") for check in checks if not check.is_done),
        "problems": changes.problems(album),
        "differences": changes.differences(album),
        "has_new_tracks": album.tracks.filter(state="DRAFT").exists(),
    }
    status = 422 if form.errors else 200
    return render(request, "artists/publish.html", frame(album, "publish", checks) | context, status=status)


def frame(album: Album, here: str, checks: Sequence[checklist.Check] | None = None) -> dict[str, Any]:
    """What every section of an album shows around it: its name, its state, all sections, and whether changes wait."""
    kept = changes.of(album)
    return {
        "album": album,
        "here": here,
        "sections": sections.of(album, checklist.of(album) if checks is None else checks, kept),
        "has_changes": bool(kept),
    }


def _stream(line: progress.Line, listener: str) -> str:
    """A signed link to a file of the track that browsers play, or nothing while none is made."""
    original = line.track.original
    made = {one.recipe: one.path for one in original.renditions.all() if one.path} if original else {}
    recipe = next((one for one in ("mp3-v0", "mp3-320", "opus") if one in made), None)
    if recipe is None:
        return ""
    extension = audio.RECIPES[recipe].extension
    return media.signed_url(made[recipe], bound_to=listener, filename=f"{line.track.slug}.{extension}")
