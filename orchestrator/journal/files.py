"""Private files that survive a crash: 0600 in 0700 directories, complete or not there at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Make ``path`` and what is missing above it, all 0700. One that is there keeps its mode. Raises
    OSError."""
    missing: list[Path] = []
    current = path
    while not current.is_dir():
        missing.append(current)
        if current.parent == current:
            break
        current = current.parent
    for directory in reversed(missing):
        directory.mkdir(mode=0o700, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Make a rename or a new name in ``path`` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: Path, pieces: Iterable[bytes], *, mode: int = 0o600) -> None:
    """Write a file so that a crash or a full disk leaves the whole new one or none of it. Raises OSError."""
    with _beside(path, pieces, mode) as part:
        part.replace(path)
    sync_directory(path.parent)


def write_new(path: Path, pieces: Iterable[bytes], *, mode: int = 0o600) -> bool:
    """The same, for a file that is made once: False, and nothing changed, where somebody else has made it first.

    Whoever sees the file sees all of it, among threads and among processes. Raises OSError.
    """
    with _beside(path, pieces, mode) as part:
        try:
            os.link(part, path)  # unlike a rename it replaces nothing
        except FileExistsError:
            return False
    sync_directory(path.parent)
    return True


@contextmanager
def _beside(path: Path, pieces: Iterable[bytes], mode: int) -> Iterator[Path]:
    """A synced file with this content, of a name that nobody else uses; gone afterwards if it was not renamed."""
    fd, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)
