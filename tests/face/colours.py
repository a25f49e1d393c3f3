"""Reads tokens.css and reckons contrast as WCAG 2.2 does, with nothing but arithmetic."""

import math
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKENS = (ROOT / "static/css/tokens.css").read_text()
Linear = tuple[float, float, float]


def token(name: str, theme: str) -> str:
    """The value of `--name` in "light" or "dark", as it is written."""
    found = re.search(rf"--{name}: (light-dark\((?P<pair>.+)\)|(?P<one>[^;]+));", TOKENS)
    assert found, f"tokens.css has no --{name}"
    if found["one"]:
        return found["one"]
    halves = re.split(r",\s*(?=#|oklch)", found["pair"])
    assert len(halves) == 2, f"--{name} needs one colour for light and one for dark"
    return halves[0 if theme == "light" else 1]


def linear(colour: str, hue: float = 0) -> Linear:
    """`#rrggbb` or `oklch(l c var(--h))` as linear sRGB. An oklch colour outside sRGB fails: screens would bend it."""
    if colour.startswith("#"):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return red, green, blue
    found = re.fullmatch(r"oklch\(([\d.]+) ([\d.]+) var\(--h\)\)", colour)
    assert found, f"cannot read {colour}"
    rgb = _from_oklch(float(found[1]), float(found[2]), hue)
    assert all(-0.001 <= part <= 1.001 for part in rgb), f"{colour} at {hue} degrees is outside sRGB"
    return rgb


def contrast(one: Linear, other: Linear) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Linear) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def _from_oklch(lightness: float, chroma: float, hue: float) -> Linear:
    """Björn Ottosson's matrices."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
