"""Split sheets: an owner sends and follows them, whoever is asked reads and signs, everybody finds theirs again."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from artists import proposals, signing, split_letters, splits
from artists.forms.splits import ROLES, DeclineForm, SignForm, SplitRow, rows_of, typed_in, with_blanks
from artists.models import Album, SplitLine, SplitSheet, Track
from artists.studio.albums import frame, own_album
from artists.studio.tracks import own_track
from users.access import SignedInRequest, artist_required, sign_in_required
from users.models import User

# --- the owner's side


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def album_splits(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Who shares an album: what holds, what waits, and a form for the next version."""
    return _sheets_of(request, own_album(request, album_id))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def track_splits(request: SignedInRequest, track_id: int) -> HttpResponse:
    """Who shares a track, where it is not shared as its album is."""
    return _sheets_of(request, own_track(request, track_id))


def _sheets_of(request: SignedInRequest, thing: Album | Track) -> HttpResponse:
    if request.method != "POST":
        return _sheets_page(request, thing, _suggested(request.user, thing), "")
    rows, signed_as = typed_in(request.POST), request.POST.get("signed_as", "")
    try:
        parts = [row.part() for row in rows]
        sheet = signing.propose(thing, parts, by=request.user, signed_as=signed_as, at=timezone.now())
    except proposals.BadSplit as reason:
        return _sheets_page(request, thing, rows, str(reason))
    if sheet.is_signed:
        messages.success(request, f"Version {sheet.version} is in force now: nobody else has to sign it.")
    else:
        messages.success(request, f"Version {sheet.version} is sent. It is in force as soon as everybody signed.")
    return redirect(splits.studio_address(thing))


def _sheets_page(request: SignedInRequest, thing: Album | Track, rows: Sequence[SplitRow], wrong: str) -> HttpResponse:
    found = list(splits.versions(thing))
    current = splits.current(thing)
    album = thing.album if isinstance(thing, Track) else thing
    waiting = next((one for one in found if one.is_waiting), None)
    context = {
        "thing": thing,
        "track": thing if isinstance(thing, Track) else None,
        "current": splits.told(current),
        "is_albums": isinstance(thing, Track) and current.track_id is None,
        "waiting": splits.told(waiting) if waiting else None,
        "older": [one for one in found if one.pk != current.pk and not one.is_waiting],
        "rows": with_blanks(rows),
        "roles": ROLES,
        "wrong": wrong,
        "signed_as": request.POST.get("signed_as", request.user.name),
        "tracks": album.tracks.kept() if isinstance(thing, Album) else [],
        "shared_apart": _tracks_apart(album),
    }
    return render(request, "artists/splits.html", frame(album, "splits") | context, status=422 if wrong else 200)


def _suggested(user: User, thing: Album | Track) -> list[SplitRow]:
    """What the next version is made from: the one that waits, else the one in force, else all of it for the artist."""
    last = SplitSheet.objects.of(thing).waiting().first() or splits.current(thing)
    if last.pk is None:
        return [SplitRow(last.home.artist.name, user.email, SplitLine.Role.ARTIST, "100")]
    lines = list(last.lines.select_related("payee"))
    for line in lines:
        # The address of a version that was taken over is not known; one's own is.
        if not line.email and line.payee_id == last.home.artist.payee_id:
            line.email = user.email
    return rows_of(lines)


def _tracks_apart(album: Album) -> set[int]:
    return set(SplitSheet.objects.signed().filter(track__album=album).values_list("track_id", flat=True))


@require_POST
@artist_required
def withdraw(request: SignedInRequest, sheet_id: int) -> HttpResponse:
    """Take back a version that waits."""
    sheet = _own_sheet(request, sheet_id)
    done = f"Version {sheet.version} is withdrawn. Nobody can sign it any more, and who had not signed is forgotten."
    return _do(request, sheet, lambda: signing.withdraw(sheet, at=timezone.now()), done)


@require_POST
@artist_required
def remind(request: SignedInRequest, sheet_id: int) -> HttpResponse:
    """Write again to everybody who has not signed."""
    sheet = _own_sheet(request, sheet_id)
    done = "Everybody whose signature is missing gets another letter."
    return _do(request, sheet, lambda: signing.remind(sheet, at=timezone.now()), done)


def _do(request: SignedInRequest, sheet: SplitSheet, what: Callable[[], object], done: str) -> HttpResponse:
    try:
        what()
    except signing.CannotSign as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, done)
    return redirect(splits.studio_address(sheet.thing))


def _own_sheet(request: SignedInRequest, sheet_id: int) -> SplitSheet:
    sheets = SplitSheet.objects.select_related("album__artist", "track__album__artist")
    sheet = get_object_or_404(sheets, pk=sheet_id)
    if sheet.home.artist.owner_id != request.user.pk:
        raise Http404("No sheet of yours has this number.")
    return sheet


# --- everybody who stands in a sheet


@never_cache
@require_safe
@sign_in_required
def my_splits(request: SignedInRequest) -> HttpResponse:
    """Where the person stands: what waits for them, the music they are the label of, the music they share in."""
    lines = list(splits.lines_of(request.user))
    waiting = [line for line in lines if line.sheet.is_waiting and not hasattr(line, "signature")]
    current = [line for line in lines if line.is_current]  # type: ignore[attr-defined]  # annotated
    context = {
        "waiting": [(line, split_letters.token(line)) for line in waiting],
        "unfinished": [line for line in lines if line.sheet.is_waiting and hasattr(line, "signature")],
        "as_label": [line for line in current if line.role == SplitLine.Role.LABEL],
        "as_others": [line for line in current if line.role != SplitLine.Role.LABEL],
        "older": [line for line in lines if not line.sheet.is_waiting and line not in current],
    }
    return render(request, "artists/my_splits.html", context)


@never_cache
@require_safe
@sign_in_required
def sheet(request: SignedInRequest, sheet_id: int) -> HttpResponse:
    """A sheet with its versions and signatures, as far as the person stands in them."""
    sheets = SplitSheet.objects.select_related("album__artist__payee", "track__album__artist__payee")
    asked = get_object_or_404(sheets, pk=sheet_id)
    found = list(splits.seen_by(request.user, asked.thing))
    if asked not in found:
        raise Http404("No sheet that you stand in has this number.")
    current = SplitSheet.objects.of(asked.thing).signed().first()
    context = {
        "thing": asked.thing,
        "artist": asked.home.artist,
        "versions": splits.all_told(found),
        "current": current,
        "is_owner": asked.home.artist.owner_id == request.user.pk,
    }
    return render(request, "artists/split_sheet.html", context)


# --- whoever got a letter


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, token: str) -> HttpResponse:
    """What somebody was asked to sign; to sign it they sign in with the address that got the letter."""
    line = _line_of(token)
    if isinstance(line, str):
        return _closed(request, line, status=404)
    if request.method != "POST":
        return _sign_page(request, line, token)
    if not isinstance(request.user, User):
        return redirect_to_login(request.path)
    form = SignForm(request.POST)
    if not form.is_valid():
        return _sign_page(request, line, token, form=form)
    try:
        signed = signing.sign(line.pk, user=request.user, name=form.cleaned_data["signed_as"], at=timezone.now())
    except signing.AlreadySigned as reason:
        messages.info(request, str(reason))
    except signing.NotTheirs as reason:
        return _closed(request, str(reason), status=403)
    except signing.CannotSign as reason:
        return _closed(request, str(reason), status=410)
    else:
        rest = "It is in force now." if signed.is_signed else "It is in force as soon as everybody signed."
        messages.success(request, f"You signed version {signed.version} of “{signed.thing}”. {rest}")
    return redirect("artists:split_sheet", line.sheet_id)


@never_cache
@require_POST
def decline(request: HttpRequest, token: str) -> HttpResponse:
    """Say no; that needs no account, for the link came to the address that was asked."""
    line = _line_of(token)
    if isinstance(line, str):
        return _closed(request, line, status=404)
    form = DeclineForm(request.POST)
    if not form.is_valid():
        return _sign_page(request, line, token, declining=form)
    try:
        user = request.user if isinstance(request.user, User) else None
        signing.decline(line.pk, user=user, reason=form.cleaned_data["reason"], at=timezone.now())
    except signing.NotTheirs as reason:
        return _closed(request, str(reason), status=403)
    except signing.CannotSign as reason:
        return _closed(request, str(reason), status=410)
    said = "You declined. Your name and your address are deleted from the sheet, and its owner reads what you wrote."
    return _closed(request, said, status=200, title="Declined")


def _line_of(token: str) -> SplitLine | str:
    """The line a link names; or a sentence about why it names none."""
    try:
        line_id = split_letters.read(token, timezone.now())
    except split_letters.BadLink as reason:
        return str(reason)
    lines = SplitLine.objects.select_related("sheet__album__artist", "sheet__track__album__artist", "signature")
    found = lines.filter(pk=line_id).first()
    return found or "This sheet is gone: the draft it was about was deleted. There is nothing to sign."


def _sign_page(
    request: HttpRequest,
    line: SplitLine,
    token: str,
    *,
    form: SignForm | None = None,
    declining: DeclineForm | None = None,
) -> HttpResponse:
    """The sheet, with a form to sign it; only for a stranger with the link, and for the person who was asked."""
    user = request.user if isinstance(request.user, User) else None
    has_signed = hasattr(line, "signature")
    if user and has_signed and line.signature.user_id == user.pk:
        return redirect("artists:split_sheet", line.sheet_id)
    try:
        signing.require_may(line, user, timezone.now())
    except signing.NotTheirs as reason:
        return _closed(request, str(reason), status=403)
    except signing.CannotSign as reason:
        return _closed(request, str(reason), status=410)
    version = splits.told(line.sheet)
    context: dict[str, Any] = {
        "line": line,
        "token": token,
        "thing": line.sheet.thing,
        "artist": line.sheet.home.artist,
        "version": version,
        "part": next(one.part for one in version.lines if one.line.pk == line.pk),
        "form": form or SignForm(initial={"signed_as": user.name if user else ""}),
        "declining": declining or DeclineForm(),
    }
    wrong = (form and form.errors) or (declining and declining.errors)
    return render(request, "artists/sign.html", context, status=422 if wrong else 200)


def _closed(request: HttpRequest, sentence: str, *, status: int, title: str = "") -> HttpResponse:
    context = {"title": title or "This sheet cannot be signed here", "sentence": sentence}
    return render(request, "artists/sign_closed.html", context, status=status)
