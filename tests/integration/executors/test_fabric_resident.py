"""Shells that stay on a host: killed, talking nonsense, side by side, and never a way for one step into the next."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Reins, SshHost, alive, inventory_of, until

from orchestrator.executors import fabric_resident, fabric_wrapper
from orchestrator.executors.contract import Wish
from orchestrator.executors.fabric import FabricExecutor
from orchestrator.executors.fabric_resident import Shell
from orchestrator.executors.fabric_stream import LocalStream
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome

pytestmark = pytest.mark.sshd


@pytest.fixture(params=["ssh", "local"])
def target(request: pytest.FixtureRequest, sshd_host: SshHost) -> Host:
    return sshd_host.host() if request.param == "ssh" else Host("target", {"ansible_connection": "local"})


@pytest.fixture
def executor(target: Host, sshd_host: SshHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[FabricExecutor]:
    monkeypatch.setattr(fabric_wrapper, "BEAT", 1)
    made = FabricExecutor(inventory_of(target), sshd_host.settings)
    yield made
    made.close()


@pytest.fixture(params=["first", "later"])
def primed(request: pytest.FixtureRequest) -> bool:
    """The first step of a run makes the run's directory, in a shell beside the one that serves."""
    return str(request.param) == "later"


@pytest.fixture
def do(executor: FabricExecutor, make_job: Callable[..., Job]) -> Callable[..., Outcome]:
    """Runs a line of shell as a step of its own."""
    steps = iter(range(1000))

    def run(line: str, **more: Any) -> Outcome:
        spec = {"host": "target", "argv": ["sh", "-c", line], "parse": "text", **more}
        return executor.run(make_job("fabric", spec, step=f"s{next(steps)}"), Reins(60))

    return run


def _idle(executor: FabricExecutor) -> list[Shell]:
    return [shell for kept in executor.connections.shells._kept.values() for shell in kept.idle]


def test_steps_one_after_the_other_use_one_shell(do: Callable[..., Outcome], executor: FabricExecutor) -> None:
    assert do("true").ok
    (first,) = _idle(executor)
    assert [do("true").ok for _ in range(5)] == [True] * 5
    assert _idle(executor) == [first]


def test_what_is_kept_goes_from_the_host_while_the_run_goes_on_and_not_before(
    sshd_host: SshHost, make_job: Callable[..., Job]
) -> None:
    executor = FabricExecutor(inventory_of(sshd_host.host()), sshd_host.settings)
    try:
        jobs = [make_job("fabric", {"host": "target", "argv": ["true"]}, step=f"s{number}") for number in range(12)]
        places = [sshd_host.home / ".holdfast/jobs" / job.run_id / f"{job.ident}@target.rc" for job in jobs]
        assert all(executor.run(job, Reins(60)).ok for job in jobs)
        for job in jobs[1:]:
            executor.kept(job)
        until(lambda: not any(place.exists() for place in places[1:]))
        assert places[0].read_text() == "000\n"
    finally:
        executor.close()


def test_when_nothing_more_is_asked_the_host_takes_away_what_was_kept_before_it_is_waited_for(
    sshd_host: SshHost, make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric_resident, "_TIDY", 600.0)
    executor = FabricExecutor(inventory_of(sshd_host.host()), sshd_host.settings)
    try:
        job = make_job("fabric", {"host": "target", "argv": ["true"]})
        assert executor.run(job, Reins(60)).ok
        executor.kept(job)
        place = sshd_host.home / ".holdfast/jobs" / job.run_id / f"{job.ident}@target.rc"
        assert place.exists()
        executor.connections.leave()
        until(lambda: not place.exists())
        assert executor.run(make_job("fabric", {"host": "target", "argv": ["true"]}, step="again"), Reins(60)).ok
    finally:
        executor.close()


def test_nothing_of_a_step_is_found_by_the_next(do: Callable[..., Outcome], tmp_path: Path) -> None:
    spoiling = "export LEAK=1; umask 0; cd /; trap '' TERM; read line; exit 3"
    assert do(spoiling, env={"GIVEN": "x"}, stdin="a\nb\n").output["rc"] == 3
    show = 'echo "${GIVEN-none} ${LEAK-none} ${hf_nonce-none} ${hf_text-none} ${hf_stdin-none}"; umask; pwd; cat'
    first, second = do(show).output["stdout"], do(show).output["stdout"]
    assert first == second
    assert first.startswith("none none none none none\n")
    assert "0000" not in first
    assert "b" not in first.split("\n")[3:]


def test_steps_side_by_side_on_one_host_do_not_wait_for_each_other(
    do: Callable[..., Outcome], executor: FabricExecutor, tmp_path: Path
) -> None:
    ends: list[Outcome] = []
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Each of the two waits for the other: in one queue neither would ever end.
    lines = (f"echo ping >{fifo}; echo one", f"read word <{fifo}; echo two")
    threads = [threading.Thread(target=lambda line=line: ends.append(do(line))) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(end.output["stdout"] for end in ends) == ["one\n", "two\n"]
    assert len(_idle(executor)) == 2


def test_a_shell_that_is_killed_in_the_middle_of_a_command_costs_nothing(
    do: Callable[..., Outcome], tmp_path: Path, primed: bool
) -> None:
    assert not primed or do("true").ok
    done: list[Outcome] = []
    # The keeper's parent is the shell that serves.
    line = f"echo $PPID >{tmp_path}/keeper; echo x >>{tmp_path}/done; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    thread = threading.Thread(target=lambda: done.append(do(line)))
    thread.start()
    keeper = int(until(lambda: (tmp_path / "keeper").exists() and (tmp_path / "keeper").read_text(), what="begun"))
    serving = int(Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(serving, signal.SIGKILL)
    until(lambda: not alive(serving), what="the shell dead")
    (tmp_path / "go").touch()
    thread.join(60)
    assert done[0].ok, done
    assert (tmp_path / "done").read_text() == "x\n"
    assert do("true").ok


def test_a_shell_that_died_between_two_steps_is_replaced(
    do: Callable[..., Outcome], executor: FabricExecutor, tmp_path: Path
) -> None:
    find = "read -r a b c keeper rest </proc/$PPID/stat; echo $keeper"
    assert do("true").ok  # the first of a run makes the run's directory, in a shell beside
    serving = int(do(find).output["stdout"])
    os.kill(serving, signal.SIGKILL)
    until(lambda: not alive(serving), what="the shell dead")
    assert do(f"echo x >>{tmp_path}/done").ok
    assert (tmp_path / "done").read_text() == "x\n"
    assert int(do(find).output["stdout"]) != serving


def test_a_shell_on_this_machine_is_unfit_from_its_death_on_though_nobody_has_collected_it_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = LocalStream(b"echo serving; read -r word\n# whole", ())
    child = stream._child
    # Until then a child of the shell reads what it shall do, and would hold the pipe open beyond the shell's death.
    assert stream.receive(30) == b"serving\n"
    assert stream.usable()
    # What the one who waits for it does to everybody who only looks, until he has run again.
    monkeypatch.setattr(child, "poll", lambda: None)
    child.kill()
    until(lambda: not alive(child.pid), what="the shell dead")
    assert not stream.usable()
    stream.close()


def test_an_account_whose_shell_cannot_serve_gets_a_channel_for_each_command(
    do: Callable[..., Outcome], executor: FabricExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric_resident, "_READY", 0.5)
    real = fabric_wrapper.payload

    def babbling(mode: fabric_wrapper.Mode, *args: Any, **more: Any) -> bytes:
        return b"echo what; echo nonsense; cat >/dev/null\n# whole" if mode == "serve" else real(mode, *args, **more)

    monkeypatch.setattr(fabric_wrapper, "payload", babbling)
    assert do("echo one").output["stdout"] == "one\n"
    assert do("echo two").output["stdout"] == "two\n"
    assert not _idle(executor)


def test_a_shell_that_answers_nonsense_is_unknown_or_found_again_and_never_done_twice(
    do: Callable[..., Outcome], executor: FabricExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = fabric_wrapper.request

    def spoiled(*args: Any, **more: Any) -> bytes | None:
        text = real(*args, **more)
        return text and text.replace(b"hf_take ", b"hf_say result x y z; hf_take ", 1)

    assert do("true").ok
    with monkeypatch.context() as spoil:
        spoil.setattr(fabric_wrapper, "request", spoiled)
        outcome = do(f"echo x >>{tmp_path}/done")
    assert outcome.ending in (Ending.UNKNOWN, Ending.OK)
    until(lambda: (tmp_path / "done").exists(), what="the command done")
    assert (tmp_path / "done").read_text() == "x\n"
    assert do("echo fine").output["stdout"] == "fine\n"


def test_large_input_and_output_go_through_in_bounded_memory(do: Callable[..., Outcome]) -> None:
    given = "a line of input\n" * 60_000
    assert do("wc -c", stdin=given).output["stdout"].strip() == str(len(given))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = do("head -c 209715200 /dev/zero")
    assert outcome.ok
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 60


def test_what_a_shell_began_is_found_by_another_process(
    executor: FabricExecutor, target: Host, sshd_host: SshHost, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    line = f"echo x >>{tmp_path}/done; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo end"
    job = make_job("fabric", {"host": "target", "argv": ["sh", "-c", line], "parse": "text"})
    reins = Reins(60)
    left: list[Outcome] = []
    thread = threading.Thread(target=lambda: left.append(executor.run(job, reins)))
    thread.start()
    until(lambda: (tmp_path / "done").exists(), what="begun")
    reins.wish = Wish.DETACH
    thread.join(30)
    assert left[0].ending is Ending.LEFT
    executor.close()
    (tmp_path / "go").touch()
    other = FabricExecutor(inventory_of(target), sshd_host.settings)
    try:
        outcome = other.attach(job, Reins(60))
    finally:
        other.close()
    assert outcome.ok and outcome.output["stdout"] == "end\n"
    assert (tmp_path / "done").read_text() == "x\n"
