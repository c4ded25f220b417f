"""Every answer a database can give has its place in our error tree."""

from __future__ import annotations

import sqlite3

import psycopg.errors
import pytest

from orchestrator.errors import StoreCorrupt, StoreUnavailable, UsageError
from orchestrator.journal import postgres_errors, sqlite_errors
from orchestrator.journal.opening import open_store

RESULT_CODES = range(1, 29)
"""SQLite's primary result codes for errors, without gaps: https://www.sqlite.org/rescode.html"""


def test_every_sqlite_result_code_is_mapped_once() -> None:
    known = set(sqlite_errors.UNAVAILABLE) | set(sqlite_errors.CORRUPT)
    assert known == set(RESULT_CODES)
    assert not set(sqlite_errors.UNAVAILABLE) & set(sqlite_errors.CORRUPT)


@pytest.mark.parametrize("code", RESULT_CODES)
def test_each_sqlite_error_says_what_to_do(code: int) -> None:
    error = sqlite3.OperationalError("the words of sqlite")
    error.sqlite_errorcode = code | 0x0200  # an extended code of it
    mapped = sqlite_errors.mapped(error, "/x/journal.sqlite3")
    assert isinstance(mapped, StoreUnavailable | StoreCorrupt)
    assert mapped.mend
    assert "/x/journal.sqlite3" in mapped.message
    assert "the words of sqlite" in mapped.message


def test_every_class_of_postgresql_errors_is_mapped() -> None:
    states = {
        error.sqlstate
        for error in vars(psycopg.errors).values()
        if isinstance(error, type) and issubclass(error, psycopg.Error) and error.sqlstate
    }
    assert len(states) > 200
    missing = {state for state in states if state[:2] not in postgres_errors.CLASSES}
    assert not missing


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull, StoreUnavailable),
        (psycopg.errors.AdminShutdown, StoreUnavailable),
        (psycopg.errors.ReadOnlySqlTransaction, StoreUnavailable),
        (psycopg.errors.LockNotAvailable, StoreUnavailable),
        (psycopg.errors.InsufficientPrivilege, StoreUnavailable),
        (psycopg.OperationalError, StoreUnavailable),
        (psycopg.InterfaceError, StoreUnavailable),
        (psycopg.errors.DataCorrupted, StoreCorrupt),
        (psycopg.errors.IndexCorrupted, StoreCorrupt),
        (psycopg.errors.UndefinedTable, StoreCorrupt),
    ],
)
def test_postgresql_errors_mean_unavailable_or_corrupt(error: type[psycopg.Error], kind: type[Exception]) -> None:
    mapped = postgres_errors.mapped(error("words"), "postgresql://db/x")
    assert type(mapped) is kind
    assert mapped.mend


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql://li:geheim@db/holdfast", "holds a password"),
        ("postgresql://db/holdfast?user=li&password=geheim", "holds a password"),
        ("mysql://db/holdfast", "no kind of store"),
    ],
)
def test_an_address_with_a_password_or_of_another_kind_is_refused(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        open_store(address)
    assert "geheim" not in str(caught.value)
