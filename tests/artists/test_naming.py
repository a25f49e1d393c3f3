"""A file name is believed only when it is certain."""

import pytest

from artists.naming import Guess, guess


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("01 Night Bus.wav", Guess("Night Bus", 1)),
        ("01_night_bus.wav", Guess("night bus", 1)),
        ("02. Rain.flac", Guess("Rain", 2)),
        ("3. Third Rail.mp3", Guess("Third Rail", 3)),
        ("12 - Last Stop.ogg", Guess("Last Stop", 12)),
        ("Nova Kit - 04 - Glass.wav", Guess("Glass", 4)),
        ("Nova Kit - Night Bus - 04 Glass.wav", Guess("Glass", 4)),
        ("Nova Kit - Glass.wav", Guess("Glass")),
        ("99 Luftballons.wav", Guess("99 Luftballons")),
        ("7 rings.mp3", Guess("7 rings")),
        ("3-2-1 Go.wav", Guess("3-2-1 Go")),
        ("1999.wav", Guess("1999")),
        ("2 + 2 = 5.wav", Guess("2 + 2 = 5")),
        ("Mr. Smith.wav", Guess("Mr. Smith")),
        (".wav", Guess("Untitled")),
        ("no suffix", Guess("no suffix")),
    ],
)
def test_a_name_tells_what_is_certain(name: str, told: Guess) -> None:
    assert guess(name, artist="Nova Kit", album="Night Bus") == told


def test_a_bare_number_is_a_place_beside_files_that_count_with_zeros() -> None:
    assert guess("10 Rain.wav", beside=["09 Glass.wav"]) == Guess("Rain", 10)
    assert guess("10 Rain.wav", beside=["Glass.wav"]) == Guess("10 Rain")
