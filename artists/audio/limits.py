"""What a file may be and what checking it may cost."""

from dataclasses import dataclass

from .sandbox import Caps

READER_CAPS = Caps(cpu_seconds=6, wall_seconds=60.0, memory_bytes=1024**3)
"""For reading header and tags. Pictures of 29 MB and a dozen texts take half a second, with six hundred texts four;
JSON of a cover in base64 is at most 4/3 of it, and mutagen holds a tag about three times."""

FILE_BITS_PER_SECOND = 512_000
"""More than any encoder of what people hear writes for a second of sound."""


@dataclass(frozen=True)
class Limits:
    """What a file may be and what checking it may cost; bytes and seconds."""

    max_bytes: int = 2 * 1024**3
    max_seconds: int = 3 * 3600
    max_tag_bytes: int = 32 * 1024**2
    max_cover_bytes: int = 16 * 1024**2
    max_channels: int = 8
    cpu_seconds: int = 600
    wall_seconds: float = 900.0
    memory_bytes: int = 2 * 1024**3

    @property
    def caps(self) -> Caps:
        """The limits of the child that decodes."""
        return self.caps_with(0)

    def caps_with(self, files: int) -> Caps:
        """The limits of a child that decodes and encodes so many files at once, each as long as a track may be."""
        shares = 1 + files
        room = files and self.max_seconds * FILE_BITS_PER_SECOND // 8
        return Caps(
            self.cpu_seconds * shares, self.wall_seconds * shares, self.memory_bytes, max(Caps.file_bytes, room)
        )
