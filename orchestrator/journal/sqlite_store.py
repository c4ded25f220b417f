"""The store in one SQLite file: write-ahead log, a full sync at each commit, nothing to start."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.errors import StoreUnavailable
from orchestrator.journal import sql
from orchestrator.journal.files import make_private_directory, sync_directory
from orchestrator.journal.sql_store import KeyTaken, Row, SqlStore
from orchestrator.journal.sqlite_errors import mapped

MEMORY = ":memory:"
BUSY_SECONDS = 3.0
"""How long another process may hold the database before it counts as locked."""

_KEY = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)


class SqliteStore(SqlStore):
    """A journal in the file ``path`` (0600, made where it is missing), or in memory for ``:memory:``.

    ``read_only`` opens what is there, makes nothing and changes nothing.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(str(path))
        self.path = None if str(path) == MEMORY else Path(path).absolute()
        self._inode: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        try:
            self._open(read_only, busy_seconds)
        except sqlite3.Error as error:
            self.close()
            raise mapped(error, self.address) from error
        except OSError as error:
            self.close()
            raise StoreUnavailable(
                f"the journal {self.address} can not be opened ({error})",
                mend="check that the directory is there and may be written, and that there is room",
            ) from error
        except BaseException:
            self.close()
            raise

    def _open(self, read_only: bool, busy_seconds: float) -> None:
        uri = MEMORY
        if self.path is not None:
            if not read_only:
                self._make_file(self.path)
            status = self.path.stat()
            self._inode = (status.st_dev, status.st_ino)
            uri = f"file:{quote(str(self.path))}" + (f"?{_read_only_mode(self.path)}" if read_only else "?mode=rw")
        connection = sqlite3.connect(
            uri,
            timeout=busy_seconds,
            isolation_level=None,  # every statement commits itself, unless a transaction was begun
            check_same_thread=False,  # the base class lets one thread in at a time
            uri=self.path is not None,
        )
        self._connection = connection
        connection.execute("PRAGMA synchronous=FULL")
        if not read_only and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode=WAL")
        version = self._version(connection)
        if version is None:
            if read_only:
                raise StoreUnavailable(f"there is no journal in {self.address}", mend="name the right store")
            version = self._make_schema(connection)
        self._check_version(version)

    @staticmethod
    def _make_file(path: Path) -> None:
        make_private_directory(path.parent)
        try:
            # SQLite gives its log files the mode of this file.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
        sync_directory(path.parent)

    @staticmethod
    def _version(connection: sqlite3.Connection) -> str | None:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return None
        if "meta" not in tables:
            raise StoreUnavailable(
                f"the database holds other things (tables {', '.join(sorted(tables)[:5])})",
                mend="name a file of its own for the journal",
            )
        row = connection.execute(sql.READ_VERSION).fetchone()
        return str(row[0]) if row else None

    @staticmethod
    def _make_schema(connection: sqlite3.Connection) -> str:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in (*sql.TABLES, *sql.SQLITE_TRIGGERS):
                connection.execute(statement)
            if connection.execute(sql.READ_VERSION).fetchone() is None:  # another process may have been first
                connection.execute(sql.WRITE_VERSION)
            version = str(connection.execute(sql.READ_VERSION).fetchone()[0])
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return version

    def _live(self) -> sqlite3.Connection:
        """The connection, where the file is still the one that was opened: SQLite would go on writing into a
        file that was deleted or put aside, and every record would be lost."""
        if self._connection is None:
            raise StoreUnavailable(f"the journal {self.address} was closed", mend="open it again")
        if self.path is not None:
            try:
                status = os.stat(self.path)  # noqa: PTH116 - at every append; pathlib costs twice as much
            except OSError as error:
                raise self._gone() from error
            if (status.st_dev, status.st_ino) != self._inode:
                raise self._gone()
        return self._connection

    def _gone(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"the journal {self.address} was removed or replaced while it was in use",
            mend="put the file back, or find out who took it away",
        )

    def _query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        connection = self._live()
        try:
            return connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def _change(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        connection = self._live()
        try:
            return connection.execute(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def _meaning(self, error: sqlite3.Error) -> Exception:
        if getattr(error, "sqlite_errorcode", 0) in _KEY:
            return KeyTaken(str(error))
        return mapped(error, self.address)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self._live()
        self._change("BEGIN IMMEDIATE")
        try:
            yield
            self._change("COMMIT")
        except BaseException:
            if connection.in_transaction:  # some errors have rolled back already
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Let go of the database. May be called twice."""
        # Not under the hands of a thread that commits; one that hangs in it must not keep the process from ending.
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            return
        try:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
        finally:
            self._lock.release()


def _read_only_mode(path: Path) -> str:
    """Where nothing can be written beside the file and no log waits in it, SQLite must be told that nobody
    writes."""
    log = path.with_name(path.name + "-wal")
    log_waits = log.exists() and log.stat().st_size > 0
    return "mode=ro" if log_waits or os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
