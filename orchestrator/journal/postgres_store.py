"""The store in PostgreSQL, in a schema of its own (``holdfast``). Imported only where such a store is
named."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.errors import UniqueViolation
from psycopg.waiting import Ready, Wait

from orchestrator.errors import StoreUnavailable
from orchestrator.journal import sql
from orchestrator.journal.postgres_errors import mapped
from orchestrator.journal.sql_store import KeyTaken, Row, SqlStore

ANSWER_SECONDS = 5.0
"""How long the server may take for one statement before it counts as gone."""

CONNECT = {
    "connect_timeout": 3,
    "keepalives_idle": 2,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "application_name": "holdfast",
}
SETTINGS = (
    "SET synchronous_commit = on",  # a server may be set to answer before a commit is safe
    "SET extra_float_digits = 1",  # monotonic readings must come back exactly, or the chain would not hold
    "SET statement_timeout = '4s'",
    "SET lock_timeout = '3s'",
    "SET search_path = holdfast",
    "SET client_min_messages = warning",
)
_SCHEMA_LOCK = 0x686F6C64  # any number that nobody else takes: one process at a time makes the schema


class _NoAnswer(psycopg.OperationalError):
    """The server is there and says nothing: asking again would only double the wait."""


class _BoundedConnection(psycopg.Connection[Row]):
    """A connection that does not wait for ever: a server that is stopped or cut off never answers, and no
    timeout of its own can help then."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:  # noqa: ARG002
        """Drive one exchange with the server; OperationalError after ``ANSWER_SECONDS``."""
        deadline = time.monotonic() + (ANSWER_SECONDS if timeout is None else timeout)
        poll = select.poll()
        try:
            wanted = next(gen)
            while True:
                reading = select.POLLIN if wanted & Wait.R else 0
                writing = select.POLLOUT if wanted & Wait.W else 0
                poll.register(self.pgconn.socket, reading | writing)
                ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
                if not ready:
                    self.pgconn.finish()
                    raise _NoAnswer(f"the server did not answer within {ANSWER_SECONDS:g} s")
                found = ready[0][1]
                state = Ready.NONE
                if found & ~select.POLLOUT:
                    state = Ready.R
                if found & select.POLLOUT:
                    state = Ready(state | Ready.W)
                wanted = gen.send(state)
        except StopIteration as end:
            value: RV = end.value
            return value


class PostgresStore(SqlStore):
    """A journal in the database that ``url`` names.

    The password comes from $PGPASSFILE (``~/.pgpass``) or the environment, never from the URL.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        super().__init__(_without_query(url))
        self._url = url
        self._read_only = read_only
        self._connection: _BoundedConnection | None = None
        self._closed = False
        self._in_transaction = False
        with self._meaning():
            self._connection = self._connect()

    def _connect(self) -> _BoundedConnection:
        connection = _BoundedConnection.connect(self._url, autocommit=True, **CONNECT)  # type: ignore[arg-type]
        try:
            connection.execute("; ".join(SETTINGS))
            version = self._version(connection)
            if version is None:
                if self._read_only:
                    raise StoreUnavailable(f"there is no journal in {self.address}", mend="name the right store")
                version = self._make_schema(connection)
            self._check_version(version)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _version(connection: _BoundedConnection) -> str | None:
        # The catalog itself is asked: to_regclass answers from a cache that may not have heard yet of another
        # process.
        found = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'holdfast' AND tablename = 'meta'"
        if connection.execute(found).fetchone() is None:
            return None
        row = connection.execute(sql.READ_VERSION).fetchone()
        return str(row[0]) if row else None

    def _make_schema(self, connection: _BoundedConnection) -> str:
        with connection.transaction():
            connection.execute(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            found = self._version(connection)  # another process may have been first
            if found is not None:
                return found
            connection.execute("CREATE SCHEMA IF NOT EXISTS holdfast")
            for statement in (*sql.TABLES, *sql.POSTGRES_TRIGGERS, sql.WRITE_VERSION):
                connection.execute(statement)
        return sql.SCHEMA_VERSION

    @contextmanager
    def _meaning(self) -> Iterator[None]:
        try:
            yield
        except UniqueViolation as error:
            raise KeyTaken(str(error)) from error
        except psycopg.Error as error:
            raise mapped(error, self.address) from error

    def _execute(self, statement: str, parameters: Sequence[Any]) -> psycopg.Cursor[Row]:
        if self._closed:
            raise StoreUnavailable(f"the journal {self.address} was closed", mend="open it again")
        text = statement.replace("?", "%s")
        try:
            return self._live().execute(text, parameters or None)
        except psycopg.OperationalError as error:
            # One new try on a new connection: the server may only have been restarted. A record that was
            # committed just before the line was cut is recognised by ``append``. Within a transaction the
            # first part is gone.
            if self._in_transaction or isinstance(error, _NoAnswer) or not self._live_is_broken():
                raise
            return self._live().execute(text, parameters or None)

    def _live_is_broken(self) -> bool:
        return self._connection is None or self._connection.closed or self._connection.broken

    def _live(self) -> _BoundedConnection:
        if self._connection is None or self._live_is_broken():
            self._connection = None
            self._connection = self._connect()
        return self._connection

    def _query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._meaning():
            return self._execute(statement, parameters).fetchall()

    def _change(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        with self._meaning():
            return self._execute(statement, parameters).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._meaning(), self._live().transaction():
            self._in_transaction = True
            try:
                yield
            finally:
                self._in_transaction = False

    def close(self) -> None:
        """Let go of the database. May be called twice."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()
