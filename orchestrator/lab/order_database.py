"""The order service's connection to PostgreSQL: one psql that is kept talking to.

Nothing but the standard library: psql speaks the protocol, this keeps its pipe, its deadline and its errors.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from orchestrator.plain import dataclass

_CUSTOMER = re.compile(r"[A-Za-z0-9 ._-]{1,60}")
LARGEST_AMOUNT = 10**9
_LEAST = 0.25
"""Part of a question's time that must be left when its turn comes."""


class DatabaseGone(Exception):
    """No answer: not connected, cut off, or not in time. What was asked may or may not have happened."""


class DatabaseRefused(Exception):
    """The database answered with an error; nothing was committed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the database is. ``passfile`` holds the password."""

    host: str
    port: int
    user: str
    database: str
    passfile: str


def read_target(path: Path) -> Target:
    """The target in service.json. Raises DatabaseGone where the file does not say."""
    try:
        body = json.loads(path.read_text())
        return Target(
            str(body["host"]), int(body["port"]), str(body["user"]), str(body["database"]), str(body["passfile"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatabaseGone(f"{path} does not say where the database is: {error}") from error


class OrderDatabase:
    """One connection, one question at a time, each with a deadline; connects anew at once when it was cut off."""

    def __init__(self, psql: str, target_file: Path, seconds: float) -> None:
        self._psql = psql
        self._target_file = target_file
        self._seconds = seconds
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._cuts = 0
        self.target: Target | None = None

    def place(self, customer: str, amounts: Sequence[object]) -> int:
        """Commit one order; answers its number, once its commit is sure. Raises DatabaseGone, DatabaseRefused."""
        if not _CUSTOMER.fullmatch(customer) or not 0 < len(amounts) <= 50:
            raise DatabaseRefused("an order has a customer (letters, digits, space, . _ -) and 1 to 50 lines")
        if any(isinstance(a, bool) or not isinstance(a, int) or not 0 < a <= LARGEST_AMOUNT for a in amounts):
            raise DatabaseRefused(f"an order line is a whole number of cents, 1 to {LARGEST_AMOUNT}")
        listed = ",".join(str(amount) for amount in amounts)
        return int(self._ask(f"SELECT place_order('{customer}', '{{{listed}}}')"))

    def count(self) -> tuple[int, int]:
        """How many orders there are, and the last number."""
        number, last = self._ask("SELECT count(*), coalesce(max(number), 0) FROM orders").split("|")
        return int(number), int(last)

    def writable(self) -> bool:
        """Whether the database answers and is no standby."""
        return self._ask("SELECT NOT pg_is_in_recovery()") == "t"

    def run_file(self, text: str) -> str:
        """What the database answers to the query in ``text`` (comments in it are fine)."""
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
        return self._ask(" ".join(lines).strip().removesuffix(";"))

    def cut(self) -> None:
        """Drop the connection, whatever it is doing; the next question connects anew. Safe in a signal handler."""
        self._cuts += 1
        child = self._child
        if child is not None:
            with contextlib.suppress(OSError):
                child.kill()

    def _ask(self, query: str) -> str:
        deadline = time.monotonic() + self._seconds
        # Whoever waited long has no time left to connect: he would only cut off the next one's attempt.
        if not self._turn.acquire(timeout=self._seconds * (1 - _LEAST)):
            raise DatabaseGone("the database is busy with an earlier question")
        try:
            token = secrets.token_hex(8)
            # psql sets ERROR and SQLSTATE after each query; the token tells the answer's end from its text.
            self._write(f"{query};\n\\echo {token} :ERROR :SQLSTATE\n".encode())
            return self._answer(token.encode(), deadline)
        except DatabaseGone:
            self._drop()
            raise
        finally:
            self._turn.release()

    def _write(self, data: bytes) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            child = self._connect()
        assert child.stdin is not None
        try:
            child.stdin.write(data)
            child.stdin.flush()
        except OSError as error:
            raise DatabaseGone(f"the connection is gone: {error.strerror}") from error

    def _connect(self) -> subprocess.Popen[bytes]:
        self._drop()
        cuts = self._cuts
        self.target = read_target(self._target_file)
        argv = [
            self._psql, "-X", "-q", "-A", "-t", "-w", "-v", "VERBOSITY=terse",
            "-h", self.target.host, "-p", str(self.target.port), "-U", self.target.user, "-d", self.target.database,
        ]  # fmt: skip
        env = {**os.environ, "PGPASSFILE": self.target.passfile, "PGCONNECT_TIMEOUT": "2", "PGAPPNAME": "order-service"}
        self._child = subprocess.Popen(
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if cuts != self._cuts:
            # Cut while connecting, so perhaps with the old target: the caller gets its answer at once.
            self._child.kill()
        return self._child

    def _answer(self, token: bytes, deadline: float) -> str:
        child = self._child
        assert child is not None and child.stdout is not None
        lines: list[str] = []
        while True:
            while b"\n" in self._buffer:
                line, self._buffer = self._buffer.split(b"\n", 1)
                if line.startswith(token):
                    _, error, state = line.decode().split()
                    if error == "true":
                        raise DatabaseRefused(f"{state}: {' '.join(lines)}")
                    if len(lines) != 1:
                        # Every question here has one line for an answer. More is a last word of a dying server, and
                        # what was asked then counts as not acknowledged.
                        raise DatabaseGone(" ".join(lines) or "an empty answer")
                    return lines[0]
                lines.append(line.decode(errors="replace"))
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
                raise DatabaseGone(f"no answer within {self._seconds:g} s")
            piece = os.read(child.stdout.fileno(), 65536)
            if not piece:
                raise DatabaseGone(" ".join(lines) or "the connection was cut")
            self._buffer += piece

    def _drop(self) -> None:
        child, self._child, self._buffer = self._child, None, b""
        if child is None:
            return
        with contextlib.suppress(OSError):
            child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
