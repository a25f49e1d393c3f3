"""Real sound files for tests, made once per run: the same three seconds in every container we take."""

import functools
import io
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

from mutagen.mp3 import MP3
from PIL import Image

from artists import audio

SECONDS = 3
TAGGED = {
    "title": "Nachtzug – 夜",
    "artist": "Nova Kit",
    "album": "First Light",
    "album_artist": "Nova Kit",
    "track": "3/12",
    "date": "2026-04-17",
    "genre": "Synthwave",
}
KINDS: dict[str, tuple[str, ...]] = {
    "plain.wav": (),
    "deep.wav": ("-c:a", "pcm_s24le"),
    "float.wav": ("-c:a", "pcm_f32le"),
    "double.wav": ("-c:a", "pcm_f64le"),
    "phone.wav": ("-c:a", "pcm_mulaw"),
    "long.wav": ("-rf64", "always", "-c:a", "pcm_s24le"),
    "sound.w64": (),
    "sound.aiff": ("-write_id3v2", "1"),
    "float.aifc": ("-write_id3v2", "1", "-c:a", "pcm_f32be", "-f", "aiff"),
    "sowt.aifc": ("-write_id3v2", "1", "-c:a", "pcm_s16le", "-f", "aiff"),
    "sound.flac": (),
    "flac.oga": ("-c:a", "flac"),
    "lossless.m4a": ("-c:a", "alac"),
    "lossy.m4a": ("-c:a", "aac"),
    "sound.mp3": ("-b:a", "192k"),
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "sound.opus": (),
    "sound.aac": ("-write_id3v2", "1"),
    "sound.wv": (),
    "sound.tta": (),
}


@functools.cache
def sound(name: str) -> Path:
    """One of KINDS: 3 s of a stereo tone with tags. Do not change it; `copy` one to do so."""
    path = _folder() / name
    make(path, *KINDS[name])
    return path


@functools.cache
def short(name: str) -> Path:
    """One second of one of KINDS, quieter in bytes: for mutants."""
    return make(_folder() / f"short {name}", *KINDS[name], seconds=1, source="sine=f=440:r=16000")


def make(path: Path, *args: str, seconds: float = SECONDS, source: str = "sine=f=440:r=44100") -> Path:
    """Let ffmpeg make a file of `source` with our tags."""
    tags = [part for key, value in TAGGED.items() for part in ("-metadata", f"{key}={value}")]
    command = [audio.ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", f"{source}:d={seconds}"]
    subprocess.run([*command, *tags, "-ac", "2", *args, f"file:{path}"], check=True)
    return path


def copy(name: str, target: Path, *, keep: float = 1.0) -> Path:
    """Copy one of KINDS, only its first part when `keep` is under 1."""
    data = sound(name).read_bytes()
    target.write_bytes(data[: int(len(data) * keep)])
    return target


def picture(width: int = 64, height: int = 64, kind: str = "PNG", colour: str = "#e0002a", **how: bool) -> bytes:
    """A small real picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind, **how)
    return out.getvalue()


def id3_header(length: int) -> bytes:
    """The ten bytes that announce an ID3v2.4 tag of `length` bytes."""
    return b"ID3\x04\x00\x00" + syncsafe(length)


def syncsafe(number: int) -> bytes:
    """A number of 28 bits as ID3 writes it, in four bytes of seven bits."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def ogg_bomb(pages: int) -> bytes:
    """An Opus file of 0.8 kB for each half minute of silence it decodes to; says that it lasts 0.1 s."""
    head = short("sound.opus").read_bytes()
    serial, first = head[14:18], head.index(b"OggS", head.index(b"OpusTags"))
    nothing = b"\xff\x06" * 255  # six frames of 20 ms in which nothing was sent
    made = [head[:first]]
    for number in range(pages):
        start = (
            b"OggS\0"
            + (b"\x04" if number == pages - 1 else b"\0")
            + struct.pack("<q", 4_800)
            + serial
            + struct.pack("<I", number + 2)
        )
        rest = b"\xff" + b"\x02" * 255 + nothing
        made.append(start + struct.pack("<I", _ogg_crc(start + b"\0\0\0\0" + rest)) + rest)
    return b"".join(made)


def _ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def packed_id3(megabytes: int) -> bytes:
    """An ID3 tag of a few kB for each of the megabytes its title unpacks to."""
    packer = zlib.compressobj()
    start = packer.compress(b"a" * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b"a" * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    data = start + again * (megabytes - 1) + packer.flush()
    frame = b"TIT2" + syncsafe(len(data) + 4) + b"\0\x09" + syncsafe(2**28 - 1) + data
    return id3_header(len(frame)) + frame


def png_bomb(side: int = 65_500) -> bytes:
    """A PNG of 70 bytes that announces side x side pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, pixels, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def mp3_body(path: Path) -> bytes:
    """The frames of an MP3 without its tag."""
    held = MP3(path)
    return path.read_bytes()[held.tags.size :] if held.tags else path.read_bytes()


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="megabox-sounds-"))
