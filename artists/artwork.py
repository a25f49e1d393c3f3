"""Covers as rows: a picture is received once, stored in the sizes pages use, and shared by whoever has it."""

from datetime import datetime

from django.core.files.base import ContentFile

from artists import covers
from artists.models import Cover
from megabox import media

JPEG = "cover.jpg"
"""The name of the picture that goes into downloads, beside the sizes for pages."""


def store(data: bytes, *, alt: str, at: datetime) -> Cover:
    """The Cover of the picture `data`; the same picture is kept once. Raises covers.BadPicture."""
    image = covers.receive(data)
    known = Cover.objects.filter(sha256=image.sha256).first()
    if known:
        return known
    folder = f"covers/{image.sha256[:2]}/{image.sha256}"
    for width, webp in image.webp.items():
        _put(f"{folder}/{width}.webp", webp)
    _put(f"{folder}/{JPEG}", image.jpeg)
    cover, _ = Cover.objects.get_or_create(
        sha256=image.sha256,
        defaults={
            "path": folder,
            "width": image.width,
            "height": image.height,
            "hue": image.hue,
            "alt": alt,
            "created_at": at,
        },
    )
    return cover


def jpeg(cover: Cover) -> bytes:
    """The picture that is written into downloads. Raises FileNotFoundError."""
    with media.public().open(f"{cover.path}/{JPEG}", "rb") as file:
        return bytes(file.read())


def _put(name: str, data: bytes) -> None:
    storage = media.public()
    if not storage.exists(name):
        storage.save(name, ContentFile(data))
