"""Take a file in: one decode tells everything about it and makes what people will hear."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .decoding import Output
from .limits import Limits
from .probing import Probe, probe_and_encode
from .transcoding import RECIPES, SLACK_MS
from .wholeness import NotWhole, mp3_ms, opus_ms

_LENGTHS: dict[str, Callable[[Path], int]] = {"mp3": mp3_ms, "opus": opus_ms}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """An accepted file: what it told, and the whole files made of it, by recipe."""

    probe: Probe
    files: Mapping[str, Path]


def take_in(path: Path, recipes: Sequence[str], folder: Path, *, limits: Limits | None = None) -> Taken:
    """Probe an uploaded file and make these recipes of it in `folder`, which is empty, in one decode.

    What could not be made is missing from the files: that is no fault of the music, and `transcode` says why. The
    others are the very bytes `transcode` makes. MP3 and Opus only. Raises Unreadable like `probe`.
    """
    outputs = {recipe: Output(folder / recipe, RECIPES[recipe].args) for recipe in recipes}
    found, are_made = probe_and_encode(path, tuple(outputs.values()), limits=limits)
    files = {recipe: output.path for recipe, output in outputs.items()} if are_made else {}
    return Taken(found, {recipe: made for recipe, made in files.items() if _is_whole(recipe, made, found.duration_ms)})


def _is_whole(recipe: str, made: Path, expected_ms: int) -> bool:
    try:
        plays_ms = _LENGTHS[RECIPES[recipe].scheme](made)
        if abs(plays_ms - expected_ms) > SLACK_MS:
            raise NotWhole(f"it plays {plays_ms} ms, the original {expected_ms} ms")
    except (NotWhole, OSError) as reason:
        _log.warning("%s of a file that was taken in is not used: %s", RECIPES[recipe].label, reason)
        return False
    return True
