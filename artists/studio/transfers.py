"""Files in pieces by the protocol tus 1.0.0 (creation, creation with upload, checksum, expiration, termination).

https://tus.io/protocols/resumable-upload. A GET, which the protocol leaves open, tells in JSON what became of a file.
"""

import base64
import binascii
import logging
import re
import uuid
from collections.abc import Callable
from datetime import UTC
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from artists import incoming, progress, tasks, transfers
from artists.incoming import Refused
from artists.models import Transfer
from artists.studio.albums import own_album
from artists.studio.uploads import ENDED, about
from megabox.nudges import nudge
from users.access import SignedInRequest, artist_required

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
PIECE_TYPE = "application/offset+octet-stream"
MOST_METADATA = 4_000
"""Characters of the metadata of a file."""
MOST_DIGITS = 18
_UPLOADS = "uploads__track__original__renditions"
_log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]


class BadRequest(Exception):
    """The request does not keep to the protocol; the message says where. `status` is what the protocol answers."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def tus(view: View) -> View:
    """A view that speaks the protocol: its version is checked and told, its refusals have their statuses."""

    @wraps(view)
    def speaking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return JsonResponse({"error": ENDED}, status=401)
        if request.method == "POST" and (told := request.headers.get("X-HTTP-Method-Override")):
            request.method = told.upper()
        answer = artist_required(_answering(view))(request, *args, **kwargs)
        if answer.status_code == 412:
            answer["Tus-Version"] = VERSION
        answer["Tus-Resumable"] = VERSION
        answer["Cache-Control"] = "no-store"
        return answer

    return speaking


@require_safe
@artist_required
def unfinished(request: SignedInRequest) -> JsonResponse:
    """What the person sent and that is not whole yet, or was refused and not put away: to be gone on with."""
    rows = Transfer.objects.owned_by(request.user).select_related("album").exclude(state=Transfer.State.ENDED)
    rows = rows.filter(expires_at__gt=timezone.now()).prefetch_related(_UPLOADS)
    return JsonResponse({"transfers": [_about(row) for row in rows]})


@tus
def create(request: HttpRequest, album_id: int) -> HttpResponse:
    """OPTIONS: what this server can do. POST: a place for one file of an album, perhaps with its first bytes."""
    if request.method == "OPTIONS":
        answer = HttpResponse(status=204)
        answer["Tus-Version"], answer["Tus-Extension"] = VERSION, EXTENSIONS
        answer["Tus-Max-Size"] = str(settings.MAX_UPLOAD_BYTES)
        answer["Tus-Checksum-Algorithm"] = ",".join(transfers.DIGESTS)
        return answer
    if request.method != "POST":
        return _not_allowed("OPTIONS, POST")
    person = cast(SignedInRequest, request)
    album, told = own_album(person, album_id), _metadata(request)
    transfer = transfers.create(
        album,
        told.get("filename") or told.get("name") or "file",
        _length(request),
        person.user,
        timezone.now(),
        fingerprint=told.get("fingerprint", "").replace("\0", "")[:200],
    )
    answer = HttpResponse(status=201)
    answer["Location"] = request.build_absolute_uri(reverse("artists:transfer", args=[transfer.pk]))
    offset = 0
    if request.content_type == PIECE_TYPE:
        offset = _append(request, transfer, 0)
    return _with_offset(answer, transfer, offset)


@tus
def transfer(request: HttpRequest, transfer_id: uuid.UUID) -> HttpResponse:
    """HEAD: how many bytes are here. PATCH: more of them. DELETE: not wanted any more. GET: what became of it."""
    row = _own_transfer(cast(SignedInRequest, request), transfer_id)
    if request.method == "GET":
        return JsonResponse(_about(row))
    if request.method == "HEAD":
        answer = _with_offset(HttpResponse(), row, row.offset_bytes)
        answer["Upload-Length"] = str(row.size_bytes)
        return answer
    if request.method == "DELETE":
        transfers.cancel(row, timezone.now())
        return HttpResponse(status=204)
    if request.method != "PATCH":
        return _not_allowed("GET, HEAD, PATCH, DELETE")
    if request.content_type != PIECE_TYPE:
        raise BadRequest(f"Send the bytes as {PIECE_TYPE}.", 415)
    offset = _append(request, row, _number(request, "Upload-Offset"))
    return _with_offset(HttpResponse(status=204), row, offset)


def _answering(view: View) -> View:
    """Every refusal of the domain with the status that the protocol has for it."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method not in ("GET", "OPTIONS") and request.headers.get("Tus-Resumable") != VERSION:
                raise BadRequest(f"This server speaks version {VERSION} of the tus protocol.", 412)
            return view(request, *args, **kwargs)
        except BadRequest as reason:
            return _refusal(str(reason), reason.status)
        except transfers.Gone:
            return _refusal("This upload is over: it was cancelled, or nobody went on with it in time.", 410)
        except transfers.WrongOffset as reason:
            answer = _refusal(str(reason), 409)
            answer["Upload-Offset"] = str(reason.offset_bytes)
            return answer
        except transfers.Busy:
            return _refusal("Another request is writing to this file just now. Try again in a moment.", 423)
        except transfers.BadChecksum:
            return _refusal("The bytes changed on their way, so none of them was taken. Send them again.", 460)
        except (incoming.TooMuch, transfers.Overrun) as reason:
            return _refusal(str(reason), 413)
        except incoming.NoRoom as reason:
            _log.critical("Uploads are refused: the disk is nearly full")
            return _refusal(str(reason), 507)
        except Refused as reason:
            return _refusal(str(reason), 422)
        except Http404:
            return _refusal("There is no such upload. It may have been cancelled.", 404)

    return answering


def _append(request: HttpRequest, row: Transfer, offset: int) -> int:
    """What the body brings; when it was the last of the file, the file is stored."""
    digest, expected = _checksum(request)
    length = _number(request, "Content-Length", missing=411)
    piece = transfers.Piece(offset, length, request.read, digest, expected)
    offset = transfers.append(row.pk, piece, timezone.now)
    if offset == row.size_bytes:
        if transfers.takes_long(row.pk):
            nudge(tasks.finish, str(row.pk))
        else:
            for upload_id in transfers.finish(row.pk, timezone.now):
                nudge(tasks.ingest, upload_id)
    return offset


def _own_transfer(request: SignedInRequest, transfer_id: uuid.UUID) -> Transfer:
    """The person's transfer of this id; 404 for everybody else's, Gone when its time is over."""
    rows = Transfer.objects.owned_by(request.user).select_related("album").prefetch_related(_UPLOADS)
    row = get_object_or_404(rows, pk=transfer_id)
    if row.expires_at <= timezone.now():
        raise transfers.Gone
    return row


def _with_offset(answer: HttpResponse, row: Transfer, offset: int) -> HttpResponse:
    answer["Upload-Offset"] = str(offset)
    if offset < row.size_bytes:
        answer["Upload-Expires"] = http_date(row.expires_at.astimezone(UTC).timestamp())
    return answer


def _number(request: HttpRequest, header: str, *, missing: int = 400) -> int:
    text = request.headers.get(header, "")
    if not text:
        raise BadRequest(f"The header {header} is missing.", missing)
    if not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", text):
        raise BadRequest(f"The header {header} is a whole number of bytes, and “{text[:40]}” is none.")
    return int(text)


def _length(request: HttpRequest) -> int:
    if "Upload-Defer-Length" in request.headers:
        raise BadRequest("Say with Upload-Length how many bytes the file has; this server cannot wait for it.")
    if re.fullmatch(r"[0-9]{19,}", request.headers.get("Upload-Length", "")):
        raise incoming.too_much()
    return _number(request, "Upload-Length")


def _metadata(request: HttpRequest) -> dict[str, str]:
    """What the file is called: pairs of a name and a value in base64."""
    text = request.headers.get("Upload-Metadata", "")
    if len(text) > MOST_METADATA:
        raise BadRequest("The header Upload-Metadata is too long. Send the file's name, and no more.", 413)
    told: dict[str, str] = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        name, _, value = pair.partition(" ")
        try:
            told[name] = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise BadRequest(f"The value of “{name[:40]}” in Upload-Metadata is not base64.") from None
    return told


def _checksum(request: HttpRequest) -> tuple[str, bytes]:
    text = request.headers.get("Upload-Checksum", "")
    if not text:
        return "", b""
    name, _, value = text.partition(" ")
    if name not in transfers.DIGESTS:
        raise BadRequest(f"Checksums are {' or '.join(transfers.DIGESTS)} here.")
    try:
        return name, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("The value of Upload-Checksum is not base64.") from None


def _about(row: Transfer) -> dict[str, object]:
    """What scripts learn of one transfer, and of the uploads it became."""
    now = timezone.now()
    return {
        "url": reverse("artists:transfer", args=[row.pk]),
        "filename": row.filename,
        "fingerprint": row.fingerprint,
        "size": row.size_bytes,
        "offset": row.offset_bytes,
        "state": row.state.lower(),
        "reason": row.reason,
        "album": row.album.title,
        "transfers_url": reverse("artists:transfers", args=[row.album_id]),
        "status_url": reverse("artists:uploads", args=[row.album_id]),
        "uploads": [about(progress.Row(one, progress.of_upload(one, now))) for one in row.uploads.all()],
    }


def _refusal(sentence: str, status: int) -> HttpResponse:
    return JsonResponse({"error": sentence}, status=status)


def _not_allowed(methods: str) -> HttpResponse:
    answer = _refusal(f"This address takes {methods}.", 405)
    answer["Allow"] = methods
    return answer
