"""The audio engine: files in, files out, no database. Hostile input, honest answers.

`take_in` accepts or refuses an upload and makes what people hear of it, `transcode` makes any other format,
`write_tags` labels what they download.
"""

from .decoding import Loudness
from .errors import (
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
from .formats import SUFFIXES, SUPPORTED
from .limits import Limits
from .probing import PEAKS, Probe, cover, probe
from .sandbox import ffmpeg_path
from .sniff import clean_filename
from .tags import NAMES, Tags, clean_text, one_line
from .taking import Taken, take_in
from .transcoding import RECIPES, Recipe, too_large, transcode, verify, write_tags

__all__ = [
    "NAMES",
    "PEAKS",
    "RECIPES",
    "SUFFIXES",
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
    "Taken",
    "TooBig",
    "TooHeavy",
    "TooLong",
    "TranscodeFailed",
    "Unreadable",
    "clean_filename",
    "clean_text",
    "cover",
    "ffmpeg_path",
    "one_line",
    "probe",
    "take_in",
    "too_large",
    "transcode",
    "verify",
    "write_tags",
]
