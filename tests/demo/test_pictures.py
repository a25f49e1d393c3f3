"""The demo's pictures: every one different, none empty, always the same, and taken by our own cover room."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from artists import covers
from megabox.demo import ink, works, workshop

SQUARES = [work.sleeve for work in works.WORKS] + [act.portrait for act in works.ACTS]
BANNERS = [spot.picture for push in works.PUSHES for spot in push.spots if spot.picture]


@pytest.mark.parametrize("draw", SQUARES)
def test_a_sleeve_is_a_picture_and_not_a_grey_square(draw: Callable[[], Image.Image]) -> None:
    image = draw()
    values = np.asarray(image, dtype=float)

    assert image.size == (1400, 1400)
    assert values.std() > 30
    assert len(np.unique(values.reshape(-1, 3)[::97].astype(int) // 32, axis=0)) > 12  # many colours
    cover = covers.receive(ink.jpeg(image))
    assert sorted(cover.webp) == [96, 320, 640, 1200]


@pytest.mark.parametrize("draw", BANNERS)
def test_a_banner_fits_where_ads_are_shown(draw: Callable[[], Image.Image]) -> None:
    assert draw().size == (1200, 628)


def test_sleeves_are_told_apart_at_a_glance() -> None:
    small = [np.asarray(work.sleeve().resize((8, 8)), dtype=float) for work in works.WORKS]
    for index, one in enumerate(small):
        for other in small[index + 1 :]:
            assert np.abs(one - other).mean() > 25


def test_the_same_sleeve_is_the_same_bytes() -> None:
    assert workshop.draw("sleeve", "Sixteen Pixels") == workshop.draw("sleeve", "Sixteen Pixels")


def test_type_can_be_set_without_our_own_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ink, "_ARCHIVO", ink._ARCHIVO.with_name("gone.woff2"))
    ink.font.cache_clear()
    image, pen = ink.canvas("#ffffff", (200, 60))
    ink.write(pen, (10, 40), "Megabox", 30, "#000000")
    ink.font.cache_clear()
    assert np.asarray(image).min() == 0


def test_a_worker_process_makes_the_same_picture(tmp_path: object) -> None:
    from pathlib import Path

    shop = workshop.Workshop(Path(str(tmp_path)), hands=1)
    try:
        data = shop.banner("First leaf, second cup").result(60)
    finally:
        shop.close()
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (1200, 628)
    assert data == workshop.draw("banner", "First leaf, second cup")
