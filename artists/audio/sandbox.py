"""Run a program on a hostile file: limited in time, memory and output, unable to outlive its caller."""

import contextlib
import functools
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

_CHUNK = 64 * 1024
_KEPT_STDERR = 64 * 1024
# `ulimit` in a shell and not `preexec_fn`: forking Python code in a threaded server can deadlock.
# A limit that a system does not know (memory on macOS) is passed over, the others still hold.
_LIMITED = 'ulimit -c 0; ulimit -t "$1"; ulimit -v "$2" 2>/dev/null || true; ulimit -f "$3"; shift 3; exec "$@"'


@dataclass(frozen=True)
class Caps:
    """What a child may use: CPU and wall seconds, bytes of address space, bytes it may write to one file."""

    cpu_seconds: int = 600
    wall_seconds: float = 900.0
    memory_bytes: int = 2 * 1024**3
    file_bytes: int = 1024**2


@dataclass(frozen=True)
class Finished:
    """How a child ended: its return code (negative: killed by that signal), and the last it complained of."""

    returncode: int
    stderr: str
    is_timed_out: bool
    is_stopped: bool

    @property
    def is_out_of_limits(self) -> bool:
        """True when a limit ended it, ours or the kernel's."""
        return self.is_timed_out or -self.returncode in (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGKILL)


@functools.cache
def ffmpeg_path() -> str:
    """Return the path of ffmpeg: `MEGABOX_FFMPEG` if set, else the system's, else the Python package's.

    Raises RuntimeError when there is none at all: nothing is downloaded at run time.
    """
    chosen = os.environ.get("MEGABOX_FFMPEG") or shutil.which("ffmpeg")
    if chosen:
        return chosen
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run(
    command: Sequence[str],
    caps: Caps,
    *,
    on_output: Callable[[bytes], bool] | None = None,
) -> Finished:
    """Run a command to its end under `caps`, handing its standard output to `on_output` piece by piece.

    `on_output` returns False to stop the child at once. Standard input is empty, the environment bare, the
    session its own, so that everything it started dies with it.
    """
    child = subprocess.Popen(
        [*_wrapper(caps), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_bare_environment(),
        cwd="/",
        start_new_session=True,
        close_fds=True,
    )
    stderr, is_timed_out, is_stopped = bytearray(), False, False
    try:
        is_timed_out, is_stopped = _pump(child, caps, stderr, on_output)
    finally:
        _kill(child)
    return Finished(child.returncode, stderr.decode("utf-8", "replace"), is_timed_out, is_stopped)


def _pump(
    child: "subprocess.Popen[bytes]",
    caps: Caps,
    stderr: bytearray,
    on_output: Callable[[bytes], bool] | None,
) -> tuple[bool, bool]:
    """Read both streams until they end; return (timed out, stopped by the caller)."""
    deadline = time.monotonic() + caps.wall_seconds
    assert child.stdout is not None and child.stderr is not None
    with selectors.DefaultSelector() as selector, child.stdout as out, child.stderr as err:
        selector.register(out, selectors.EVENT_READ)
        selector.register(err, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return True, False
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is err:
                    # Bounded: a hostile file can make a decoder complain for hours.
                    stderr += chunk
                    del stderr[_KEPT_STDERR // 2 : -_KEPT_STDERR // 2]
                elif on_output is not None and not on_output(chunk):
                    return False, True
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return True, False
    return False, False


def _kill(child: "subprocess.Popen[bytes]") -> None:
    """End the child and whatever it started; harmless when it has ended already."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it may end between the two lines
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _wrapper(caps: Caps) -> list[str]:
    limits = [str(caps.cpu_seconds), str(caps.memory_bytes // 1024), str(-(-caps.file_bytes // 512))]
    return ["/bin/sh", "-c", _LIMITED, "sh", *limits, *dies_with_parent()]


@functools.cache
def dies_with_parent() -> tuple[str, ...]:
    """On Linux a child is killed when its worker is (`kill -9` included); elsewhere its limits end it."""
    if sys.platform != "linux":
        return ()
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return ()
    probe = subprocess.run([setpriv, "--pdeathsig", "KILL", "true"], capture_output=True, check=False)
    return (setpriv, "--pdeathsig", "KILL") if probe.returncode == 0 else ()


def _bare_environment() -> dict[str, str]:
    """No secrets of ours, no switches of the user's, only what is needed to find libraries."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


def script(path: Path, *arguments: str) -> list[str]:
    """The command that runs one of our own Python files by itself, isolated from the user's environment."""
    return [sys.executable, "-I", "-B", str(path), *arguments]
