"""The tracks of an album: their titles, codes and prices in one table, one page for each, their order."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from artists import renditions, tasks, tracks
from artists.forms import TrackForm, TrackRowForm
from artists.models import Rendition, Track
from artists.studio.albums import own_album
from megabox.nudges import nudge
from users.access import SignedInRequest, artist_required


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def table(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Titles, ISRCs and prices of all tracks; saved together, or not at all."""
    album = own_album(request, album_id)
    rows = list(Track.objects.kept().filter(album=album).defer("peaks"))
    for track in rows:
        track.album = album
    typed = request.POST if request.method == "POST" else None
    forms = [TrackRowForm(typed, track=track, prefix=str(track.pk)) for track in rows]
    # A list, so that every row says what is wrong with it, not only the first.
    if typed is not None and [form for form in forms if not form.is_valid()] == []:
        now = timezone.now()
        for form in forms:
            if form.has_changed():
                tracks.edit(form.track, form.details(), now)
        messages.success(request, "The tracks are saved.")
        return redirect("artists:album", album.pk)
    is_wrong = any(form.errors for form in forms)
    return render(request, "artists/tracks.html", {"album": album, "forms": forms}, status=422 if is_wrong else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def edit(request: SignedInRequest, track_id: int) -> HttpResponse:
    """All that an artist says about one track."""
    track = own_track(request, track_id)
    form = TrackForm(request.POST if request.method == "POST" else None, track=track)
    if form.is_valid():
        tracks.edit(track, form.details(), timezone.now())
        messages.success(request, f"“{track}” is saved.")
        return redirect("artists:album", track.album_id)
    return render(
        request,
        "artists/track.html",
        {"album": track.album, "track": track, "form": form},
        status=422 if form.errors else 200,
    )


@require_POST
@artist_required
def move(request: SignedInRequest, track_id: int) -> HttpResponse:
    """One place up or down."""
    track = own_track(request, track_id)
    tracks.move(track, -1 if request.POST.get("to") == "up" else 1)
    return redirect("artists:album", track.album_id)


@require_POST
@artist_required
def remove(request: SignedInRequest, track_id: int) -> HttpResponse:
    """Take a track off its album."""
    track = own_track(request, track_id)
    try:
        tracks.remove(track, timezone.now())
    except tracks.LastTrack as reason:
        messages.error(request, str(reason))
    else:
        kept = " Whoever has it keeps it." if track.published_at else ""
        messages.success(request, f"“{track}” is off the album.{kept}")
    return redirect("artists:album", track.album_id)


@require_POST
@artist_required
def retry(request: SignedInRequest, track_id: int) -> HttpResponse:
    """Make the formats that failed once more."""
    track = own_track(request, track_id)
    if track.original and renditions.retry(track.original, timezone.now()):
        waiting = Rendition.objects.filter(original=track.original, state=Rendition.State.WANTED)
        for pk in waiting.values_list("pk", flat=True):
            nudge(tasks.make, pk)
        messages.info(request, f"The formats of “{track}” are being made again.")
    return redirect("artists:album", track.album_id)


def own_track(request: SignedInRequest, track_id: int) -> Track:
    """The person's track of this id; 404 for everybody else's, and for withdrawn ones."""
    rows = Track.objects.kept().owned_by(request.user).select_related("album__artist", "original")
    return get_object_or_404(rows, pk=track_id)
