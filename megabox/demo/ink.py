"""Paper and ink for the demo's pictures: type, grain, soft shadows, overprinted colours."""

import functools
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

SIDE = 1400
FINE = 2  # drawn larger and scaled down, because Pillow's edges are hard
_ARCHIVO = Path(__file__).parents[2] / "static/vendor/archivo@5.3.0/archivo-latin-wght-normal.woff2"

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def rgb(code: str) -> Colour:
    """Read "#e0002a"."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


@functools.lru_cache(maxsize=64)
def font(size: int, weight: int = 800) -> Font:
    """The house's display type (Archivo, OFL); Pillow's own where this Pillow cannot read it."""
    try:
        face = ImageFont.truetype(str(_ARCHIVO), size)
        face.set_variation_by_axes([weight])
    except OSError:
        return ImageFont.load_default(size)
    return face


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    colour: str,
    *,
    weight: int = 800,
    tracking: float = 0.0,
    anchor: str = "ls",
) -> float:
    """Set a line of type with letter-spacing in em; return where it ends. Sizes are those of the finished picture."""
    face = font(size * FINE, weight)
    x, y = place[0] * FINE, place[1] * FINE
    if anchor[0] == "r":
        x -= width(text, size, weight=weight, tracking=tracking) * FINE
    elif anchor[0] == "m":
        x -= width(text, size, weight=weight, tracking=tracking) * FINE / 2
    for letter in text:
        draw.text((x, y), letter, font=face, fill=colour, anchor="l" + anchor[1])
        x += face.getlength(letter) + tracking * size * FINE
    return x / FINE


def width(text: str, size: int, *, weight: int = 800, tracking: float = 0.0) -> float:
    """How wide a line of type is, in pixels of the finished picture."""
    face = font(size * FINE, weight)
    return sum(face.getlength(letter) for letter in text) / FINE + tracking * size * (len(text) - 1)


def canvas(colour: str, size: tuple[int, int] = (SIDE, SIDE)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet, at twice its final size."""
    image = Image.new("RGB", (size[0] * FINE, size[1] * FINE), colour)
    return image, ImageDraw.Draw(image)


def mask(size: tuple[int, int] = (SIDE, SIDE)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty plate: white is where ink will go."""
    image = Image.new("L", (size[0] * FINE, size[1] * FINE), 0)
    return image, ImageDraw.Draw(image)


def scaled(*numbers: float) -> list[float]:
    """Coordinates of the finished picture as those of the large one."""
    return [number * FINE for number in numbers]


def points(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
    """Corners of the finished picture as those of the large one."""
    return [(x * FINE, y * FINE) for x, y in pairs]


def gradient(stops: list[tuple[float, str]], size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """A vertical gradient through colours at heights 0..1."""
    at = np.linspace(0, 1, size[1] * FINE)
    rows = np.stack(
        [np.interp(at, [stop for stop, _ in stops], [rgb(code)[part] for _, code in stops]) for part in range(3)],
        axis=1,
    )
    column = np.round(rows).astype(np.uint8)[:, None, :]
    return Image.fromarray(np.broadcast_to(column, (size[1] * FINE, size[0] * FINE, 3)).copy(), "RGB")


def overprint(paper: Image.Image, plate: Image.Image, colour: str, *, strength: float = 1.0) -> Image.Image:
    """Print a plate in one transparent ink, as a risograph does: where inks meet they darken each other."""
    ink = Image.new("RGB", paper.size, colour)
    printed = ImageChops.multiply(paper, ink)
    return Image.composite(printed, paper, plate.point(lambda value: int(value * strength)))


def shadow(paper: Image.Image, plate: Image.Image, *, offset: tuple[float, float], blur: float, dark: float) -> None:
    """Let a cut-out cast a soft shadow on the paper, in place."""
    small = plate.resize((plate.width // 4, plate.height // 4), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(blur * FINE / 4)).resize(plate.size, Image.Resampling.BILINEAR)
    moved = ImageChops.offset(soft, int(offset[0] * FINE), int(offset[1] * FINE))
    paper.paste((18, 14, 24), mask=moved.point(lambda value: int(value * dark)))


def worn(plate: Image.Image, seed: int, *, amount: float = 0.25) -> Image.Image:
    """A plate whose ink did not take everywhere: grain, a little."""
    rng = np.random.default_rng(seed)
    grain = rng.random((plate.height // 2, plate.width // 2), dtype=np.float32)
    keep = Image.fromarray(np.where(grain < amount * 0.5, 130, 255).astype(np.uint8), "L").resize(plate.size)
    return ImageChops.multiply(plate, keep)


def finished(image: Image.Image, *, seed: int, grain: float = 5.0) -> Image.Image:
    """Scale to the final size and give the surface a fine grain, so that flat colours look printed."""
    small = image.resize((image.width // FINE, image.height // FINE), Image.Resampling.LANCZOS)
    values: NDArray[np.float32] = np.asarray(small, dtype=np.float32)
    noise = np.random.default_rng(seed).normal(0, grain, values.shape[:2]).astype(np.float32)
    return Image.fromarray(np.clip(values + noise[:, :, None], 0, 255).astype(np.uint8), "RGB")


def jpeg(image: Image.Image) -> bytes:
    """The picture as a file, as an artist would upload it."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()
