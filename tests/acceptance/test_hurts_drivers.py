"""Two runs, dead drivers, stopped drivers, signals: who may act on a target, and who may not any more."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acceptance_kit import DEADLINE, Desk, Seen, end, wait_until
from executors_kit import alive
from small_workspace import Gates, make_workspace, step

pytestmark = pytest.mark.timeout(300)

LIVE = ("run", "small", "--mode", "live")


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    """Gates ``first`` and ``second``; whoever waits there ends with the test."""
    made = Gates(tmp_path / "gates")
    yield made
    for name in ("first", "second"):
        made.open(name)


@pytest.fixture
def desk(tmp_path: Path, gates: Gates) -> Desk:
    """A runbook of two commands that wait at their gates."""
    steps = [step(name, gates.argv(name)) for name in ("first", "second")]
    return Desk(state=tmp_path / "state", workspace=make_workspace(tmp_path / "workspace", steps))


@contextmanager
def _at_first(desk: Desk, gates: Gates, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose first command waits at its gate."""
    driver = desk.start(*(words or LIVE))
    try:
        wait_until("the first command is at its gate", lambda: gates.came("first") or driver.poll() is not None, 60)
        assert driver.poll() is None, driver.communicate()
        yield driver
    finally:
        end(driver)


def _finish(gates: Gates, driver: subprocess.Popen[str]) -> tuple[int, str, str]:
    for name in ("first", "second"):
        gates.open(name)
    out, err = driver.communicate(timeout=DEADLINE)
    return driver.returncode, out, err


def _begun(desk: Desk, run: str) -> list[Seen]:
    return [seen for seen in desk.journal(run) if seen.kind == "step.started"]


def _done_once(desk: Desk, gates: Gates, run: str) -> None:
    assert desk.journal(run)[-1].body.get("status") == "succeeded"
    assert (len(gates.came("first")), len(gates.came("second"))) == (1, 1)
    desk.verifies(run)


def test_of_two_runs_on_one_target_one_goes_and_the_other_names_it(desk: Desk, gates: Gates) -> None:
    with _at_first(desk, gates) as driver:
        holder = desk.journal()[0].run_id
        second = desk.holdfast(*LIVE)
        assert second.code == 7, second.out + second.err
        assert re.search(rf"host/here is held by run {holder} since \d{{4}}-\d\d-\d\dT\d\d:\d\d", second.err), (
            second.err
        )
        assert f"pid {driver.pid}" in second.err
        code, out, err = _finish(gates, driver)
        assert code == 0, out + err
    refused = desk.journal()
    assert refused[0].run_id != holder
    assert [(seen.kind, seen.body.get("status")) for seen in refused][1:] == [("run.ended", "refused")]
    _done_once(desk, gates, holder)


@pytest.mark.parametrize("where", ["the same state directory", "another state directory"])
def test_a_dead_orchestrators_living_child_keeps_its_target(
    desk: Desk, gates: Gates, tmp_path: Path, where: str
) -> None:
    with _at_first(desk, gates) as driver:
        driver.kill()
        driver.wait()
    (child,) = gates.came("first")
    assert alive(child)
    holder = desk.journal()[0].run_id
    other = desk if where.startswith("the same") else Desk(state=tmp_path / "laptop", workspace=desk.workspace)
    second = other.holdfast(*LIVE)
    assert second.code == 7, second.out + second.err
    assert f"host/here is held by run {holder} since " in second.err
    assert "a child of it still works" in second.err
    gates.open("first")
    gates.open("second")
    wait_until("the child has ended", lambda: not alive(child))
    assert desk.holdfast("resume", holder).code == 0
    _done_once(desk, gates, holder)
    assert other.holdfast(*LIVE).code == 0  # free again


def test_a_run_that_nobody_drives_keeps_its_target_until_it_has_ended(desk: Desk, gates: Gates) -> None:
    gates.open("first")
    gates.open("second")
    assert desk.holdfast(*LIVE, HOLDFAST_CRASH="after:4").code == -9
    holder = desk.journal()[0].run_id
    second = desk.holdfast(*LIVE)
    assert second.code == 7
    assert f"host/here is held by run {holder}" in second.err and f"holdfast resume {holder}" in second.err
    assert desk.holdfast("resume", holder).code == 0
    assert desk.holdfast(*LIVE).code == 0


def test_a_zombie_driver_stops_as_soon_as_it_wakes(desk: Desk, gates: Gates) -> None:
    with _at_first(desk, gates) as zombie:
        zombie.send_signal(signal.SIGSTOP)
        run = desk.journal()[0].run_id
        plain = desk.holdfast("resume", run)
        assert plain.code == 8
        assert f"kill -CONT {zombie.pid}" in plain.err
        heir = desk.start("resume", run, "--take-over")
        try:
            wait_until("it is taken over", lambda: sum(s.kind == "driver.claimed" for s in desk.journal(run)) == 2, 60)
            before = len(_begun(desk, run))
            code, out, err = _finish(gates, heir)
            assert code == 0, out + err
        finally:
            end(heir)
        assert before == 1
        zombie.send_signal(signal.SIGCONT)
        out, err = zombie.communicate(timeout=DEADLINE)
        assert zombie.returncode == 8, out + err
        assert run in err and "drives" in err
    epochs = {seen.body["epoch"]: seen.body["pid"] for seen in desk.journal(run) if seen.kind == "driver.claimed"}
    assert list(epochs.values()) == [zombie.pid, heir.pid]
    # After the heir's claim not one record is the zombie's.
    _done_once(desk, gates, run)


def test_a_driver_that_was_stopped_for_a_while_goes_on(desk: Desk, gates: Gates) -> None:
    with _at_first(desk, gates) as driver:
        driver.send_signal(signal.SIGSTOP)
        (child,) = gates.came("first")
        gates.open("first")
        wait_until("the command has ended meanwhile", lambda: not alive(child))
        assert desk.status()["driver"]["state"] == "stopped"
        driver.send_signal(signal.SIGCONT)
        run = desk.journal()[0].run_id
        code, out, err = _finish(gates, driver)
        assert code == 0, out + err
    _done_once(desk, gates, run)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_begins_nothing_more_and_says_what_runs_and_how_to_go_on(
    desk: Desk, gates: Gates, how: signal.Signals, code: int
) -> None:
    with _at_first(desk, gates) as driver:
        driver.send_signal(how)
        out, err = driver.communicate(timeout=DEADLINE)
        assert driver.returncode == code, out + err
    (child,) = gates.came("first")
    assert alive(child)
    run = desk.journal()[0].run_id
    assert "first on here (job first.action.1)" in out and f"holdfast resume {run}" in out
    released = desk.journal(run)[-1]
    assert (released.kind, released.body["running"]) == ("driver.released", ["first.action.1"])
    assert len(_begun(desk, run)) == 1
    assert gates.came("second") == []

    heir = desk.start("resume", run)
    try:
        wait_until("it is taken over", lambda: sum(s.kind == "driver.claimed" for s in desk.journal(run)) == 2, 60)
        assert alive(child)
        ended, out, err = _finish(gates, heir)
        assert ended == 0, out + err
    finally:
        end(heir)
    (first,) = [s for s in desk.journal(run) if s.kind == "step.ended" and s.of("first")]
    assert first.body["attached"] is True
    _done_once(desk, gates, run)
