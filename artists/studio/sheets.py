"""`/studio/import/`: a sheet of albums and tracks is looked at, its columns are named, and drafts are made of it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from artists import tasks
from artists.forms.sheets import SheetForm
from artists.imports import sheets
from artists.imports.fields import FIELDS
from artists.imports.sheets import BadColumns, Lost, NotOpen
from artists.models import Artist, Sheet
from megabox.grids import BadSheet
from megabox.nudges import nudge
from users.access import SignedInRequest, artist_required

MOST_SHOWN = 300
MOST_LISTED = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def index(request: SignedInRequest) -> HttpResponse:
    """Choose a sheet; below it those that were sent before."""
    artists = Artist.objects.owned_by(request.user)
    if not artists.exists():
        return redirect("artists:start")
    form = SheetForm(request.POST or None, request.FILES or None, artists=artists)
    if request.method == "POST" and form.is_valid():
        artist, data = form.cleaned_data["artist"], form.cleaned_data["file"]
        try:
            sheet = sheets.receive(artist, data, form.filename, request.user, timezone.now())
        except BadSheet as reason:
            form.add_error("file", str(reason))
        else:
            return redirect("artists:sheet", sheet.pk)
    rows = Sheet.objects.owned_by(request.user).select_related("artist")[:MOST_LISTED]
    return render(request, "artists/import.html", {"form": form, "sheets": rows}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def sheet(request: SignedInRequest, sheet_id: uuid.UUID) -> HttpResponse:
    """What the columns of a sheet are about; once drafts are made of it, how far that is."""
    row = own_sheet(request, sheet_id)
    if not row.is_open:
        return render(request, "artists/sheet_done.html", {"sheet": row})
    status = 200
    if request.method == "POST":
        columns = {number: request.POST.get(f"column-{number}", "") for number in range(len(row.headers))}
        try:
            sheets.choose(row, columns, opens_artists=bool(request.POST.get("opens_artists")))
            return redirect("artists:sheet_preview", row.pk)
        except BadColumns as reason:
            messages.error(request, str(reason))
            row.columns, status = list(columns.values()), 422
        except NotOpen:
            return redirect("artists:sheet", row.pk)
    try:
        columns_shown = [column for column in sheets.columns_of(row) if column.field or column.samples]
    except (Lost, BadSheet) as reason:
        return _lost(request, reason)
    context = {"sheet": row, "columns": columns_shown, "fields": FIELDS}
    return render(request, "artists/sheet.html", context, status=status)


@never_cache
@require_safe
@artist_required
def preview(request: SignedInRequest, sheet_id: uuid.UUID) -> HttpResponse:
    """What will be made of a sheet, album by album, and what is wrong in which row."""
    row = own_sheet(request, sheet_id)
    if not row.is_open:
        return redirect("artists:sheet", row.pk)
    try:
        told = sheets.preview(row)
    except (Lost, BadSheet) as reason:
        return _lost(request, reason)
    good = told.good
    context: dict[str, Any] = {
        "sheet": row,
        "albums": told.albums[:MOST_SHOWN],
        "more_albums": max(0, len(told.albums) - MOST_SHOWN),
        "problems": told.problems[:MOST_SHOWN],
        "more_problems": max(0, len(told.problems) - MOST_SHOWN),
        "good": len(good),
        "bad": len(told.albums) - len(good),
        "new": sum(one.album is None for one in good),
        "unknown_artists": told.unknown_artists,
    }
    return render(request, "artists/sheet_preview.html", context)


@require_POST
@artist_required
def make(request: SignedInRequest, sheet_id: uuid.UUID) -> HttpResponse:
    """Have drafts made of it. A second press finds them being made."""
    row = own_sheet(request, sheet_id)
    if sheets.ask(row, timezone.now()):
        nudge(tasks.make_drafts, str(row.pk))
    return redirect("artists:sheet", row.pk)


@require_POST
@artist_required
def delete(request: SignedInRequest, sheet_id: uuid.UUID) -> HttpResponse:
    """Forget a sheet; the drafts that were made of it stay."""
    row = own_sheet(request, sheet_id)
    if sheets.delete(row):
        messages.success(request, f"“{row}” is deleted. The drafts that were made of it stay.")
    else:
        messages.error(request, f"Drafts are being made of “{row}”. Wait until that is done.")
    return redirect("artists:import")


def own_sheet(request: SignedInRequest, sheet_id: uuid.UUID) -> Sheet:
    """The person's sheet of this id; 404 for everybody else's."""
    return get_object_or_404(Sheet.objects.owned_by(request.user).select_related("artist__owner"), pk=sheet_id)


def _lost(request: SignedInRequest, reason: Exception) -> HttpResponse:
    messages.error(request, str(reason))
    return redirect("artists:import")
