"""Locks on targets that outlive a dead orchestrator as long as a child of it still works.

Two layers. A *run* holds its targets in the store from its start until it has ended, across crashes
(``Store.take_locks``). On this machine a *process* also holds them with flock, and hands the descriptors on
to its children: an orphan that still works on a target keeps it locked, whatever became of the store.

The holder takes the file exclusively, writes who it is, and goes down to a shared lock: a driver that resumes
the same run may then join its own orphans, while another run can not get in. The kernel lets go of it when
the last process that inherited it is gone; so it is only ever closed here, never unlocked.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from orchestrator.errors import LockHeld, StoreUnavailable
from orchestrator.journal.break_glass import why_unsafe
from orchestrator.journal.files import make_private_directory
from orchestrator.journal.processes import host_name, process_state
from orchestrator.journal.store import Store
from orchestrator.model.event import to_iso
from orchestrator.plain import dataclass

_TRIES = 10
_PAUSE = 0.01
_LENGTH = 1024
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote itself into a lock file. ``run_id`` is empty where nothing can be read."""

    run_id: str
    since: str
    pid: int
    host: str


class TargetLocks:
    """flock files for targets, in ``directory`` (<state>/locks) and in ``machine``, a place that all state directories
    of this account share: a run with another state directory (break-glass) finds the target taken too. One of the two
    is enough where the other can not be made.

    ``scope`` says within what a lock's name means something (an inventory): names of two scopes do not meet in
    ``machine``.
    """

    def __init__(self, directory: Path, machine: Path | None = None, scope: str = "") -> None:
        # The machine's first: it names the holder also where the disk of the state directory is full.
        self._places = [*([(machine, f"{scope}\0")] if machine else []), (directory, "")]

    def take(self, run_id: str, names: Sequence[str], since: datetime) -> HeldTargets:
        """Hold all of ``names``, or none: raises LockHeld naming run and time, StoreUnavailable where no lock
        file can be made. Joins processes of the same run."""
        held: list[int] = []
        try:
            for name in sorted(set(names)):
                self._take(run_id, name, since, held)
        except BaseException:
            HeldTargets(held).release()
            raise
        return HeldTargets(held)

    def _take(self, run_id: str, name: str, since: datetime, held: list[int]) -> None:
        me = Holder(run_id, to_iso(since), os.getpid(), host_name())
        problems: list[str] = []
        for directory, scope in self._places:
            file = hashlib.sha256((scope + name).encode("utf-8", "surrogateescape")).hexdigest() + ".lock"
            try:
                self._make(directory)
                fd = os.open(directory / file, os.O_RDWR | os.O_CREAT | _OPEN, 0o600)
            except OSError as error:
                problems.append(str(error))
                _refuse_if_held(directory / file, name, run_id)
                continue
            held.append(fd)
            _hold(fd, name, me)
            os.set_inheritable(fd, True)
        if len(problems) == len(self._places):
            raise StoreUnavailable(
                f"the lock file of {name} can not be opened ({'; '.join(dict.fromkeys(problems))})",
                mend="check the state directory's owner, mode and free space, or set $HOLDFAST_BREAK_GLASS to a "
                "directory",
            )

    def _make(self, directory: Path) -> None:
        make_private_directory(directory)
        if directory == self._places[-1][0]:
            return
        # The machine's place lies where others can write: who owns the directory holds the locks.
        for part in (directory, directory.parent):
            unsafe = why_unsafe(part)
            if unsafe:
                raise PermissionError(f"{part} is not used: {unsafe}")


class HeldTargets:
    """Descriptors that hold targets. ``fds`` are inheritable: give them to every child (``Job.lock_fds``)."""

    def __init__(self, fds: Sequence[int]) -> None:
        self.fds = tuple(fds)

    def release(self) -> None:
        """Let go in this process. A child that inherited the descriptors goes on holding the targets."""
        fds, self.fds = self.fds, ()
        for fd in fds:
            os.close(fd)


@contextmanager
def hold_targets(
    store: Store, targets: TargetLocks, run_id: str, names: Sequence[str], since: datetime
) -> Iterator[HeldTargets]:
    """Both layers for as long as a driver works. The flocks are let go at the end; the run's own hold in the
    store stays until the run has ended (``Store.release_locks``). Raises LockHeld."""
    held = targets.take(run_id, names, since)
    try:
        store.take_locks(run_id, names, since)
        yield held
    finally:
        held.release()


def _hold(fd: int, name: str, me: Holder) -> None:
    for _ in range(_TRIES):
        if _locked(fd, fcntl.LOCK_EX):
            if not _write_holder(fd, me):
                return  # a full disk: held all the same, exclusively and without a name
            if not _locked(fd, fcntl.LOCK_SH):
                continue  # going down from exclusive is not one act: somebody was quicker
        elif _read_holder(fd).run_id != me.run_id or not _locked(fd, fcntl.LOCK_SH):
            time.sleep(_PAUSE)  # its holder may be about to write its name, or to go
            continue
        if _read_holder(fd).run_id == me.run_id:
            return
    raise _held(name, _read_holder(fd))


def _refuse_if_held(path: Path, name: str, run_id: str) -> None:
    """A lock that was taken while the directory could still be written counts, though it can not be taken
    there now."""
    try:
        fd = os.open(path, os.O_RDONLY | _OPEN)
    except OSError:
        return
    try:
        if not _locked(fd, fcntl.LOCK_EX) and _read_holder(fd).run_id != run_id:
            raise _held(name, _read_holder(fd))
    finally:
        os.close(fd)


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(fd: int, holder: Holder) -> bool:
    text = json.dumps(
        {"run_id": holder.run_id, "since": holder.since, "pid": holder.pid, "host": holder.host}, sort_keys=True
    )
    try:
        # Always the same length, over what is there: that works on a full disk too.
        os.pwrite(fd, text.ljust(_LENGTH).encode(), 0)
    except OSError:
        os.ftruncate(fd, 0)  # an older holder's name must not stay
        return False
    return True


def _read_holder(fd: int) -> Holder:
    try:
        value = json.loads(os.pread(fd, 4096, 0))
        return Holder(str(value["run_id"]), str(value["since"]), int(value["pid"]), str(value["host"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder("", "", 0, "")


def _held(name: str, holder: Holder) -> LockHeld:
    if not holder.run_id:
        return LockHeld(name, "(unknown)", "(unknown)", mend="find the process that has the lock file open: fuser -v")
    state = process_state(holder.pid) if holder.host == host_name() else "on another host"
    if state in ("gone", "zombie"):
        mend = (
            f"its driver (pid {holder.pid}) is gone, but a child of it still works on {name}: wait for it, or see "
            f"holdfast status {holder.run_id}"
        )
    elif state == "stopped":
        mend = f"its driver (pid {holder.pid}) is stopped: kill -CONT {holder.pid} lets it go on"
    else:
        mend = f"its driver is pid {holder.pid}; wait for it, or: holdfast abort {holder.run_id}"
    return LockHeld(name, holder.run_id, holder.since, mend=mend)
