"""How a command and its whole family of processes are stopped, honestly."""

from __future__ import annotations

import signal

from orchestrator.executors import proc
from orchestrator.executors.proc import Process

_GRACE = 5.0
"""Seconds a command has to end after SIGTERM."""


def stop(process: Process, grace: float = _GRACE) -> set[Process]:
    """Stop the command that ``process`` keeps company, and all its descendants: SIGTERM, then SIGKILL.

    Answers the processes that live on all the same (another user's, or stuck in the kernel).
    """
    family = _frozen(process)
    for member in family:
        proc.send(member, signal.SIGTERM)
        proc.send(member, signal.SIGCONT)
    # The shell is not told to stop: it has the exit code to write.
    proc.await_death({*family, process}, grace)
    for _ in range(5):
        family = {member for known in (*family, process) for member in proc.tree(known)} - {process}
        if not family:
            break
        for member in family:
            proc.send(member, signal.SIGKILL)
        proc.await_death(family, grace / 5)
    if proc.await_death({process}, grace / 5):
        proc.send(process, signal.SIGKILL)
        family |= proc.await_death({process}, grace / 5)
    proc.reap(process.pid)
    return {member for member in family if proc.alive(member)}


def _frozen(process: Process) -> set[Process]:
    # Frozen from the top, until nobody new turns up: else a parent forks, or dies and hides its children.
    family: set[Process] = set()
    for _ in range(10):
        fresh = proc.tree(process) - {process} - family
        if not fresh:
            break
        for member in fresh:
            proc.send(member, signal.SIGSTOP)
        family |= fresh
    return family
