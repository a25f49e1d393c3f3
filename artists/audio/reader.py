"""Read headers and tags of one hostile file with mutagen and print them as JSON; run alone, in the sandbox.

Not imported by the site: `python -I reader.py <path> <container> <largest picture in bytes>`. Whatever goes wrong
in here, memory and endless loops included, ends this process and not a worker.
"""

import base64
import json
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any

from mutagen import FileType, MutagenError
from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp3 import MP3, BitrateMode
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

LONGEST_TEXT = 20_000
STREAMED_SIZES = (0, 0xFFFFFFFF)  # what programs write that do not know the length of a WAV beforehand

# Fields of `Tags` and where each kind of tag keeps them. "#" marks a number that may read "3/12".
ID3_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "album_artist": "TPE2",
    "position": "TRCK",
    "disc": "TPOS",
    "date": "TDRC",
    "isrc": "TSRC",
    "copyright": "TCOP",
    "composer": "TCOM",
    "label": "TPUB",
    "barcode": "TXXX:BARCODE",
}
VORBIS_KEYS = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "album_artist": ("albumartist", "album artist", "album_artist"),
    "position": ("tracknumber", "track"),
    "positions": ("tracktotal", "totaltracks"),
    "disc": ("discnumber", "disc"),
    "discs": ("disctotal", "totaldiscs"),
    "date": ("date", "year"),
    "genre": ("genre",),
    "isrc": ("isrc",),
    "comment": ("comment", "description"),
    "copyright": ("copyright",),
    "lyrics": ("lyrics", "unsyncedlyrics"),
    "composer": ("composer",),
    "label": ("label", "organization", "publisher"),
    "barcode": ("barcode", "upc", "ean/upn"),
}
MP4_KEYS = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "album_artist": "aART",
    "date": "\xa9day",
    "genre": "\xa9gen",
    "comment": "\xa9cmt",
    "copyright": "cprt",
    "lyrics": "\xa9lyr",
    "composer": "\xa9wrt",
    "isrc": "----:com.apple.iTunes:ISRC",
    "label": "----:com.apple.iTunes:LABEL",
    "barcode": "----:com.apple.iTunes:BARCODE",
}
RIFF_INFO = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ITRK": "position",
    b"IPRT": "position",
    b"ICRD": "date",
    b"IGNR": "genre",
    b"ICMT": "comment",
    b"ICOP": "copyright",
    b"ISRC": "isrc",
}


def main(path: str, container: str, largest_picture: int) -> dict[str, Any]:
    """Return headers, tags and cover as plain JSON values, or {"error": why}."""
    try:
        audio, tags, pictures = READERS[container](path)
    except (
        MutagenError,
        EOFError,
        struct.error,
        ValueError,
        LookupError,
        ArithmeticError,
        TypeError,
    ) as reason:
        # mutagen promises MutagenError; on mutated files other errors of parsing pass through.
        return {"error": f"{type(reason).__name__}: {reason}"}
    info = audio.info
    cover = next((data for data in pictures if 0 < len(data) <= largest_picture), b"")
    return {
        "declared_ms": _declared_ms(audio, path),
        "sample_rate_hz": int(getattr(info, "sample_rate", 0) or 0),
        "channels": int(getattr(info, "channels", 0) or 0),
        "bit_depth": int(getattr(info, "bits_per_sample", 0) or getattr(info, "sample_size", 0) or 0),
        "is_lossless": not isinstance(audio, LOSSY) or getattr(info, "codec", "") == "alac",
        "is_protected": bool(getattr(info, "protected", False)) or str(getattr(info, "codec", "")) == "drms",
        "tags": {name: str(value)[:LONGEST_TEXT] for name, value in tags.items() if value},
        "cover": base64.b64encode(cover).decode("ascii"),
    }


LOSSY = (MP3, MP4, OggVorbis, OggOpus)
Found = tuple[FileType, dict[str, str], list[bytes]]


def _declared_ms(audio: FileType, path: str) -> int | None:
    """Return the length the file claims, None where it makes no claim (a streamed WAV, an MP3 without index)."""
    info: Any = audio.info
    if isinstance(audio, MP3) and (info.sketchy or info.bitrate_mode is BitrateMode.UNKNOWN):
        return None
    if isinstance(audio, WAVE) and _riff_chunks(path).get(b"data", (0, 0))[1] in STREAMED_SIZES:
        return None
    return round(info.length * 1000) or None


def _wave(path: str) -> Found:
    audio = WAVE(path)
    tags, pictures = _id3(audio.tags)
    return audio, {**_riff_info(path), **tags}, pictures


def _aiff(path: str) -> Found:
    audio = AIFF(path)
    return audio, *_id3(audio.tags)


def _mp3(path: str) -> Found:
    audio = MP3(path)
    return audio, *_id3(audio.tags)


def _flac(path: str) -> Found:
    audio = FLAC(path)
    return (
        audio,
        _vorbis(audio.tags),
        _front_first((picture.type, picture.data) for picture in audio.pictures),
    )


def _ogg(path: str) -> Found:
    with open(path, "rb") as file:
        head = file.read(512)
    kind = OggOpus if b"OpusHead" in head else OggFLAC if b"\x7fFLAC" in head else OggVorbis
    audio = kind(path)
    pictures = []
    for text in (audio.tags or {}).get("metadata_block_picture", []):
        picture = Picture(base64.b64decode(text))
        pictures.append((picture.type, picture.data))
    return audio, _vorbis(audio.tags), _front_first(pictures)


def _m4a(path: str) -> Found:
    audio = MP4(path)
    held: Any = audio.tags or {}
    tags = {name: _text(held[key][0]) for name, key in MP4_KEYS.items() if held.get(key)}
    for number, total, key in (("position", "positions", "trkn"), ("disc", "discs", "disk")):
        if held.get(key):
            tags[number], tags[total] = (str(value) for value in held[key][0][:2])
    return audio, tags, [bytes(picture) for picture in held.get("covr", [])]


def _wavpack(path: str) -> Found:
    audio = WavPack(path)
    held: Any = audio.tags or {}
    lowered = {key.lower(): value for key, value in held.items()}
    tags = {name: _text(lowered[key]) for name, keys in VORBIS_KEYS.items() for key in reversed(keys) if key in lowered}
    art = [value.value.partition(b"\0")[2] for key, value in lowered.items() if key.startswith("cover art")]
    return audio, tags, art


READERS: dict[str, Callable[[str], Found]] = {
    "wav": _wave,
    "aiff": _aiff,
    "mp3": _mp3,
    "flac": _flac,
    "ogg": _ogg,
    "m4a": _m4a,
    "wv": _wavpack,
}


def _id3(held: ID3 | None) -> tuple[dict[str, str], list[bytes]]:
    if held is None:
        return {}, []
    tags = {name: _text(held[frame].text) for name, frame in ID3_FRAMES.items() if frame in held}
    if "isrc" not in tags and "TXXX:ISRC" in held:
        tags["isrc"] = _text(held["TXXX:ISRC"].text)
    if "TCON" in held:
        tags["genre"] = _text(held["TCON"].genres)  # turns "(17)" into "Rock"
    for name, kind in (("comment", "COMM"), ("lyrics", "USLT")):
        frames = [frame for frame in held.getall(kind) if not str(frame.desc).startswith("iTun")]
        if frames:
            tags[name] = _text(frames[0].text)
    return tags, _front_first((frame.type, frame.data) for frame in held.getall("APIC"))


def _vorbis(held: Any) -> dict[str, str]:
    return {
        name: _text(held[key]) for name, keys in VORBIS_KEYS.items() for key in reversed(keys) if held and key in held
    }


def _text(value: Any) -> str:
    """Join what may be a list; the first value of a list is the one people see."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value[:8])
    return str(value)


def _front_first(pictures: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """Order pictures so that the front cover (type 3) comes first."""
    return [bytes(data) for _, data in sorted(pictures, key=lambda picture: picture[0] != 3)]


def _riff_chunks(path: str) -> dict[bytes, tuple[int, int]]:
    """Return offset and size of the first 64 chunks of a RIFF file, by name."""
    chunks: dict[bytes, tuple[int, int]] = {}
    with open(path, "rb") as file:
        file.seek(12)
        for _ in range(64):
            header = file.read(8)
            if len(header) < 8:
                break
            name, size = header[:4], struct.unpack("<I", header[4:])[0]
            if name == b"LIST":
                name += file.read(4)
                file.seek(-4, 1)
            chunks.setdefault(name, (file.tell(), size))
            file.seek(size + size % 2, 1)
    return chunks


def _riff_info(path: str) -> dict[str, str]:
    """Read the INFO list that most sound programs write into a WAV; mutagen does not."""
    offset, size = _riff_chunks(path).get(b"LISTINFO", (0, 0))
    if not offset:
        return {}
    with open(path, "rb") as file:
        file.seek(offset + 4)
        data = file.read(min(size - 4, 64 * 1024) if size > 4 else 0)
    tags: dict[str, str] = {}
    at = 0
    while at + 8 <= len(data):
        name, length = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        value = data[at + 8 : at + 8 + length].split(b"\0")[0].strip()
        if name in RIFF_INFO and value:
            tags.setdefault(RIFF_INFO[name], _utf8_or_latin1(value))
        at += 8 + length + length % 2
    return tags


def _utf8_or_latin1(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


if __name__ == "__main__":
    json.dump(main(sys.argv[1], sys.argv[2], int(sys.argv[3])), sys.stdout)
