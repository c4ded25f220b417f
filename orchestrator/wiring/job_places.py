"""Where a job keeps its private directory: beside the run's other files, or elsewhere once that disk is full."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator.journal.break_glass import why_unsafe
from orchestrator.journal.files import make_private_directory

ROOM = 1 << 16
"""Bytes that must fit in before a job is begun in a place: what it needs to be found again, and its outcome."""


class JobPlaces:
    """Answers a job's directory. ``usual`` is the run's jobs/; ``spares`` are taken where nothing can be written there.

    ``warn`` is told once for each change. Nothing is made but the jobs/ directories themselves.
    """

    def __init__(self, usual: Path, spares: Iterable[Path], warn: Callable[[str], None]) -> None:
        self._usual = usual
        self._spares = tuple(spares)
        self._warn = warn
        self._in_use = usual
        self._known = tuple(str(place) for place in (usual, *self._spares))

    def __call__(self, ident: str) -> str:
        """Where the job was begun by an earlier driver, else where one can be begun."""
        for place in self._known:
            if os.path.isdir(found := f"{place}/{ident}"):  # noqa: PTH112 - for every job; pathlib costs ten times as much
                return found
        return f"{self._writable()}/{ident}"

    def _writable(self) -> Path:
        problem = _trouble(self._usual)
        chosen = self._usual
        if problem:
            chosen = next((place for place in self._spares if not _unusable(place)), self._usual)
        if chosen != self._in_use:
            self._in_use = chosen
            why = (
                f"nothing can be written in {self._usual} ({problem})" if problem else f"{self._usual} is usable again"
            )
            self._warn(f"{why}: what jobs need to be found again is kept in {chosen}")
        return chosen


def _unusable(spare: Path) -> str:
    """Why a spare place will not do; it lies where others can write, so it must be this account's alone."""
    try:
        make_private_directory(spare)
    except OSError as error:
        return str(error)
    unsafe = (why_unsafe(directory) for directory in (spare, *spare.parents[:3]))
    return next(filter(None, unsafe), "") or _trouble(spare)


def _trouble(place: Path) -> str:
    try:
        descriptor = _nameless(place)
        try:
            # Asked for and given back; nothing has to be written for that.
            os.posix_fallocate(descriptor, 0, ROOM)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _nameless(place: Path) -> int:
    try:
        return os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
            raise
        # A file system that knows no files without names.
        descriptor, name = tempfile.mkstemp(dir=place)
        Path(name).unlink()
        return descriptor
