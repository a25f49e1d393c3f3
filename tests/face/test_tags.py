"""The template tags of the design system."""

import re

import pytest
from django.template import Context, Template

from megabox.templatetags import face


@pytest.mark.parametrize(
    ("ms", "shown"), [(187_000, "3:07"), (0, "0:00"), (None, "0:00"), (59_600, "1:00"), (3_729_000, "1:02:09")]
)
def test_a_length_is_shown_as_people_write_it(ms: int | None, shown: str) -> None:
    assert face.duration(ms) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (12_400, "12 kB"),
        (12_400_000, "12.4 MB"),
        (284_000_000, "284 MB"),
        (2_000_000_000, "2.0 GB"),
    ],
)
def test_a_size_is_shown_in_three_digits(size: int, shown: str) -> None:
    assert face.filesize_short(size) == shown


@pytest.mark.parametrize(("part", "whole", "percent"), [(1, 4, 25), (0, 0, 0), (5, 4, 100), (None, 9, 0), (-1, 4, 0)])
def test_a_ratio_is_a_whole_percent_between_0_and_100(part: int | None, whole: int, percent: int) -> None:
    assert face.ratio(part, whole) == percent


def test_a_waveform_has_a_stroke_for_each_bar_and_the_loudest_is_highest() -> None:
    strokes = re.findall(r"M(\d+) [\d.]+v([\d.]+)", face.wave([0] * 50 + [255] + [0] * 49, 10))
    assert len(strokes) == 10
    heights = [float(height) for _, height in strokes]
    assert heights.index(max(heights)) == 5
    assert max(heights) == face.WAVE_HEIGHT - 2


@pytest.mark.parametrize("peaks", [None, [], [7], [1, 2, 3]])
def test_a_waveform_of_few_or_no_peaks_still_has_every_bar(peaks: list[int] | None) -> None:
    assert face.wave(peaks, 24).count("M") == 24


def test_an_icon_is_silent_unless_it_is_named() -> None:
    silent, named = face.icon("play"), face.icon("play", "Play <it>")
    assert 'aria-hidden="true"' in silent
    assert 'aria-label="Play &lt;it&gt;"' in named
    assert "icons.svg#play" in named


def test_the_tags_are_there_without_loading_them() -> None:
    assert Template('{{ ms|duration }} {% icon "x" %}').render(Context({"ms": 61_000})).startswith("1:01 <svg")


def test_a_preloaded_font_has_the_address_of_the_stylesheet() -> None:
    assert face.static_as_in_css("vendor/archivo@5.3.0/a.woff2") == "/static/vendor/archivo@5.3.0/a.woff2"


def test_no_cover_has_no_address() -> None:
    assert face.cover_url(None, 300) == ""
