"""Which processes belong to a lab host, and ending exactly those."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from orchestrator.lab import processes
from orchestrator.lab.layout import DATABASES, HOSTS, SERVICE, Layout
from orchestrator.lab.processes import Process

HANGING = "hanging-"
"""Records of power switches that hang (a fault that can be switched on) begin with this."""


def of_host(layout: Layout, name: str) -> list[Process]:
    """Every living process of the host.

    A PostgreSQL program belongs to the host it works in: its working directory is the host's (the server's own and all
    its children's is the data directory), and the file it runs is one of the lab's programs. The order service is
    known by its record.
    """
    found = _working_below(layout, [layout.host(name)])
    if name == SERVICE and (service := processes.recall(layout.service_record)) is not None:
        found.append(service)
    return found


def of_lab(layout: Layout) -> list[Process]:
    """Every living process of the lab, the client outside included."""
    found = _working_below(layout, [layout.host(name) for name in HOSTS])
    hanging = layout.faults.glob(f"{HANGING}*.json") if layout.faults.exists() else ()
    for record in (layout.service_record, layout.client_record, *hanging):
        if (process := processes.recall(record)) is not None:
            found.append(process)
    return found


def _working_below(layout: Layout, directories: list[Path]) -> list[Process]:
    programs = f"{layout.programs.resolve()}/"
    runners = {str(layout.bin(directory.name) / ".run.py") for directory in directories}
    found = []
    for process in processes.everyone():
        place = processes.working_directory(process)
        if not any(place == str(directory) or place.startswith(f"{directory}/") for directory in directories):
            continue
        # A program on its way: still the Python that is about to become it.
        if processes.program(process).startswith(programs) or runners.intersection(processes.arguments(process)):
            found.append(process)
    return found


def end_host(layout: Layout, name: str) -> int:
    """Take the host's processes away as a loss of power does: at once, all. Answers how many there were."""
    return _end(layout, [name], lambda: of_host(layout, name))


def end_lab(layout: Layout) -> int:
    """End everything the lab runs. Answers how many processes there were."""
    return _end(layout, list(HOSTS), lambda: of_lab(layout))


def _end(layout: Layout, names: list[str], find: Callable[[], list[Process]]) -> int:
    segments = _segments(layout, names)
    ended = processes.end_all(find)
    for number in segments:
        processes.drop_shared_memory(number)
    for name in names:
        if name in DATABASES:
            _forget_locks(layout, name)
    return ended


def _forget_locks(layout: Layout, name: str) -> None:
    # Nothing of the host lives. Its lock files name a process that may lie unburied where no init collects the
    # dead; PostgreSQL would take that for a living server, and refuse to start.
    (layout.data(name) / "postmaster.pid").unlink(missing_ok=True)
    for lock in Path(layout.sockets.get(name, layout.host(name) / "socket")).glob(".s.PGSQL.*"):
        lock.unlink(missing_ok=True)


def freeze(layout: Layout, name: str) -> int:
    """Stop the host's processes where they are (SIGSTOP), until none is left running; answers how many."""
    stopped: set[Process] = set()
    while fresh := [process for process in of_host(layout, name) if process not in stopped]:
        for process in fresh:
            processes.send(process, signal.SIGSTOP)
            stopped.add(process)
    return len(stopped)


def thaw(layout: Layout, name: str) -> None:
    """Let the host's processes go on (SIGCONT)."""
    for process in of_host(layout, name):
        processes.send(process, signal.SIGCONT)


def _segments(layout: Layout, names: list[str]) -> list[int]:
    numbers = []
    for name in names:
        if name not in DATABASES:
            continue
        try:
            lines = (layout.data(name) / "postmaster.pid").read_text().splitlines()
            numbers.append(int(lines[6].split()[1]))
        except (OSError, IndexError, ValueError):
            continue  # no server ever came that far on this data
    return numbers
