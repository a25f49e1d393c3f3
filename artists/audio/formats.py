"""The kinds of files we take: what people are told, what choosers offer and what ffmpeg may open follow from here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A kind of file we take: the demuxer ffmpeg is forced to use and the only decoders it may open.

    `label` names the container in sentences, `kinds` what people call the files in it, `suffixes` how their names end.
    """

    container: str
    label: str
    kinds: tuple[str, ...]
    suffixes: tuple[str, ...]
    demuxer: str
    decoders: tuple[str, ...]


_PCM_LE = ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_alaw")
_PCM_BE = ("pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_s8", "pcm_f32be", "pcm_f64be", "pcm_mulaw", "pcm_alaw")
_OGG = ("vorbis", "opus", "flac", "libvorbis", "libopus")

FORMATS: dict[str, Format] = {
    form.container: form
    for form in (
        Format("wav", "WAV", ("WAV",), (".wav", ".wave", ".bwf", ".rf64"), "wav", _PCM_LE),
        Format("w64", "Wave64", (), (".w64",), "w64", _PCM_LE),
        Format("aiff", "AIFF", ("AIFF",), (".aif", ".aiff", ".aifc"), "aiff", (*_PCM_BE, "pcm_s16le")),
        Format("flac", "FLAC", ("FLAC",), (".flac",), "flac", ("flac",)),
        Format("m4a", "M4A", ("ALAC", "AAC"), (".m4a", ".m4b", ".mp4"), "mov", ("aac", "alac")),
        Format("aac", "AAC", (), (".aac",), "aac", ("aac",)),
        Format("mp3", "MP3", ("MP3",), (".mp3",), "mp3", ("mp3float", "mp3")),
        Format("ogg", "Ogg", ("Ogg Vorbis", "Opus"), (".ogg", ".oga", ".opus"), "ogg", _OGG),
        Format("wv", "WavPack", ("WavPack",), (".wv",), "wv", ("wavpack",)),
        Format("tta", "TTA", ("TTA",), (".tta",), "tta", ("tta",)),
    )
}

SUFFIXES = tuple(suffix for form in FORMATS.values() for suffix in form.suffixes)
"""How the names of files we take may end. Names are never believed; this is for choosers and archives."""

_KINDS = [kind for form in FORMATS.values() for kind in form.kinds]
SUPPORTED = f"{', '.join(_KINDS[:-1])} or {_KINDS[-1]}"
"""What we take, in words."""
