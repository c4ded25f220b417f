"""Reading a document from disk: regular files only, size checked before the first byte is read."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from io import FileIO
from pathlib import Path

from orchestrator.documents.reader import MAX_BYTES, read_bytes, too_large
from orchestrator.documents.source import Source
from orchestrator.errors import DocumentError, Problem

KEPT = 64 * 1024
"""Bytes up to which what was read from a file is kept: who plans the same runbook for hundreds of runs reads its
content anew each time, and understands it once."""

_read_before = lru_cache(maxsize=64)(read_bytes)


def read_file(path: Path, shown: str | None = None) -> Source:
    """The one YAML document in the file. ``shown`` is what problems call it. Raises DocumentError."""
    shown = shown or str(path)
    content = _content(path, shown)
    return (_read_before if len(content) <= KEPT else read_bytes)(content, shown)


def _content(path: Path, shown: str) -> bytes:
    try:
        with FileIO(path, opener=_open) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DocumentError([Problem(shown, 1, 1, "not a regular file", "a document is an ordinary file")])
            if status.st_size > MAX_BYTES:
                raise too_large(shown, status.st_size)
            # One byte more than is taken, to notice a file that grows while it is read.
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(shown, error) from error


def _open(path: str, flags: int) -> int:
    # Not blocking: opening a named pipe somebody left there must not hang a recovery.
    return os.open(path, flags | os.O_NONBLOCK)


def _unreadable(shown: str, error: OSError) -> DocumentError:
    why = (error.strerror or str(error)).lower()
    return DocumentError([Problem(shown, 1, 1, f"cannot be read: {why}", "check the path and its permissions")])
