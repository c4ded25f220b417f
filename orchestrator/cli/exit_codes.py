"""What ``holdfast`` ends with. The manual's table is tested against this one."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Every exit code there is."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    FAILED = 3
    STOPPED = 4
    MISSED = 5
    WAITING = 6
    REFUSED = 7
    STORE = 8
    EVIDENCE = 9
    ROLLBACK_FAILED = 10
    RECOGNISED = 20
    UNCLEAR = 21
    HUNG_UP = 129
    INTERRUPTED = 130
    NOBODY_READS = 141
    TERMINATED = 143


MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "done; RTO and RPO met, or none to meet; diagnose: healthy",
    ExitCode.INTERNAL: "a fault in holdfast itself, or in the practice lab",
    ExitCode.USAGE: "the command line or a document is wrong",
    ExitCode.FAILED: "the run failed, was aborted or was rolled back",
    ExitCode.STOPPED: "stopped: a failed, unknown or doubtful step needs a decision",
    ExitCode.MISSED: "done, but RTO or RPO was missed or is unproven",
    ExitCode.WAITING: "waiting for a person",
    ExitCode.REFUSED: "refused: a target is locked by another run, or a rule forbids it",
    ExitCode.STORE: "the journal's store cannot be used",
    ExitCode.EVIDENCE: "the evidence does not hold",
    ExitCode.ROLLBACK_FAILED: "the rollback failed: act by hand, now",
    ExitCode.RECOGNISED: "diagnose: a fault class is recognised; the command for its runbook is shown",
    ExitCode.UNCLEAR: "diagnose: unclear; the evidence does not suffice",
    ExitCode.HUNG_UP: "the terminal went away while driving; the run can be resumed",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C; the run can be resumed",
    ExitCode.NOBODY_READS: "the program reading the output has gone away",
    ExitCode.TERMINATED: "told to end (SIGTERM); the run can be resumed",
}
"""One line for each code."""


def table() -> str:
    """The codes and their meaning, a line each."""
    return "\n".join(f"{code.value:>4}  {meaning}" for code, meaning in MEANING.items())
