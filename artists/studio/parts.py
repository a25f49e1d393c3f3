"""Parts of what an artist says about an album: words, price, rights, cover. Each saves itself, and only itself."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from artists import albums, changes, covers
from artists.changes import Answer
from artists.forms.albums import CoverForm, PriceForm, RightsForm, WordsForm
from artists.forms.artists import PictureForm
from artists.forms.parts import SEEN, PartForm, Thing
from artists.forms.tracks import TrackRowForm
from artists.models import Album, Cover
from artists.studio.albums import frame, own_album
from users.access import SignedInRequest, artist_required

_FORMS: dict[str, type[PartForm]] = {"words": WordsForm, "price": PriceForm, "rights": RightsForm}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def edit(request: SignedInRequest, album_id: int, part: str) -> HttpResponse:
    """One part of what is said about an album."""
    album = own_album(request, album_id)
    if request.method == "POST":
        answer = save(request, album, _FORMS[part])
        if wants_json(request):
            return saved(request, album, answer)
        if answer.is_right:
            return redirect(f"artists:{part}", album.pk)
        return _page(request, album, answer.form, status=422)
    return _page(request, album, _FORMS[part].show(album, changes.of(album).get(0, {})))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def cover(request: SignedInRequest, album_id: int) -> HttpResponse:
    """The picture of an album."""
    album = own_album(request, album_id)
    picture = PictureForm(request.POST, request.FILES) if request.method == "POST" else PictureForm()
    try:
        if picture.is_bound and picture.is_valid():
            made = albums.receive_cover(album, picture.cleaned_data["picture"], timezone.now())
            answer = changes.save(album, CoverForm, {"cover": str(made.pk)}, "", timezone.now())
            messages.success(request, "The cover is set." if answer.is_stored else KEPT)
            return redirect("artists:cover", album.pk)
    except covers.BadPicture as reason:
        picture.add_error("picture", str(reason))
    return _cover_page(request, album, picture, status=422 if picture.errors else 200)


@never_cache
@require_POST
@artist_required
def cover_words(request: SignedInRequest, album_id: int) -> HttpResponse:
    """What is on the cover, in words."""
    album = own_album(request, album_id)
    answer = save(request, album, CoverForm)
    if wants_json(request):
        return saved(request, album, answer)
    if answer.is_right:
        return redirect("artists:cover", album.pk)
    return _cover_page(request, album, PictureForm(), answer.form, status=422)


def save(request: SignedInRequest, thing: Thing, part: type[PartForm]) -> Answer:
    """Save what was posted of one part, and say to whoever pressed a button what became of it."""
    answer = changes.save(thing, part, part.typed_in(request.POST), request.POST.get(SEEN, ""), timezone.now())
    if wants_json(request):
        return answer
    if not answer.is_right:
        messages.warning(request, "Something is not right yet. It is kept as you typed it: look at what is marked.")
    elif answer.is_stored:
        messages.success(request, "Saved.")
    else:
        messages.success(request, KEPT)
    return answer


KEPT = "Saved as a change. Listeners see it when you publish your changes."


def wants_json(request: HttpRequest) -> bool:
    """Whether a page saves by itself."""
    return request.headers.get("Accept", "").startswith("application/json")


def saved(request: SignedInRequest, album: Album, answer: Answer) -> JsonResponse:
    """What a page that saves by itself is told: what is wrong where, new marks, and the sections as they are now."""
    form, around = answer.form, frame(album, "album" if isinstance(answer.form, TrackRowForm) else answer.form.part)
    told: dict[str, Any] = {
        "saved": answer.is_right,
        "say": _said(answer),
        "errors": {name: " ".join(map(str, errors)) for name, errors in form.errors.items()},
        "seen": form.marks,
        "taken": answer.taken,
        "parts": {
            name: render_to_string(f"artists/_{name}.html", around, request=request).strip()
            for name in ("sections", "pending")
        },
    }
    return JsonResponse(told, status=200 if answer.is_right else 422)


def _said(answer: Answer) -> str:
    if not answer.is_right:
        return "Kept as you typed it. Not right yet: look at what is marked."
    return "Saved" if answer.is_stored else "Saved as a change, not published yet"


def _cover_page(
    request: SignedInRequest, album: Album, picture: PictureForm, form: PartForm | None = None, status: int = 200
) -> HttpResponse:
    kept = changes.of(album).get(0, {})
    waiting = kept.get("cover", "")
    context = {
        "form": form or CoverForm.show(album, kept),
        "picture": picture,
        "shown": Cover.objects.filter(pk=waiting).first() if waiting else album.cover,
        "is_waiting": bool(waiting),
    }
    return render(request, "artists/cover.html", frame(album, "cover") | context, status=status)


def _page(request: SignedInRequest, album: Album, form: PartForm, status: int = 200) -> HttpResponse:
    context = frame(album, form.part) | {"form": form}
    if isinstance(form, PriceForm):
        context["simulation"] = albums.simulation(album)
    return render(request, f"artists/{form.part}.html", context, status=status)
