"""psql as a child process: how a host's ``pg_*`` variables become its environment, and one bounded query.

Nothing about the connection is in the argument list; a password comes from ``pg_passfile`` (a libpq password
file), ``pg_password``, or the account's own ``~/.pgpass``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress

from orchestrator.errors import ExecutorError
from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.probe_tcp import address_of
from orchestrator.model.inventory import Host
from orchestrator.plain import dataclass

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that are read."""
_SLICE = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What psql printed (CSV, no header), or what is wrong. ``late``: its time was over, or it was stopped."""

    text: str
    error: str = ""
    late: bool = False


def binary(host: Host) -> str:
    """psql's path: in the host variable ``pg_bin``'s directory, else on the PATH. Raises ExecutorError."""
    folder = host.vars.get("pg_bin")
    found = shutil.which("psql", path=str(folder)) if folder else shutil.which("psql")
    if found is None:
        where = f"in {folder} (pg_bin of {host.name})" if folder else "on the PATH"
        raise ExecutorError(
            f"there is no psql {where} on this machine",
            mend="install a PostgreSQL client, or set pg_bin in the inventory",
        )
    return found


def environment(host: Host, *, connect_timeout: float, options: Sequence[str] = ()) -> dict[str, str]:
    """The whole environment of psql for ``host``. Raises ExecutorError for a port that is none."""
    given = host.vars
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH", "TZ") if name in os.environ}
    env |= {
        "LC_ALL": "C.UTF-8",
        "PGHOST": str(given.get("pg_host") or address_of(host)),
        "PGPORT": str(host.port(given.get("pg_port", 5432))),
        "PGDATABASE": str(given.get("pg_database", "postgres")),
        "PGCLIENTENCODING": "UTF8",
        "PGAPPNAME": "holdfast",
        # libpq takes less than 2 as 2.
        "PGCONNECT_TIMEOUT": str(max(2, round(connect_timeout))),
        "PGOPTIONS": " ".join(f"-c {option}" for option in options),
    }
    for variable, name in (
        ("pg_user", "PGUSER"),
        ("pg_passfile", "PGPASSFILE"),
        ("pg_password", "PGPASSWORD"),
        ("pg_sslmode", "PGSSLMODE"),
        ("pg_sslrootcert", "PGSSLROOTCERT"),
    ):
        if given.get(variable):
            env[name] = str(given[variable])
    return env


def arguments(program: str, null: str = "") -> list[str]:
    """psql's words: no start-up file, no prompt for a password, CSV without header, stop at the first error."""
    return [program, "-X", "-q", "-w", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-P", f"null={null}"]


def ask(host: Host, query: str, within: float, control: Control, *, null: str = "") -> Answer:
    """One read-only query with a time limit here and on the server. Raises ExecutorError where psql is missing.

    ``null`` is printed for null. The query is a word of the argument list, so it must not hold a secret.
    """
    if query.lstrip().startswith("\\"):
        # psql's own commands, one of which runs a shell; only -c with a backslash in front would take one.
        return Answer("", "the query begins with a backslash; psql's own commands are not taken")
    limit = max(1, int(within * 1000))
    options = ("default_transaction_read_only=on", f"statement_timeout={limit}")
    env = environment(host, connect_timeout=within, options=options)
    deadline = time.monotonic() + within
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            [*arguments(binary(host), null), "-c", query],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=env,
            start_new_session=True,
        )
        late = False
        try:
            while child.poll() is None:
                late = time.monotonic() > deadline or control.wish is not Wish.GO or _size(out.fileno()) > LARGEST
                if late:
                    break
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_SLICE)
        finally:
            if child.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if _size(out.fileno()) > LARGEST:
            return Answer("", f"the answer is larger than {LARGEST} bytes", late=True)
        out.seek(0)
        err.seek(0)
        told = " ".join(err.read(4096).decode("utf-8", "replace").split())
        if late:
            return Answer("", f"no answer within {within:g} s", late=True)
        if child.returncode != 0:
            return Answer("", told or f"psql ended with exit code {child.returncode}")
        return Answer(out.read().decode("utf-8", "replace"))


def _size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size
