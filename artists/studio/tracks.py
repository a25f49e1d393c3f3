"""The tracks of an album: their titles, codes and prices in one table, one page for each, their order."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from artists import changes, renditions, tasks, tracks, verifying
from artists.forms.parts import SEEN
from artists.forms.tracks import ManyForm, TrackForm, TrackRowForm
from artists.models import Album, Rendition, Track
from artists.studio.albums import frame, own_album
from artists.studio.parts import KEPT, save, saved, wants_json
from megabox.nudges import nudge
from users.access import SignedInRequest, artist_required


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def table(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Titles, ISRCs and prices of all tracks; saved together, or not at all."""
    album = own_album(request, album_id)
    rows = list(Track.objects.kept().filter(album=album).defer("peaks"))
    for track in rows:
        track.album = album
    if request.method != "POST":
        return render(request, "artists/tracks.html", frame(album, "album") | table_of(album, rows))
    typed = {track: TrackRowForm.typed_in(request.POST, str(track.pk)) for track in rows}
    seen = {track: request.POST.get(f"{track.pk}-{SEEN}", "") for track in rows}
    try:
        is_stored = changes.save_rows(album, TrackRowForm, typed, seen, timezone.now())
    except changes.NotRight as wrong:
        messages.error(request, "Nothing was saved: some rows are not right yet. What you typed is still here.")
        around = frame(album, "album") | {"forms": wrong.forms, "many": ManyForm()}
        return render(request, "artists/tracks.html", around, status=422)
    messages.success(request, "The tracks are saved." if is_stored else KEPT)
    return redirect("artists:album", album.pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def edit(request: SignedInRequest, track_id: int) -> HttpResponse:
    """All that an artist says about one track."""
    track = own_track(request, track_id)
    if request.method == "POST":
        answer = save(request, track, TrackForm)
        if wants_json(request):
            return saved(request, track.album, answer)
        if answer.is_right:
            return redirect("artists:album", track.album_id)
        form, status = answer.form, 422
    else:
        form, status = TrackForm.show(track, changes.of(track.album).get(track.pk, {})), 200
    around = {"track": track, "form": form, "same_isrc": tracks.with_the_same_isrc(track)}
    return render(request, "artists/track.html", frame(track.album, "album") | around, status=status)


@require_POST
@artist_required
def move(request: SignedInRequest, track_id: int) -> HttpResponse:
    """One place up or down."""
    track = own_track(request, track_id)
    tracks.move(track, -1 if request.POST.get("to") == "up" else 1)
    return redirect("artists:album", track.album_id)


@require_POST
@artist_required
def order(request: SignedInRequest, album_id: int) -> JsonResponse:
    """Put all tracks in the order that was dragged; nothing changes when they are not the same tracks any more."""
    album = own_album(request, album_id)
    try:
        discs = [[int(pk) for pk in disc] for disc in json.loads(request.body)["discs"]]
        tracks.arrange(album, discs)
    except tracks.Rearranged as reason:
        return JsonResponse({"error": str(reason)}, status=409)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return JsonResponse({"error": "This is no order of tracks. Reload the page and try again."}, status=400)
    return JsonResponse({"saved": True})


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
def dismiss_remarks(request: SignedInRequest, track_id: int) -> HttpResponse:
    """Put away what was said about the sound of a track: it is meant so."""
    track = own_track(request, track_id)
    tracks.dismiss_remarks(track)
    messages.success(request, f"What we heard in “{track}” is put away.")
    return redirect("artists:album", track.album_id)


@require_POST
@artist_required
def retry(request: SignedInRequest, track_id: int) -> HttpResponse:
    """Look at the master once more where it has a fault; make the formats that failed once more."""
    track = own_track(request, track_id)
    if track.original and track.original.fault:
        if verifying.verify(track.original.pk, timezone.now()):
            messages.error(request, f"“{track}” is still damaged in our storage. {verifying.REMEDY}")
        else:
            messages.success(request, f"“{track}” is whole again.")
    elif track.original and renditions.retry(track.original, timezone.now()):
        waiting = Rendition.objects.filter(original=track.original, state=Rendition.State.WANTED)
        for pk in waiting.values_list("pk", flat=True):
            nudge(tasks.make, pk)
        messages.info(request, f"The formats of “{track}” are being made again.")
    return redirect("artists:album", track.album_id)


def own_track(request: SignedInRequest, track_id: int) -> Track:
    """The person's track of this id; 404 for everybody else's, and for withdrawn ones."""
    rows = Track.objects.kept().owned_by(request.user).select_related("album__artist__owner", "original")
    return get_object_or_404(rows, pk=track_id)


def table_of(album: Album, rows: Sequence[Track], many: ManyForm | None = None) -> dict[str, Any]:
    """What the table of an album's tracks shows; `many` is what is to be said of several at once."""
    kept = changes.of(album)
    forms = [TrackRowForm.show(track, kept.get(track.pk, {}), prefix=str(track.pk)) for track in rows]
    return {"forms": forms, "many": many or ManyForm()}
