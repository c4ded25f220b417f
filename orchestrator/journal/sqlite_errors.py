"""What SQLite can answer, and what it means here. Every primary result code has its line; a test looks for
gaps.

Codes: https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

import sqlite3

from orchestrator.errors import StoreCorrupt, StoreError, StoreUnavailable

_ROOM = "free some space, or name another store with $HOLDFAST_STORE"
_RIGHTS = "check the owner and the mode of the file and its directory, and whether the file system is read-only"
_BUSY = "see who holds it: fuser -v on the file"
_BUG = "report this with the message; meanwhile name another store with $HOLDFAST_STORE"
_ASIDE = "keep the file as evidence (put it aside, don't delete it) and go on with another store"

UNAVAILABLE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_INTERNAL: ("has an internal fault", _BUG),
    sqlite3.SQLITE_PERM: ("may not be used", _RIGHTS),
    sqlite3.SQLITE_ABORT: ("stopped a statement", _BUG),
    sqlite3.SQLITE_BUSY: ("is locked by another process", _BUSY),
    sqlite3.SQLITE_LOCKED: ("is locked within this process", _BUSY),
    sqlite3.SQLITE_NOMEM: ("is out of memory", "free some memory"),
    sqlite3.SQLITE_READONLY: ("is read-only", _RIGHTS),
    sqlite3.SQLITE_INTERRUPT: ("was interrupted", "try again"),
    sqlite3.SQLITE_IOERR: ("has a disk fault", "look at the disk and the kernel's log"),
    sqlite3.SQLITE_NOTFOUND: ("does not know what was asked", _BUG),
    sqlite3.SQLITE_FULL: ("has no room: the disk is full", _ROOM),
    sqlite3.SQLITE_CANTOPEN: ("can not be opened", _RIGHTS),
    sqlite3.SQLITE_PROTOCOL: ("can not be locked", "keep the journal on a local file system"),
    sqlite3.SQLITE_EMPTY: ("is empty", _BUG),
    sqlite3.SQLITE_SCHEMA: ("changed its schema meanwhile", "try again"),
    sqlite3.SQLITE_TOOBIG: ("can not keep a record this big", "let the step print less"),
    sqlite3.SQLITE_CONSTRAINT: ("refuses the change", _BUG),
    sqlite3.SQLITE_MISUSE: ("was closed or used wrongly", _BUG),
    sqlite3.SQLITE_NOLFS: ("is too big for this system", _ROOM),
    sqlite3.SQLITE_AUTH: ("may not be used", _RIGHTS),
    sqlite3.SQLITE_RANGE: ("was asked wrongly", _BUG),
    sqlite3.SQLITE_NOTICE: ("answered with a notice", _BUG),
    sqlite3.SQLITE_WARNING: ("answered with a warning", _BUG),
}

CORRUPT: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_ERROR: ("does not have the tables of a journal", _ASIDE),
    sqlite3.SQLITE_CORRUPT: ("is corrupt", _ASIDE),
    sqlite3.SQLITE_MISMATCH: ("holds a value of a wrong type", _ASIDE),
    sqlite3.SQLITE_FORMAT: ("is corrupt", _ASIDE),
    sqlite3.SQLITE_NOTADB: ("is not a database", _ASIDE),
}


def mapped(error: sqlite3.Error, address: str) -> StoreError:
    """The error of this program that ``error`` means."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    kind: type[StoreError] = StoreCorrupt if code in CORRUPT else StoreUnavailable
    what, mend = CORRUPT.get(code) or UNAVAILABLE.get(code, ("failed", _BUG))
    if code == sqlite3.SQLITE_ERROR and "no such" not in str(error):  # the code for everything that has no code
        kind, what, mend = StoreUnavailable, "failed", _BUG
    return kind(f"the journal {address} {what} ({error})", mend=mend)
