"""Tagged copies of renditions: written when they are first asked for, kept for a while, checked while they are read.

The row says what the file must be; a file that is something else is never handed out as if it were whole.
"""

import hashlib
import shutil
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from artists import audio, blobs, renditions
from artists.models import Package, Rendition
from megabox import media

KEPT_DAYS = 3
BLOCK_BYTES = 1024 * 1024
_NOTED = timedelta(hours=1)
"""So much later a use is written down again, so that playing through ranges writes nothing."""


class Damaged(Exception):
    """A stored file is not what its row says; the message says which."""


def get(key: str, rendition: Rendition, tags: audio.Tags, jpeg: bytes | None, at: datetime) -> Package:
    """The copy with `tags` and cover that is called `key`, written now if there is none.

    Raises Damaged if the rendition is not what was made.
    """
    package = Package.objects.filter(key=key).first()
    if package and blobs.exists(package.path) and media.private().size(package.path) == package.size_bytes:
        Package.objects.filter(pk=package.pk, used_at__lt=at - _NOTED).update(used_at=at)
        return package
    recipe = audio.RECIPES[rendition.recipe]
    path = f"packages/{key}/{recipe.name}.{recipe.extension}"
    if package:
        # What lies there is not what was put there, and object storage keeps what it has.
        blobs.delete(path)
    with blobs.workplace() as folder, blobs.borrow(rendition.path) as source:
        copy = folder / f"copy.{recipe.extension}"
        shutil.copyfile(source, copy)
        if renditions.crc32_of(copy) != rendition.crc32:
            raise Damaged(f"Rendition {rendition.pk} is not the file that was made.")
        audio.write_tags(copy, recipe.name, tags, jpeg)
        values = {"rendition": rendition, "path": path, "used_at": at, **_sums(copy)}
        blobs.put(copy, path)
    return Package.objects.update_or_create(key=key, defaults=values)[0]


def read(package: Package, wanted: range) -> Iterator[bytes]:
    """The bytes of `wanted`, each block checked before it leaves. Raises Damaged, and has the copy made again then."""
    with media.private().open(package.path, "rb") as file:
        first = wanted.start // BLOCK_BYTES
        file.seek(first * BLOCK_BYTES)
        for number in range(first, -(-wanted.stop // BLOCK_BYTES)):
            start = number * BLOCK_BYTES
            block = file.read(min(BLOCK_BYTES, package.size_bytes - start))
            if zlib.crc32(block) != package.blocks[number]:
                forget(package)
                raise Damaged(f"{package} changed after it was written, so the download was stopped.")
            yield block[max(0, wanted.start - start) : wanted.stop - start]


def forget(package: Package) -> None:
    """Delete a copy, so that it is made again when somebody asks."""
    Package.objects.filter(pk=package.pk).delete()
    blobs.delete(package.path)


def clean_up(at: datetime) -> int:
    """Delete copies nobody used for three days; return how many files went. They are made again when asked for."""
    before = at - timedelta(days=KEPT_DAYS)
    old = list(Package.objects.filter(used_at__lt=before))
    for package in old:
        forget(package)
    return len(old) + _sweep_folder(before)


def _sweep_folder(before: datetime) -> int:
    """Delete old files without a row, and folders that are empty; where storage has no folders there are none."""
    storage, count = media.private(), 0
    if not storage.exists("packages"):
        return 0
    folders = set(storage.listdir("packages")[0])
    for key in folders - set(Package.objects.filter(key__in=folders).values_list("key", flat=True)):
        for name in storage.listdir(f"packages/{key}")[1]:
            if storage.get_modified_time(f"packages/{key}/{name}") < before:
                storage.delete(f"packages/{key}/{name}")
                count += 1
        if not storage.listdir(f"packages/{key}")[1]:
            storage.delete(f"packages/{key}")
    return count


def _sums(path: Path) -> dict[str, object]:
    """Size and sums of a file as its row keeps them, in one reading."""
    digest, crc32, blocks, size = hashlib.sha256(), 0, [], 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            crc32 = zlib.crc32(block, crc32)
            blocks.append(zlib.crc32(block))
            size += len(block)
    return {"size_bytes": size, "sha256": digest.hexdigest(), "crc32": crc32, "blocks": blocks}
