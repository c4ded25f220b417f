"""Running a contestant's process: how long it took, and what it said."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import Failed

PATIENCE = 900.0
"""Seconds after which a contestant is taken for hung."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ended well. ``began`` is on the clock that the journal's ``mono`` is on, in seconds."""

    began: float
    seconds: float
    out: str


def now() -> float:
    """The clock of the journal's ``mono``: it means the same in every process of this machine."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def ran(argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, good: Collection[int] = (0,)) -> Ran:
    """Run it and wait. Raises Failed where it ends with another code than a good one."""
    began = now()
    with subprocess.Popen(
        [str(word) for word in argv],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise Failed(f"no end after {PATIENCE:g} s") from error
    seconds = now() - began
    if process.returncode not in good:
        said = (err.strip() or out.strip())[-400:]
        raise Failed(f"exit code {process.returncode}: {said}")
    return Ran(began, seconds, out)


def peak_memory() -> float:
    """The most this process had resident so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
