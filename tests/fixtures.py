"""Fetch sound files that nobody here wrote into var/fixtures: `make fixtures`. Nothing of them is kept in git."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

LOCK = Path(__file__).with_name("fixtures.lock")
FOLDER = Path(__file__).parents[1] / "var" / "fixtures" / "mutagen"
LARGEST_BYTES = 8 * 1024**2
MOST_FILES = 500


def files() -> list[Path]:
    """The files that were fetched, by name; empty where nobody ran `make fixtures`."""
    return sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []


def fetch() -> int:
    """Download what the lock names, check its hash, unpack its test data whole or not at all; return how many files.

    Raises CalledProcessError when pip refuses: no network, or another hash.
    """
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as name:
        folder = Path(name)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        options = ["--no-binary", ":all:", "--require-hashes", "--requirement", str(LOCK), "--dest", str(folder)]
        subprocess.run([*command, *options], check=True)
        (archive,) = folder.glob("*.tar.gz")
        unpacked = folder / "data"
        unpacked.mkdir()
        count = unpack(archive, unpacked)
        shutil.rmtree(FOLDER, ignore_errors=True)
        unpacked.rename(FOLDER)
    return count


def unpack(archive: Path, folder: Path) -> int:
    """Write the plain files below tests/data of a source distribution to `folder`, by their last names only."""
    count = 0
    with tarfile.open(archive) as held:
        for member in held:
            parts = Path(member.name).parts
            if not member.isfile() or parts[1:3] != ("tests", "data") or member.size > LARGEST_BYTES:
                continue
            source = held.extractfile(member)
            if source is None or count == MOST_FILES:
                raise ValueError(f"{archive.name} is not what we know")
            (folder / parts[-1]).write_bytes(source.read())
            count += 1
    return count


if __name__ == "__main__":
    sys.stdout.write(f"{fetch()} files in {FOLDER.relative_to(Path.cwd())}\n")
