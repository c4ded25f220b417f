"""A host's PostgreSQL: start it, ask it, wait for it. Everything goes through the host's own programs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import ports
from orchestrator.lab.layout import Layout
from orchestrator.lab.settings import ADMIN, DATABASE

_START_WITHIN = 30


class PortTaken(LabError):
    """Somebody took the port between the moment it was found free and the server's start."""


def run(layout: Layout, name: str, program: str, *words: str, seconds: float = 60.0, stdin: str = "") -> str:
    """Run a PostgreSQL program on a host; answers what it printed. Raises LabError where it fails."""
    argv = [str(layout.bin(name) / program), *words]
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{program} on {name} did not end within {seconds:g} s", mend=f"see {layout.host(name)}/log"
        ) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"{program} on {name} failed ({done.returncode}): {said}", mend=f"see {layout.host(name)}/log")
    return done.stdout


def start(layout: Layout, name: str) -> None:
    """Start the host's server and wait until it accepts connections. Raises PortTaken, LabError."""
    log = layout.host(name) / "log/postgres.log"
    said_before = log.stat().st_size if log.exists() else 0
    try:
        run(
            layout, name, "pg_ctl", "start", "-w", "-s", "-t", str(_START_WITHIN),
            "-D", str(layout.settings(name)), "-l", str(log), seconds=_START_WITHIN + 15,
        )  # fmt: skip
    except LabError as error:
        said = _since(log, said_before)
        if "Address already in use" in said:
            raise PortTaken(f"port {layout.ports[name]} of {name} was taken", mend="try again") from error
        raise LabError(
            f"the server on {name} does not start: {said[-2000:].strip() or error.message}", mend=f"see {log}"
        ) from error


def _since(log: Path, size: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(size)
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def stop(layout: Layout, name: str) -> None:
    """Stop the host's server cleanly."""
    run(layout, name, "pg_ctl", "stop", "-w", "-s", "-m", "fast", "-D", str(layout.data(name)))


def ask(layout: Layout, name: str, query: str, *, database: str = DATABASE, seconds: float = 5.0) -> str:
    """What the server answers to ``query``, unaligned. Raises LabError where it does not answer in time."""
    return psql(layout, name, ["-c", query], database=database, seconds=seconds)


def psql(
    layout: Layout,
    name: str,
    words: Sequence[str],
    *,
    database: str = DATABASE,
    seconds: float = 30.0,
    passfile: Path | None = None,
) -> str:
    """psql against the host's server, from outside; answers what it printed. Raises LabError."""
    argv = [
        str(layout.programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
        "-h", ports.ADDRESS, "-p", str(layout.ports[name]), "-U", ADMIN, "-d", database, *words,
    ]  # fmt: skip
    env = {**os.environ, "PGPASSFILE": str(passfile or layout.passfile(name)), "PGCONNECT_TIMEOUT": "3", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{name} does not answer within {seconds:g} s", mend="holdfast lab status") from error
    if done.returncode != 0:
        raise LabError(f"{name}: {done.stderr.strip()[-1000:]}", mend="holdfast lab status")
    return done.stdout.strip()


def wait_for(layout: Layout, name: str, query: str, wanted: str, *, seconds: float = 20.0) -> None:
    """Ask until the answer is ``wanted``. Raises LabError with the last answer where that takes longer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ask(layout, name, query)
        except LabError as error:
            answer = error.message
        if answer == wanted:
            return
        if time.monotonic() > deadline:
            raise LabError(
                f"{name} answers {answer!r} to {query!r}, not {wanted!r}", mend=f"see {layout.host(name)}/log"
            )
        time.sleep(0.02)
