"""Fabric when the link, the clock or this process lets go: bounded, never ok, found again, never twice."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from executors_kit import DRIVER, Link, Reins, SshHost, alive, driver_env, inventory_of, kill, until, when

from orchestrator.executors import fabric_resident, fabric_wrapper
from orchestrator.executors.contract import Wish
from orchestrator.executors.fabric import FabricExecutor
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome

pytestmark = pytest.mark.sshd


class Work:
    """A command on the target that says it runs, waits to be let go, and counts how often it was done."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def argv(self) -> list[str]:
        here = self.directory
        return [
            "sh",
            "-c",
            f"echo $$ >>{here}/pids; while [ ! -e {here}/go ]; do sleep 0.05; done; echo x >>{here}/effects; echo done",
        ]

    def pid(self) -> int:
        file = self.directory / "pids"
        return int(until(lambda: file.exists() and file.read_text().split(), what="the command begun")[0])

    def go(self) -> None:
        (self.directory / "go").touch()

    def effects(self) -> int:
        file = self.directory / "effects"
        return len(file.read_text().split()) if file.exists() else 0


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    made = Work(tmp_path)
    yield made
    made.go()
    if (tmp_path / "pids").exists():
        kill(made.pid())


@pytest.fixture
def executor(sshd_host: SshHost, link: Link) -> Iterator[FabricExecutor]:
    """Reaches ``target`` over the link that can be cut; silence counts as a cut after four signs of life."""
    settings = replace(sshd_host.settings, silence=4.0, connect=4.0)
    made = FabricExecutor(
        inventory_of(sshd_host.host(port=link.port), Host("here", {"ansible_connection": "local"})), settings
    )
    yield made
    made.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life each second, so that the tests are short."""
    monkeypatch.setattr(fabric_wrapper, "BEAT", 1)
    monkeypatch.setattr(fabric_wrapper, "GRACE", 1)
    # A test cuts the link sooner after an answer than a link goes silent by itself.
    monkeypatch.setattr(fabric_resident, "FRESH", 0.0)


class Running:
    """A job at work in a thread."""

    def __init__(self, do: Callable[[Job, Reins], Outcome], job: Job, reins: Reins | None = None) -> None:
        self.reins = reins or Reins()
        self._ends: list[Outcome] = []
        self._thread = threading.Thread(target=lambda: self._ends.append(do(job, self.reins)))
        self._thread.start()

    def end(self, seconds: float = 60.0) -> Outcome:
        self._thread.join(seconds)
        assert self._ends, f"no answer within {seconds:g} s"
        return self._ends[0]


def fabric_job(make_job: Callable[..., Job], argv: list[str], host: str = "target", **more: Any) -> Job:
    return make_job("fabric", {"host": host, "argv": argv}, **more)


def test_a_long_command_is_not_taken_for_a_cut_link(executor: FabricExecutor, make_job: Callable[..., Job]) -> None:
    assert executor.run(fabric_job(make_job, ["sleep", "6"]), Reins()).ok


def test_many_commands_go_over_one_connection_without_delay(
    executor: FabricExecutor, link: Link, make_job: Callable[..., Job]
) -> None:
    for number in range(5):
        assert executor.run(fabric_job(make_job, ["true"], step=f"s{number}"), Reins()).ok
    assert link.accepted == 1
    (slot,) = executor.connections._slots.values()
    assert slot.connection.transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_cut_link_is_unknown_in_bounded_time_and_the_command_is_found_again_once_it_is_healed(
    executor: FabricExecutor, link: Link, work: Work, make_job: Callable[..., Job]
) -> None:
    job = fabric_job(make_job, work.argv)
    running = Running(executor.run, job)
    pid = work.pid()
    link.cut()
    began = time.monotonic()
    outcome = running.end()
    assert time.monotonic() - began < 25, "its own time has not run out yet"
    assert outcome.ending is Ending.UNKNOWN
    assert "may have taken effect" in outcome.error
    assert alive(pid), "a cut link does not stop the command"

    tried = link.accepted
    found = Running(executor.attach, job)
    until(lambda: link.accepted > tried, what="another try over the cut link")
    work.go()
    link.heal()
    assert found.end() == Outcome(Ending.OK, output={"rc": 0, "stdout": "done\n"})
    assert work.effects() == 1


def test_a_torn_connection_is_unknown_and_the_command_lives_on(
    executor: FabricExecutor, link: Link, work: Work, make_job: Callable[..., Job]
) -> None:
    job = fabric_job(make_job, work.argv)
    running = Running(executor.run, job)
    pid = work.pid()
    link.tear()
    assert running.end().ending is Ending.UNKNOWN
    assert alive(pid)
    work.go()
    assert executor.attach(job, Reins()).ok
    assert work.effects() == 1


def test_a_link_cut_between_two_steps_is_reopened(
    executor: FabricExecutor, link: Link, make_job: Callable[..., Job]
) -> None:
    assert executor.run(fabric_job(make_job, ["true"]), Reins()).ok
    link.tear()
    assert executor.run(fabric_job(make_job, ["true"], step="t"), Reins()).ok


def test_a_connection_that_went_silent_between_two_steps_is_replaced(
    executor: FabricExecutor, link: Link, sshd_host: SshHost, make_job: Callable[..., Job]
) -> None:
    assert executor.run(fabric_job(make_job, ["true"]), Reins()).ok
    link.cut()
    outcome = executor.run(fabric_job(make_job, ["true"], step="t"), Reins(20))
    assert outcome.ending is Ending.FAILED, "nothing was handed over, so nothing can have begun"
    link.heal()
    assert executor.run(fabric_job(make_job, ["true"], step="u"), Reins()).ok


def shells(sshd_host: SshHost) -> int:
    """How many of the wrapper's shells run on the target, its keepers included."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            home = f"HOME={sshd_host.home}".encode() in (process / "environ").read_bytes().split(b"\0")
            found += home and b"holdfast" in (process / "cmdline").read_bytes().split(b"\0")
    return found


def test_a_second_start_of_the_same_job_follows_the_first(
    executor: FabricExecutor, sshd_host: SshHost, work: Work, make_job: Callable[..., Job]
) -> None:
    job = fabric_job(make_job, work.argv)
    first = Running(executor.run, job)
    work.pid()
    before = shells(sshd_host)
    # As from another machine, which knows nothing of the first start.
    again = replace(job, directory=job.directory + ".elsewhere")
    second = Running(executor.run, again)
    until(lambda: shells(sshd_host) > before, what="the second start on the target")
    work.go()
    assert {first.end().ending, second.end().ending} <= {Ending.OK, Ending.UNKNOWN}
    assert second.end().ok or first.end().ok
    assert work.effects() == 1


@pytest.mark.parametrize("host", ["target", "here"])
def test_a_command_past_its_time_is_stopped_with_all_its_children_and_unknown(
    executor: FabricExecutor, make_job: Callable[..., Job], tmp_path: Path, host: str
) -> None:
    script = (
        f"trap '' TERM; sleep 300 & echo $! >{tmp_path}/child; echo begun; echo $$ >{tmp_path}/pid; wait; sleep 300"
    )
    job, reins = fabric_job(make_job, ["sh", "-c", script], host), Reins()
    with when(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), reins.time_is_up):
        outcome = executor.run(job, reins)
    assert outcome.ending is Ending.UNKNOWN
    assert "its time was up" in outcome.error and "it was stopped" in outcome.error
    for name in ("pid", "child"):
        pid = int((tmp_path / name).read_text())
        until(lambda pid=pid: not alive(pid), what=f"{name} ended")
    assert (Path(job.directory) / "out").read_bytes() == b"begun\n"


@pytest.mark.parametrize("host", ["target", "here"])
def test_a_cancelled_command_is_stopped_and_unknown(
    executor: FabricExecutor, work: Work, make_job: Callable[..., Job], host: str
) -> None:
    running = Running(executor.run, fabric_job(make_job, work.argv, host))
    pid = work.pid()
    running.reins.pull(Wish.CANCEL)
    outcome = running.end()
    assert outcome.ending is Ending.UNKNOWN and "it was cancelled" in outcome.error
    until(lambda: not alive(pid), what="the command ended")
    assert work.effects() == 0


def test_past_its_time_on_a_cut_link_it_says_that_it_may_still_run(
    executor: FabricExecutor, link: Link, work: Work, make_job: Callable[..., Job]
) -> None:
    running = Running(executor.run, fabric_job(make_job, work.argv))
    pid = work.pid()
    link.cut()
    running.reins.time_is_up()
    outcome = running.end()
    assert outcome.ending is Ending.UNKNOWN
    assert "its time was up" in outcome.error and "may have taken effect" in outcome.error
    assert alive(pid)


@pytest.mark.parametrize("host", ["target", "here"])
def test_let_go_it_runs_on_and_is_found_again(
    executor: FabricExecutor, work: Work, make_job: Callable[..., Job], host: str
) -> None:
    job = fabric_job(make_job, work.argv, host)
    running = Running(executor.run, job)
    pid = work.pid()
    running.reins.pull(Wish.DETACH)
    assert running.end().ending is Ending.LEFT
    assert alive(pid)
    found = Running(executor.attach, job)
    work.go()
    assert found.end() == Outcome(Ending.OK, output={"rc": 0, "stdout": "done\n"})
    assert work.effects() == 1


@pytest.mark.parametrize("host", ["target", "here"])
def test_after_kill_9_of_the_driver_the_command_goes_on_and_is_found(
    executor: FabricExecutor,
    sshd_host: SshHost,
    link: Link,
    work: Work,
    make_job: Callable[..., Job],
    host: str,
    tmp_path: Path,
) -> None:
    job = fabric_job(make_job, work.argv, host)
    driver = tmp_path / "driver.py"
    variables = sshd_host.vars(link.port) if host == "target" else {"ansible_connection": "local"}
    driver.write_text(
        f"{DRIVER}from orchestrator.executors.fabric import FabricExecutor\n"
        f"job = Job({job.run_id!r}, 's', Phase.ACTION, 1, {job.ident!r}, 'fabric', {dict(job.spec)!r}, 30.0,"
        f" Mode.DRILL, {job.directory!r})\n"
        f"FabricExecutor(inventory_of(Host({host!r}, {variables!r}))).run(job, Reins())\n"
    )
    process = subprocess.Popen([sys.executable, str(driver)], env=driver_env())
    try:
        pid = work.pid()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    found = Running(executor.attach, job)
    assert alive(pid)
    work.go()
    assert found.end() == Outcome(Ending.OK, output={"rc": 0, "stdout": "done\n"})
    assert work.effects() == 1


def test_an_end_that_was_read_before_the_crash_is_not_asked_for_again(
    executor: FabricExecutor, link: Link, make_job: Callable[..., Job]
) -> None:
    job = fabric_job(make_job, ["sh", "-c", "echo once; exit 4"])
    outcome = executor.run(job, Reins())
    link.close()
    assert executor.attach(job, Reins(1)) == outcome


@pytest.mark.parametrize("host", ["target", "here"])
def test_a_job_without_directories_never_began(
    executor: FabricExecutor, make_job: Callable[..., Job], host: str
) -> None:
    job = fabric_job(make_job, ["true"], host)
    assert executor.attach(job, Reins()).ending is Ending.NOT_STARTED
    Path(job.directory).mkdir()
    assert executor.attach(job, Reins()).ending is Ending.NOT_STARTED


@pytest.mark.parametrize("host", ["target", "here"])
def test_a_command_that_died_with_its_keeper_is_gone(
    executor: FabricExecutor, sshd_host: SshHost, work: Work, make_job: Callable[..., Job], host: str
) -> None:
    job = fabric_job(make_job, work.argv, host)
    running = Running(executor.run, job)
    pid = work.pid()
    running.reins.pull(Wish.DETACH)
    assert running.end().ending is Ending.LEFT
    keeper = (
        sshd_host.home / ".holdfast" / "jobs" / job.run_id / f"{job.ident}@target.keeper"
        if host == "target"
        else Path(job.directory) / "hosts" / "here" / "keeper"
    )
    # As when the machine was restarted.
    kill(int(until(keeper.read_text).split()[0]))
    kill(pid)
    until(lambda: not alive(pid))
    assert executor.attach(job, Reins()).ending is Ending.GONE


def test_attach_to_a_host_that_stays_away_is_unknown_when_the_time_is_up(
    executor: FabricExecutor, link: Link, work: Work, make_job: Callable[..., Job]
) -> None:
    job = fabric_job(make_job, work.argv)
    running = Running(executor.run, job)
    work.pid()
    running.reins.pull(Wish.DETACH)
    running.end()
    link.cut()
    began = time.monotonic()
    outcome = executor.attach(job, Reins(3))
    assert outcome.ending is Ending.UNKNOWN
    assert time.monotonic() - began < 30


def test_locks_are_held_by_a_local_command_after_the_driver_let_go(
    executor: FabricExecutor, work: Work, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    import fcntl

    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    running = Running(executor.run, replace(fabric_job(make_job, work.argv, "here"), lock_fds=(descriptor,)))
    pid = work.pid()
    running.reins.pull(Wish.DETACH)
    running.end()
    os.close(descriptor)

    def taken() -> bool:
        with (tmp_path / "lock").open() as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    assert taken()
    work.go()
    until(lambda: not taken(), what="the lock given back")
    until(lambda: not alive(pid))
