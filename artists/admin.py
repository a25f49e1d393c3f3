"""The catalogue in Django's admin: to look things up and mend words. Files, states and prices change in the studio."""

from django.contrib import admin
from django.http import HttpRequest

from artists.models import (
    Album,
    Artist,
    Contribution,
    Cover,
    Original,
    Payee,
    Play,
    Rendition,
    Skip,
    SplitSheet,
    SplitSignature,
    Track,
    Upload,
)
from megabox.looking import ReadOnly


@admin.register(Artist)
class ArtistAdmin(admin.ModelAdmin[Artist]):
    """Artists; their address follows their name in the studio."""

    list_display = ["name", "slug", "owner", "payee", "created_at"]
    search_fields = ["name", "slug", "owner__email"]
    readonly_fields = ["slug", "owner", "payee", "cover", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


@admin.register(Album)
class AlbumAdmin(ReadOnly):
    """Albums: publishing goes through its checks in the studio."""

    first = ["title", "artist", "slug", "state"]
    list_display = ["title", "artist", "state", "price_micros", "currency", "free_mode", "published_at"]
    list_filter = ["state", "free_mode", "genre"]
    list_select_related = ["artist"]
    search_fields = ["title", "artist__name", "upc"]


@admin.register(Track)
class TrackAdmin(ReadOnly):
    """Tracks."""

    first = ["title", "album", "disc", "position", "slug", "state"]
    list_display = ["title", "album", "disc", "position", "state", "isrc"]
    list_filter = ["state"]
    list_select_related = ["album"]
    search_fields = ["title", "isrc", "album__title"]
    exclude = ["peaks"]


@admin.register(Payee)
class PayeeAdmin(ReadOnly):
    """Who is paid."""

    list_display = ["name", "kind", "user", "country", "is_payouts_enabled"]
    list_filter = ["kind", "is_payouts_enabled"]
    search_fields = ["name", "user__email"]


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    """What was received, and why it was rejected."""

    list_display = ["filename", "album", "state", "reason", "tries", "received_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["album"]
    search_fields = ["filename", "sha256", "album__title"]


@admin.register(Rendition)
class RenditionAdmin(ReadOnly):
    """What is made of originals."""

    list_display = ["original", "recipe", "state", "tries", "size_bytes", "reason"]
    list_filter = ["state", "recipe"]
    list_select_related = ["original"]


@admin.register(Original)
class OriginalAdmin(ReadOnly):
    """Uploaded masters."""

    list_display = ["sha256", "codec", "duration_ms", "size_bytes", "created_at", "verified_at", "fault"]
    search_fields = ["sha256"]
    exclude = ["peaks"]


@admin.register(SplitSheet)
class SplitSheetAdmin(ReadOnly):
    """How money is shared."""

    list_display = ["album", "track", "version", "state", "shares", "in_force_at"]
    list_filter = ["state"]
    list_select_related = ["album", "track"]


@admin.register(Cover, Contribution, Play, Skip, SplitSignature)
class OtherAdmin(ReadOnly):
    """The rest."""
