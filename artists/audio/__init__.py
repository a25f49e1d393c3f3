"""The audio engine: files in, files out, no database. Hostile input, honest answers.

`probe` accepts or refuses an upload, `transcode` makes what people hear, `write_tags` labels what they download.
"""

from .errors import (
    SUPPORTED,
    CutOff,
    Empty,
    NotAudio,
    Protected,
    TooBig,
    TooHeavy,
    TooLong,
    TranscodeFailed,
    Unreadable,
)
from .probing import PEAKS, Limits, Loudness, Probe, measure, peaks, probe
from .sandbox import ffmpeg_path
from .sniff import clean_filename
from .tags import Tags, clean_text, write_tags
from .transcoding import RECIPES, Recipe, transcode, verify

__all__ = [
    "PEAKS",
    "RECIPES",
    "SUPPORTED",
    "CutOff",
    "Empty",
    "Limits",
    "Loudness",
    "NotAudio",
    "Probe",
    "Protected",
    "Recipe",
    "Tags",
    "TooBig",
    "TooHeavy",
    "TooLong",
    "TranscodeFailed",
    "Unreadable",
    "clean_filename",
    "clean_text",
    "ffmpeg_path",
    "measure",
    "peaks",
    "probe",
    "transcode",
    "verify",
    "write_tags",
]
