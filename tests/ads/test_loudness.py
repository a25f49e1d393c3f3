"""A spot is as loud as the music beside it, and never louder than its own file."""

import pytest

from ads.assets import loudness


@pytest.mark.parametrize(
    ("music", "gain_db"),
    [
        ([], 0.0),
        ([None], 0.0),
        ([-14.0], 0.0),
        ([-20.0], -6.0),
        ([-8.0], 0.0),
        ([-70.0], -12.0),
        ([-30.0, -17.0, -16.0], -3.0),
        ([None, -16.5], -2.5),
    ],
)
def test_a_spot_beside_quieter_music_is_played_quieter_and_never_louder(
    music: list[float | None], gain_db: float
) -> None:
    assert loudness.gain_db(music) == gain_db
