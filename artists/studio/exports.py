"""`/studio/export/`: everything that is an artist's, as a zip to keep. Only its owner gets it."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from artists import tasks
from artists.exporting import exports
from artists.models import Artist, Export
from artists.studio.albums import own_album
from megabox import media
from megabox.nudges import nudge
from users.access import SignedInRequest, artist_required

MOST_LISTED = 20


@never_cache
@require_safe
@artist_required
def index(request: SignedInRequest) -> HttpResponse:
    """What can be exported, and what was."""
    artists = list(Artist.objects.owned_by(request.user))
    if not artists:
        return redirect("artists:start")
    rows = Export.objects.owned_by(request.user).select_related("artist", "album")[:MOST_LISTED]
    context = {"artists": artists, "exports": rows, "is_moving": any(row.is_waiting for row in rows)}
    return render(request, "artists/exports.html", context)


@require_POST
@artist_required
def of_artist(request: SignedInRequest, artist_id: int) -> HttpResponse:
    """Have everything of an artist exported. A second press finds the first."""
    artist = get_object_or_404(Artist.objects.owned_by(request.user), pk=artist_id)
    return _asked(exports.ask(artist, None, request.user, timezone.now()))


@require_POST
@artist_required
def of_album(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Have one album exported."""
    album = own_album(request, album_id)
    return _asked(exports.ask(album.artist, album, request.user, timezone.now()))


@never_cache
@require_safe
@artist_required
def export(request: SignedInRequest, export_id: uuid.UUID) -> HttpResponse:
    """How far an export is, and its zip."""
    return render(request, "artists/export.html", {"export": own_export(request, export_id), "kept": exports.KEPT.days})


@never_cache
@require_safe
@artist_required
def download(request: SignedInRequest, export_id: uuid.UUID) -> HttpResponseBase:
    """The zip, or a range of it, with its exact length."""
    row = own_export(request, export_id)
    try:
        archive = exports.zip_of(row)
    except exports.NotReady as reason:
        messages.error(request, str(reason))
        return redirect("artists:exports")
    return media.computed_response(
        request,
        archive.read,
        archive.size,
        filename=archive.filename,
        content_type=archive.content_type,
        etag=archive.etag,
    )


def own_export(request: SignedInRequest, export_id: uuid.UUID) -> Export:
    """The person's export of this id; 404 for everybody else's."""
    rows = Export.objects.owned_by(request.user).select_related("artist", "album")
    return get_object_or_404(rows, pk=export_id)


def _asked(row: Export) -> HttpResponse:
    nudge(tasks.export, str(row.pk))
    return redirect("artists:export", row.pk)
