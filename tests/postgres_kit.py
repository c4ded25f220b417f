"""A private PostgreSQL for tests: the binaries of the lab's package, a port and a directory of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from executors_kit import free_port, until

from orchestrator.lab.account import account_for
from orchestrator.lab.programs import programs_for
from orchestrator.model.inventory import Host

PASSWORD = "pl4nted-p4ssword"
NOBODY = 65534


@cache
def binaries() -> Path:
    """Where the account that runs the servers can reach them, wherever the virtual environment is."""
    return programs_for(account_for(os.geteuid()))


def as_whom() -> dict[str, Any]:
    """postgres refuses to run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


class Postgres:
    """One server in ``directory/data``."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.data, self.port = directory, directory / "data", free_port()
        self.passfile = directory / "passfile"
        self._process: subprocess.Popen[bytes] | None = None

    def _do(self, program: str, *words: str | Path, **env: str) -> None:
        done = subprocess.run(
            [str(binaries() / program), *map(str, words)],
            capture_output=True,
            cwd=self.directory,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **env},
            timeout=60,
            check=False,
            **as_whom(),
        )
        assert done.returncode == 0, done.stderr.decode()

    def make(self) -> None:
        secret = self.directory / "secret"
        secret.write_text(PASSWORD)
        self._own(secret)
        words = ["-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(secret), "-N", "-E", "UTF8", "--locale=C"]
        self._do("initdb", "-D", self.data, *words)
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host replication all 127.0.0.1/32 scram-sha-256\n")

    def copy_of(self, primary: Postgres) -> None:
        """A standby that streams from ``primary``."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.directory.name}"
        self._do(
            "pg_basebackup", "-D", self.data, "-R", "-c", "fast", "-X", "stream", "-d", source, PGPASSWORD=PASSWORD
        )
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{source} password={PASSWORD}'\n")

    def start(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "max_wal_senders": 4,
            "wal_receiver_status_interval": 1,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(binaries() / "postgres"), "-D", str(self.data), *words],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                **as_whom(),
            )
        until(self._answers, what="PostgreSQL")
        self.passfile.write_text(f"127.0.0.1:{self.port}:*:postgres:{PASSWORD}\n")
        self.passfile.chmod(0o600)

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self.directory / "log").read_text()
        words = [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(words, check=False).returncode == 0

    def crash(self) -> None:
        """As when the power fails: nothing is flushed, no client is told."""
        if self._process is not None:
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=False
            )
            for pid in [self._process.pid, *map(int, children.stdout.split())]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(60)
            self._process = None

    def promote(self) -> None:
        self._do("pg_ctl", "-D", self.data, "-w", "promote")

    def sql(self, query: str) -> str:
        done = subprocess.run(
            [str(binaries() / "psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", query],
            capture_output=True,
            text=True,
            env={"PGPASSWORD": PASSWORD, "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "5"},
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def host(self, name: str, **more: Any) -> Host:
        return Host(
            name,
            {
                "ansible_host": "127.0.0.1",
                "ansible_connection": "local",
                "pg_bin": str(binaries()),
                "pg_port": self.port,
                "pg_user": "postgres",
                "pg_passfile": str(self.passfile),
                **more,
            },
        )

    def _own(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, NOBODY, NOBODY)


@contextlib.contextmanager
def servers(names: Sequence[str]) -> Iterator[list[Postgres]]:
    """Directories for servers where an account without rights reaches them; all stopped and gone afterwards."""
    top = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
    made: list[Postgres] = []
    try:
        top.chmod(0o711)
        for name in names:
            (top / name).mkdir(0o700)
            made.append(Postgres(top / name))
            made[-1]._own(top / name)
        yield made
    finally:
        for server in made:
            server.crash()
        shutil.rmtree(top)
