"""Locks between real processes: orphans, stopped drivers, full and read-only disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import DriverConflict, LockHeld, StoreUnavailable
from orchestrator.journal.driver_lock import DriverLock, driver_of
from orchestrator.journal.locks import TargetLocks, hold_targets
from orchestrator.journal.processes import process_state
from orchestrator.journal.sqlite_store import SqliteStore

NOW = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)

HOLDER = """
import subprocess, sys, time
from datetime import UTC, datetime
from pathlib import Path
from orchestrator.journal.locks import TargetLocks
held = TargetLocks(Path(sys.argv[1])).take(sys.argv[2], ["cluster/a"], datetime(2026, 5, 1, 2, 30, tzinfo=UTC))
child = subprocess.Popen(["sleep", "120"], pass_fds=held.fds)
print(child.pid, flush=True)
time.sleep(120)
"""

DRIVER = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from orchestrator.journal.driver_lock import DriverLock
lock = DriverLock(Path(sys.argv[1]), "r1", "e1", datetime(2026, 5, 1, 2, 30, tzinfo=UTC))
child = os.fork()
if child == 0:
    time.sleep(120)
print(child, flush=True)
time.sleep(120)
"""


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def start(script: str, *argv: str) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen([sys.executable, "-c", script, *argv], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.stdout.close()
    return process, child


def end(process: subprocess.Popen[str], child: int) -> None:
    for pid in (process.pid, child):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def test_a_child_keeps_the_targets_locked_after_its_driver_was_killed(tmp_path: Path) -> None:
    process, child = start(HOLDER, str(tmp_path), "r1")
    locks = TargetLocks(tmp_path)
    try:
        with pytest.raises(LockHeld, match=r"cluster/a is held by run r1 since 2026-05-01T02:30") as caught:
            locks.take("r2", ["cluster/a"], NOW)
        assert f"pid {process.pid}" in caught.value.mend
        process.kill()
        process.wait()
        with pytest.raises(LockHeld, match="held by run r1") as caught:
            locks.take("r2", ["cluster/b", "cluster/a"], NOW)
        assert "is gone, but a child of it still works on cluster/a" in caught.value.mend
        locks.take("r2", ["cluster/b"], NOW).release()  # all or nothing: b was not kept

        # The same run, resumed, joins its own orphan, and keeps the target after the orphan has gone.
        resumed = locks.take("r1", ["cluster/a"], NOW)
        os.kill(child, signal.SIGKILL)
        until(lambda: process_state(child) in ("gone", "zombie"))
        with pytest.raises(LockHeld):
            locks.take("r2", ["cluster/a"], NOW)
        resumed.release()
        locks.take("r2", ["cluster/a"], NOW).release()
    finally:
        end(process, child)


def test_letting_go_in_the_driver_does_not_unlock_a_child_that_still_works(tmp_path: Path) -> None:
    locks = TargetLocks(tmp_path)
    held = locks.take("r1", ["cluster/a"], NOW)
    with subprocess.Popen(["sleep", "120"], pass_fds=held.fds) as child:
        held.release()
        with pytest.raises(LockHeld):
            locks.take("r2", ["cluster/a"], NOW)
        child.kill()
    locks.take("r2", ["cluster/a"], NOW).release()


def test_a_stopped_holder_is_named_as_stopped(tmp_path: Path) -> None:
    process, child = start(HOLDER, str(tmp_path), "r1")
    try:
        process.send_signal(signal.SIGSTOP)
        until(lambda: process_state(process.pid) == "stopped")
        with pytest.raises(LockHeld) as caught:
            TargetLocks(tmp_path).take("r2", ["cluster/a"], NOW)
        assert f"kill -CONT {process.pid}" in caught.value.mend
    finally:
        end(process, child)


def test_lock_files_are_private_and_names_can_not_leave_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "locks"
    held = TargetLocks(directory).take("r1", ["../../etc/passwd", "a/b\n\udcff"], NOW)
    files = list(directory.iterdir())
    assert len(files) == 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    held.release()


def test_where_the_state_directory_can_not_be_used_the_fallback_is_locked(tmp_path: Path) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file, not a directory")
    elsewhere = tmp_path / "elsewhere" / "locks"
    locks = TargetLocks(in_the_way / "locks", elsewhere)
    held = locks.take("r1", ["cluster/a"], NOW)
    with pytest.raises(LockHeld, match="run r1"):
        locks.take("r2", ["cluster/a"], NOW)
    held.release()
    elsewhere.parent.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="others may enter it"):
        locks.take("r1", ["cluster/a"], NOW)
    with pytest.raises(StoreUnavailable, match="lock file of cluster/a can not be opened"):
        TargetLocks(in_the_way / "locks").take("r1", ["cluster/a"], NOW)


def test_another_state_directory_finds_the_target_taken_and_another_inventory_does_not(tmp_path: Path) -> None:
    machine = tmp_path / "machine" / "locks"
    held = TargetLocks(tmp_path / "state", machine, "/site").take("r1", ["cluster/a"], NOW)
    assert len(held.fds) == 2
    with pytest.raises(LockHeld, match="cluster/a is held by run r1"):
        TargetLocks(tmp_path / "other", machine, "/site").take("r2", ["cluster/a"], NOW)
    TargetLocks(tmp_path / "other", machine, "/another site").take("r2", ["cluster/a"], NOW).release()
    held.release()
    TargetLocks(tmp_path / "other", machine, "/site").take("r2", ["cluster/a"], NOW).release()


def test_only_one_of_many_that_come_at_once_gets_the_target(tmp_path: Path) -> None:
    script = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from orchestrator.errors import LockHeld
from orchestrator.journal.locks import TargetLocks
sys.stdin.readline()
try:
    held = TargetLocks(Path(sys.argv[1])).take(sys.argv[2], ["cluster/a"], datetime(2026, 5, 1, tzinfo=UTC))
except LockHeld:
    print("no", flush=True)
else:
    print("yes", flush=True)
sys.stdin.readline()
"""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), f"r{number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(6)
    ]  # fmt: skip
    try:
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        answers = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
        assert sorted(answers) == ["no"] * 5 + ["yes"]
    finally:
        for racer in racers:
            racer.communicate()


def test_both_layers_are_held_and_the_runs_own_hold_stays_after_its_driver(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.sqlite3")
    targets = TargetLocks(tmp_path / "locks")
    with hold_targets(store, targets, "r1", ["cluster/a"], NOW) as held:
        assert len(held.fds) == 1
    with pytest.raises(LockHeld, match="run r1"), hold_targets(store, targets, "r2", ["cluster/a"], NOW):
        pass
    store.release_locks("r1")
    with hold_targets(store, targets, "r2", ["cluster/a"], NOW):
        pass
    store.close()


def test_a_second_driver_is_told_who_drives_and_whether_it_is_stopped(tmp_path: Path) -> None:
    process, child = start(DRIVER, str(tmp_path))
    try:
        with pytest.raises(DriverConflict, match=rf"run r1 is driven by pid {process.pid} on .* since 2026-05-01"):
            DriverLock(tmp_path, "r1", "e2", NOW)
        process.send_signal(signal.SIGSTOP)
        until(lambda: process_state(process.pid) == "stopped")
        driver = driver_of(tmp_path)
        assert driver is not None
        assert (driver.pid, driver.epoch, driver.state) == (process.pid, "e1", "stopped")
        with pytest.raises(DriverConflict, match="stopped") as caught:
            DriverLock(tmp_path, "r1", "e2", NOW)
        assert f"kill -CONT {process.pid}" in caught.value.mend

        # Its forked child lives on, but does not keep the run from being resumed.
        process.kill()
        process.wait()
        assert process_state(child) == "running"
        assert driver_of(tmp_path) is None
        lock = DriverLock(tmp_path, "r1", "e2", NOW)
        lock.release()
        lock.release()
    finally:
        end(process, child)


def test_looking_who_drives_does_not_disturb_one_that_begins(tmp_path: Path) -> None:
    for _ in range(50):
        lock = DriverLock(tmp_path, "r1", "e1", NOW)
        driver = driver_of(tmp_path)
        assert driver is not None
        assert driver.pid == os.getpid()
        lock.release()
        assert driver_of(tmp_path) is None
    assert driver_of(tmp_path / "nothing") is None


def test_a_driver_lock_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StoreUnavailable, match="driver lock of run r1 can not be opened"):
        DriverLock(tmp_path / "runs" / "r1", "r1", "e1", NOW)
    lock = DriverLock(tmp_path / "runs" / "r1", "r1", "e1", NOW, fallback=tmp_path / "glass")
    with pytest.raises(DriverConflict, match=f"pid {os.getpid()}"):
        DriverLock(tmp_path / "runs" / "r1", "r1", "e2", NOW, fallback=tmp_path / "glass")
    lock.release()


@pytest.mark.root
def test_locks_that_were_taken_before_the_disk_became_read_only_still_count(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", disk], check=True)
    try:
        # Bound elsewhere, so that it can be made read-only while files on it are open for writing.
        view = tmp_path / "view"
        view.mkdir()
        subprocess.run(["mount", "--bind", disk, view], check=True)
        try:
            lock = DriverLock(disk / "r1", "r1", "e1", NOW)
            held = TargetLocks(disk / "locks").take("r1", ["cluster/a"], NOW)
            subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
            glass = tmp_path / "glass"
            with pytest.raises(DriverConflict, match=f"pid {os.getpid()}"):
                DriverLock(view / "r1", "r1", "e2", NOW, fallback=glass)
            with pytest.raises(LockHeld, match="run r1"):
                TargetLocks(view / "locks", glass / "locks").take("r2", ["cluster/a"], NOW)
            lock.release()
            held.release()
            DriverLock(view / "r1", "r1", "e2", NOW, fallback=glass).release()
            TargetLocks(view / "locks", glass / "locks").take("r2", ["cluster/a"], NOW).release()
        finally:
            subprocess.run(["umount", view], check=True)
    finally:
        subprocess.run(["umount", disk], check=True)
