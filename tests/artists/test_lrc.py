"""Synced lyrics are read line by line, and what is wrong names its line."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artists import lrc
from artists.lrc import Line

SONG = """[ar:Nova Kit]
[ti:Rain On Glass]

[00:01.50]Rain on glass
[00:03]
[00:04.250][00:09.5]Night bus <00:05.00>home
"""


def test_lines_are_read_in_the_order_they_are_sung() -> None:
    assert lrc.parse(SONG) == (
        Line(1_500, "Rain on glass"), Line(3_000, ""), Line(4_250, "Night bus home"), Line(9_500, "Night bus home"),
    )  # fmt: skip
    assert lrc.plain(SONG) == "Rain on glass\n\nNight bus home\nNight bus home"


def test_an_offset_makes_all_lines_earlier_but_never_before_the_beginning() -> None:
    assert [one.at_ms for one in lrc.parse("[offset:+500]\n[00:00.20]a\n[00:02.00]b")] == [0, 1_500]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[00:01.00]a\nwords", "Line 2: “words” has no time that can be read"),
        ("[00:61.00]a", "Line 1: "),
        ("\n\n[00:01.00][xx]a", "Line 3: "),
        ("[offset:much]\n[00:01.00]a", "Line 1: the offset is a number of milliseconds"),
        ("[00:01.00]a\n[05:00.00]b", "Line 2: 5:00 is after the end of the track, 3:20."),
        ("[00:01.00]a\n" * 2_001, "These are 2001 lines"),
    ],
)
def test_what_is_wrong_names_its_line(text: str, sentence: str) -> None:
    with pytest.raises(lrc.BadLrc, match=sentence):
        lrc.parse(text, duration_ms=200_000)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(alphabet="[]0123456789:.<>ab\n offset", max_size=60))
def test_whatever_is_typed_is_read_or_refused_with_a_sentence(text: str) -> None:
    with suppress(lrc.BadLrc):
        times = [one.at_ms for one in lrc.parse(text)]
        assert times == sorted(times)
