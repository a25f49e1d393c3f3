"""The studio's front page, and who the artists are."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from artists import covers, profiles
from artists.forms.artists import ArtistForm, PictureForm
from artists.models import Album, Artist, Payee, Track, Upload
from users.access import SignedInRequest, artist_required, sign_in_required


@require_safe
@sign_in_required
def index(request: SignedInRequest) -> HttpResponse:
    """All albums of the person's artists with their states; for everybody else, how to become an artist."""
    if not request.user.is_artist:
        return redirect("artists:start")
    artists = list(Artist.objects.owned_by(request.user).select_related("cover"))
    if not artists and Payee.objects.filter(user=request.user).exists():
        return redirect("artists:my_splits")  # a label or collaborator, who makes no music here
    if not artists:
        return redirect("artists:start")
    albums = (
        Album.objects.owned_by(request.user)
        .select_related("artist", "cover")
        .annotate(
            fault_count=Count(
                "tracks",
                filter=~Q(tracks__state=Track.State.WITHDRAWN) & Q(tracks__original__fault__gt=""),
                distinct=True,
            ),
            track_count=Count("tracks", filter=~Q(tracks__state=Track.State.WITHDRAWN), distinct=True),
            need_count=Count(
                "uploads", filter=Q(uploads__state=Upload.State.REJECTED, uploads__is_dismissed=False), distinct=True
            ),
        )
        .order_by("-created_at", "-pk")
    )
    return render(request, "artists/index.html", {"artists": artists, "albums": albums})


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
def start(request: SignedInRequest) -> HttpResponse:
    """Become an artist: the name is all it takes."""
    form = ArtistForm(request.POST or None, initial={"name": request.user.name})
    if request.method == "POST" and form.is_valid():
        profiles.start(request.user, form.details(), at=timezone.now())
        return redirect("artists:new_album")
    return _form(request, "artists/start.html", form)


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def new_artist(request: SignedInRequest) -> HttpResponse:
    """One more artist of the same owner, as labels have them."""
    form = ArtistForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        artist = profiles.create(request.user, form.details(), at=timezone.now())
        messages.success(request, f"{artist.name} is here. Their first album can follow.")
        return redirect("artists:index")
    return _form(request, "artists/new_artist.html", form)


@require_http_methods(["GET", "HEAD", "POST"])
@artist_required
def edit_artist(request: SignedInRequest, artist_id: int) -> HttpResponse:
    """Name, words and picture of an artist."""
    artist = get_object_or_404(Artist.objects.owned_by(request.user).select_related("cover"), pk=artist_id)
    form = ArtistForm(
        request.POST or None, initial={"name": artist.name, "location": artist.location, "bio": artist.bio}
    )
    if request.method == "POST" and form.is_valid():
        profiles.edit(artist, form.details(), at=timezone.now())
        messages.success(request, "Saved. It is on your page now.")
        return redirect("artists:artist", artist.pk)
    return _form(request, "artists/artist.html", form, artist=artist, picture=PictureForm())


@require_http_methods(["POST"])
@artist_required
def set_picture(request: SignedInRequest, artist_id: int) -> HttpResponse:
    """A picture for the artist's page."""
    artist = get_object_or_404(Artist.objects.owned_by(request.user), pk=artist_id)
    form = PictureForm(request.POST, request.FILES)
    try:
        if form.is_valid():
            profiles.set_picture(artist, form.cleaned_data["picture"], at=timezone.now())
            messages.success(request, "The picture is on your page.")
            return redirect("artists:artist", artist.pk)
    except covers.BadPicture as reason:
        form.add_error("picture", str(reason))
    words = ArtistForm(initial={"name": artist.name, "location": artist.location, "bio": artist.bio})
    context = {"form": words, "artist": artist, "picture": form}
    return render(request, "artists/artist.html", context, status=422)


def _form(request: HttpRequest, template: str, form: ArtistForm, **context: object) -> HttpResponse:
    """The page with its form; 422 when something in it is wrong, with all that was typed."""
    return render(request, template, {"form": form, **context}, status=422 if form.errors else 200)
