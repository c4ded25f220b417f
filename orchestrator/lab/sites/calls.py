"""Running the machine's own programs: argument lists, a deadline, and an error that says what was tried."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.errors import LabError

_SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def call(
    argv: Sequence[str],
    *,
    input: str | None = None,  # noqa: A002 - the name subprocess gives it
    check: bool = True,
    seconds: float | None = 60.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and keep what it said.

    ``env`` is added to the caller's environment. Raises LabError where it is missing or late, or, with ``check``,
    where it failed; what it said last is in the message.
    """
    try:
        done = subprocess.run(
            argv,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env={**os.environ, "LC_ALL": "C.UTF-8", **with_sbin(), **(env or {})},
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not on this machine", mend="the list is in docs/hosts-lab.md") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{_short(argv)} did not end within {seconds:g} s") from error
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-800:]
        raise LabError(f"{_short(argv)} ended with {done.returncode}: {said}")
    return done


def with_sbin() -> dict[str, str]:
    """PATH with the directories of system programs, which an ordinary login may lack."""
    return {"PATH": f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"}


def _short(argv: Sequence[str]) -> str:
    text = shlex.join(argv)
    return text if len(text) <= 160 else f"{text[:157]}..."
