"""Detached commands: real processes that outlive the one that began them."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import ExecutorError
from orchestrator.executors import detached, jobdir, proc
from orchestrator.executors.contract import Wish
from orchestrator.executors.control import JobControl
from orchestrator.executors.detached import Ended, Gone, Left, NotStarted, Running, Stopped
from orchestrator.executors.stopping import stop

ENV = {"PATH": "/usr/bin:/bin"}


class SystemClock:
    def wall(self) -> datetime:
        return datetime.now(UTC)

    def mono(self) -> float:
        return time.monotonic()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "job"
    jobdir.make(directory)
    yield directory
    found = detached.find(directory)
    if isinstance(found, Running):
        stop(found.process, 1.0)


def control(timeout: float = 30.0) -> JobControl:
    return JobControl(timeout, SystemClock())


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_command_ends_with_its_exit_code_and_output(place: Path) -> None:
    detached.start(place, ["sh", "-c", "echo seen; echo wrong >&2; exit 3"], env=ENV)
    assert detached.follow(place, control(), 30.0) == Ended(3)
    assert lines(place / "out") == ["seen", "wrong"]
    assert (place / "out").stat().st_mode & 0o777 == 0o600
    assert detached.find(place) == Ended(3)


def test_an_exit_code_that_is_told_of_is_taken_before_the_process_is_gone(place: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(["sleep", "60"]) as company:
        process = proc.find(company.pid)
        assert process is not None
        detached.note(place, process)
        (place / "rc").write_text("7\n")
        theirs.close()
        assert detached.follow(place, control(), 30.0, ours) == Ended(7)
        assert company.poll() is None
        company.kill()


def test_without_an_exit_code_the_end_of_the_process_counts_whatever_is_told(place: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        detached.start(place, ["sh", "-c", "sleep 0.5; exit 3"], env=ENV)
        theirs.close()
        assert detached.follow(place, control(), 30.0, ours) == Ended(3)


def test_words_are_given_as_they_are(place: Path) -> None:
    words = ["a b", "$(id)", "; id", "`id`", "-o", "", "two\nlines", "'\"", "*"]
    detached.start(place, [sys.executable, "-c", "import sys; print(sys.argv[1:])", *words], env=ENV)
    assert detached.follow(place, control(), 30.0) == Ended(0)
    assert (place / "out").read_text().strip() == repr(words)


def test_the_environment_is_exactly_what_was_given(place: Path) -> None:
    code = "import os; print(sorted(set(os.environ) - {'PWD', 'OLDPWD', '_', 'SHLVL', 'LC_CTYPE'}))"
    detached.start(place, [sys.executable, "-c", code], env={**ENV, "LANG": "C"})
    assert detached.follow(place, control(), 30.0) == Ended(0)
    assert (place / "out").read_text().strip() == "['LANG', 'PATH']"


def test_the_commands_own_search_path_does_not_matter_to_its_companion(place: Path) -> None:
    detached.start(place, ["/bin/sh", "-c", "exit 4"], env={"PATH": "/nowhere"})
    assert detached.follow(place, control(), 30.0) == Ended(4)


def test_input_comes_from_memory_and_may_be_large(place: Path) -> None:
    given = os.urandom(3_000_000)
    detached.start(place, ["sh", "-c", "sha256sum"], env=ENV, stdin=given)
    assert detached.follow(place, control(), 30.0) == Ended(0)
    import hashlib

    assert lines(place / "out")[0].split()[0] == hashlib.sha256(given).hexdigest()


def test_without_input_the_command_reads_nothing(place: Path) -> None:
    detached.start(place, ["cat"], env=ENV)
    assert detached.follow(place, control(), 30.0) == Ended(0)
    assert lines(place / "out") == []


def test_output_and_errors_can_be_kept_apart(place: Path) -> None:
    detached.start(place, ["sh", "-c", "echo a; echo b >&2"], env=ENV, stdout="stdout", stderr="stderr")
    assert detached.follow(place, control(), 30.0) == Ended(0)
    assert (lines(place / "stdout"), lines(place / "stderr")) == (["a"], ["b"])


def test_a_missing_program_is_named_before_anything_starts(place: Path) -> None:
    with pytest.raises(ExecutorError, match="no program 'no-such-thing'"):
        detached.start(place, ["no-such-thing"], env=ENV)
    assert detached.find(place) == NotStarted()


@pytest.mark.parametrize("word", ["eval", "exec", ".", "trap", "exit"])
def test_a_word_of_the_shells_is_no_program(place: Path, word: str) -> None:
    with pytest.raises(ExecutorError, match="no program"):
        detached.start(place, [word, "touch effect"], env={"PATH": "/nowhere"})


def test_a_program_is_found_from_where_the_command_works(place: Path, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\nexit 5\n")
    (tmp_path / "tool").chmod(0o700)
    detached.start(place, ["./tool"], env=ENV, cwd=tmp_path)
    assert detached.follow(place, control(), 30.0) == Ended(5)


def test_an_empty_or_missing_directory_is_not_started(place: Path, tmp_path: Path) -> None:
    assert detached.find(place) == NotStarted()
    assert detached.find(tmp_path / "never") == NotStarted()


def test_without_the_word_go_nothing_begins(place: Path) -> None:
    """The driver dies between starting the shell and saying go."""
    hear, tell = os.pipe()
    argv = ["sh", "-c", detached._ALONE, "sh", str(place), str(place), "touch", str(place / "effect")]
    child = subprocess.Popen(["sh", "-c", 'exec "$@" 3<&0 4<&0 </dev/null', "sh", *argv], stdin=hear, env=ENV)
    os.close(hear)
    process = proc.find(child.pid)
    assert process is not None
    jobdir.write_durably(
        place / "pid", f'{{"pid": {process.pid}, "start": {process.start}, "boot": "{proc.boot_id()}"}}'
    )
    os.close(tell)
    assert child.wait(60) == 0
    assert not (place / "effect").exists()
    assert detached.find(place) == NotStarted()


def test_it_survives_the_kill_of_the_one_that_began_it_and_is_found_again(place: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from orchestrator.executors import detached
argv = ["sh", "-c", "echo begun; until test -e {place}/go; do sleep 0.05; done; echo done; exit 7"]
detached.start(Path({str(place)!r}), argv, env={ENV!r})
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == -signal.SIGKILL
    assert isinstance(detached.find(place), Running)
    (place / "go").touch()
    assert detached.follow(place, control(), 30.0) == Ended(7)
    assert lines(place / "out") == ["begun", "done"]


def test_letting_go_leaves_it_running_and_it_is_found_again(place: Path) -> None:
    detached.start(place, ["sh", "-c", f"until test -e {place}/go; do sleep 0.05; done"], env=ENV)
    reins = control()
    reins.pull(Wish.DETACH)
    assert detached.follow(place, reins, 30.0) == Left()
    assert isinstance(detached.find(place), Running)
    (place / "go").touch()
    assert detached.follow(place, control(), 30.0) == Ended(0)


def test_a_wish_is_seen_while_it_runs(place: Path) -> None:
    detached.start(place, ["sleep", "60"], env=ENV)
    reins = control()
    threading.Timer(0.2, reins.pull, [Wish.CANCEL]).start()
    began = time.monotonic()
    assert detached.follow(place, reins, 60.0) == Stopped("it was stopped on request", ())
    assert time.monotonic() - began < 30
    assert detached.find(place) == Ended(128 + signal.SIGTERM)


def test_the_timeout_stops_the_whole_family(place: Path) -> None:
    detached.start(place, ["sh", "-c", "sleep 61 & sleep 62 & setsid sleep 63 & wait"], env=ENV)
    until(lambda: (place / "begun").exists())
    found = detached.find(place)
    assert isinstance(found, Running)
    until(lambda: len(proc.tree(found.process)) == 5)
    family = proc.tree(found.process)
    stopped = detached.follow(place, control(0.1), 30.0)
    assert stopped == Stopped("timeout after 30 s", ())
    assert not any(proc.alive(member) for member in family)


def test_what_ignores_the_polite_signal_is_killed(place: Path) -> None:
    process = detached.start(place, ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 60; done"], env=ENV)
    until(lambda: lines(place / "out") == ["ready"])
    assert stop(process, grace=0.3) == set()
    assert detached.find(place) == Ended(128 + signal.SIGKILL)


def test_a_daemon_that_the_command_started_is_not_stopped_with_it(place: Path, tmp_path: Path) -> None:
    note = tmp_path / "daemon"
    script = f"(setsid sh -c 'echo $$ >{note}; exec sleep 60' &); sleep 60"
    process = detached.start(place, ["sh", "-c", script], env=ENV)
    until(lambda: bool(lines(note)))
    daemon = proc.find(int(lines(note)[0]))
    assert daemon is not None
    until(lambda: daemon not in proc.tree(process))
    stop(process, grace=2.0)
    assert proc.alive(daemon)
    os.kill(daemon.pid, signal.SIGKILL)


def test_the_timeout_counts_from_the_commands_own_start(place: Path) -> None:
    detached.start(place, ["sleep", "60"], env=ENV)
    found = detached.find(place)
    assert isinstance(found, Running)
    until(lambda: found.age() > 0.5)
    began = time.monotonic()
    assert isinstance(detached.follow(place, control(60.0), 0.5), Stopped)
    assert time.monotonic() - began < 30


def test_an_end_that_came_in_time_counts_although_nobody_looked_in_time(place: Path) -> None:
    """The driver was stopped for a minute, and goes on."""
    process = detached.start(place, ["sleep", "0.3"], env=ENV)
    reins = control(0.0)
    watched = os.pidfd_open(process.pid)
    os.waitid(os.P_PIDFD, watched, os.WEXITED | os.WNOWAIT)
    os.close(watched)
    assert detached.follow(place, reins, 0.1) == Ended(0)


def test_a_killed_companion_leaves_the_end_in_doubt(place: Path) -> None:
    process = detached.start(place, ["sleep", "60"], env=ENV)
    until(lambda: (place / "begun").exists() and len(proc.tree(process)) == 2)
    (command,) = proc.tree(process) - {process}
    os.kill(process.pid, signal.SIGKILL)
    found = detached.follow(place, control(), 30.0)
    assert isinstance(found, Gone)
    os.kill(command.pid, signal.SIGKILL)


def test_a_recycled_process_number_is_not_taken_for_it(place: Path) -> None:
    process = proc.find(os.getpid())
    assert process is not None
    body = f'{{"pid": {process.pid}, "start": {process.start - 1}, "boot": "{proc.boot_id()}"}}'
    jobdir.write_durably(place / "pid", body)
    (place / "begun").touch()
    assert isinstance(detached.find(place), Gone)


def test_after_a_reboot_it_is_in_doubt(place: Path) -> None:
    process = proc.find(os.getpid())
    assert process is not None
    jobdir.write_durably(place / "pid", f'{{"pid": {process.pid}, "start": {process.start}, "boot": "another"}}')
    found = detached.find(place)
    assert isinstance(found, Gone) and "started anew" in found.why


@pytest.mark.parametrize("sharing", [False, True])
def test_the_lock_outlives_its_taker_as_long_as_the_command_runs(place: Path, tmp_path: Path, sharing: bool) -> None:
    taken = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(taken, fcntl.LOCK_EX)
    process = detached.start(place, ["sleep", "60"], env=ENV, lock_fds=[taken], share_locks=sharing)
    os.close(taken)
    other = os.open(tmp_path / "lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    stop(process, grace=2.0)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_a_daemon_does_not_keep_the_lock(place: Path, tmp_path: Path) -> None:
    taken = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(taken, fcntl.LOCK_EX)
    note = tmp_path / "daemon"
    script = f"(setsid sh -c 'echo $$ >{note}; exec sleep 60' &); until test -s {note}; do sleep 0.01; done"
    detached.start(place, ["sh", "-c", script], env=ENV, lock_fds=[taken])
    os.close(taken)
    assert detached.follow(place, control(), 30.0) == Ended(0)
    other = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    os.kill(int(lines(note)[0]), signal.SIGKILL)


def test_nothing_of_this_process_leaks_into_the_command(place: Path, tmp_path: Path) -> None:
    with (tmp_path / "private").open("w") as private:
        os.set_inheritable(private.fileno(), True)
        detached.start(place, ["sh", "-c", "ls /proc/$$/fd"], env=ENV)
        assert detached.follow(place, control(), 30.0) == Ended(0)
    assert set(lines(place / "out")) <= {"0", "1", "2"}


def test_many_commands_at_once(tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(100)]
    for number, where in enumerate(places):
        jobdir.make(where)
        detached.start(where, ["sh", "-c", f"exit {number}"], env=ENV)
    assert [detached.follow(where, control(), 30.0) for where in places] == [Ended(n) for n in range(100)]
