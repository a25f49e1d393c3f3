"""What a column of a sheet can be: which field of which form, by which words people call it, and how a cell is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from artists.forms.albums import CoverForm
from artists.imports import cells
from artists.imports.cells import Read
from artists.models import Contribution, FreeMode, Genre, Language, Licence, Mood
from megabox.grids import Line

_NUMBER = re.compile(r"\d{1,3}(\s*(/|of)\s*\d{1,3})?")


class Part(StrEnum):
    """Where what a column says belongs."""

    KEY = "key"
    """Which album, or which track, a row is about."""
    WORDS = "words"
    COVER = "cover"
    PRICE = "price"
    RIGHTS = "rights"
    TRACK = "track"
    PLACE = "place"
    """Where a track stands, and which file is its sound."""
    ROLE = "role"
    """Who had one role on a track; added up to its credits."""


@dataclass(frozen=True)
class Field:
    """One thing a column can be about. `form_name` is its field in the form of its part; `also` are other headers."""

    name: str
    label: str
    part: Part
    form_name: str
    read: Read
    also: str = ""

    @property
    def is_of_a_track(self) -> bool:
        """Whether it says something of a track, not of its album."""
        return self.part in (Part.TRACK, Part.PLACE, Part.ROLE)


def _album(name: str, label: str, part: Part, read: Read, also: str = "") -> Field:
    return Field(name, label, part, name, read, also)


def _track(name: str, label: str, read: Read, also: str = "", form_name: str = "") -> Field:
    return Field(name, label, Part.TRACK, form_name or name, read, also)


_ROLES = {
    Contribution.Role.PERFORMER: "performers, musicians, musician",
    Contribution.Role.FEATURED: "featuring, feat, featured artist, featured artists, guest",
    Contribution.Role.COMPOSER: "composers, composed by, music by, songwriter, songwriters, writer, writers",
    Contribution.Role.LYRICIST: "lyricists, lyrics by, words by, author",
    Contribution.Role.PRODUCER: "producers, produced by",
    Contribution.Role.ENGINEER: "engineers, mixed by, mastered by, mixing, mastering",
    Contribution.Role.REMIXER: "remixers, remixed by, remix by",
}

FIELDS: tuple[Field, ...] = (
    Field(
        "album",
        "Album",
        Part.KEY,
        "title",
        cells.field(cells.WORDS["title"]),
        "album title, album name, release, release title, release name, product, product title, record",
    ),
    Field(
        "artist",
        "Artist",
        Part.KEY,
        "artist",
        cells.name,
        "album artist, artist name, primary artist, main artist, release artist, band, display artist, artists",
    ),
    Field(
        "upc",
        "UPC",
        Part.KEY,
        "upc",
        cells.barcode,
        "ean, upc ean, ean upc, upc or ean, barcode, bar code, gtin, upc code",
    ),
    _album(
        "description",
        "About the album",
        Part.WORDS,
        cells.field(cells.WORDS["description"]),
        "description, about, notes",
    ),
    _album(
        "genre",
        "Genre",
        Part.WORDS,
        cells.choice(Genre.choices, {"r&b": "soul", "rnb": "soul", "rap": "hip-hop"}),
        "genres, primary genre, main genre, album genre, style",
    ),
    _album("mood", "Mood", Part.WORDS, cells.choice(Mood.choices), "moods, album mood"),
    _album(
        "language",
        "Sung in",
        Part.WORDS,
        cells.choice(Language.choices, {"instrumental": "zxx"}),
        "language, lyrics language, album language, metadata language",
    ),
    _album("tags", "Tags", Part.WORDS, cells.words_of_tags, "tag, keywords, album tags"),
    _album(
        "cover_alt",
        "Cover in words",
        Part.COVER,
        cells.field(CoverForm.base_fields["cover_alt"]),
        "cover text, alt text, cover alt",
    ),
    _album("price", "Price", Part.PRICE, cells.amount, "album price, retail price, price usd, price eur, amount"),
    _album("currency", "Currency", Part.PRICE, cells.currency, "album currency, price currency"),
    _album(
        "price_mode",
        "Pricing",
        Part.PRICE,
        cells.choice(cells.PRICE_MODES, cells.PRICE_WORDS),
        "price mode, price type",
    ),
    _album(
        "free_mode", "Free download", Part.PRICE, cells.choice(FreeMode.choices, cells.FREE_WORDS), "free mode, free"
    ),
    _album("free_after_days", "Free after days", Part.PRICE, cells.days, "days until free"),
    _album(
        "credit_price", "Credits of the album", Part.PRICE, cells.whole_credits, "album credits price, credit price"
    ),
    _album("wants_full_credit_price", "Full credits of the album", Part.PRICE, cells.yes_or_no),
    _album(
        "takes_preorders", "Ordered before it is out", Part.PRICE, cells.yes_or_no, "pre-order, preorder, pre-orders"
    ),
    _album("is_owners_only", "Only owners stream", Part.PRICE, cells.yes_or_no, "owners only"),
    _album(
        "licence",
        "Licence",
        Part.RIGHTS,
        cells.choice(Licence.choices, cells.LICENCE_WORDS),
        "license, copyright licence, rights",
    ),
    _album(
        "released_on",
        "Released on",
        Part.RIGHTS,
        cells.day,
        "release date, date, released, date of release, original release date, street date",
    ),
    _album("label", "Label", Part.RIGHTS, cells.field(cells.RIGHTS["label"]), "record label, label name, imprint"),
    _album(
        "p_line",
        "℗ line",
        Part.RIGHTS,
        cells.line_of("℗"),
        "p line, pline, (p), ℗, sound recording copyright, phonographic copyright, recording copyright",
    ),
    _album(
        "c_line",
        "© line",
        Part.RIGHTS,
        cells.line_of("©"),
        "c line, cline, (c), ©, copyright, copyright line, composition copyright",
    ),
    Field(
        "disc",
        "Disc",
        Part.PLACE,
        "disc",
        cells.disc,
        "disc number, disc no, disk, disk number, cd, cd number, volume, volume number, side",
    ),
    Field(
        "number",
        "Track",
        Part.PLACE,
        "position",
        cells.number,
        "track number, track no, no, nr, number, #, position, track #, tracknumber, sequence, track position",
    ),
    _track(
        "title",
        "Title",
        cells.field(cells.TRACK["title"]),
        "track title, track name, song, song title, song name, name",
    ),
    _track("isrc", "ISRC", cells.isrc, "isrc code"),
    _track("iswc", "ISWC", cells.iswc, "iswc code, work code"),
    _track(
        "artist_name",
        "Performed by",
        cells.field(cells.TRACK["artist_name"]),
        "track artist, track artists, song artist, track primary artist",
    ),
    _track("track_price", "Price alone", cells.amount, "track price, single price, song price", "price"),
    _track(
        "is_explicit",
        "Explicit",
        cells.yes_or_no,
        "explicit lyrics, explicit words, parental advisory, explicit content, advisory",
    ),
    _track("is_heard_before", "Heard before", cells.yes_or_no, "pre-listen, preview track"),
    _track(
        "track_genre",
        "Track genre",
        cells.choice(Genre.choices, {"r&b": "soul", "rap": "hip-hop"}),
        "song genre",
        "genre",
    ),
    _track("track_mood", "Track mood", cells.choice(Mood.choices), "song mood", "mood"),
    _track(
        "track_language",
        "Track sung in",
        cells.choice(Language.choices, {"instrumental": "zxx"}),
        "track language, song language",
        "language",
    ),
    _track(
        "track_free_mode",
        "Track free download",
        cells.choice(FreeMode.choices, cells.FREE_WORDS),
        "track free",
        "free_mode",
    ),
    _track("track_free_after_days", "Track free after days", cells.days, "", "free_after_days"),
    _track("track_credit_price", "Credits of the track", cells.whole_credits, "track credits price", "credit_price"),
    _track("track_full_credit_price", "Full credits of the track", cells.yes_or_no, "", "wants_full_credit_price"),
    _track("lyrics", "Lyrics", cells.field(cells.TRACK["lyrics"]), "lyric, words, text"),
    _track("synced_lyrics", "Lyrics in time", cells.lines_in_time, "lrc, synced lyrics, timed lyrics"),
    _track("credits", "Credits", cells.credits, "liner notes"),
    *(
        Field(role.value.lower(), role.label.capitalize(), Part.ROLE, role.value, cells.people(role.value), also)
        for role, also in _ROLES.items()
    ),
    Field(
        "filename",
        "File",
        Part.PLACE,
        "awaits",
        cells.filename,
        "filename, file name, audio file, audio filename, audio, wav, source file, track file",
    ),
)
BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}


def _words() -> dict[str, str]:
    """Names of fields by the words that headers have for them. Labels come first: they are ours."""
    found = {_key(word): field.name for field in reversed(FIELDS) for word in field.also.split(",") if word.strip()}
    return found | {_key(word): field.name for field in FIELDS for word in (field.name.replace("_", " "), field.label)}


def _key(header: str) -> str:
    """The letters of a header; signs that stand for letters are those."""
    return cells.bare(header.replace("℗", "p ").replace("©", "c ")) or header.strip()


_BY_WORD = _words()


def keys_of(headers: Sequence[str]) -> list[str]:
    """By what each column is known again in the next sheet: its header's letters, and which of its like it is."""
    seen: dict[str, int] = {}
    keys = []
    for word in map(_key, headers):
        seen[word] = seen.get(word, 0) + 1
        keys.append(word if seen[word] == 1 else f"{word}#{seen[word]}")
    return keys


def guess(headers: Sequence[str], remembered: Mapping[str, str], lines: Sequence[Line]) -> list[str]:
    """What each column is about: as it was told before, else where its header says so; else nothing.

    `remembered` are names of fields by the keys of their columns; `lines` are some rows of the sheet.
    """
    keys = keys_of(headers)
    told = [remembered.get(key, _BY_WORD.get(key, "")) for key in keys]
    told = [name if name in BY_NAME else "" for name in told]
    words = set(keys)
    for place, key in enumerate(keys):
        if key in remembered:
            continue
        # Where an album's artist has a column of its own, the other one is about tracks; a lone title is the album's.
        if key == "artist" and words & {"albumartist", "releaseartist", "primaryartist"}:
            told[place] = "artist_name"
        if key == "track" and any(line[place] and not _NUMBER.fullmatch(line[place]) for line in lines):
            told[place] = "title"
        if key == "title" and "album" not in told and "number" not in told and "isrc" not in told:
            told[place] = "album"
    return [name if name not in told[:place] else "" for place, name in enumerate(told)]
