"""The way in: a store from its address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from orchestrator.errors import StoreUnavailable, UsageError
from orchestrator.journal.store import Store

_SCHEMES = ("postgresql://", "postgres://")


def open_store(address: str | Path, *, read_only: bool = False) -> Store:
    """The store at ``address``: the path of an SQLite file, or ``postgresql://host/database``.

    A missing SQLite file is made unless ``read_only``. Raises StoreUnavailable, StoreCorrupt, and UsageError
    for an address that holds a password or names another kind of database.
    """
    text = str(address)
    if text.startswith(_SCHEMES):
        _refuse_password(text)
        try:
            from orchestrator.journal.postgres_store import PostgresStore
        except ImportError as error:
            raise StoreUnavailable(
                f"a PostgreSQL store needs psycopg, which is not installed ({error})",
                mend="pip install 'holdfast[cluster]'",
            ) from error
        return PostgresStore(text, read_only=read_only)
    if "://" in text:
        raise UsageError(
            f"{text.split('://')[0]}:// is no kind of store",
            mend="give the path of a file, or postgresql://...",
        )
    from orchestrator.journal.sqlite_store import SqliteStore

    return SqliteStore(text, read_only=read_only)


def _refuse_password(url: str) -> None:
    try:
        parts = urlsplit(url)
        found = parts.password is not None or any(key == "password" for key, _ in parse_qsl(parts.query))
    except ValueError as error:
        raise UsageError(f"the store's address can not be read ({error})", mend="postgresql://host/database") from error
    if found:
        raise UsageError(
            "the store's address holds a password; it would be seen in the process list and in logs",
            mend="take it out and put it in the file $PGPASSFILE names (~/.pgpass)",
        )
