"""Template tags of the design system: icons, times, sizes, waveforms; docs/face.md lists them."""

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

WAVE_HEIGHT = 32
"""The height of a waveform's view box in `_waveform.html`; a bar's unit."""


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """The icon `name` of static/icons.svg; silent to screen readers unless it is given a `label`."""
    sprite = static("icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>', label, sprite, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', sprite, name)


@register.simple_tag
def static_as_in_css(path: str) -> str:
    """Where a static file is, written as a stylesheet writes it: a preload with `%40` for `@` would fetch it twice."""
    return unquote(static(path))


class HasUrl(Protocol):
    """A Cover: it knows where its image of `size` pixels is."""

    def url(self, size: int) -> str: ...


@register.filter
def cover_url(cover: HasUrl | None, size: int) -> str:
    """Where a cover's image of at least `size` pixels is; empty when there is no cover."""
    return cover.url(size) if cover else ""


@register.filter
def duration(ms: int | None) -> str:
    """Milliseconds as people write a song's length: 187000 is "3:07", an hour and more "1:02:09"."""
    seconds = round((ms or 0) / 1000)
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds % 60:02}"
    return f"{minutes}:{seconds % 60:02}"


@register.filter
def counted(count: int, noun: str) -> str:
    """How many there are, like "3 payees" or "1 payee"; nothing for none."""
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


@register.filter
def filesize_short(size: int | None) -> str:
    """Bytes in the decimal units shops use, three digits at most: 12400000 is "12.4 MB"."""
    amount = float(size or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit in ("B", "kB") or amount >= 100 else f"{amount:.1f} {unit}"


@register.filter
def ratio(part: int | None, whole: int | None) -> int:
    """`part` of `whole` in whole percent, 0 to 100; 0 when there is no whole."""
    return min(100, max(0, 100 * (part or 0) // whole)) if whole else 0


@register.filter
def wave(peaks: Sequence[int] | None, bars: int = 96) -> str:
    """Path data of `bars` upright strokes, the loudest of each stretch of `peaks` (0..255), 3 units apart.

    Without peaks it draws a flat line, so that the row keeps its height while formats are made.
    """
    peaks = peaks or [0]
    middle = WAVE_HEIGHT / 2
    strokes = []
    for bar in range(bars):
        start = bar * len(peaks) // bars
        loudest = max(peaks[start : max(start + 1, (bar + 1) * len(peaks) // bars)])
        half = max(1.0, loudest / 255 * (middle - 1))
        strokes.append(f"M{bar * 3 + 1} {middle - half:.1f}v{2 * half:.1f}")
    return "".join(strokes)


@register.filter
def wave_width(bars: int) -> int:
    """The width of the view box that holds `bars` strokes."""
    return bars * 3
