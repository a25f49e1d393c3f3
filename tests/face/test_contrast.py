"""Every text colour on every surface, and every hue a cover may choose, reads at WCAG AA in both themes."""

import re

import pytest

from tests.face.colours import TOKENS, contrast, linear, token

THEMES = ("light", "dark")
SURFACES = ("bg", "surface", "raised")
WORDS = ("text", "text-2", "text-3", "link", "money", "warn", "danger", "info")
HUES = range(24)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", WORDS)
def test_words_are_readable_on_every_surface(theme: str, surface: str, name: str) -> None:
    assert contrast(linear(token(name, theme)), linear(token(surface, theme))) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["brand", "brand-pressed"])
def test_white_is_readable_on_the_red_action(theme: str, name: str) -> None:
    assert contrast(linear(token("on-brand", theme)), linear(token(name, theme))) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", ["input-border", "focus"])
def test_edges_of_fields_and_focus_are_visible(theme: str, surface: str, name: str) -> None:
    assert contrast(linear(token(name, theme)), linear(token(surface, theme))) >= 3


def test_there_are_24_hues_15_degrees_apart() -> None:
    assert re.findall(r"\.hue-(\d+) \{ --h: (\d+); \}", TOKENS) == [(str(n), str(15 * n)) for n in HUES]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("hue", HUES)
def test_words_are_readable_on_the_wash_of_every_cover(theme: str, hue: int) -> None:
    wash = linear(token("hue-wash", theme), 15 * hue)
    assert contrast(linear(token("hue-ink", theme), 15 * hue), wash) >= 4.5
    for name in ("text", "text-2", "text-3", "link", "money"):
        assert contrast(linear(token(name, theme)), wash) >= 4.5, name


@pytest.mark.parametrize("hue", HUES)
def test_white_is_readable_on_the_solid_of_every_hue(hue: int) -> None:
    solid = linear(token("hue-solid", "dark"), 15 * hue)
    assert contrast(linear("#ffffff"), solid) >= 4.5


def test_a_failing_pair_would_be_noticed() -> None:
    assert contrast(linear("#777777"), linear("#ffffff")) == pytest.approx(4.478, abs=0.01)
