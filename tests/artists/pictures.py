"""Pictures for tests."""

import io

from PIL import Image


def picture(colour: str = "crimson", side: int = 640, kind: str = "PNG") -> bytes:
    """A square of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, kind)
    return out.getvalue()
