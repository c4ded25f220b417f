"""A corrupt journal is put aside by name, never deleted: it is evidence."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from orchestrator.errors import StoreCorrupt
from orchestrator.journal.sqlite_errors import mapped


def put_aside(address: str) -> str:
    """Rename the SQLite journal at ``address`` where SQLite finds it damaged, so that the next start makes a new one.

    Answers what was done, as a sentence for people. A store in which only a row can not be understood stays where it
    is.
    """
    path = Path(address)
    if "://" in address or not path.is_file() or not is_damaged(path):
        return "The store was left where it is: the file itself is sound."
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    try:
        for tail in ("-wal", "-shm", ""):  # its log belongs to it, and must not be taken for the new file's
            part = path.with_name(path.name + tail)
            if part.exists():
                part.rename(path.with_name(f"{path.name}.corrupt-{stamp}{tail}"))
    except OSError as error:
        return f"The corrupt store could not be put aside ({error}): do that by hand and keep it."
    return f"The corrupt store was put aside as {path}.corrupt-{stamp}: keep it, it is evidence."


def is_damaged(path: Path) -> bool:
    """Whether SQLite itself finds the file damaged: not only a row that can not be understood."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=3.0)
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
        finally:
            connection.close()
    except sqlite3.Error as error:
        return isinstance(mapped(error, str(path)), StoreCorrupt)
