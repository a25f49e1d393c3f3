"""The catalogue for programs: what is published, to read."""

from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import AllowAny

from artists.models import Album, Artist, Contribution, Cover, Track
from megabox import money

COVER_SIZE = 640
HEAVY = ("peaks", "lyrics", "synced_lyrics")


class ByAge(CursorPagination):
    """Newest first; a cursor stays right while new music arrives."""

    ordering = "-pk"
    page_size = 50


class CoverSerializer(serializers.Serializer[Cover]):
    """Cover art."""

    url = serializers.SerializerMethodField()
    alt = serializers.CharField()
    hue = serializers.IntegerField(help_text="0..23, the colour of its pages.")

    def get_url(self, cover: Cover) -> str:
        """Where the picture is, as WebP of at least 640 px if it has as many."""
        return f"{settings.SITE_URL}{cover.url(COVER_SIZE)}"


class PriceSerializer(serializers.Serializer[Any]):
    """A price without tax."""

    micros = serializers.IntegerField(help_text="Millionths of the currency.")
    currency = serializers.CharField()
    display = serializers.CharField(help_text="As people read it.")


class ArtistBriefSerializer(serializers.ModelSerializer[Artist]):
    """An artist, named in passing."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Artist
        fields = ["id", "name", "slug", "url"]

    def get_url(self, artist: Artist) -> str:
        """The artist's page."""
        return f"{settings.SITE_URL}{artist.get_absolute_url()}"


class ArtistSerializer(ArtistBriefSerializer):
    """An artist."""

    cover = CoverSerializer(allow_null=True)

    class Meta(ArtistBriefSerializer.Meta):
        fields = [*ArtistBriefSerializer.Meta.fields, "location", "bio", "cover"]


class CreditSerializer(serializers.ModelSerializer[Contribution]):
    """What somebody did on a track."""

    role = serializers.CharField(source="get_role_display")

    class Meta:
        model = Contribution
        fields = ["role", "name"]


class TrackSerializer(serializers.ModelSerializer[Track]):
    """A track. `price` is null where it is sold with its album only, `credit_price` in whole credits."""

    url = serializers.SerializerMethodField()
    artist_name = serializers.CharField(source="performer", read_only=True)
    price = serializers.SerializerMethodField()
    credit_price = serializers.IntegerField(source="effective_credit_price", read_only=True)
    credits = CreditSerializer(source="contributions", many=True, read_only=True)

    class Meta:
        model = Track
        fields = [
            "id",
            "album_id",
            "disc",
            "position",
            "title",
            "slug",
            "url",
            "artist_name",
            "duration_ms",
            "isrc",
            "iswc",
            "is_explicit",
            "genre",
            "mood",
            "language",
            "credits",
            "price",
            "free_mode",
            "free_from",
            "credit_price",
        ]

    def get_url(self, track: Track) -> str:
        """The track's page."""
        return f"{settings.SITE_URL}{track.get_absolute_url()}"

    @extend_schema_field(PriceSerializer(allow_null=True))
    def get_price(self, track: Track) -> dict[str, Any] | None:
        """What it costs alone."""
        return None if track.price_micros is None else price_of(track.price_micros, track.album.currency)


class AlbumSerializer(serializers.ModelSerializer[Album]):
    """An album. `price` is the least where `is_name_your_price`, and null where it is not sold."""

    url = serializers.SerializerMethodField()
    artist = ArtistBriefSerializer()
    cover = serializers.SerializerMethodField()
    is_explicit = serializers.BooleanField(read_only=True)
    tags = serializers.ListField(child=serializers.CharField())
    price = serializers.SerializerMethodField()
    credit_price = serializers.IntegerField(source="effective_credit_price", read_only=True)
    tracks = TrackSerializer(many=True, read_only=True)

    class Meta:
        model = Album
        fields = [
            "id",
            "title",
            "slug",
            "url",
            "artist",
            "cover",
            "genre",
            "mood",
            "language",
            "tags",
            "description",
            "is_explicit",
            "licence",
            "label",
            "p_line",
            "c_line",
            "upc",
            "released_on",
            "published_at",
            "price",
            "is_name_your_price",
            "free_mode",
            "free_from",
            "credit_price",
            "tracks",
        ]

    def get_url(self, album: Album) -> str:
        """The album's page."""
        return f"{settings.SITE_URL}{album.get_absolute_url()}"

    @extend_schema_field(CoverSerializer(allow_null=True))
    def get_cover(self, album: Album) -> dict[str, Any] | None:
        """Its cover, in the album's own words."""
        return {**CoverSerializer(album.cover).data, "alt": album.cover_words} if album.cover else None

    @extend_schema_field(PriceSerializer(allow_null=True))
    def get_price(self, album: Album) -> dict[str, Any] | None:
        """What it costs."""
        return price_of(album.price_micros, album.currency) if album.is_for_sale else None


@extend_schema(tags=["catalogue"], auth=[])
class ArtistViewSet(viewsets.ReadOnlyModelViewSet[Artist]):
    """Artists who have an album out."""

    queryset = Artist.objects.published().select_related("cover")
    serializer_class = ArtistSerializer
    permission_classes = [AllowAny]
    lookup_value_converter = "int"
    pagination_class = ByAge
    filterset_fields = ["slug"]


@extend_schema(tags=["catalogue"], auth=[])
class AlbumViewSet(viewsets.ReadOnlyModelViewSet[Album]):
    """Published albums with their tracks."""

    serializer_class = AlbumSerializer
    permission_classes = [AllowAny]
    lookup_value_converter = "int"
    pagination_class = ByAge
    filterset_fields = ["artist", "genre", "slug"]
    queryset = Album.objects.published()

    def get_queryset(self) -> QuerySet[Album]:
        """With everything an answer shows, in as many queries for one album as for fifty."""
        tracks = Track.objects.published().defer(*HEAVY).select_related("album__artist")
        tracks = tracks.prefetch_related("contributions")
        albums = Album.objects.published().select_related("artist", "cover")
        return albums.prefetch_related(Prefetch("tracks", queryset=tracks))


@extend_schema(tags=["catalogue"], auth=[])
class TrackViewSet(viewsets.ReadOnlyModelViewSet[Track]):
    """Published tracks."""

    queryset = Track.objects.published().defer(*HEAVY).select_related("album__artist").prefetch_related("contributions")
    serializer_class = TrackSerializer
    permission_classes = [AllowAny]
    lookup_value_converter = "int"
    pagination_class = ByAge
    filterset_fields = ["album", "isrc", "genre"]


def price_of(micros: int, unit: str) -> dict[str, Any]:
    """A price as PriceSerializer describes it."""
    return {"micros": micros, "currency": unit, "display": money.display(micros, unit)}
