"""A PostgreSQL server of our own (no port, a Unix socket in a private directory) and a clock that is set by hand."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.journal.opening import open_store
from orchestrator.journal.store import Store
from orchestrator.lab.account import account_for
from orchestrator.lab.programs import programs_for

NOBODY = 65534


class HandClock:
    """A clock that moves on by a millisecond at each look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)
        self.seconds = 100.0

    def wall(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def mono(self) -> float:
        self.seconds += 0.001
        return self.seconds


class Server:
    """One PostgreSQL server, run by an ordinary account (initdb and postgres refuse root)."""

    def __init__(self, like: Server | None = None) -> None:
        self.account = NOBODY if os.getuid() == 0 else None
        # Not pytest's directory: that one only its owner can enter, and the socket's path must stay short.
        self.directory = Path(tempfile.mkdtemp(prefix="hfpg", dir="/tmp"))
        self.data = self.directory / "data"
        self.process: subprocess.Popen[bytes] | None = None
        if like is not None:  # a copy of an empty cluster is there much sooner than a new one
            self.binaries = like.binaries
            subprocess.run(["cp", "-a", like.data, self.data], check=True)
        else:
            self.binaries = programs_for(account_for(os.geteuid()))
        if self.account is not None:
            os.chown(self.directory, self.account, self.account)
        if like is None:
            words = ["-U", "holdfast", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
            self._run("initdb", "-D", str(self.data), *words)

    def _run(self, program: str, *argv: str) -> None:
        subprocess.run(
            [self.binaries / program, *argv],
            check=True, capture_output=True, cwd="/", user=self.account, group=self.account, extra_groups=self.groups,
        )  # fmt: skip

    @property
    def groups(self) -> list[int] | None:
        return None if self.account is None else []

    @property
    def url(self) -> str:
        return f"postgresql://holdfast@/postgres?host={self.directory}"

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.binaries / "postgres", "-D", self.data, "-k", self.directory,
                    "-c", "listen_addresses=", "-c", "max_connections=40", "-c", "fsync=off",
                ],
                stdout=log, stderr=log, cwd="/", user=self.account, group=self.account, extra_groups=self.groups,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while subprocess.run([self.binaries / "pg_isready", "-q", "-h", self.directory], check=False).returncode:
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not start"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)
            self.process.wait(120)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def empty(self) -> None:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS holdfast CASCADE")


@pytest.fixture(scope="session")
def empty_cluster() -> Iterator[Server]:
    """Made once and never started: what the others are copied from."""
    server = Server()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def server(empty_cluster: Server) -> Iterator[Server]:
    yield from _started(Server(empty_cluster))


@pytest.fixture
def own_server(empty_cluster: Server) -> Iterator[Server]:
    """A server that the test may stop."""
    yield from _started(Server(empty_cluster))


def _started(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "journal.sqlite3")
    server = request.getfixturevalue("server")
    server.empty()
    return str(server.url)


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    store = open_store(address)
    yield store
    store.close()
