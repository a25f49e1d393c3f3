"""What a file is by its first bytes; names and extensions are never believed."""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from .errors import KEPT, CutOff, Empty, NotAudio, Protected, TooBig, size
from .formats import FORMATS, SUPPORTED, Format

HEAD_BYTES = 4096
MOST_ATOMS = 100_000
"""Of an M4A that is sent in pieces of some seconds. Of the smallest ones 2 GB hold 250 million, and each is read."""


# What people upload by mistake, so that the answer can name it.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "a playlist (it only names other files)"),
    (b"ffconcat", "a list of other files"),
    (b"[playlist]", "a playlist (it only names other files)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive: unpack it and upload the files inside"),
    (b"Rar!", "a RAR archive: unpack it and upload the files inside"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it and upload the files inside"),
    (b"\x1f\x8b", "a compressed archive: unpack it and upload the files inside"),
    (b"\x89PNG", "a picture: add it as the album's cover"),
    (b"\xff\xd8\xff", "a picture: add it as the album's cover"),
    (b"GIF8", "a picture: add it as the album's cover"),
    (b"MThd", "a MIDI file (notes without sound): export it as WAV or FLAC"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video: export only its sound"),
    (b"caff", "a CAF file: export it as WAV, AIFF or FLAC"),
    (b"\x30\x26\xb2\x75", "Windows Media: export it as WAV or FLAC"),
    (b"MAC ", "Monkey's Audio: convert it to FLAC, nothing is lost"),
    (b"tBaK", "a TAK file: convert it to FLAC, nothing is lost"),
    (b"OFR ", "an OptimFROG file: convert it to FLAC, nothing is lost"),
    (b"MPCK", "a Musepack file: export the original as WAV or FLAC"),
    (b"MP+", "a Musepack file: export the original as WAV or FLAC"),
    (b"ADIF", "AAC without a container: export the original as WAV or FLAC"),
    (b"\x0b\x77", "Dolby Digital: export the original as WAV or FLAC"),
    (b"DSD ", "a DSD file: export it as FLAC"),
    (b"FRM8", "a DSD file: export it as FLAC"),
    (b".snd", "a Sun audio file: export it as WAV, AIFF or FLAC"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
)


def sniff(path: Path, *, max_bytes: int, max_tag_bytes: int) -> Format:
    """Tell what a file is by its content, and refuse early what can be told without decoding.

    Raises Empty, TooBig, NotAudio, Protected or CutOff, all Unreadable.
    """
    total = path.stat().st_size
    if total == 0:
        raise Empty(f"This file is empty (0 bytes), so there is nothing to play. {KEPT} Export it again.")
    if total > max_bytes:
        raise TooBig(
            f"This file has {size(total)}; a track may have {size(max_bytes)}. {KEPT} "
            "Upload it as FLAC, which is about half the size and loses nothing."
        )
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        container = _container(file, head, total, max_tag_bytes)
        if container is None:
            raise NotAudio(_foreign(head))
        if container == "m4a":
            _check_atoms(file, total)
        elif container == "ogg":
            _check_last_page(file, total, head)
    return FORMATS[container]


def _container(file: BinaryIO, head: bytes, total: int, max_tag_bytes: int) -> str | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:16] == _W64_RIFF and head[24:40] == _W64_WAVE:
        return "w64"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"wvpk":
        return "wv"
    if head[:4] == b"TTA1":
        return "tta"
    if head[:4] == b"OggS":
        return _ogg(head)
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"M4P ", b"M4B ") and b"drms" in head:
            raise Protected(_PROTECTED)
        return "m4a"
    if head[:3] == b"ID3":
        start = _after_id3(head)
        if start > max_tag_bytes:
            raise TooBig(
                f"The tags in this file take {size(start)}, more than the {size(max_tag_bytes)} we read; "
                f"most of it is probably a picture. {KEPT} Save it with a smaller picture, or none, "
                "and set the cover on the album page."
            )
        file.seek(start)
        body = file.read(HEAD_BYTES)
        if body[:4] == b"fLaC":
            return "flac"
        if body[:4] == b"TTA1":
            return "tta"
        return _frames(file, body, start, total)
    return _frames(file, head, 0, total)


_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_WAVE = bytes.fromhex("77617665f3acd3118cd100c04f8edb8a")


def _frames(file: BinaryIO, body: bytes, start: int, total: int) -> str | None:
    """Tell MP3 and AAC apart, which have no header but that of each frame."""
    length = _adts_frame_length(body)
    if length and (start + length >= total or _adts_frame_length(body[length : length + 6])):
        return "aac"
    return "mp3" if _has_mp3_frames(file, start, total) else None


def _adts_frame_length(header: bytes) -> int:
    """Return the length in bytes of the ADTS frame with this header, 0 if it is none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 0xF > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0


_PROTECTED = (
    "This file is locked by a copy protection, so it can be played only by the shop's own player. "
    f"{KEPT} Upload the original you made it from (WAV or FLAC)."
)


def _ogg(head: bytes) -> str | None:
    segments = head[26] if len(head) > 26 else 0
    packet = head[27 + segments : 27 + segments + 8]
    is_known = packet.startswith((b"\x01vorbis", b"OpusHead", b"\x7fFLAC"))
    return "ogg" if is_known else None


def _after_id3(head: bytes) -> int:
    """Return where the ID3v2 tag ends; its length is four bytes of seven bits each."""
    if len(head) < 10:
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 0x7F
    has_footer = bool(head[5] & 0x10)
    return 10 + length + (10 if has_footer else 0)


_BITRATES_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _has_mp3_frames(file: BinaryIO, start: int, total: int) -> bool:
    """Say whether two MPEG layer III frames follow each other at `start`, after zeros or a little junk at most."""
    file.seek(start)
    window = file.read(64 * 1024)
    position = len(window) - len(window.lstrip(b"\x00"))
    # Junk is searched only behind an ID3 tag: a web page with music appended is not taken for music.
    last = position + (2048 if start else 1)
    while position < min(last, len(window) - 4):
        length = mp3_frame_length(window[position : position + 4])
        if length:
            following = window[position + length : position + length + 4]
            is_last = start + position + length >= total - 4
            if is_last or mp3_frame_length(following):
                return True
        position += 1
    return False


def mp3_frame_length(header: bytes) -> int:
    """Return the length in bytes of the layer III frame with this header, 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate_index, bitrate_index, padding = header[2] >> 2 & 3, header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or layer != 1 or rate_index == 3 or bitrate_index in (0, 15):
        return 0
    bitrate = (_BITRATES_V1 if version == 3 else _BITRATES_V2)[bitrate_index] * 1000
    return (144 if version == 3 else 72) * bitrate // _RATES[version][rate_index] + padding


def _check_atoms(file: BinaryIO, total: int) -> None:
    """Walk the outermost atoms of an M4A: one that passes the end, or no index, means that it was cut off."""
    position = 0
    names: set[bytes] = set()
    for _ in range(MOST_ATOMS):
        if position + 8 > total or len(names) >= 64:
            break
        file.seek(position)
        header = file.read(16)
        length, name = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            (length,) = struct.unpack(">Q", header[8:16])
        elif length == 0:
            length = total - position
        if length < 8:
            raise NotAudio(_damaged("M4A"))
        names.add(name)
        position += length
        if position > total:
            raise CutOff(_cut_off(total, position))
    else:
        raise NotAudio(_damaged("M4A"))
    if b"moov" not in names:
        raise CutOff(_cut_off(total, None))


def _check_last_page(file: BinaryIO, total: int, head: bytes) -> None:
    """The last Ogg page must be there to its end; a page is at most 65 307 bytes long."""
    file.seek(max(0, total - 70_000))
    tail, serial = file.read(), head[14:18]
    at = len(tail)
    while (at := tail.rfind(b"OggS\x00", 0, at)) >= 0:
        page = tail[at:]
        if page[14:18] != serial and len(page) >= 18:
            continue  # these four letters inside the music, or another stream
        if len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
            raise CutOff(_cut_off(total, None))
        return


def _cut_off(total: int, announced: int | None) -> str:
    missing = f": {size(announced - total)} are missing at its end" if announced else " before its end"
    return (
        f"This file was cut off{missing}, probably while it was copied or exported. {KEPT} "
        "Export or copy it again and upload the whole file."
    )


def _damaged(label: str) -> str:
    return (
        f"This looks like {label}, but it is damaged inside and cannot be read. {KEPT} "
        "Export it again from your music program."
    )


def _foreign(head: bytes) -> str:
    for start, name in _FOREIGN:
        if head.startswith(start):
            return f"This is not audio we can take, it is {name}. {KEPT} We take {SUPPORTED}."
    start_of_text = head[:512].lstrip().lower()
    if start_of_text.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg", b"<script", b"<head", b"<body")):
        return (
            f"This is a web page, not audio, although its name says otherwise. {KEPT} "
            f"Download the music itself again and upload that; we take {SUPPORTED}."
        )
    if _is_text(head):
        return f"This is a text file, not audio. {KEPT} Upload the music itself: {SUPPORTED}."
    return f"This file is not audio of a kind we know. {KEPT} We take {SUPPORTED}."


def _is_text(head: bytes) -> bool:
    try:
        text = head[: HEAD_BYTES - 4].decode("utf-8", "strict")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t" for letter in text)


def clean_filename(name: str, fallback: str = "file") -> str:
    """Make an uploaded name safe to keep and to show: no folders, control or direction characters, 150 letters."""
    base = os.path.basename(name.replace("\\", "/"))
    kept = "".join(letter for letter in base if letter.isprintable() and letter not in HIDDEN)
    stem, dot, extension = kept.rpartition(".")
    if dot and stem and len(extension) <= 8:
        kept = stem.strip()[: 150 - len(extension) - 1] + "." + extension
    return kept.strip()[:150].lstrip(".") or fallback


# Characters that change the direction of text around them or show nothing: a name made of them can lie.
HIDDEN = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
