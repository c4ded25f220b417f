"""Reading a document from disk: regular files only, size checked before the first byte is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from orchestrator.documents.reader import MAX_BYTES, read_bytes, too_large
from orchestrator.documents.source import Source
from orchestrator.errors import DocumentError, Problem


def read_file(path: Path, shown: str | None = None) -> Source:
    """The one YAML document in the file. ``shown`` is what problems call it. Raises DocumentError."""
    return read_bytes(_content(path, shown or str(path)), shown or str(path))


def _content(path: Path, shown: str) -> bytes:
    try:
        # Not blocking: opening a named pipe somebody left there must not hang a recovery.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(shown, error) from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError([Problem(shown, 1, 1, "not a regular file", "a document is an ordinary file")])
        if status.st_size > MAX_BYTES:
            raise too_large(shown, status.st_size)
        try:
            return file.read(MAX_BYTES + 1)
        except OSError as error:
            raise _unreadable(shown, error) from error


def _unreadable(shown: str, error: OSError) -> DocumentError:
    why = (error.strerror or str(error)).lower()
    return DocumentError([Problem(shown, 1, 1, f"cannot be read: {why}", "check the path and its permissions")])
