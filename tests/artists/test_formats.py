"""Formats say what can be had, and how large it is or will be about."""

from pathlib import Path

import pytest

from artists import audio
from artists.formats import Format, Stock
from artists.models import Original, Rendition
from tests.artists.factories import make_original, make_rendition, tone

pytestmark = pytest.mark.django_db


def told(*originals: Original) -> dict[str, Format]:
    ids = [one.pk for one in originals]
    return {one.recipe: one for one in Stock(ids).formats(ids)}


def test_formats_say_what_can_be_had_and_how_large_it_is() -> None:
    first, second = make_original(), make_original()
    Rendition.objects.filter(recipe="opus", original=first).delete()
    formats = told(first, second)
    assert list(formats) == list(audio.RECIPES)
    assert [name for name, one in formats.items() if one.is_ready] == ["mp3-320", "mp3-v0", "flac"]
    assert formats["flac"].size == sum(Rendition.objects.filter(recipe="flac").values_list("size_bytes", flat=True))
    assert formats["flac"].is_exact
    assert formats["opus"].is_wanted, "it is made ahead, so it is on its way"
    assert not formats["wav"].is_wanted, "nobody asked for it"


def test_one_file_that_failed_is_a_format_that_cannot_be_had() -> None:
    first, second = make_original(), make_original()
    Rendition.objects.filter(recipe="flac", original=first).update(state="FAILED", reason="The encoder stopped.")
    flac = told(first, second)["flac"]
    assert (flac.has_failed, flac.is_ready, flac.is_wanted) == (True, False, False)


def test_of_nothing_there_is_nothing_to_have() -> None:
    assert {(one.size, one.is_ready) for one in told().values()} == {(0, False)}


def test_a_format_that_is_about_as_large_as_another_says_so() -> None:
    original = make_original()
    formats = told(original)
    assert formats["alac"].size == formats["flac"].size
    assert not formats["alac"].is_exact


@pytest.mark.parametrize("recipe", [one.name for one in audio.RECIPES.values() if not one.is_made_ahead])
def test_an_estimate_is_near_what_is_made(recipe: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    audio.transcode(_noise(tmp_path), recipe, out)
    chosen = audio.RECIPES[recipe]
    about = chosen.about_bytes(duration_ms=10_000, sample_rate_hz=44_100, channels=2, bit_depth=16)
    least, most = (0.95, 1.05) if chosen.packs_to == 1 and chosen.is_lossless else (0.5, 2)
    assert least <= about / out.stat().st_size <= most


def test_what_was_lossy_before_is_written_in_16_bits() -> None:
    measured = {"duration_ms": 1_000, "sample_rate_hz": 48_000, "channels": 2}
    sizes = [audio.RECIPES["wav"].about_bytes(bit_depth=depth, **measured) for depth in (0, 16, 24, 32)]
    assert sizes == [192_000, 192_000, 288_000, 288_000]


def test_sizes_cost_two_queries_however_much_is_asked(django_assert_num_queries: object) -> None:
    originals = [make_original() for _ in range(4)]
    make_rendition(originals[0], "wav", state=Rendition.State.WANTED)
    with django_assert_num_queries(2):  # type: ignore[operator]  # pytest-django's fixture
        told(*originals)


def _noise(folder: Path) -> Path:
    """Ten seconds of something that packs about as music does."""
    return tone(folder / "a.wav", seconds=10, af="aeval=val(0)*0.3+0.03*random(0)|val(0)*0.3+0.03*random(1)")
