"""Covers: hostile pictures in, our own small square files and one hue out. No database."""

import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image, ImageCms, ImageOps

SIZES = (96, 320, 640, 1200)
MAX_BYTES = 20 * 1000**2
MAX_PIXELS = 40_000_000  # 6 324 x 6 324; below Pillow's own MAX_IMAGE_PIXELS, which stays as it is
MIN_SIDE = 64
MOST_SCANS = 300
"""Of a JPEG that is shown from coarse to fine. Ten is usual; each goes over all its pixels again, and needs ten bytes.
Embedded profiles and previews hold the two bytes of its mark by chance now and then."""
HUES = 24
DEFAULT_HUE = 1  # the house's own red side, for covers without colour
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
_WEBP_QUALITY = {96: 82, 320: 80, 640: 78, 1200: 76}
_KEPT = "Nothing else was changed."


class BadPicture(Exception):
    """A picture that cannot be a cover; `str(reason)` is a sentence for the person who chose it."""


@dataclass(frozen=True)
class CoverImage:
    """A received picture: `webp` by width in px, one JPEG for tags and feeds, the hue class 0..23.

    `sha256` is of what was received, so the same picture is kept once; width and height are those of the largest file.
    """

    sha256: str
    width: int
    height: int
    hue: int
    webp: dict[int, bytes] = field(repr=False)
    jpeg: bytes = field(repr=False)

    def nearest(self, size: int) -> int:
        """The width of the smallest file that is at least `size` wide, else of the largest."""
        return next((width for width in sorted(self.webp) if width >= size), max(self.webp))


def receive(data: bytes, *, is_square: bool = True) -> CoverImage:
    """Decode, bound and re-encode a picture at 96, 320, 640 and 1200 px, never larger than it is.

    Squares are cut from the middle; `is_square=False` keeps the shape (advertisers' and artists' pictures).
    Raises BadPicture.
    """
    picture = _open(data)
    if is_square:
        side = min(picture.size)
        picture = ImageOps.fit(picture, (side, side))
    widths = sorted({min(size, picture.width) for size in SIZES})
    scaled = dict(_scale(picture, widths))
    largest = scaled[widths[-1]]
    return CoverImage(
        sha256=hashlib.sha256(data).hexdigest(),
        width=largest.width,
        height=largest.height,
        hue=hue_of(largest),
        webp={width: _encode(image, "WEBP", _quality(width)) for width, image in scaled.items()},
        jpeg=_encode(largest, "JPEG", 86),
    )


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with `head` (16 bytes) calls itself a picture of a kind we take."""
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG")) or is_webp or head[4:12] == b"ftypavif"


def hue_of(picture: Image.Image) -> int:
    """The hue class of a picture, 0..23: the OKLCH hue most of its colour has, in steps of 15 degrees."""
    small = picture.convert("RGB").resize((48, 48), Image.Resampling.BOX)
    weights = [0.0] * HUES
    for red, green, blue in _pixels(small):
        chroma, angle = _oklch(red, green, blue)
        if chroma > 0.03:
            at = angle / (360 / HUES)
            low = math.floor(at)
            weights[low % HUES] += chroma * (1 - (at - low))
            weights[(low + 1) % HUES] += chroma * (at - low)
    if sum(weights) < 1.0:  # of 2 304 points: practically black and white
        return DEFAULT_HUE
    smooth = [weights[i - 1] / 2 + weights[i] + weights[(i + 1) % HUES] / 2 for i in range(HUES)]
    return max(range(HUES), key=smooth.__getitem__)


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadPicture(f"This picture is empty (0 bytes). {_KEPT} Export it again.")
    if len(data) > MAX_BYTES:
        raise BadPicture(
            f"This picture has {len(data) / 1e6:.0f} MB, more than the {MAX_BYTES // 1000**2} MB we take. {_KEPT} "
            "Save it as a JPEG of about 3000 x 3000 px."
        )
    if b"<svg" in data[:4096].lower():
        raise BadPicture(
            f"SVG drawings cannot be taken, because they can carry programs. {_KEPT} Export it as PNG or JPEG."
        )
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MOST_SCANS:
        raise BadPicture(f"This JPEG is written in far too many steps. {_KEPT} Save it again as a plain JPEG or PNG.")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            _check_size(picture)
            picture.load()
            turned = ImageOps.exif_transpose(picture)
            return _flat(_in_srgb(turned))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPicture(_too_many_pixels(None)) from None
    except (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, EOFError) as reason:
        # Pillow's decoders answer damaged files with any of these.
        raise BadPicture(
            f"This file is not a picture we can read, or it is damaged. {_KEPT} Choose a JPEG, PNG, WebP or AVIF file."
        ) from reason


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise BadPicture(_too_many_pixels(picture.size))
    if min(width, height) < MIN_SIDE:
        raise BadPicture(
            f"This picture is only {width} x {height} px and would look blurred. {_KEPT} "
            "Choose one of at least 600 x 600 px."
        )
    # A long strip of 40 million pixels is no cover; cut to a square it would be a few.
    if max(width, height) > 20 * min(width, height):
        raise BadPicture(f"This picture is a strip of {width} x {height} px. {_KEPT} Choose one nearer to a square.")


def _too_many_pixels(size: tuple[int, int] | None) -> str:
    has = f"has {size[0]} x {size[1]} px" if size else "has too many pixels"
    return f"This picture {has}; up to about 6000 x 6000 px can be taken. {_KEPT} Save it at 3000 x 3000 px."


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Convert from the colour profile inside the picture, so that it looks the same on every screen."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "CMYK"):
        return picture
    try:
        converted = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return picture  # a damaged profile: the plain colours are the best guess
    return converted or picture


def _flat(picture: Image.Image) -> Image.Image:
    """Put a see-through picture on white, and give every picture three colours."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        ground = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(ground, layered).convert("RGB")
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")  # 16 bits of grey
    return picture.convert("RGB")


def _scale(picture: Image.Image, widths: list[int]) -> Iterator[tuple[int, Image.Image]]:
    """Make each width from the next larger one: as sharp, and several times faster on large pictures."""
    current = picture
    for width in reversed(widths):
        height = max(1, round(picture.height * width / picture.width))
        if (width, height) != current.size:
            current = current.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        yield width, current


def _quality(width: int) -> int:
    return next((_WEBP_QUALITY[size] for size in SIZES if width <= size), 76)


def _encode(picture: Image.Image, kind: str, quality: int) -> bytes:
    """Write without any metadata: places and cameras stay private."""
    out = io.BytesIO()
    if kind == "WEBP":
        picture.save(out, "WEBP", quality=quality, method=4)
    else:
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _pixels(picture: Image.Image) -> Iterator[tuple[int, int, int]]:
    raw = picture.tobytes()
    return zip(raw[0::3], raw[1::3], raw[2::3], strict=True)


def _oklch(red: int, green: int, blue: int) -> tuple[float, float]:
    """Chroma and hue in degrees of an sRGB colour (B. Ottosson's OKLab), the space our style sheets use."""
    r, g, b = (_linear(value / 255) for value in (red, green, blue))
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    a_axis = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b_axis = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return math.hypot(a_axis, b_axis), math.degrees(math.atan2(b_axis, a_axis)) % 360


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
