"""An album in the studio: its words and price, its cover, publishing and withdrawing it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from artists import albums, audio, covers, forms, progress
from artists.forms import AlbumForm, NewAlbumForm, PictureForm
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


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def album(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The album's page: files, tracks, words and price, and what publishing still asks for."""
    album = own_album(request, album_id)
    if request.method != "POST":
        return album_page(request, album, form=AlbumForm.of(album))
    form = AlbumForm(request.POST)
    if form.is_valid():
        try:
            albums.edit(album, form.details(), timezone.now())
        except albums.NotPossible as reason:
            form.add_error(None, str(reason))
        else:
            if _wants_json(request):
                return JsonResponse({"saved": True})
            messages.success(request, "Saved." if not album.is_published else "Saved. Listeners see it now.")
            return redirect("artists:album", album.pk)
    if _wants_json(request):
        return JsonResponse({"error": f"Not saved: {_first_error(form)}"}, status=422)
    return album_page(request, get_object_or_404(Album, pk=album.pk), form=form)


@require_POST
@artist_required
def set_cover(request: SignedInRequest, album_id: int) -> HttpResponse:
    """A picture for the cover."""
    album, form = own_album(request, album_id), PictureForm(request.POST, request.FILES)
    try:
        if form.is_valid():
            albums.set_cover(album, form.cleaned_data["picture"], timezone.now())
            messages.success(request, "The cover is set.")
            return redirect("artists:album", album.pk)
    except covers.BadPicture as reason:
        form.add_error("picture", str(reason))
    return album_page(request, album, form=AlbumForm.of(album), picture=form)


@require_safe
@artist_required
def simulation(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The line beside the price, for what is typed right now."""
    album, mode = own_album(request, album_id), request.GET.get("price_mode", forms.FIXED)
    unit = request.GET.get("currency", album.currency)
    album.currency = unit if unit in settings.SALE_CURRENCIES else album.currency
    try:
        typed = forms.parse_price(request.GET.get("price", ""), mode, album.currency) if mode != forms.FREE else 0
    except money.BadAmount as reason:
        return render(request, "artists/_simulation.html", {"sentence": str(reason), "is_wrong": True})
    album.price_micros, album.is_name_your_price = typed, mode == forms.NAMED
    return render(request, "artists/_simulation.html", {"sentence": albums.simulation(album)})


@require_POST
@artist_required
def publish(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Show it to everybody, or say what is missing."""
    album = own_album(request, album_id)
    try:
        albums.publish(album, timezone.now())
    except albums.NotReady as reason:
        messages.error(request, f"“{album}” is not published yet. {reason}")
    else:
        messages.success(request, f"“{album}” is published. Everybody can hear, have and buy it.")
    return redirect("artists:album", album.pk)


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
        messages.success(request, f"“{album}” is withdrawn. Whoever has it keeps it.")
    return redirect("artists:album", album.pk)


@require_POST
@artist_required
def delete(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Delete a draft."""
    album = own_album(request, album_id)
    try:
        albums.delete(album)
    except albums.NotPossible as reason:
        messages.error(request, str(reason))
        return redirect("artists:album", album.pk)
    messages.success(request, f"The draft “{album}” is deleted.")
    return redirect("artists:index")


@require_safe
@artist_required
def preview(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The album as listeners will see it, with its tracks to hear; only its owner can open this."""
    album = own_album(request, album_id)
    lines = progress.of_tracks(album, is_drawn=True)
    listener = media.listener_key(request)
    streams = [(line, _stream(line, listener)) for line in lines]
    return render(request, "artists/preview.html", {"album": album, "artist": album.artist, "streams": streams})


def album_page(
    request: SignedInRequest, album: Album, *, form: AlbumForm, picture: PictureForm | None = None
) -> HttpResponse:
    """The album's page around its forms; 422 when something in them is wrong, with all that was typed."""
    now = timezone.now()
    rows, lines = progress.of_uploads(album, now), progress.of_tracks(album)
    checks = albums.checklist(album)
    context: dict[str, Any] = {
        "album": album,
        "form": form,
        "picture": picture or PictureForm(),
        # What became a track is told in the table of tracks; here is what is on its way or needs somebody.
        "rows": [row for row in rows if row.upload.track is None or row.upload.reason],
        "lines": lines,
        "checks": checks,
        "is_ready": all(check.is_done for check in checks if check.is_required),
        "is_moving": any(step.is_open for step in [*(row.step for row in rows), *(line.step for line in lines)]),
        "has_new_tracks": any(line.track.state == "DRAFT" for line in lines),
        "simulation": albums.simulation(album),
        "supported": audio.SUPPORTED,
    }
    is_wrong = bool(form.errors) or bool(picture and picture.errors)
    return render(request, "artists/album.html", context, status=422 if is_wrong else 200)


def _stream(line: progress.Line, listener: str) -> str:
    """A signed link to a file of the track that browsers play, or nothing while none is made."""
    original = line.track.original
    made = {one.recipe: one.path for one in original.renditions.all() if one.path} if original else {}
    recipe = next((one for one in ("mp3-v0", "mp3-320", "opus") if one in made), None)
    if recipe is None:
        return ""
    extension = audio.RECIPES[recipe].extension
    return media.signed_url(made[recipe], bound_to=listener, filename=f"{line.track.slug}.{extension}")


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _first_error(form: AlbumForm) -> str:
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        return f"{label}: {errors[0]}" if label else str(errors[0])
    return "look at the marked fields."
