"""What is said of a catalogue, as files: `catalogue.json` holds all of it, the CSVs come back in by the import.

Albums are read one after the other, so that a catalogue of any length needs little memory. docs/catalogue.md describes
the JSON; raise VERSION when a name in it goes or means something else.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from artists import names
from artists.archives import SOUNDS
from artists.forms.albums import CoverForm, PriceForm, RightsForm, WordsForm
from artists.forms.tracks import TrackForm
from artists.imports.cells import yes_or_no
from artists.imports.fields import FIELDS, Field, Part
from artists.models import Album, Artist, Cover, Original, Payee, SplitSheet, Track, Upload
from megabox import money, sheets

SCHEMA, VERSION = "megabox-catalogue", 1
_EXTENSIONS = {
    "mpeg": "mp3",
    "matroska": "mka",
    "mp4": "m4a",
    "mov": "m4a",
    "wavpack": "wv",
    "aac": "aac",
    "opus": "opus",
}
_FORMS = {Part.WORDS: WordsForm, Part.COVER: CoverForm, Part.PRICE: PriceForm, Part.RIGHTS: RightsForm}
_KEYS = ("album", "artist", "upc")
ALBUM_FIELDS = [one for one in FIELDS if not one.is_of_a_track]
TRACK_FIELDS = [one for one in FIELDS if one.name in _KEYS or (one.is_of_a_track and one.part != Part.ROLE)]


@dataclass(frozen=True)
class Shelved:
    """A track in its album's folder: the name of the file its sound is in, empty while it has none."""

    track: Track
    filename: str


@dataclass(frozen=True)
class Folder:
    """An album, the name of its folder, and its tracks, also those that were withdrawn."""

    album: Album
    name: str
    tracks: Sequence[Shelved]

    @property
    def covers(self) -> list[Cover]:
        """Its cover, if it has one."""
        return [self.album.cover] if self.album.cover else []


@dataclass(frozen=True)
class Paths:
    """The files that are written, by the names they have in the zip."""

    catalogue: Path
    albums: Path
    tracks: Path


DOCUMENTS = ("catalogue.json", "albums.csv", "tracks.csv")


def folders(artist: Artist, album: Album | None) -> Iterator[Folder]:
    """The albums of an artist, or one of them, oldest first, each with its tracks."""
    rows = Album.objects.filter(artist=artist).order_by("created_at", "pk")
    if album:
        rows = rows.filter(pk=album.pk)
    titles = list(rows.values_list("pk", "title"))
    # The documents lie beside the folders: an album may be called like one of them.
    free = names.unique([*DOCUMENTS, *(names.safe(title) for _, title in titles)])[len(DOCUMENTS) :]
    for (pk, _), name in zip(titles, free, strict=True):
        one = Album.objects.select_related("artist", "cover").filter(pk=pk).first()
        if one:  # it may have been deleted since
            yield Folder(one, name, _shelved(one))


def write(artist: Artist, album: Album | None, folder: Path, at: datetime, seen: Callable[[Folder], None]) -> Paths:
    """Write the documents into `folder`; `seen` is told each album as it is written."""
    paths = Paths(*(folder / name for name in DOCUMENTS))
    with (
        paths.catalogue.open("w", encoding="utf-8") as catalogue,
        paths.albums.open("w", encoding="utf-8", newline="") as albums_csv,
        paths.tracks.open("w", encoding="utf-8", newline="") as tracks_csv,
    ):
        head = {"schema": SCHEMA, "version": VERSION, "exported_at": at.isoformat(), "artist": _artist(artist)}
        catalogue.write(json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}") + ',\n "albums": [')
        write_album, write_track = _writer(albums_csv, ALBUM_FIELDS), _writer(tracks_csv, TRACK_FIELDS)
        for number, one in enumerate(folders(artist, album)):
            catalogue.write((",\n" if number else "\n") + json.dumps(_album(one), ensure_ascii=False, indent=1))
            write_album(_album_cells(one.album))
            seen(one)
            for shelved in one.tracks:
                if shelved.track.state != Track.State.WITHDRAWN:
                    write_track(_track_cells(shelved))
        catalogue.write("\n]}\n")
    return paths


def _shelved(album: Album) -> list[Shelved]:
    rows = Track.objects.filter(album=album).select_related("original").prefetch_related("contributions")
    heavy = ("peaks", "original__peaks", "original__tags", "original__remarks")
    tracks = list(rows.defer(*heavy).order_by("disc", "position", "pk"))
    sent = dict(Upload.objects.filter(album=album, track__isnull=False).order_by("pk").values_list("track", "filename"))
    are_discs = any(track.disc > 1 for track in tracks)
    told = []
    for track in tracks:
        track.album = album
        number = f"{track.disc}-{track.position:02d}" if are_discs else f"{track.position:02d}"
        stem = names.safe(f"{number} {track.title}")
        told.append(f"{stem}.{_extension(track.original, sent.get(track.pk, ''))}" if track.original else "")
    free = iter(names.unique(filter(None, told)))
    return [Shelved(track, next(free) if name else "") for track, name in zip(tracks, told, strict=True)]


def _extension(original: Original, filename: str) -> str:
    """How the name of a master ends: as it was sent, else as its kind is called."""
    sent = filename.rpartition(".")[2].lower()
    return sent if sent in SOUNDS else _EXTENSIONS.get(original.container.lower(), original.container.lower() or "bin")


# --- CSV


def _writer(file: IO[str], fields: Sequence[Field]) -> Any:
    file.write(sheets.MARK)
    writer = csv.writer(file)
    writer.writerow([one.label for one in fields])

    def write(cells: Mapping[str, str]) -> None:
        writer.writerow([sheets.neutral(cells.get(one.name, "")) for one in fields])

    return write


def _album_cells(album: Album) -> dict[str, str]:
    cells = _keys(album)
    for one in ALBUM_FIELDS:
        if one.part in _FORMS:
            cells[one.name] = _cell(one, _FORMS[one.part].texts_of(album)[one.form_name])
    return cells


def _track_cells(shelved: Shelved) -> dict[str, str]:
    track, texts = shelved.track, TrackForm.texts_of(shelved.track)
    cells = {**_keys(track.album), "disc": str(track.disc), "number": str(track.position)}
    cells["filename"] = shelved.filename or track.awaits
    for one in TRACK_FIELDS:
        if one.part == Part.TRACK:
            cells[one.name] = _cell(one, texts[one.form_name])
    return cells


def _keys(album: Album) -> dict[str, str]:
    return {"album": album.title, "artist": album.artist.name, "upc": album.upc}


def _cell(field: Field, text: str) -> str:
    """The text of a form in a cell; an empty one would mean that nothing is said."""
    if field.read is yes_or_no:
        return "yes" if text else "no"
    return text


# --- JSON


def _artist(artist: Artist) -> dict[str, Any]:
    return {"name": artist.name, "slug": artist.slug, "location": artist.location, "bio": artist.bio}


def _album(folder: Folder) -> dict[str, Any]:
    album = folder.album
    splits = _splits(album)
    return {
        "title": album.title,
        "slug": album.slug,
        "state": album.state.lower(),
        "folder": folder.name,
        "cover": f"{folder.name}/cover.jpg" if album.cover else "",
        "cover_words": album.cover_alt,
        "description": album.description,
        "genre": album.genre,
        "mood": album.mood,
        "language": album.language,
        "tags": album.tags,
        "price": money.plain_number(album.price_micros),
        "currency": album.currency,
        "is_name_your_price": album.is_name_your_price,
        "free_mode": album.free_mode.lower(),
        "free_after_days": album.free_after_days,
        "credit_price": album.credit_price,
        "wants_full_credit_price": album.wants_full_credit_price,
        "is_owners_only": album.is_owners_only,
        "takes_preorders": album.takes_preorders,
        "licence": album.licence,
        "upc": album.upc,
        "label": album.label,
        "p_line": album.p_line,
        "c_line": album.c_line,
        "released_on": _iso(album.released_on),
        "created_at": _iso(album.created_at),
        "published_at": _iso(album.published_at),
        "withdrawn_at": _iso(album.withdrawn_at),
        "splits": splits.get(0, []),
        "tracks": [_track(one, folder.name, splits.get(one.track.pk, [])) for one in folder.tracks],
    }


def _track(shelved: Shelved, folder: str, splits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    track, original = shelved.track, shelved.track.original
    sound = original and {
        "file": f"{folder}/{shelved.filename}",
        "sha256": original.sha256,
        "size_bytes": original.size_bytes,
        "container": original.container,
        "codec": original.codec,
        "duration_ms": original.duration_ms,
        "sample_rate_hz": original.sample_rate_hz,
        "bit_depth": original.bit_depth,
        "channels": original.channels,
        "loudness_lufs": original.loudness_lufs,
        "true_peak_dbtp": original.true_peak_dbtp,
    }
    return {
        "title": track.title,
        "slug": track.slug,
        "state": track.state.lower(),
        "disc": track.disc,
        "position": track.position,
        "artist": track.artist_name,
        "isrc": track.isrc,
        "iswc": track.iswc,
        "is_explicit": track.is_explicit,
        "is_heard_before": track.is_heard_before,
        "genre": track.genre,
        "mood": track.mood,
        "language": track.language,
        "price": None if track.price_micros is None else money.plain_number(track.price_micros),
        "free_mode": track.free_mode.lower(),
        "free_after_days": track.free_after_days,
        "credit_price": track.credit_price,
        "wants_full_credit_price": track.wants_full_credit_price,
        "lyrics": track.lyrics,
        "synced_lyrics": track.synced_lyrics,
        "credits": [{"role": one.role.lower(), "name": one.name} for one in track.contributions.all()],
        "published_at": _iso(track.published_at),
        "withdrawn_at": _iso(track.withdrawn_at),
        "splits": list(splits),
        "original": sound,
    }


def _splits(album: Album) -> dict[int, list[dict[str, Any]]]:
    """All signed versions of the splits of an album and its tracks, by the id of the track; 0 for the album's own."""
    signed = SplitSheet.objects.signed()
    rows = list(signed.filter(album=album)) + list(signed.filter(track__album=album))
    people = dict(Payee.objects.filter(pk__in={pk for row in rows for pk, _ in row.pairs}).values_list("pk", "name"))
    told: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row.version):
        shares = [{"payee": people.get(pk, ""), "basis_points": points} for pk, points in row.pairs]
        version = {"version": row.version, "since": _iso(row.in_force_at), "shares": shares}
        told.setdefault(row.track_id or 0, []).append(version)
    return told


def _iso(value: Any) -> str | None:
    return value.isoformat() if value else None
