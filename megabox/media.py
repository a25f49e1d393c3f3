"""Files: the private and the public storage, signed links, and answers that honour `Range`.

Every audio byte is private and leaves only through a signed link, which expires and is bound to one listener.
Only covers are public.
"""

import mimetypes
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast
from urllib.parse import quote

from django.core import signing
from django.core.files.storage import Storage, storages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

CHUNK_BYTES = 256 * 1024
_SALT = "megabox.media"
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


class BadLink(Exception):
    """The link is forged, too old, or was made for somebody else; the message says what to do."""


@dataclass(frozen=True)
class Link:
    """What a signed link allows: one file, for one listener."""

    path: str
    bound_to: str
    filename: str
    is_download: bool


def private() -> Storage:
    """Originals, renditions and packages; never served without a signed link."""
    return storages["private"]


def public() -> Storage:
    """Covers."""
    return storages["public"]


def listener_key(request: HttpRequest) -> str:
    """Who listens: `user:<id>`, or `guest:<token>` kept in the session, which log-in does not change."""
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"guest:{guest_key(request)}"


def guest_key(request: HttpRequest, *, create: bool = True) -> str:
    """The random key of this browser's guest, made on first use; empty if there is none and `create` is off."""
    key = request.session.get("guest_key", "")
    if not key and create:
        key = request.session["guest_key"] = secrets.token_urlsafe(24)
    return str(key)


def signed_url(path: str, *, bound_to: str, filename: str, is_download: bool = False) -> str:
    """The address of the private file `path` for the listener `bound_to` (see `listener_key`)."""
    token = signing.dumps({"p": path, "b": bound_to, "f": filename, "d": is_download}, salt=_SALT, compress=True)
    return reverse("file", args=[token, quote(filename.replace("/", "-"), safe="")])


def read_link(token: str, *, bound_to: str, seconds: int) -> Link:
    """What `token` allows the listener `bound_to`, if it is at most `seconds` old. Raises BadLink."""
    try:
        payload = signing.loads(token, salt=_SALT, max_age=seconds)
    except signing.SignatureExpired:
        raise BadLink("This link has expired. Go back to the page and press the button again.") from None
    except signing.BadSignature:
        raise BadLink("This link is not complete. Go back to the page and press the button again.") from None
    link = Link(payload["p"], payload["b"], payload["f"], payload["d"])
    if link.bound_to != bound_to:
        raise BadLink("This link was made for somebody else. Open the music's page to get your own.")
    return link


def range_response(
    request: HttpRequest,
    file: IO[bytes],
    size: int,
    *,
    filename: str,
    content_type: str = "",
    is_download: bool = False,
    etag: str = "",
) -> HttpResponseBase:
    """`file` (`size` bytes, seekable) as the whole or as the one byte range the browser asks for (RFC 9110, 14).

    `etag` names these very bytes, without quotes; a download that was broken off goes on only with the same.
    """
    wanted = _wanted_range(request, size, etag)
    response: HttpResponseBase
    if wanted is None:
        response = FileResponse(file)
    elif wanted.start >= size:
        file.close()
        response = HttpResponse(status=416)
    else:
        response = StreamingHttpResponse(_piece(file, wanted), status=206)
    return _told(response, wanted, size, filename, content_type, is_download, etag)


def computed_response(
    request: HttpRequest,
    read: Callable[[range], Iterator[bytes]],
    size: int,
    *,
    filename: str,
    content_type: str,
    etag: str,
) -> HttpResponseBase:
    """`size` bytes that are made while they are sent, as the whole or as one range; `read` gives any piece of them."""
    wanted = _wanted_range(request, size, etag)
    if wanted is not None and wanted.start >= size:
        return _told(HttpResponse(status=416), wanted, size, filename, content_type, True, etag)
    chunks = read(range(size) if wanted is None else wanted) if request.method != "HEAD" else iter(())
    response = StreamingHttpResponse(chunks, status=200 if wanted is None else 206)
    return _told(response, wanted, size, filename, content_type, True, etag)


def _told(
    response: HttpResponseBase,
    wanted: range | None,
    size: int,
    filename: str,
    content_type: str,
    is_download: bool,
    etag: str,
) -> HttpResponseBase:
    """The answer with the headers that say what it is a part of."""
    if response.status_code == 416:
        response["Content-Range"] = f"bytes */{size}"
        return response
    if wanted is not None:
        response["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    if etag:
        response["ETag"] = f'"{etag}"'
    response["Content-Type"] = content_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    response["Content-Length"] = str(size if wanted is None else len(wanted))
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=600"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = cast(str, content_disposition_header(is_download, filename))
    return response


def _wanted_range(request: HttpRequest, size: int, etag: str) -> range | None:
    """The bytes asked for; None for the whole file, also when the browser has the start of other bytes."""
    condition = request.headers.get("If-Range", "").strip()
    if condition and condition != f'"{etag}"':
        return None
    return _range_in(request.headers.get("Range", ""), size)


def _range_in(header: str, size: int) -> range | None:
    """The bytes a header asks for; None for the whole file, also when it cannot be understood."""
    match = _RANGE.match(header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    stop = min(int(last) + 1, size) if last else size
    if stop <= int(first) < size:
        return None
    return range(int(first), max(stop, int(first)))


def _piece(file: IO[bytes], wanted: range) -> Iterator[bytes]:
    with file:
        file.seek(wanted.start)
        left = len(wanted)
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def open_private(path: str) -> tuple[Any, int]:
    """The private file `path`, open for reading, and its size in bytes. Raises FileNotFoundError."""
    storage = private()
    return storage.open(path, "rb"), storage.size(path)
