"""The formats music can be had in: which are there, which are made when somebody asks, and how large each is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from artists import audio
from artists.models import Original, Rendition


@dataclass(frozen=True)
class Format:
    """One format of a track or album. `size` in bytes without tags, estimated unless `is_exact`.

    What is not ready is being made (`is_wanted`), has failed, or is made when somebody asks for it.
    """

    recipe: str
    label: str
    advice: str
    size: int
    is_exact: bool
    is_made_ahead: bool
    is_ready: bool
    is_wanted: bool
    has_failed: bool


class Stock:
    """What is known of the files of some originals: two queries, however many they are."""

    def __init__(self, originals: Iterable[int]) -> None:
        ids = set(originals)
        measures = ("duration_ms", "sample_rate_hz", "channels", "is_lossless", "bit_depth")
        self._measures = {row["pk"]: row for row in Original.objects.filter(pk__in=ids).values("pk", *measures)}
        rows = Rendition.objects.filter(original__in=ids).values_list("original", "recipe", "state", "size_bytes")
        self._files = {(original, recipe): (state, size) for original, recipe, state, size in rows}

    def formats(self, originals: Sequence[int]) -> list[Format]:
        """Every format of what these originals hold together, in the order they are offered."""
        return [self._format(recipe, originals) for recipe in audio.RECIPES.values()]

    def _format(self, recipe: audio.Recipe, originals: Sequence[int]) -> Format:
        found = [self._files.get((one, recipe.name), ("", 0)) for one in originals]
        states = {state for state, _ in found}
        is_ready = states == {Rendition.State.READY}
        has_failed = Rendition.State.FAILED in states
        return Format(
            recipe=recipe.name,
            label=recipe.label,
            advice=recipe.words,
            size=sum(size or self._about(recipe, one) for one, (_, size) in zip(originals, found, strict=True)),
            is_exact=is_ready,
            is_made_ahead=recipe.is_made_ahead,
            is_ready=is_ready,
            is_wanted=not has_failed and not is_ready and (recipe.is_made_ahead or Rendition.State.WANTED in states),
            has_failed=has_failed,
        )

    def _about(self, recipe: audio.Recipe, original: int) -> int:
        """About the bytes of a file that is not there; 0 for what has no original."""
        _, size = self._files.get((original, recipe.like), ("", 0))
        measured = self._measures.get(original)
        if size or measured is None:
            return size
        return recipe.about_bytes(
            duration_ms=measured["duration_ms"],
            sample_rate_hz=measured["sample_rate_hz"],
            channels=measured["channels"],
            bit_depth=(measured["bit_depth"] or 16) if measured["is_lossless"] else 0,
        )
