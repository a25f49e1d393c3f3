"""An album or a track, as the one thing that is bought, granted, streamed and downloaded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from artists.models import Album, FreeMode, SplitSheet, Track
from artists.splits import current as current_sheet
from ledger import policy


class NoSuchMusic(Exception):
    """There is no such album or track."""


@dataclass(frozen=True)
class Music:
    """Exactly one of an album and a track."""

    album: Album | None = None
    track: Track | None = None

    def __post_init__(self) -> None:
        assert (self.album is None) != (self.track is None), "music is an album or a track"

    @classmethod
    def find(cls, kind: str, pk: int) -> Self:
        """The album or track with this id, in whatever state. Raises NoSuchMusic."""
        if kind == "album":
            album = Album.objects.select_related("artist", "cover").filter(pk=pk).first()
            if album is not None:
                return cls(album=album)
        elif kind == "track":
            track = Track.objects.select_related("album__artist", "album__cover", "original").filter(pk=pk).first()
            if track is not None:
                return cls(track=track)
        raise NoSuchMusic(f"There is no {kind} {pk}.")

    @classmethod
    def of(cls, row: Any) -> Self:
        """What a row with the columns `album` and `track` is about."""
        return cls(album=row.album, track=row.track)

    @property
    def item(self) -> Album | Track:
        """The album or the track itself."""
        found = self.album or self.track
        assert found is not None
        return found

    @property
    def home(self) -> Album:
        """The album it is, or is on."""
        if self.track is not None:
            return self.track.album
        assert self.album is not None
        return self.album

    def is_of(self, user_id: int | None) -> bool:
        """Whether this person owns the artist whose music it is."""
        return user_id is not None and user_id == self.home.artist.owner_id

    @property
    def columns(self) -> dict[str, Any]:
        """`album` and `track` as rows hold them."""
        return {"album": self.album, "track": self.track}

    @property
    def kind(self) -> str:
        """`album` or `track`."""
        return "track" if self.track is not None else "album"

    @property
    def pk(self) -> int:
        """The id of the album or track."""
        return self.item.pk

    @property
    def title(self) -> str:
        """Its title."""
        return self.item.title

    @property
    def unit(self) -> str:
        """The currency it is sold in."""
        return self.home.currency

    @property
    def loudness_lufs(self) -> list[float | None]:
        """How loud each of its tracks is, in LUFS; None where that was never measured."""
        tracks = Track.objects.filter(pk=self.track.pk) if self.track else self.home.tracks.published()
        return list(tracks.values_list("original__loudness_lufs", flat=True))

    @property
    def url(self) -> str:
        """Its page."""
        return self.item.get_absolute_url()

    @property
    def is_published(self) -> bool:
        """Whether everybody may see and have it."""
        return self.item.is_published

    @property
    def is_sold(self) -> bool:
        """Whether it can be bought now: a draft cannot, at any price."""
        return self.is_published and self.item.is_for_sale

    @property
    def is_name_your_price(self) -> bool:
        """Whether the buyer may pay more than the least."""
        return self.album is not None and self.album.is_name_your_price

    @property
    def least_micros(self) -> int:
        """The price, or the least a buyer may name. Only for what `is_sold`."""
        least = self.item.price_micros
        assert least is not None, "sold only with its album"
        return least

    def said(self, name: str) -> str:
        """What the track, else its album says of its `genre`, `mood` or `language`."""
        return (getattr(self.track, name) if self.track else "") or str(getattr(self.home, name))

    @property
    def artists_part(self) -> int:
        """What of the least price the artists get, in micros; 0 for what is not sold."""
        return policy.split(self.least_micros).payee if self.is_sold else 0

    @property
    def free_mode(self) -> FreeMode:
        """Simply free, free with an ad or for credits now or later, or not free."""
        return FreeMode(self.item.free_mode)

    @property
    def free_from(self) -> datetime | None:
        """When it becomes free with an ad, for what is so later and is published."""
        return self.item.free_from

    @property
    def credit_price(self) -> int:
        """What a free download costs, in whole credits."""
        return self.item.effective_credit_price

    @property
    def wants_full_credit_price(self) -> bool:
        """Whether the gate never asks for less than the credit price: its artist wants it so."""
        return self.item.wants_full_credit_price

    def sheet(self) -> SplitSheet:
        """The split sheet in force now: its shares and its name are frozen on what earns."""
        return current_sheet(self.item)

    def facts(self, sheet: SplitSheet) -> dict[str, Any]:
        """What statements say of it: no names of people, so that erasing a person leaves the books alone."""
        split = {"sheet": sheet.called} if sheet.version else {}
        if self.track is not None:
            return {"title": self.track.title, "album": self.track.album.title, "isrc": self.track.isrc, **split}
        return {"title": self.home.title, "upc": self.home.upc, **split}
