"""Files in the private storage: put there whole or not at all, and borrowed as local paths."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files import File

from megabox import media


def original_path(sha256: str) -> str:
    """Where an uploaded file is kept, named after its content."""
    return f"originals/{sha256[:2]}/{sha256}"


def rendition_path(sha256: str, recipe: str) -> str:
    """Where a derived file of the original `sha256` is kept."""
    return f"renditions/{sha256}/{recipe}"


def put(local: Path, name: str) -> None:
    """Move the finished file `local` into the private storage as `name`.

    It appears whole or not at all. A file of that name is replaced: names say what is inside, so it is the same.
    """
    home = _local_home(name)
    if home is None:
        storage = media.private()
        if not storage.exists(name):
            with local.open("rb") as file:
                stored = storage.save(name, File(file))
            assert stored == name, f"the storage kept {name} as {stored}"
        local.unlink()
        return
    with local.open("rb") as file:
        os.fsync(file.fileno())
    local.chmod(0o644)
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        local.replace(home)
    except OSError:  # another file system: copy beside the target first, so that the last step is still one rename
        part = home.with_name(f".{home.name}.{os.getpid()}.part")
        shutil.copyfile(local, part)
        part.replace(home)
        local.unlink()


@contextmanager
def borrow(name: str) -> Iterator[Path]:
    """The private file `name` as a local path to read while the body runs. Raises FileNotFoundError."""
    home = _local_home(name)
    if home is not None:
        if not home.exists():
            raise FileNotFoundError(name)
        yield home
        return
    with workplace() as folder:
        copy = folder / "borrowed"
        with media.private().open(name, "rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
        yield copy


@contextmanager
def workplace() -> Iterator[Path]:
    """An empty folder on the disk of uploads, gone with the body; what a killed worker leaves is swept away later."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="work-") as folder:
        yield Path(folder)


def exists(name: str) -> bool:
    """Whether the private storage has `name`."""
    return bool(name) and media.private().exists(name)


def delete(name: str) -> None:
    """Delete the private file `name`, if it is there."""
    media.private().delete(name)


def _local_home(name: str) -> Path | None:
    """The path of `name` where the storage is a folder of this machine, else None."""
    try:
        return Path(media.private().path(name))
    except NotImplementedError:
        return None
