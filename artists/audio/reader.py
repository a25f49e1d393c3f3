"""Read headers and tags of one hostile file with mutagen and print them as JSON; run alone, in the sandbox.

Not imported by the site: `python -I reader.py <path> <container> <largest picture in bytes>`. Whatever goes wrong
in here, memory and endless loops included, ends this process and not a worker.
"""

import base64
import json
import struct
import sys
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from mutagen import MutagenError
from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3, ID3NoHeaderError
from mutagen.mp3 import MP3, BitrateMode
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

LONGEST_TEXT = 40_000
MOST_LINES = 2_000  # of lyrics in time
STREAMED_SIZES = (0, 0xFFFFFFFF)  # what programs write that do not know the length of a WAV beforehand

# Fields of `Tags` and where each kind of tag keeps them: a frame of ID3, keys of Vorbis comments and APE of which the
# first counts, an atom of MP4. What needs more than a look is read apart.
FREE = "----:com.apple.iTunes:"
PLACES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "title": ("TIT2", ("title",), "\xa9nam"),
    "artist": ("TPE1", ("artist",), "\xa9ART"),
    "album": ("TALB", ("album",), "\xa9alb"),
    "album_artist": ("TPE2", ("albumartist", "album artist", "album_artist"), "aART"),
    "position": ("TRCK", ("tracknumber", "track"), ""),
    "positions": ("", ("tracktotal", "totaltracks"), ""),
    "disc": ("TPOS", ("discnumber", "disc"), ""),
    "discs": ("", ("disctotal", "totaldiscs"), ""),
    "date": ("TDRC", ("date", "year"), "\xa9day"),
    "genre": ("", ("genre",), "\xa9gen"),
    "isrc": ("TSRC", ("isrc",), f"{FREE}ISRC"),
    "iswc": ("TXXX:ISWC", ("iswc",), f"{FREE}ISWC"),
    "comment": ("", ("comment", "description"), "\xa9cmt"),
    "copyright": ("TCOP", ("copyright",), "cprt"),
    "lyrics": ("", ("lyrics", "unsyncedlyrics"), "\xa9lyr"),
    "synced_lyrics": ("", ("syncedlyrics",), f"{FREE}SYNCEDLYRICS"),
    "is_explicit": ("TXXX:ITUNESADVISORY", ("itunesadvisory",), ""),
    "label": ("TPUB", ("label", "organization", "publisher"), f"{FREE}LABEL"),
    "barcode": ("TXXX:BARCODE", ("barcode", "upc", "ean/upn"), f"{FREE}BARCODE"),
    "composer": ("TCOM", ("composer",), "\xa9wrt"),
    "lyricist": ("TEXT", ("lyricist",), f"{FREE}LYRICIST"),
    "producer": ("TXXX:PRODUCER", ("producer",), f"{FREE}PRODUCER"),
    "engineer": ("TXXX:ENGINEER", ("engineer",), f"{FREE}ENGINEER"),
    "remixer": ("TPE4", ("remixer", "mixartist"), f"{FREE}REMIXER"),
    "performer": ("", ("performer",), f"{FREE}PERFORMER"),
}
PEOPLE = ("composer", "lyricist", "producer", "engineer", "remixer", "performer")
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
    b"IENG": "engineer",
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
        "is_lossless": _is_lossless(audio, path),
        # Only in M4A: of an MP3, `protected` means that its frames carry checksums.
        "is_protected": isinstance(audio, MP4) and info.codec == "drms",
        "tags": {name: str(value)[:LONGEST_TEXT] for name, value in tags.items() if value},
        "cover": base64.b64encode(cover).decode("ascii"),
    }


LOSSY = (AAC, MP3, OggVorbis, OggOpus)
WAVPACK_HYBRID = 8  # what was taken away lies in another file, which we do not get
Found = tuple[Any, dict[str, str], list[bytes]]  # something with `info`, the tags, the pictures


def _is_lossless(audio: Any, path: str) -> bool:
    if isinstance(audio, MP4):
        return bool(audio.info.codec == "alac")
    if isinstance(audio, WavPack):
        with open(path, "rb") as file:
            return not file.read(28)[24] & WAVPACK_HYBRID
    return not isinstance(audio, LOSSY)


def _declared_ms(audio: Any, path: str) -> int | None:
    """Return the length the file claims, None where it makes no claim (a streamed WAV, an MP3 without index)."""
    info: Any = audio.info
    if isinstance(audio, MP3) and (info.sketchy or info.bitrate_mode is BitrateMode.UNKNOWN):
        return None
    if isinstance(audio, AAC):
        return None  # only guessed from its first frames
    if isinstance(audio, WAVE) and _riff_chunks(path).get(b"data", (0, 0))[1] in STREAMED_SIZES:
        return None
    return round(info.length * 1000) or None


def _wave(path: str) -> Found:
    with open(path, "rb") as file:
        if file.read(4) != b"RIFF":  # RF64 or BW64: lengths of 64 bits, which mutagen does not know
            return _measured(path, _riff_chunks(path)), _riff_info(path), []
    audio = WAVE(path)
    tags, pictures = _id3(audio.tags)
    return audio, {**_riff_info(path), **tags}, pictures


def _w64(path: str) -> Found:
    """Sony's Wave64: chunks named by 16 bytes, their lengths of 64 bits counting their own headers too."""
    chunks: dict[bytes, tuple[int, int]] = {}
    with open(path, "rb") as file:
        file.seek(40)
        for _ in range(64):
            header = file.read(24)
            size = struct.unpack("<Q", header[16:])[0] - 24 if len(header) == 24 else -1
            if not 0 <= size < 2**62:
                break
            chunks.setdefault(header[:4], (file.tell(), size))
            file.seek(size + -size % 8, 1)
    return _measured(path, chunks), {}, []


def _measured(path: str, chunks: dict[bytes, tuple[int, int]]) -> Any:
    """Read what the `fmt ` chunk says of the samples in the `data` chunk. Raises KeyError, struct.error."""
    with open(path, "rb") as file:
        file.seek(chunks[b"fmt "][0])
        _, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", file.read(16))
    size = chunks[b"data"][1]
    length = 0 if size in STREAMED_SIZES else size / frame_bytes / rate
    return SimpleNamespace(
        info=SimpleNamespace(length=length, sample_rate=rate, channels=channels, bits_per_sample=bits)
    )


def _tta(path: str) -> Found:
    audio = TrueAudio(path)
    with open(path, "rb") as file:
        file.seek(audio.tags.size if audio.tags else 0)
        head = file.read(10)
    audio.info.channels, audio.info.bits_per_sample = struct.unpack("<HH", head[6:10])
    return audio, *_id3_or_ape(audio.tags, path)


def _aac(path: str) -> Found:
    audio = AAC(path)
    try:
        held = ID3(path)
    except ID3NoHeaderError:
        held = None
    return audio, *_id3_or_ape(held, path)


def _aiff(path: str) -> Found:
    audio = AIFF(path)
    return audio, *_id3(audio.tags)


def _mp3(path: str) -> Found:
    audio = MP3(path)
    return audio, *_id3_or_ape(audio.tags, path)


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
    tags = {name: _said(name, held[key], most=1) for name, (_, _, key) in PLACES.items() if held.get(key)}
    if held.get("rtng"):
        tags["is_explicit"] = str(held["rtng"][0])
    for number, total, key in (("position", "positions", "trkn"), ("disc", "discs", "disk")):
        if held.get(key):
            tags[number], tags[total] = (str(value) for value in held[key][0][:2])
    return audio, tags, [bytes(picture) for picture in held.get("covr", [])]


def _wavpack(path: str) -> Found:
    audio = WavPack(path)
    return audio, *_ape(audio.tags)


READERS: dict[str, Callable[[str], Found]] = {
    "wav": _wave,
    "aiff": _aiff,
    "mp3": _mp3,
    "flac": _flac,
    "ogg": _ogg,
    "m4a": _m4a,
    "wv": _wavpack,
    "w64": _w64,
    "aac": _aac,
    "tta": _tta,
}


def _id3_or_ape(held: ID3 | None, path: str) -> tuple[dict[str, str], list[bytes]]:
    """Tags from in front of the file and, where those are silent, from behind it."""
    tags, pictures = _id3(held)
    try:
        behind, more = _ape(APEv2(path))
    except APENoHeaderError:
        return tags, pictures
    return {**behind, **tags}, pictures or more


def _ape(held: Any) -> tuple[dict[str, str], list[bytes]]:
    lowered = {key.lower(): value for key, value in (held or {}).items()}
    pictures = [value.value.partition(b"\0")[2] for key, value in lowered.items() if key.startswith("cover art")]
    return _named({key: str(value).split("\0") for key, value in lowered.items() if key in KEYS}), pictures


def _id3(held: ID3 | None) -> tuple[dict[str, str], list[bytes]]:
    if held is None:
        return {}, []
    tags = {name: _said(name, held[frame].text) for name, (frame, _, _) in PLACES.items() if frame in held}
    if "isrc" not in tags and "TXXX:ISRC" in held:
        tags["isrc"] = _said("isrc", held["TXXX:ISRC"].text)
    if "TCON" in held:
        tags["genre"] = _said("genre", held["TCON"].genres)  # turns "(17)" into "Rock"
    for name, kind in (("comment", "COMM"), ("lyrics", "USLT")):
        frames = [frame for frame in held.getall(kind) if not str(frame.desc).startswith("iTun")]
        if frames:
            tags[name] = _said(name, frames[0].text if kind == "COMM" else [frames[0].text])
    tags |= _involved(held)
    for frame in held.getall("SYLT"):
        # Type 1 is lyrics; format 2 counts milliseconds, 1 frames, which says nothing certain.
        if frame.type == 1 and frame.format == 2:
            tags.setdefault("synced_lyrics", _timed(frame.text))
    return tags, _front_first((frame.type, frame.data) for frame in held.getall("APIC"))


def _involved(held: ID3) -> dict[str, str]:
    """Who did what by ID3's two lists: TIPL (IPLS before version 2.4) of roles, TMCL of instruments."""
    found: dict[str, list[str]] = {}
    for frame in held.getall("TIPL") + held.getall("IPLS"):
        for pair in frame.people:
            if len(pair) == 2 and pair[0].lower() in PEOPLE:
                found.setdefault(pair[0].lower(), []).append(pair[1])
    for frame in held.getall("TMCL"):
        found.setdefault("performer", []).extend(pair[1] for pair in frame.people if len(pair) == 2)
    return {role: _said(role, names) for role, names in found.items()}


def _timed(said: list[tuple[str, int]]) -> str:
    """Words with their milliseconds as LRC. Where they come by syllables, a new line begins with a line end."""
    is_in_pieces = any("\n" in text.rstrip() for text, _ in said)
    lines: list[tuple[int, str]] = []
    for text, at_ms in said:
        if is_in_pieces and lines and not text.startswith("\n"):
            lines[-1] = (lines[-1][0], lines[-1][1] + text)
        else:
            lines.append((at_ms, text))
    return "\n".join(
        f"[{at_ms // 60_000:02d}:{at_ms // 1000 % 60:02d}.{at_ms % 1000:03d}]{' '.join(text.split())}"
        for at_ms, text in lines[:MOST_LINES]
    )


KEYS = frozenset(key for _, keys, _ in PLACES.values() for key in keys)


def _vorbis(held: Any) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for key, value in list.__iter__(held or []):  # as a list: as a dictionary it looks through all for each
        if key.lower() in KEYS:
            found.setdefault(key.lower(), []).append(value)
    return _named(found)


def _named(held: dict[str, list[str]]) -> dict[str, str]:
    return {
        name: _said(name, held[key]) for name, (_, keys, _) in PLACES.items() for key in reversed(keys) if key in held
    }


def _said(name: str, values: list[Any], *, most: int = 8) -> str:
    """The values of one field as text; of people each has a line of its own."""
    return "\n".join(map(_text, values)) if name in PEOPLE else ", ".join(map(_text, values[:most]))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _front_first(pictures: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """Order pictures so that the front cover (type 3) comes first."""
    return [bytes(data) for _, data in sorted(pictures, key=lambda picture: picture[0] != 3)]


def _riff_chunks(path: str) -> dict[bytes, tuple[int, int]]:
    """Return offset and size of the first 64 chunks of a RIFF file, by name."""
    chunks: dict[bytes, tuple[int, int]] = {}
    long_size = 0  # of the samples, where 32 bits are too few for it
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
            if name == b"ds64":
                long_size = struct.unpack("<Q", file.read(16)[8:])[0]
                file.seek(-16, 1)
            elif name == b"data" and size == 0xFFFFFFFF and 0 < long_size < 2**62:
                size = long_size
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
