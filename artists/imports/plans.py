"""What a sheet says, album by album, and what is wrong with it, row by row. Asks no database."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from artists.forms.amounts import FIXED, parse_price
from artists.forms.tracks import MOST_CREDITS
from artists.imports.cells import BadCell, bare, is_nothing
from artists.imports.fields import BY_NAME, Field, Part
from megabox import money
from megabox.grids import Grid, Line

MOST_TRACKS = 600
"""On one album, as files on it."""
DEFAULT_UNIT = "USD"


@dataclass(frozen=True)
class Problem:
    """Something in a row that cannot be taken; `column` is its header, empty where the whole row is meant."""

    row: int
    column: str
    sentence: str

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        return f"Row {self.row}{column}: {self.sentence}"


@dataclass(frozen=True)
class PlannedTrack:
    """What a row says of a track: `texts` are of the studio's form. 0 or nothing where it does not say."""

    row: int
    texts: Mapping[str, str]
    disc: int = 0
    number: int = 0
    filename: str = ""

    @property
    def title(self) -> str:
        """Its title, if the row has one."""
        return self.texts.get("title", "")


@dataclass(frozen=True)
class PlannedAlbum:
    """What some rows say of an album: `texts` are of the studio's forms, by part. `artist` is empty for the usual."""

    row: int
    title: str
    artist: str
    upc: str
    texts: Mapping[Part, Mapping[str, str]]
    tracks: Sequence[PlannedTrack]
    problems: Sequence[Problem]


@dataclass(frozen=True)
class Plan:
    """All albums of a sheet in its order; `problems` are of rows that belong to none."""

    albums: Sequence[PlannedAlbum]
    problems: Sequence[Problem]


def make(grid: Grid, columns: Sequence[str]) -> Plan:
    """The albums that the rows of `grid` are about, where `columns` names the field of each column."""
    rows = [_Row(line, grid.header, columns) for line in grid.lines]
    upcs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.album and row.upc:
            upcs[row.key].add(row.upc)
    groups: dict[object, list[_Row]] = {}
    lost: list[Problem] = []
    for row in rows:
        if not row.album and not row.upc:
            lost += row.problems or [Problem(row.number, "", "It names no album. Write its title into every row.")]
            continue
        known = upcs.get(row.key, set())
        # Rows without the code belong to the album with that title, as long as there is one.
        upc = row.upc or (next(iter(known)) if len(known) == 1 else "")
        groups.setdefault(upc or row.key, []).append(row)
    return Plan([_album(group) for group in groups.values()], lost)


@dataclass
class _Row:
    """One row, its cells read."""

    line: Line
    header: Sequence[str]
    columns: Sequence[str]
    told: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        for place, name in enumerate(self.columns):
            text = self.line[place]
            if not name or not text:
                continue
            try:
                self.told[name] = BY_NAME[name].read(text)
            except BadCell as reason:
                self.problems.append(Problem(self.line.number, self.heading(name), str(reason)))

    @property
    def number(self) -> int:
        return self.line.number

    @property
    def album(self) -> str:
        return self.told.get("album", "")

    @property
    def upc(self) -> str:
        return self.told.get("upc", "")

    @property
    def key(self) -> tuple[str, str]:
        return bare(self.told.get("artist", "")), " ".join(self.album.casefold().split())

    def heading(self, name: str) -> str:
        """What the sheet calls the column of a field."""
        place = self.columns.index(name)
        return (self.header[place] if place < len(self.header) else "") or BY_NAME[name].label

    def fields(self) -> Iterator[tuple[Field, str]]:
        """What it says, field by field."""
        return ((BY_NAME[name], text) for name, text in self.told.items())


def _album(rows: Sequence[_Row]) -> PlannedAlbum:
    tracks = [_track(row) for row in rows if any(one.is_of_a_track for one, _ in row.fields())]
    problems = [problem for row in rows for problem in row.problems]
    said: dict[str, tuple[str, _Row]] = {}
    for row in rows:
        for one, text in row.fields():
            if one.is_of_a_track:
                continue
            before = said.setdefault(one.name, (text, row))
            if before[0] != text and (one.part != Part.KEY or bare(before[0]) != bare(text)):
                problems.append(_differs(row, one, text, *before))
    texts: dict[Part, dict[str, str]] = defaultdict(dict)
    for name, (text, _) in said.items():
        texts[BY_NAME[name].part][BY_NAME[name].form_name] = text
    texts[Part.KEY].pop("artist", None)
    unit = texts[Part.PRICE].get("currency", DEFAULT_UNIT)
    problems += _price_problems(rows, unit)
    problems += _double(tracks)
    if len(tracks) > MOST_TRACKS:
        problems.append(
            Problem(rows[0].number, "", f"Its album has {len(tracks)} tracks, and {MOST_TRACKS} is the most.")
        )
    return PlannedAlbum(
        row=rows[0].number,
        title=said["album"][0] if "album" in said else "",
        artist=said["artist"][0] if "artist" in said else "",
        upc=said["upc"][0] if "upc" in said else "",
        texts={part: dict(of_part) for part, of_part in texts.items()},
        tracks=tracks,
        problems=sorted(problems, key=lambda one: one.row),
    )


def _differs(row: _Row, one: Field, text: str, before: str, first: _Row) -> Problem:
    sentence = f"It says “{text[:40]}”, and row {first.number} says “{before[:40]}” of the same album."
    if f"track_{one.name}" in BY_NAME:
        sentence += f" If it is about tracks, choose “{BY_NAME[f'track_{one.name}'].label}” for this column."
    elif one.name == "artist":
        sentence += " If it is about tracks, choose “Performed by” for this column."
    return Problem(row.number, row.heading(one.name), sentence)


def _price_problems(rows: Sequence[_Row], unit: str) -> Iterator[Problem]:
    """Prices that have no such coin, or are too high. A price of 0 is free, for a track nothing."""
    for row in rows:
        for name in ("price", "track_price"):
            text = row.told.get(name, "")
            if not text or is_nothing(text):
                continue
            try:
                parse_price(text, FIXED, unit)
            except money.BadAmount as reason:
                yield Problem(row.number, row.heading(name), str(reason))


def _track(row: _Row) -> PlannedTrack:
    texts: dict[str, str] = {}
    credits: dict[str, None] = {}
    place = {"disc": 0, "position": 0}
    filename = ""
    for one, text in row.fields():
        if one.name == "filename":
            filename = text
        elif one.part == Part.PLACE:
            place[one.form_name] = int(text)
        elif one.name == "credits" or one.part == Part.ROLE:
            credits |= dict.fromkeys(text.splitlines())
        elif one.part == Part.TRACK:
            texts[one.form_name] = text
    if len(credits) > MOST_CREDITS:
        row.problems.append(
            Problem(row.number, "", f"These are {len(credits)} credits, and {MOST_CREDITS} is the most.")
        )
    if credits:
        texts["credits"] = "\n".join(credits)
    return PlannedTrack(row.number, texts, place["disc"], place["position"], filename)


def _double(tracks: Sequence[PlannedTrack]) -> Iterator[Problem]:
    """Two rows about one track."""
    places: dict[tuple[int, int], int] = {}
    codes: dict[str, int] = {}
    files: dict[str, int] = {}
    for track in tracks:
        if track.number:
            first = places.setdefault((track.disc or 1, track.number), track.row)
            if first != track.row:
                on = f" on disc {track.disc}" if track.disc else ""
                yield Problem(track.row, "", f"It is track {track.number}{on}, and so is row {first}.")
        code = track.texts.get("isrc", "")
        if code and codes.setdefault(code, track.row) != track.row:
            yield Problem(track.row, "", f"It has the ISRC {code}, and so has row {codes[code]} of the same album.")
        name = track.filename.casefold()
        if name and files.setdefault(name, track.row) != track.row:
            yield Problem(track.row, "", f"Its sound is “{track.filename}”, and so is that of row {files[name]}.")
