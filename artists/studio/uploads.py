"""Files on their way into an album: received here, followed here, tried again or put away here."""

import logging
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from artists import incoming, progress, tasks, uploads
from artists.incoming import ArrivedFile, Refused
from artists.models import Album, Upload
from artists.studio.albums import own_album
from megabox.nudges import nudge
from users.access import SignedInRequest, artist_required

ENDED = (
    "Your session has ended, so this file was not taken. The files that arrived are kept. "
    "Log in again in another tab, then send the rest."
)
SLACK_BYTES = 1024 * 1024
_log = logging.getLogger(__name__)


@csrf_exempt  # the body is read below, after the right upload handler is in place; csrf_protect checks it then
@require_POST
def upload(request: HttpRequest, album_id: int) -> HttpResponseBase:
    """Receive files: one from a script, which gets JSON, or several from a plain form, which gets the page."""
    if not request.user.is_authenticated and wants_json(request):
        return JsonResponse({"error": ENDED}, status=401)
    return _upload(request, album_id)


@artist_required
def _upload(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Look who sends, and to where, before a byte of it is read."""
    album, length = own_album(request, album_id), int(request.headers.get("Content-Length") or 0)
    try:
        if wants_json(request) and length > settings.MAX_UPLOAD_BYTES + SLACK_BYTES:
            raise incoming.too_much()
        incoming.check_room(length)
        request.upload_handlers = [incoming.IncomingHandler(request)]
        return _read(request, album)
    except (incoming.TooMuch, incoming.NoRoom) as reason:
        is_full = isinstance(reason, incoming.NoRoom)
        if is_full:
            _log.critical("Uploads are refused: the disk is nearly full")
        if wants_json(request):
            return JsonResponse({"error": str(reason)}, status=507 if is_full else 413)
        messages.error(request, str(reason))
        return redirect("artists:album", album_id)


@csrf_protect
def _read(request: SignedInRequest, album: Album) -> HttpResponse:
    files = cast(list[ArrivedFile], request.FILES.getlist("file"))
    received: list[Upload] = []
    refusals: list[str] = []
    for file in files:
        try:
            received.append(uploads.receive(album, file.incoming, str(file.name), request.user, timezone.now()))
        except Refused as reason:
            refusals.append(str(reason))
    for one in received:
        nudge(tasks.ingest, one.pk)
    if wants_json(request):
        return _json(received, refusals)
    for sentence in refusals:
        messages.error(request, sentence)
    if received:
        count = len(received)
        messages.success(request, f"{count} {'file' if count == 1 else 'files'} received. They are being checked now.")
    elif not refusals:
        messages.error(request, "No file was chosen. Choose audio files first, then press “Upload files”.")
    return redirect("artists:album", album.pk)


@require_safe
@artist_required
def album_status(request: SignedInRequest, album_id: int) -> JsonResponse:
    """Where all files of an album are, for the script that follows them."""
    rows = progress.of_uploads(own_album(request, album_id), timezone.now())
    return JsonResponse({"uploads": [about(row) for row in rows], "done": not any(row.step.is_open for row in rows)})


@require_safe
@artist_required
def status(request: SignedInRequest, upload_id: int) -> JsonResponse:
    """Where one file is."""
    upload = own_upload(request, upload_id)
    return JsonResponse(about(progress.Row(upload, progress.of_upload(upload, timezone.now()))))


@require_POST
@artist_required
def retry(request: SignedInRequest, upload_id: int) -> HttpResponse:
    """Check a rejected file once more."""
    upload = own_upload(request, upload_id)
    if uploads.retry(upload, timezone.now()):
        nudge(tasks.ingest, upload.pk)
        messages.info(request, f"“{upload}” is being checked again.")
    else:
        messages.error(request, f"“{upload}” is no longer here to be checked again. Drop the file here once more.")
    return redirect("artists:album", upload.album_id)


@require_POST
@artist_required
def decide_twin(request: SignedInRequest, upload_id: int) -> HttpResponse:
    """A file that is identical to another track's: use what that one says, or keep the new track as it is."""
    upload = own_upload(request, upload_id)
    if request.POST.get("use"):
        if uploads.use_twin(upload, timezone.now()):
            messages.success(request, f"“{upload}” has the title, ISRC, words and credits of the other track now.")
        else:
            messages.error(request, "The other track is gone, so the new one was left as it is.")
    elif uploads.keep_apart(upload):
        messages.success(request, f"“{upload}” was left as it is.")
    return redirect("artists:album", upload.album_id)


@require_POST
@artist_required
def dismiss(request: SignedInRequest, upload_id: int) -> HttpResponse:
    """Put a rejected file away."""
    upload = own_upload(request, upload_id)
    if uploads.dismiss(upload):
        messages.success(request, f"“{upload}” is put away. The album goes on without it.")
    return redirect("artists:album", upload.album_id)


def about(row: progress.Row) -> dict[str, object]:
    """What scripts learn of one upload."""
    return {
        "id": row.upload.pk,
        "transfer": str(row.upload.transfer_id or ""),
        "size": row.upload.size_bytes,
        "filename": row.upload.filename,
        "state": row.step.state,
        "label": row.step.label,
        "reason": row.step.reason,
        "progress": row.step.percent,
        "track_id": row.upload.track_id,
        "status_url": reverse("artists:upload_status", args=[row.upload.pk]),
    }


def own_upload(request: SignedInRequest, upload_id: int) -> Upload:
    """The person's upload of this id; 404 for everybody else's."""
    rows = Upload.objects.owned_by(request.user).select_related("album", "track__original", "twin__album")
    return get_object_or_404(rows, pk=upload_id)


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks."""
    return request.headers.get("Accept", "").startswith("application/json")


def _json(received: list[Upload], refusals: list[str]) -> JsonResponse:
    if not received:
        sentence = " ".join(refusals) or "No file arrived. Send it in the field “file”."
        return JsonResponse({"error": sentence}, status=422 if refusals else 400)
    upload = received[0]
    told = about(progress.Row(upload, progress.of_upload(upload, timezone.now())))
    if refusals:
        told["reason"] = " ".join(refusals)
    return JsonResponse(told, status=201)
