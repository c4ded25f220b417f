"""Processes of a lab host: found by what they are, and signalled only when they still are it.

A process number alone proves nothing, because the system gives numbers away again. A process is therefore known by its
number *and* the moment it started, and every signal goes through a pidfd that was opened before that moment was
read: what gets the signal is what was looked at.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.plain import dataclass

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its number, and when it started (clock ticks since boot)."""

    pid: int
    started: int


def boot_id() -> str:
    """Which boot of the machine this is; start moments compare only within one."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def look(pid: int) -> Process | None:
    """The living process with this number; None where there is none, or only its unburied rest."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The program's name is in parentheses and may hold anything, so fields are counted from the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[19]))


def alive(process: Process) -> bool:
    """Whether it still runs."""
    return look(process.pid) == process


def send(process: Process, number: int) -> bool:
    """Send a signal; False where the process is no more (or its number is another's by now)."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if look(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def wait_gone(process: Process, seconds: float) -> bool:
    """Wait until it has ended; False where it has not in time."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return True
    try:
        if not alive(process):
            return True
        # A pidfd becomes readable when its process ends, buried or not.
        return bool(select.select([handle], [], [], max(seconds, 0.0))[0])
    finally:
        os.close(handle)


def everyone() -> Iterator[Process]:
    """Every living process this account can see."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := look(int(entry.name))) is not None:
            yield process


def working_directory(process: Process) -> str:
    """Where it works; empty where that cannot be seen (another account's process)."""
    try:
        return str((PROC / str(process.pid) / "cwd").readlink()).removesuffix(" (deleted)")
    except OSError:
        return ""


def program(process: Process) -> str:
    """The file it runs; empty where that cannot be seen."""
    try:
        return str((PROC / str(process.pid) / "exe").readlink()).removesuffix(" (deleted)")
    except OSError:
        return ""


def arguments(process: Process) -> list[str]:
    """Its argument list; empty where that cannot be seen."""
    try:
        raw = (PROC / str(process.pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(part) for part in raw.split(b"\0")]


def remember(path: Path, pid: int) -> None:
    """Write down a process, so that a later program finds exactly it again."""
    process = look(pid)
    if process is None:
        raise LabError(f"process {pid} ended before it could be written down")
    body = {"pid": process.pid, "started": process.started, "boot": boot_id()}
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(body))
    fresh.replace(path)


def recall(path: Path) -> Process | None:
    """The process that was written down; None where there is no record, or it no longer runs."""
    try:
        body = json.loads(path.read_text())
        process = Process(int(body["pid"]), int(body["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if body.get("boot") == boot_id() and alive(process) else None


def end_all(find: Callable[[], list[Process]], *, seconds: float = 5.0) -> int:
    """SIGKILL what ``find`` finds, again and again until it finds nothing; answers how many were ended.

    Looking again matters: a server may start a child between the look and the signal. Raises LabError where some
    are left after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    ended: set[Process] = set()
    while found := find():
        for process in found:
            send(process, signal.SIGKILL)
        for process in found:
            if wait_gone(process, deadline - time.monotonic()):
                ended.add(process)
        if time.monotonic() > deadline:
            numbers = ", ".join(str(process.pid) for process in find())
            raise LabError(f"processes {numbers} did not end", mend="look at them with ps; they may hang in the kernel")
    return len(ended)


def drop_shared_memory(number: int) -> None:
    """Remove a dead server's System V segment; one that is still attached, or does not exist, is left alone.

    PostgreSQL keeps a tiny segment as a lock against a second server on the same data; after SIGKILL it would
    stay until the next start on that data, and there are only 4096 of them on a machine.
    """
    try:
        lines = (PROC / "sysvipc/shm").read_text().splitlines()
    except OSError:
        return
    for line in lines[1:]:
        fields = line.split()
        if int(fields[1]) == number and int(fields[6]) == 0:
            ctypes.CDLL(None).shmctl(number, 0, None)
