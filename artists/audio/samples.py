"""What decoded samples tell: how many they are, how loud each moment is, and what is odd about them."""

from typing import Any

import numpy

from .remarks import remarks

PCM_HZ = 8_000  # the rate of what the decode pass hands us to count and to draw
_FRAME_BYTES = 4  # stereo, 16 bit
_BLOCK = 40  # samples whose loudest becomes one point: 5 ms


class Samples:
    """Counts decoded samples and keeps the loudest of every 5 ms, so that hours cost megabytes, not gigabytes."""

    def __init__(self, longest_seconds: int) -> None:
        self.frames = 0
        self._longest = longest_seconds * PCM_HZ
        self._rest = b""
        self._loudest: list[Any] = []
        self._first, self._sum, self._apart = 0, 0, 0

    @property
    def is_too_long(self) -> bool:
        """Whether there are more than a track may have."""
        return self.frames > self._longest

    @property
    def duration_ms(self) -> int:
        """How long they play."""
        return round(self.frames * 1000 / PCM_HZ)

    def take(self, chunk: bytes) -> bool:
        """Take decoded bytes; False when the file is longer than allowed."""
        data = self._rest + chunk
        block_bytes = _BLOCK * _FRAME_BYTES
        whole = len(data) // block_bytes * block_bytes
        self._add(data[:whole])
        self._rest = data[whole:]
        return not self.is_too_long

    def finish(self) -> None:
        """Count the last, incomplete block too."""
        rest = self._rest[: len(self._rest) // _FRAME_BYTES * _FRAME_BYTES]
        self._rest = b""
        if rest:
            self._loudest.append(numpy.abs(self._count(rest)).max(keepdims=True))

    def remarks(self, *, lufs: float, true_peak_dbtp: float, is_stereo: bool, is_lossless: bool) -> tuple[str, ...]:
        """Return what is odd about the sound, in sentences. There is at least one sample."""
        return remarks(
            numpy.concatenate(self._loudest),
            block_ms=_BLOCK * 1000 // PCM_HZ,
            first=self._first,
            middle=self._sum / (self.frames * 2) / 32_768,
            is_one_channel_twice=is_stereo and self._apart <= 1,
            lufs=lufs,
            true_peak_dbtp=true_peak_dbtp,
            is_lossless=is_lossless,
        )

    def peaks(self, n: int) -> tuple[int, ...]:
        """Return `n` heights 0..255 relative to the loudest; a shorter file repeats its points."""
        points = numpy.concatenate(self._loudest) if self._loudest else numpy.zeros(1, numpy.int32)
        edges = numpy.arange(n + 1) * len(points) // n
        starts = numpy.minimum(edges[:-1], len(points) - 1)
        heights = numpy.maximum.reduceat(points, starts)
        top = int(points.max())
        return tuple(int(height) * 255 // top if top else 0 for height in heights)

    def _add(self, data: bytes) -> None:
        if not data:
            return
        samples = self._count(data)
        self._loudest.append(numpy.abs(samples).reshape(-1, _BLOCK * 2).max(axis=1))

    def _count(self, data: bytes) -> Any:
        """Count and return samples, and keep what is remarked on."""
        samples = numpy.frombuffer(data, "<i2").astype(numpy.int32)
        if not self.frames:
            self._first = int(numpy.abs(samples[:2]).max())
        self.frames += len(samples) // 2
        self._sum += int(samples.sum())
        self._apart = max(self._apart, int(numpy.abs(samples[::2] - samples[1::2]).max()))
        return samples
