"""Names of files that can be unpacked on every system."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AC/DC: Live?", "AC-DC- Live-"),
        ("../../etc", "-..-etc"),
        ("CON", "_CON"),
        ("con .mp3", "_con .mp3"),
        ("COM¹", "_COM¹"),
        ("CONIN$", "_CONIN$"),
        ("lpt1.txt", "_lpt1.txt"),
        ("dots...", "dots"),
        ("a\u202eb\nc", "ab c"),
        ("bell\x07 and \x85more", "bell and more"),
        ("e\u0301", "\u00e9"),
        ("\U0001f3b5" * 90, "\U0001f3b5" * 50),
        ("", "untitled"),
    ],
)
def test_a_name_is_safe_on_every_system(text: str, name: str) -> None:
    assert names.safe(text) == name


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=400))
def test_no_text_makes_an_unsafe_name(text: str) -> None:
    name = names.safe(text)
    assert 0 < len(name.encode()) <= names.LONGEST_BYTES + 1
    assert not set(name) & set('<>:"/\\|?*\x00\r\n\t')
    assert name == name.strip(" .")
    assert names.safe(name) == name


def test_a_long_name_is_not_cut_through_a_letter() -> None:
    assert names.safe("x" * 119 + "q\u0304\u0301" * 3) == "x" * 119
    assert names.safe("\U0001f468\u200d\U0001f469" * 60).endswith(("\U0001f468", "\U0001f469"))


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["a.mp3", "A.mp3", "b.mp3"], ["a.mp3", "A (2).mp3", "b.mp3"]),
        (["a.mp3", "a (2).mp3", "A.mp3"], ["a.mp3", "a (2).mp3", "A (3).mp3"]),
        (["Straße.mp3", "STRASSE.mp3"], ["Straße.mp3", "STRASSE (2).mp3"]),
        (["\u00e9.mp3", "e\u0301.mp3"], ["\u00e9.mp3", "e\u0301 (2).mp3"]),
        (["same", "same"], ["same", "same (2)"]),
    ],
)
def test_two_names_of_one_file_become_two(given: list[str], made: list[str]) -> None:
    assert names.unique(given) == made
