"""One live driver for a run on this machine.

The store's primary key stops a second driver at its first append; this lock stops it before that, and tells
who drives. It is never inherited: a child that outlives its driver must not keep the run from being resumed.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from orchestrator.errors import DriverConflict, StoreUnavailable
from orchestrator.journal.break_glass import why_unsafe
from orchestrator.journal.files import make_private_directory
from orchestrator.journal.processes import host_name, process_state
from orchestrator.model.event import to_iso
from orchestrator.plain import dataclass

FILE = "driver.lock"
_TRIES = 20
_PAUSE = 0.01

_open_fds: set[int] = set()


@dataclass(frozen=True, slots=True)
class Driver:
    """A live driver: ``state`` is running or stopped (SIGSTOP)."""

    run_id: str
    pid: int
    host: str
    epoch: str
    since: str
    state: str


class DriverLock:
    """Held from construction until ``release``; raises DriverConflict where another process drives the run.

    ``fallback`` is a directory for where ``run_directory`` (<state>/runs/<run_id>) can not be written. Raises
    StoreUnavailable where neither can.
    """

    def __init__(
        self, run_directory: Path, run_id: str, epoch: str, since: datetime, *, fallback: Path | None = None
    ) -> None:
        directory, fd = _open_one(run_directory, fallback, run_id)
        try:
            _take(fd, directory, run_id)
        except BaseException:
            os.close(fd)
            raise
        self._fd: int | None = fd
        _open_fds.add(fd)
        text = json.dumps(
            {"run_id": run_id, "pid": os.getpid(), "host": host_name(), "epoch": epoch, "since": to_iso(since)}
        )
        with suppress(OSError):  # a full disk: held all the same, only nameless
            os.ftruncate(fd, 0)
            os.pwrite(fd, text.encode(), 0)

    def release(self) -> None:
        """Let another process drive. May be called twice."""
        fd, self._fd = self._fd, None
        if fd is not None and fd in _open_fds:  # in a forked child it was closed already
            _open_fds.discard(fd)
            os.close(fd)


def _open_one(run_directory: Path, fallback: Path | None, run_id: str) -> tuple[Path, int]:
    try:
        return run_directory, _open(run_directory)
    except OSError as error:
        # One that began while the directory could still be written drives on.
        driver = driver_of(run_directory)
        if driver is not None:
            raise _conflict(run_id, driver) from error
        try:
            if fallback is None:
                raise
            fd = _open(fallback)
            # It lies where others can write: who owns the directory would say who drives.
            for part in (fallback, fallback.parent):
                if unsafe := why_unsafe(part):
                    os.close(fd)
                    raise PermissionError(f"{part} is not used: {unsafe}") from error
            return fallback, fd
        except OSError as last:
            raise StoreUnavailable(
                f"the driver lock of run {run_id} can not be opened ({last})",
                mend="check the state directory's owner, mode and free space",
            ) from last


def _open(directory: Path) -> int:
    make_private_directory(directory)
    return os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def driver_of(run_directory: Path) -> Driver | None:
    """The live driver of a run on this machine, or None. Also where it can not be told: the lock file can not
    be read."""
    try:
        fd = os.open(run_directory / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for _ in range(_TRIES):
            if _try_lock(fd, fcntl.LOCK_SH):
                return None
            with suppress(OSError, ValueError, KeyError, TypeError):
                value = json.loads(os.pread(fd, 4096, 0))
                state = process_state(int(value["pid"]))
                if state in ("running", "stopped"):
                    texts = {name: str(value[name]) for name in ("run_id", "host", "epoch", "since")}
                    return Driver(pid=int(value["pid"]), state=state, **texts)
            time.sleep(_PAUSE)  # it has the lock and is about to write its name
        return Driver("", 0, host_name(), "", "", "running")
    finally:
        os.close(fd)


def _take(fd: int, run_directory: Path, run_id: str) -> None:
    for _ in range(_TRIES):
        if _try_lock(fd):
            return
        driver = driver_of(run_directory)
        if driver is not None:
            raise _conflict(run_id, driver)
        time.sleep(_PAUSE)  # somebody only looked who drives
    raise DriverConflict(f"run {run_id} was being driven until just now", mend="try again")


def _try_lock(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _conflict(run_id: str, driver: Driver) -> DriverConflict:
    if not driver.pid:
        return DriverConflict(
            f"run {run_id} is driven by another process of this machine", mend="find it: fuser -v on its driver.lock"
        )
    what = f"run {run_id} is driven by pid {driver.pid} on {driver.host} since {driver.since}"
    if driver.state == "stopped":
        return DriverConflict(
            f"{what}; that process is stopped (SIGSTOP) and will go on when it is continued",
            mend=f"let it go on with kill -CONT {driver.pid}; or end it with kill -KILL {driver.pid}, then resume",
        )
    return DriverConflict(
        what, mend=f"watch it: holdfast status {run_id}; or stop it: kill -TERM {driver.pid}, then resume"
    )


def _let_go_in_child() -> None:
    for fd in _open_fds:
        with suppress(OSError):
            os.close(fd)
    _open_fds.clear()


# A child that is forked without starting another program inherits every descriptor, close-on-exec or not.
os.register_at_fork(after_in_child=_let_go_in_child)
