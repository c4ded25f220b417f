"""How errors are told: what is wrong and the mend, never a traceback; and which exit code they mean."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.streams import warn
from orchestrator.errors import DocumentError, HoldfastError

BUG = "this is a fault in holdfast, not in your runbook"


def shown(error: HoldfastError) -> str:
    """The error as people read it: ``file:line:col`` lines for documents, message and mend for everything else."""
    if isinstance(error, DocumentError):
        count = sum(not problem.warning for problem in error.problems)
        tail = f"\n{count} problems" if count > 1 else ""
        return "\n".join(str(problem) for problem in error.problems) + tail
    return f"error: {error}"


def tell(error: BaseException, state: Path | None) -> int:
    """Tell the error on standard error and answer the exit code. ``state``: where a traceback may be kept."""
    if isinstance(error, HoldfastError):
        warn(shown(error))
        return error.exit_code
    where = _keep(error, state)
    # The message of an unknown exception may hold anything; its kind is enough here, the rest is in the file.
    warn(f"error: {type(error).__name__}: {BUG}")
    warn(
        f"  the traceback is in {where}"
        if where
        else "  the traceback could not be kept; set HOLDFAST_DEBUG=1 to see it"
    )
    warn("  mend: a run that was being driven goes on with: holdfast resume last")
    if os.environ.get("HOLDFAST_DEBUG"):
        sys.stderr.write(_redacted(error))
    return ExitCode.INTERNAL


def _redacted(error: BaseException) -> str:
    from orchestrator.model.redaction import SHORTEST, Redactor

    text = "".join(traceback.format_exception(error))
    # Whatever the secrets of this call were, they came in through the environment or through files that messages
    # do not repeat; values of ordinary variables are blotted out only where their name says that they are secret.
    telling = ("PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL")
    values = [
        value
        for name, value in os.environ.items()
        if len(value) >= SHORTEST and any(word in name.upper() for word in telling)
    ]
    return Redactor([*values, *SECRETS]).text(text)


SECRETS: list[str] = []
"""Values this call has read as secrets; kept out of everything that is told."""


def _keep(error: BaseException, state: Path | None) -> Path | None:
    if state is None:
        return None
    try:
        directory = state / "tracebacks"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        path = directory / f"{stamp}-{os.getpid()}.txt"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_redacted(error))
    except OSError:
        return None
    return path
