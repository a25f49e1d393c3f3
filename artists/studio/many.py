"""The same for many tracks of an album at once: credits, codes, prices, whatever they share."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from artists import changes, tracks
from artists.forms.tracks import ManyForm, TrackForm, credits_text, rows_of
from artists.models import Album, Track
from artists.studio.albums import frame, own_album
from artists.studio.parts import KEPT
from artists.studio.tracks import table_of
from users.access import SignedInRequest, artist_required

MOST_TOLD = 20


@never_cache
@require_safe
@artist_required
def credits(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Who did what on each track, and a form for several of them."""
    album = own_album(request, album_id)
    return _page(request, album, "credits", _tracks(album), ManyForm())


@require_POST
@artist_required
def many(request: SignedInRequest, album_id: int) -> HttpResponse:
    """Say the same of all tracks, or of those that were ticked: of all of them or of none."""
    album, form = own_album(request, album_id), ManyForm(request.POST)
    page = "credits" if request.POST.get("page") == "credits" else "tracks"
    rows = _tracks(album)
    ticked = set(request.POST.getlist("track"))
    if form.is_valid():
        chosen = rows if form.cleaned_data["which"] == "all" else [one for one in rows if str(one.pk) in ticked]
        try:
            if not chosen:
                form.add_error("which", "Tick at least one track, or choose all of them.")
            elif form.is_empty:
                form.add_error(None, "Nothing is filled in, so nothing was changed. Fill in what these tracks share.")
            else:
                typed = form.typed_for(chosen)
                is_stored = changes.save_rows(album, TrackForm, typed, dict.fromkeys(chosen, ""), timezone.now())
                number = f"{len(chosen)} track{'' if len(chosen) == 1 else 's'}"
                messages.success(request, f"Saved for {number}." if is_stored else f"{number}: {KEPT}")
                return redirect(f"artists:{page}", album.pk)
        except tracks.BadIsrc as reason:
            form.add_error("isrc", str(reason))
        except changes.NotRight as wrong:
            for sentence in wrong.sentences[:MOST_TOLD]:
                form.add_error(None, sentence)
    return _page(request, album, page, rows, form, ticked=ticked, status=422)


def _page(
    request: SignedInRequest,
    album: Album,
    page: str,
    rows: list[Track],
    form: ManyForm,
    *,
    ticked: set[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    around: dict[str, Any] = {"ticked": {track.pk for track in rows if str(track.pk) in (ticked or ())}}
    if page == "tracks":
        around |= frame(album, "album") | table_of(album, rows, form)
        return render(request, "artists/tracks.html", around, status=status)
    kept = changes.of(album)
    told = [(track, rows_of(kept.get(track.pk, {}).get("credits", credits_text(track)), blank=0)) for track in rows]
    around |= frame(album, "credits") | {"many": form, "told": told}
    return render(request, "artists/credits.html", around, status=status)


def _tracks(album: Album) -> list[Track]:
    rows = Track.objects.kept().filter(album=album).defer("peaks").prefetch_related("contributions")
    tracks_of_it = list(rows)
    for track in tracks_of_it:
        track.album = album
    return tracks_of_it
