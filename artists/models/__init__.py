"""The catalogue's tables: artists, albums and tracks, their files, who is paid for them, and what is listened to."""

from artists.models.catalogue import Album, Artist, Track
from artists.models.changes import Change
from artists.models.choices import Genre, Language, Licence, Mood
from artists.models.credits import Contribution
from artists.models.exports import Export
from artists.models.files import Cover, Original, Package, Rendition, Upload
from artists.models.free import FreeMode
from artists.models.listening import Play, SearchDocument, Skip
from artists.models.payees import Payee
from artists.models.sheets import Sheet
from artists.models.slugs import OldSlug
from artists.models.splits import SplitLine, SplitSheet, SplitSignature
from artists.models.transfers import Transfer

__all__ = [
    "Album",
    "Artist",
    "Change",
    "Contribution",
    "Cover",
    "Export",
    "FreeMode",
    "Genre",
    "Language",
    "Licence",
    "Mood",
    "OldSlug",
    "Original",
    "Package",
    "Payee",
    "Play",
    "Rendition",
    "SearchDocument",
    "Sheet",
    "Skip",
    "SplitLine",
    "SplitSheet",
    "SplitSignature",
    "Track",
    "Transfer",
    "Upload",
]
