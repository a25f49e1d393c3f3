"""The catalogue's tables: artists, albums and tracks, their files, who is paid for them, and what is listened to."""

from artists.models.catalogue import (
    Album,
    Artist,
    Contribution,
    FreeMode,
    Genre,
    Licence,
    OldSlug,
    Track,
)
from artists.models.files import Cover, Original, Rendition, Upload
from artists.models.listening import Play, SearchDocument
from artists.models.payees import Payee, SplitSheet

__all__ = [
    "Album",
    "Artist",
    "Contribution",
    "Cover",
    "FreeMode",
    "Genre",
    "Licence",
    "OldSlug",
    "Original",
    "Payee",
    "Play",
    "Rendition",
    "SearchDocument",
    "SplitSheet",
    "Track",
    "Upload",
]
