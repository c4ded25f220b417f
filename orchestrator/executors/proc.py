"""Processes of this machine, read from /proc: who is alive, who descends from whom. Linux only."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.plain import dataclass

if TYPE_CHECKING:
    import subprocess

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, order=True)
class Process:
    """One process, and no other that gets its number later: ``start`` is in clock ticks since boot."""

    pid: int
    start: int

    @property
    def began(self) -> float:
        """When it started, in seconds since boot."""
        return self.start / _TICKS


def since_boot() -> float:
    """Seconds since this boot of the machine, those in which it slept too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """What tells this boot of the machine from any other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces and parentheses itself. Index 0 is the state, 1 the parent.
    return text.rpartition(")")[2].split()


def find(pid: int) -> Process | None:
    """The living process with this number; None where there is none, or only its body (a zombie)."""
    fields = _stat(pid)
    return Process(pid, int(fields[19])) if fields and fields[0] not in "ZX" else None


def alive(process: Process) -> bool:
    """Whether this very process still lives."""
    return find(process.pid) == process


def tree(root: Process) -> set[Process]:
    """``root`` and its living descendants, by the chain of parents.

    A daemon that was given away to init is not among them: stopping a play must not stop the database that it
    started.
    """
    children: dict[int, list[Process]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(Process(int(entry.name), int(fields[19])))
    found: set[Process] = set()
    waiting = [root] if alive(root) else []
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting.extend(children.get(process.pid, []))
    return found


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to this very process. False where it is not ours to signal; a dead one is no error."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        # Opened first and then looked at: between the two the number can not go to another process unseen.
        if alive(process):
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(descriptor)
    return True


def await_death(processes: Iterable[Process], seconds: float) -> set[Process]:
    """Wait at most ``seconds`` until all of them are dead; answers those that are not."""
    waiting: dict[int, Process] = {}
    poll = select.poll()
    try:
        for process in processes:
            try:
                descriptor = os.pidfd_open(process.pid)
            except ProcessLookupError:
                continue
            if alive(process):
                waiting[descriptor] = process
                poll.register(descriptor, select.POLLIN)
            else:
                os.close(descriptor)
        deadline = time.monotonic() + seconds
        while waiting:
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            for descriptor, _ in ready:
                poll.unregister(descriptor)
                os.close(descriptor)
                del waiting[descriptor]
            if not ready:
                break
        return set(waiting.values())
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def ends(program: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether a child ends within so long. It is noticed at once, which ``Popen.wait`` with a timeout does not."""
    if program.poll() is not None:
        return True
    watched = os.pidfd_open(program.pid)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(watched)


def reap(pid: int) -> None:
    """Let a dead child's number go. Another process's child is none of ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
