"""What a file says about its music, and writing it into what people download."""

import base64
import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, SYLT, TIPL, TXXX, USLT, WCOP, WOAF, Frames, PictureType
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from PIL import Image

from artists import lrc

from .sniff import HIDDEN

REPLAYGAIN_TARGET_LUFS = -18.0
R128_TARGET_LUFS = -23.0


@dataclass(frozen=True)
class Tags:
    """What is written about a track; empty text and 0 mean unknown. Loudness in LUFS, true peak in dBTP.

    Several people of one role are one text, with "; " between them. `synced_lyrics` are lines with their milliseconds,
    `picture` the cover in words.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    position: int = 0
    positions: int = 0
    disc: int = 0
    discs: int = 0
    date: str = ""
    genre: str = ""
    isrc: str = ""
    comment: str = ""
    copyright: str = ""
    lyrics: str = ""
    composer: str = ""
    lyricist: str = ""
    producer: str = ""
    engineer: str = ""
    remixer: str = ""
    performer: str = ""
    label: str = ""
    licence: str = ""
    licence_url: str = ""
    iswc: str = ""
    is_explicit: bool = False
    synced_lyrics: tuple[tuple[int, str], ...] = ()
    picture: str = ""
    barcode: str = ""
    url: str = ""
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None


@dataclass(frozen=True)
class Name:
    """What one field of `Tags` is called in ID3v2, in Vorbis comments and in MP4; empty where it is written apart."""

    id3: str
    vorbis: str
    mp4: str


_FREE = "----:com.apple.iTunes:"
NAMES: dict[str, Name] = {
    "title": Name("TIT2", "TITLE", "\xa9nam"),
    "artist": Name("TPE1", "ARTIST", "\xa9ART"),
    "album": Name("TALB", "ALBUM", "\xa9alb"),
    "album_artist": Name("TPE2", "ALBUMARTIST", "aART"),
    "date": Name("TDRC", "DATE", "\xa9day"),
    "genre": Name("TCON", "GENRE", "\xa9gen"),
    "isrc": Name("TSRC", "ISRC", f"{_FREE}ISRC"),
    "comment": Name("COMM", "COMMENT", "\xa9cmt"),
    "copyright": Name("TCOP", "COPYRIGHT", "cprt"),
    "licence": Name("TXXX:LICENSE", "LICENSE", f"{_FREE}LICENSE"),
    "licence_url": Name("WCOP", "", ""),
    "lyrics": Name("USLT", "LYRICS", "\xa9lyr"),
    "composer": Name("TCOM", "COMPOSER", "\xa9wrt"),
    "lyricist": Name("TEXT", "LYRICIST", f"{_FREE}LYRICIST"),
    "producer": Name("", "PRODUCER", f"{_FREE}PRODUCER"),
    "engineer": Name("", "ENGINEER", f"{_FREE}ENGINEER"),
    "remixer": Name("TPE4", "REMIXER", f"{_FREE}REMIXER"),
    "performer": Name("", "PERFORMER", f"{_FREE}PERFORMER"),
    "iswc": Name("TXXX:ISWC", "ISWC", f"{_FREE}ISWC"),
    "label": Name("TPUB", "LABEL", f"{_FREE}LABEL"),
    "barcode": Name("TXXX:BARCODE", "BARCODE", f"{_FREE}BARCODE"),
    "url": Name("WOAF", "WEBSITE", f"{_FREE}WEBSITE"),
}
"""One table for all containers. Numbers, loudness and the cover have forms of their own and stand apart."""

_LONG = {"lyrics": 20_000, "comment": 2_000, "copyright": 500}
_PEOPLE = ("composer", "lyricist", "producer", "engineer", "remixer", "performer")
_MOST_OF_NAMES = 4_000
_TEXTS = (
    "title",
    "artist",
    "album",
    "album_artist",
    "date",
    "genre",
    "isrc",
    "iswc",
    "comment",
    "copyright",
    "lyrics",
    "label",
    "barcode",
)


def tags_from(raw: Mapping[str, str]) -> Tags:
    """Turn what a file says about itself into clean values: bounded text, numbers in range, a valid date and ISRC."""
    texts = {name: clean_text(raw.get(name, ""), _LONG.get(name, 300)) for name in _TEXTS}
    texts |= {name: one_line(texts[name]) for name in ("title", "album", "label")}
    position, positions = _number_of(raw, "position")
    disc, discs = _number_of(raw, "disc")
    date = re.match(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", texts["date"])
    isrc = re.sub(r"[^A-Z0-9]", "", texts["isrc"].upper())
    texts["date"] = date.group() if date else ""
    texts["isrc"] = isrc if re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}\d{7}", isrc) else ""
    texts["barcode"] = texts["barcode"] if re.fullmatch(r"\d{8,14}", texts["barcode"]) else ""
    people: dict[str, Any] = {role: _names(raw.get(role, "")) for role in _PEOPLE}
    return Tags(
        **{**texts, **people},
        position=position,
        positions=positions,
        disc=disc,
        discs=discs,
        # What Apple's shop means by it: 1 is explicit, and was 4 once; 2 is clean, 0 neither.
        is_explicit=raw.get("is_explicit", "") in ("1", "4"),
        synced_lyrics=_timed(raw.get("synced_lyrics", "")),
    )


def _names(text: str) -> str:
    """People with "; " between them; nothing rather than a name cut in two."""
    names = [clean_text(name, _MOST_OF_NAMES) for name in re.split(r"[;\n\0]", text)]
    joined = "; ".join(dict.fromkeys(filter(None, names)))
    return joined if len(joined) < _MOST_OF_NAMES else ""


def _timed(text: str) -> tuple[tuple[int, str], ...]:
    """The lines of an LRC with their milliseconds; none where it is no LRC."""
    try:
        return tuple((line.at_ms, clean_text(line.text)) for line in lrc.parse(text))
    except lrc.BadLrc:
        return ()


def _number_of(raw: Mapping[str, str], name: str) -> tuple[int, int]:
    """Read a number and how many there are, from "3/12" or from two values; 0 where it is not said."""
    parts = re.findall(r"\d{1,4}", raw.get(name, ""))
    totals = re.findall(r"\d{1,4}", raw.get(f"{name}s", "")) or parts[1:]
    return int(parts[0]) if parts else 0, int(totals[0]) if totals else 0


def one_line(text: str, longest: int = 300) -> str:
    """The same on one line, as names and titles stand in letters and lists."""
    return " ".join(clean_text(text, longest).split())


def clean_text(text: str, longest: int = 300) -> str:
    """Keep what can be read: no control characters (line ends stay), nothing that turns text round, bounded."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").split("\0")[0]
    kept = "".join(letter for letter in unified if letter in "\n\t" or (letter >= " " and letter not in HIDDEN))
    kept = kept.replace("\x7f", "").encode("utf-8", "replace").decode("utf-8")
    return kept.strip()[:longest].rstrip()


Scheme = Literal["mp3", "flac", "opus", "ogg", "mp4", "wav", "aiff"]
"""A container, as far as tags go: ID3v2.3 in MP3, WAV and AIFF, Vorbis comments in FLAC and Ogg, atoms in MP4."""


def write(path: Path, scheme: Scheme, tags: Tags, cover: bytes | None) -> None:
    """Write tags and cover into the file, in place, replacing old ones. Raises mutagen.MutagenError."""
    _WRITERS[scheme](path, tags, cover)


def _write_mp3(path: Path, tags: Tags, cover: bytes | None) -> None:
    audio = MP3(path)
    audio.tags = ID3()
    _fill_id3(audio.tags, tags, cover)
    # An old ID3v1 at the end goes.
    audio.save(v1=0, v2_version=3, padding=lambda info: 1024)


def _write_chunk(kind: type[WAVE] | type[AIFF]) -> Callable[[Path, Tags, bytes | None], None]:
    def write(path: Path, tags: Tags, cover: bytes | None) -> None:
        audio = kind(path)
        if audio.tags is None:
            audio.add_tags()
        audio.tags.clear()
        _fill_id3(audio.tags, tags, cover)
        audio.tags.save(path, v2_version=3, padding=lambda info: 0)

    return write


def _fill_id3(held: ID3, tags: Tags, cover: bytes | None) -> None:
    """Version 2.3 is what every player, car and Windows reads."""
    for field, name in NAMES.items():
        if name.id3 and (value := getattr(tags, field)):
            held.add(_frame(name.id3, value))
    people = [["producer", tags.producer], ["engineer", tags.engineer], ["performer", tags.performer]]
    if any(names for _, names in people):
        held.add(TIPL(encoding=3, people=[[role, names] for role, names in people if names]))
    if tags.synced_lyrics:
        lines = [(text, at_ms) for at_ms, text in tags.synced_lyrics]
        # Format 2 counts milliseconds, type 1 is lyrics. A new line before each is what players expect.
        held.add(SYLT(encoding=1, lang="und", format=2, type=1, desc="", text=lines))
    if tags.is_explicit:
        held.add(_frame("TXXX:ITUNESADVISORY", "1"))
    for frame, value in (("TRCK", _of(tags.position, tags.positions)), ("TPOS", _of(tags.disc, tags.discs))):
        if value:
            held.add(_frame(frame, value))
    for desc, value in _replaygain(tags).items():
        held.add(_frame(f"TXXX:{desc}", value))
    if cover:
        picture = _picture(cover, tags.picture)
        held.add(APIC(encoding=3, mime=picture.mime, type=PictureType.COVER_FRONT, desc=picture.desc, data=cover))
    held.update_to_v23()


def _frame(name: str, value: str) -> Any:
    kind, _, desc = name.partition(":")
    if kind == "TXXX":
        return TXXX(encoding=3, desc=desc, text=[value])
    if kind == "COMM":
        return COMM(encoding=3, lang="eng", desc="", text=[value])
    if kind == "USLT":
        return USLT(encoding=3, lang="und", desc="", text=value)
    if kind in ("WCOP", "WOAF"):
        return {"WCOP": WCOP, "WOAF": WOAF}[kind](url=value)
    return Frames[kind](encoding=3, text=[value])


def _write_flac(path: Path, tags: Tags, cover: bytes | None) -> None:
    audio = FLAC(path)
    audio.delete()
    audio.clear_pictures()
    audio.update(_vorbis(tags))
    audio.update(_replaygain(tags))
    if cover:
        audio.add_picture(_picture(cover, tags.picture))
    audio.save(padding=lambda info: 1024)


def _write_opus(path: Path, tags: Tags, cover: bytes | None) -> None:
    audio = OggOpus(path)
    audio.delete()
    audio.update(_vorbis(tags))
    if tags.loudness_lufs is not None:
        # RFC 7845: gain to -23 LUFS in 1/256 dB, a whole number.
        gain = round((R128_TARGET_LUFS - tags.loudness_lufs) * 256)
        audio["R128_TRACK_GAIN"] = [str(max(-32768, min(32767, gain)))]
    _save_ogg(audio, tags, cover)


def _write_ogg(path: Path, tags: Tags, cover: bytes | None) -> None:
    audio = OggVorbis(path)
    audio.delete()
    audio.update(_vorbis(tags))
    audio.update(_replaygain(tags))
    _save_ogg(audio, tags, cover)


def _save_ogg(audio: OggOpus | OggVorbis, tags: Tags, cover: bytes | None) -> None:
    if cover:
        picture = _picture(cover, tags.picture).write()
        audio["metadata_block_picture"] = [base64.b64encode(picture).decode("ascii")]
    audio.save()


def _write_mp4(path: Path, tags: Tags, cover: bytes | None) -> None:
    audio = MP4(path)
    if audio.tags is None:
        audio.add_tags()
    audio.tags.clear()
    for field, name in NAMES.items():
        if name.mp4 and (value := getattr(tags, field)):
            audio[name.mp4] = [MP4FreeForm(value.encode())] if name.mp4.startswith(_FREE) else [value]
    for name_, value in _replaygain(tags).items():
        audio[f"{_FREE}{name_.lower()}"] = [MP4FreeForm(value.encode())]
    if tags.synced_lyrics:
        audio[f"{_FREE}SYNCEDLYRICS"] = [MP4FreeForm(_lrc(tags).encode())]
    if tags.is_explicit:
        audio["rtng"] = [1]
    if tags.position:
        audio["trkn"] = [(tags.position, tags.positions)]
    if tags.disc:
        audio["disk"] = [(tags.disc, tags.discs)]
    if cover:
        is_png = _picture(cover, "").mime == "image/png"
        audio["covr"] = [MP4Cover(cover, MP4Cover.FORMAT_PNG if is_png else MP4Cover.FORMAT_JPEG)]
    audio.save(padding=lambda info: 0)


_WRITERS: dict[Scheme, Callable[[Path, Tags, bytes | None], None]] = {
    "mp3": _write_mp3,
    "flac": _write_flac,
    "opus": _write_opus,
    "ogg": _write_ogg,
    "mp4": _write_mp4,
    "wav": _write_chunk(WAVE),
    "aiff": _write_chunk(AIFF),
}


def _vorbis(tags: Tags) -> dict[str, str]:
    held = {name.vorbis: getattr(tags, field) for field, name in NAMES.items() if name.vorbis}
    held |= {
        "TRACKNUMBER": str(tags.position or ""),
        "TRACKTOTAL": str(tags.positions or ""),
        "DISCNUMBER": str(tags.disc or ""),
        "DISCTOTAL": str(tags.discs or ""),
        "ITUNESADVISORY": "1" if tags.is_explicit else "",
        "SYNCEDLYRICS": _lrc(tags),
    }
    return {name: value for name, value in held.items() if value}


def _replaygain(tags: Tags) -> dict[str, str]:
    if tags.loudness_lufs is None:
        return {}
    held = {"REPLAYGAIN_TRACK_GAIN": f"{REPLAYGAIN_TARGET_LUFS - tags.loudness_lufs:.2f} dB"}
    if tags.true_peak_dbtp is not None and math.isfinite(tags.true_peak_dbtp):
        held["REPLAYGAIN_TRACK_PEAK"] = f"{10 ** (tags.true_peak_dbtp / 20):.6f}"
    return held


def _of(number: int, total: int) -> str:
    return f"{number}/{total}" if number and total else str(number or "")


def _lrc(tags: Tags) -> str:
    return "\n".join(lrc.line(at_ms, text) for at_ms, text in tags.synced_lyrics)


def _picture(data: bytes, words: str) -> Picture:
    """Wrap a cover we made ourselves for FLAC, Ogg and ID3, with its true kind and size, and what is on it."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
        kind, (width, height) = image.format or "JPEG", image.size
    picture = Picture()
    picture.type = PictureType.COVER_FRONT
    picture.mime = f"image/{kind.lower()}"
    picture.desc = words or "Cover"
    picture.width, picture.height, picture.depth = width, height, 24
    picture.data = data
    return picture
