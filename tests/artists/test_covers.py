"""Covers: what is taken, what is made of it, what is refused."""

import io
import re
import time

import pytest
from PIL import Image, ImageDraw

from artists import covers
from tests.artists import sounds


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def in_many_scans(count: int) -> bytes:
    """A JPEG whose first step is repeated: ten bytes each, and every one is a look at all its pixels."""
    data = sounds.picture(200, 200, "JPEG", progressive=True)
    step = next(data[place : place + 10] for place in steps_of(data) if data[place + 4] == 1)
    return data[:-2] + step * count + data[-2:]


def steps_of(data: bytes) -> list[int]:
    return [found.start() for found in re.finditer(b"\xff\xda", data)]


def test_a_jpeg_that_is_shown_from_coarse_to_fine_is_taken() -> None:
    assert len(steps_of(in_many_scans(0))) > 5
    assert covers.receive(in_many_scans(0)).width == 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_kind_becomes_the_four_sizes(kind: str) -> None:
    cover = covers.receive(sounds.picture(1400, 1400, kind))

    assert {width: size_of(data) for width, data in cover.webp.items()} == {
        size: (size, size) for size in (96, 320, 640, 1200)
    }
    assert (cover.width, cover.height) == size_of(cover.jpeg) == (1200, 1200)


def test_a_small_picture_is_never_blown_up() -> None:
    cover = covers.receive(sounds.picture(400, 400))
    assert sorted(cover.webp) == [96, 320, 400]
    assert cover.nearest(96) == 96
    assert cover.nearest(320) == 320
    assert cover.nearest(1200) == 400


def test_an_oblong_picture_is_cut_from_its_middle() -> None:
    image = Image.new("RGB", (900, 300), "white")
    ImageDraw.Draw(image).rectangle((300, 0, 600, 300), fill="#00f")
    out = io.BytesIO()
    image.save(out, "PNG")

    cover = covers.receive(out.getvalue())
    assert size_of(cover.jpeg) == (300, 300)
    with Image.open(io.BytesIO(cover.jpeg)) as made:
        red, _green, blue = made.convert("RGB").getpixel((150, 150))  # type: ignore[misc]
        assert blue > 200 > 50 > red


def test_a_banner_keeps_its_shape() -> None:
    cover = covers.receive(sounds.picture(1200, 628), is_square=False)
    assert size_of(cover.webp[640]) == (640, 335)
    assert size_of(cover.jpeg) == (1200, 628)


@pytest.mark.parametrize(
    ("colour", "hue"),
    [("#d4141c", 2), ("#ffb02e", 5), ("#2e8b3a", 10), ("#1580c0", 16), ("#2233cc", 18), ("#cc22aa", 22)],
)
def test_the_hue_is_the_one_people_see(colour: str, hue: int) -> None:
    assert covers.receive(sounds.picture(200, 200, colour=colour)).hue in (hue - 1, hue, hue + 1)


def test_black_and_white_takes_the_colour_of_the_house() -> None:
    assert covers.receive(sounds.picture(200, 200, colour="#777777")).hue == covers.DEFAULT_HUE


def test_where_a_photo_was_taken_is_not_published() -> None:
    image = Image.new("RGB", (200, 200), "red")
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    assert b"SECRETCAMERA" in out.getvalue()

    cover = covers.receive(out.getvalue())

    assert all(b"SECRETCAMERA" not in data for data in [cover.jpeg, *cover.webp.values()])


def test_a_photo_taken_sideways_is_turned_up() -> None:
    image = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    cover = covers.receive(out.getvalue(), is_square=False)
    assert (cover.width, cover.height) == (200, 400)


def test_a_damaged_colour_profile_is_no_reason_to_refuse_a_picture() -> None:
    out = io.BytesIO()
    Image.new("RGB", (100, 100), "#e0002a").save(out, "JPEG", icc_profile=b"no profile")
    assert covers.receive(out.getvalue()).width == 100


def test_a_see_through_picture_stands_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(covers.receive(out.getvalue()).jpeg)) as made:
        assert made.getpixel((50, 50)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (sounds.png_bomb(), "6000"),
        (sounds.png_bomb(9000), "9000 x 9000"),
        (sounds.picture(40, 40), "40 x 40"),
        (sounds.picture(3000, 64), "strip"),
        (sounds.picture(500, 500, "JPEG")[:900], "damaged"),
        (b"GIF89a" + b"\0" * 99, "not a picture"),
        (b"\xff\xd8" + b"\0" * 21_000_000, "20 MB"),
        (in_many_scans(2_000), "too many steps"),
    ],
    ids=["empty", "text", "svg", "bomb", "large", "tiny", "strip", "cut", "gif", "heavy", "scans"],
)
def test_what_cannot_be_a_cover_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    started = time.process_time()
    with pytest.raises(covers.BadPicture, match=words) as caught:
        covers.receive(data)
    assert str(caught.value).endswith(".")
    assert "Nothing else was changed" in str(caught.value)
    assert time.process_time() - started < 2
