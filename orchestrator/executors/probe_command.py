"""The command probe, and the way testinfra reaches hosts: a command on the target that changes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import ExecutorError
from orchestrator.executors import fabric_output
from orchestrator.executors.contract import Control
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.fabric_host import HostEnd, HostWork
from orchestrator.executors.fabric_wrapper import Command
from orchestrator.executors.jobdir import shred
from orchestrator.executors.probe_look import Sight, blind
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending

LARGEST = 1024 * 1024
"""Bytes of stdout, and of stderr, that are kept of a look."""


@contextmanager
def looking(
    connections: Connections, host: Host, job: Job, argv: tuple[str, ...], control: Control
) -> Iterator[tuple[Path, HostEnd]]:
    """Run it to its end: the directory with ``out`` and ``err``, which is gone afterwards, and how it ended.

    Raises ExecutorError, or OSError where this machine's disk does not take the output.
    """
    # Never the name of an earlier look: its end would be found on the target and taken for a fresh sight.
    name = f"{job.ident}.{secrets.token_hex(4)}"
    above = Path(job.directory) / name
    above.mkdir(mode=0o700, parents=True)
    directory = above / "look"
    try:
        work = HostWork(connections, host, Command(argv, {}), job.run_id, name, directory, control, job.lock_fds)
        end = work.begin()
        work.settle()
        yield directory, end
    finally:
        shred(above)


def look_command(
    inventory: Inventory,
    connections: Connections,
    target: str,
    argv: tuple[str, ...],
    job: Job,
    control: Control,
    parse: str = "auto",
) -> Sight:
    """Run it; any exit code is a sight, unless its output is demanded to be read and is not what ``parse`` reads."""
    try:
        with looking(connections, inventory.one(target), job, argv, control) as (directory, end):
            if end.rc is None or end.ending is not Ending.OK:  # stopped at its deadline: no exit code of its own
                return blind(end.error, end.mend)
            output, problem = fabric_output.described(directory, end.rc, parse)
            if problem:
                return blind(problem if end.rc == 0 else fabric_output.complaint(directory, end.rc))
            return Sight(output, fabric_output.whole(directory, LARGEST))
    except ExecutorError as error:
        return blind(error.message, error.mend)
    except OSError as error:
        return blind(f"this machine cannot look: {error}")
