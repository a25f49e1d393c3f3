"""How loud a spot is played beside music: music is streamed as its artist made it, spots are levelled when they come.

A spot is stored at -14 LUFS or below (`ads.assets.creatives`). Beside quieter music it is played quieter by the
difference; beside louder music it stays as it is, because raising it could push its peaks above full scale.
"""

from collections.abc import Iterable
from statistics import median

from ads.assets.creatives import TARGET_LUFS

LEAST_GAIN_DB = -12.0
"""Beside the quietest music a spot is still heard."""


def gain_db(music_lufs: Iterable[float | None]) -> float:
    """The gain of a spot in dB, from -12 to 0, that makes it as loud as music of these loudnesses in LUFS.

    Of several tracks the one in the middle counts; what was never measured counts nothing.
    """
    known = [lufs for lufs in music_lufs if lufs is not None]
    if not known:
        return 0.0
    return round(max(LEAST_GAIN_DB, min(0.0, median(known) - TARGET_LUFS)), 1)
