"""What a file says about its music, and writing it into what people download."""

import base64
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mutagen.flac import FLAC, Picture
from mutagen.id3 import (
    APIC,
    COMM,
    ID3,
    TALB,
    TCOM,
    TCON,
    TCOP,
    TDRC,
    TIT2,
    TPE1,
    TPE2,
    TPOS,
    TPUB,
    TRCK,
    TSRC,
    TXXX,
    USLT,
    PictureType,
)
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from PIL import Image

from .sniff import HIDDEN

REPLAYGAIN_TARGET_LUFS = -18.0
R128_TARGET_LUFS = -23.0


@dataclass(frozen=True)
class Tags:
    """What is written about a track; empty text and 0 mean unknown. Loudness in LUFS, true peak in dBTP."""

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
    label: str = ""
    barcode: str = ""
    url: str = ""
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None


_LONG = {"lyrics": 20_000, "comment": 2_000, "copyright": 500}
_TEXTS = (
    "title",
    "artist",
    "album",
    "album_artist",
    "date",
    "genre",
    "isrc",
    "comment",
    "copyright",
    "lyrics",
    "composer",
    "label",
    "barcode",
)


def tags_from(raw: Mapping[str, str]) -> Tags:
    """Turn what a file says about itself into clean values: bounded text, numbers in range, a valid date and ISRC."""
    texts = {name: clean_text(raw.get(name, ""), _LONG.get(name, 300)) for name in _TEXTS}
    position, positions = _number_of(raw, "position")
    disc, discs = _number_of(raw, "disc")
    date = re.match(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", texts["date"])
    isrc = re.sub(r"[^A-Z0-9]", "", texts["isrc"].upper())
    texts["date"] = date.group() if date else ""
    texts["isrc"] = isrc if re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}\d{7}", isrc) else ""
    texts["barcode"] = texts["barcode"] if re.fullmatch(r"\d{8,14}", texts["barcode"]) else ""
    return Tags(
        title=texts["title"],
        artist=texts["artist"],
        album=texts["album"],
        album_artist=texts["album_artist"],
        date=texts["date"],
        genre=texts["genre"],
        isrc=texts["isrc"],
        comment=texts["comment"],
        copyright=texts["copyright"],
        lyrics=texts["lyrics"],
        composer=texts["composer"],
        label=texts["label"],
        barcode=texts["barcode"],
        position=position,
        positions=positions,
        disc=disc,
        discs=discs,
    )


def _number_of(raw: Mapping[str, str], name: str) -> tuple[int, int]:
    """Read a number and how many there are, from "3/12" or from two values; 0 where it is not said."""
    parts = re.findall(r"\d{1,4}", raw.get(name, ""))
    totals = re.findall(r"\d{1,4}", raw.get(f"{name}s", "")) or parts[1:]
    return int(parts[0]) if parts else 0, int(totals[0]) if totals else 0


def clean_text(text: str, longest: int = 300) -> str:
    """Keep what can be read: no control characters (line ends stay), nothing that turns text round, bounded."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").split("\0")[0]
    kept = "".join(letter for letter in unified if letter in "\n\t" or (letter >= " " and letter not in HIDDEN))
    kept = kept.replace("\x7f", "").encode("utf-8", "replace").decode("utf-8")
    return kept.strip()[:longest].rstrip()


def write_tags(path: Path, recipe: str, tags: Tags, cover: bytes | None = None) -> None:
    """Write tags and cover into a rendition made by `transcode(..., recipe, path)`, in place, replacing old ones.

    The cover is a JPEG, PNG or WebP picture. Raises mutagen.MutagenError when the file is not of this recipe.
    """
    if recipe.startswith("mp3"):
        _write_id3(path, tags, cover)
    elif recipe == "flac":
        audio = FLAC(path)
        audio.delete()
        audio.clear_pictures()
        audio.update(_vorbis(tags))
        audio.update(_replaygain(tags))
        if cover:
            audio.add_picture(_picture(cover))
        audio.save(padding=lambda info: 1024)
    elif recipe == "opus":
        opus = OggOpus(path)
        opus.delete()
        opus.update(_vorbis(tags))
        if tags.loudness_lufs is not None:
            # RFC 7845: gain to -23 LUFS in 1/256 dB, a whole number.
            gain = round((R128_TARGET_LUFS - tags.loudness_lufs) * 256)
            opus["R128_TRACK_GAIN"] = [str(max(-32768, min(32767, gain)))]
        if cover:
            opus["metadata_block_picture"] = [base64.b64encode(_picture(cover).write()).decode("ascii")]
        opus.save()
    else:
        raise ValueError(f"no way to tag {recipe!r}")


def _write_id3(path: Path, tags: Tags, cover: bytes | None) -> None:
    audio = MP3(path)
    held = ID3()
    simple = {
        TIT2: tags.title,
        TPE1: tags.artist,
        TALB: tags.album,
        TPE2: tags.album_artist,
        TDRC: tags.date,
        TCON: tags.genre,
        TSRC: tags.isrc,
        TCOP: tags.copyright,
        TCOM: tags.composer,
        TPUB: tags.label,
        TRCK: _of(tags.position, tags.positions),
        TPOS: _of(tags.disc, tags.discs),
    }
    for frame, value in simple.items():
        if value:
            held.add(frame(encoding=3, text=[value]))
    if tags.comment:
        held.add(COMM(encoding=3, lang="eng", desc="", text=[tags.comment]))
    if tags.lyrics:
        held.add(USLT(encoding=3, lang="und", desc="", text=tags.lyrics))
    extra = {**_replaygain(tags), "BARCODE": tags.barcode, "WWW": tags.url}
    for name, value in extra.items():
        if value:
            held.add(TXXX(encoding=3, desc=name, text=[value]))
    if cover:
        mime = _picture(cover).mime
        held.add(APIC(encoding=3, mime=mime, type=PictureType.COVER_FRONT, desc="Cover", data=cover))
    audio.tags = held
    # Version 2.3 is what every player, car and Windows reads; an old ID3v1 at the end goes.
    held.update_to_v23()
    audio.save(v1=0, v2_version=3, padding=lambda info: 1024)


def _vorbis(tags: Tags) -> dict[str, str]:
    held = {
        "TITLE": tags.title,
        "ARTIST": tags.artist,
        "ALBUM": tags.album,
        "ALBUMARTIST": tags.album_artist,
        "TRACKNUMBER": str(tags.position or ""),
        "TRACKTOTAL": str(tags.positions or ""),
        "DISCNUMBER": str(tags.disc or ""),
        "DISCTOTAL": str(tags.discs or ""),
        "DATE": tags.date,
        "GENRE": tags.genre,
        "ISRC": tags.isrc,
        "COMMENT": tags.comment,
        "COPYRIGHT": tags.copyright,
        "LYRICS": tags.lyrics,
        "COMPOSER": tags.composer,
        "LABEL": tags.label,
        "BARCODE": tags.barcode,
        "WWW": tags.url,
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


def _picture(data: bytes) -> Picture:
    """Wrap a cover we made ourselves for FLAC, Opus and ID3, with its true kind and size."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
        kind, (width, height) = image.format or "JPEG", image.size
    picture = Picture()
    picture.type = PictureType.COVER_FRONT
    picture.mime = f"image/{kind.lower()}"
    picture.desc = "Cover"
    picture.width, picture.height, picture.depth = width, height, 24
    picture.data = data
    return picture
