"""kill -9 of the orchestrator in the middle of each long step, its child still alive: attached to, never repeated."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acceptance_kit import CHECKOUT, DEADLINE, Bench, Desk, end, wait_until
from executors_kit import SshHost, alive, kill
from small_workspace import Gates, make_workspace, play, step

ONCE = {("break:primary-killed", "db-a"): 1, ("power-off", "db-a"): 1, ("promote", "db-b"): 1, ("redirect", "app"): 1}
LONG = {
    "break": "argv: [lab-break, '{{ fault }}']",
    "fence": "argv: [power-off, old_primary]",
    "promote": "argv: [psql, -XAtqw, --set=ON_ERROR_STOP=1, --set=seconds=60, --file=-]",
    "redirect": "argv: [point-service, standby]",
}
"""The steps that take effect, in their order, and the command of each."""


def _gated_workspace(place: Path, gates: Gates, gated: Iterable[str] = LONG) -> Path:
    """The shipped workspace; the commands of the ``gated`` steps wait at a gate before they take effect."""
    for name in ("runbooks", "playbooks", "drills"):
        shutil.copytree(CHECKOUT / name, place / name)
    runbook = place / "runbooks/shared-component/postgres-standby-takeover.yaml"
    text = runbook.read_text()
    for step_name in gated:
        command = LONG[step_name]
        assert text.count(command) == 1, command
        text = text.replace(command, command.replace("[", f"[{', '.join(gates.argv(step_name))}, ", 1))
    runbook.write_text(text)
    return place


def _ends(desk: Desk, step_name: str) -> list[dict]:
    return [seen.body for seen in desk.journal() if seen.kind == "step.ended" and seen.of(step_name)]


def _claims(desk: Desk) -> int:
    return sum(seen.kind == "driver.claimed" for seen in desk.journal())


@contextmanager
def _driving(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        end(process)


@pytest.mark.timeout(900)
def test_killed_in_every_long_step_of_the_takeover_each_is_attached_to_and_done_once(
    bench: Bench, tmp_path: Path
) -> None:
    gates = Gates(bench.lab.place.parent / f"gates-{tmp_path.name}")
    bench.workspace = _gated_workspace(tmp_path / "workspace", gates)
    begin = ("run", "orders-takeover", "--inventory", str(bench.lab.inventory), "--json")
    driver = bench.start(*begin)
    try:
        for number, name in enumerate(LONG, start=1):
            with _driving(driver):
                (child,) = wait_until(f"{name} is at its gate", lambda n=name: gates.came(n), 120)
                driver.kill()
            # What a kill caught between its record and the host, beside the step it was meant for, is begun again.
            *_, started = [seen for seen in bench.journal() if seen.kind == "step.started" and seen.of(name)]
            assert (bench.state / "runs" / started.run_id / "jobs" / started.body["ident"]).is_dir()
            assert not _ends(bench, name)
            assert alive(child)
            driver = bench.start("resume", "last", "--json")
            wait_until("the next driver has taken over", lambda n=number: _claims(bench) == n + 1, 60)
            assert alive(child)
            gates.open(name)
        out, err = driver.communicate(timeout=DEADLINE)
        assert driver.returncode in (0, 5), out + err
    finally:
        end(driver)
        shutil.rmtree(gates.place)  # whoever still waits goes on, and ends
    for name in LONG:
        (ended,) = _ends(bench, name)
        assert (ended["attached"], ended["attempt"]) == (True, 1), name
    assert Counter(bench.effects()) == ONCE
    assert set(bench.statuses().values()) == {"succeeded"}
    assert bench.is_off("db-a")
    assert bench.query("db-b", "select not pg_is_in_recovery()") == ["t"]
    assert bench.takes_orders()
    bench.verifies()


@pytest.mark.timeout(600)
def test_killed_while_it_counts_the_losses_it_counts_them_anew(bench: Bench, tmp_path: Path) -> None:
    """The count is a look that changes nothing: nothing of it outlives the driver, and it is taken again."""
    gates = Gates(bench.lab.place.parent / f"gates-{tmp_path.name}")
    bench.workspace = _gated_workspace(tmp_path / "workspace", gates, ["redirect"])
    begin = ("run", "orders-takeover", "--inventory", str(bench.lab.inventory), "--json")
    try:
        with _driving(bench.start(*begin)) as driver:
            # The table is locked while nothing can be counted yet: before the service is redirected. The promotion
            # beside that has to be over, for a standby takes no such lock.
            wait_until("it is about to be redirected", lambda: gates.came("redirect"), 120)
            wait_until("the standby is promoted", lambda: _ends(bench, "promote"), 120)
            wait_until("it takes commits", lambda: bench.query("db-b", "select not pg_is_in_recovery()") == ["t"], 60)
            with _table_locked(bench):
                gates.open("redirect")
                wait_until("the count waits for the table", lambda: _waits_for_the_table(bench), 120)
                driver.kill()
                driver.wait()
        answer = bench.resume()
    finally:
        shutil.rmtree(gates.place)
    assert answer.code in (0, 5), answer.out + answer.err
    (ended,) = _ends(bench, "measure")
    found = ended["outcome"]["output"]
    (there,) = bench.query("db-b", "select count(*) from holdfast_marker")
    # The standby is asynchronous: what was acknowledged in the last moment before the fence may be lost.
    assert found["survived"] + found["unacknowledged_survived"] == int(there) > 0
    assert found["survived"] + found["lost_transactions"] == found["written"]
    assert Counter(bench.effects()) == ONCE
    bench.verifies()


def _waits_for_the_table(bench: Bench) -> bool:
    query = (
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%from holdfast_marker%'"
    )
    return bench.query("db-b", query) != ["0"]


@contextmanager
def _table_locked(bench: Bench) -> Iterator[None]:
    """Nobody can read the markers on the new primary."""
    about = bench.host("db-b")
    session = subprocess.Popen(
        [str(Path(about["pg_bin"]) / "psql"), "-XAtq", "--set=ON_ERROR_STOP=1"],
        env={
            "PGHOST": str(about["pg_host"]),
            "PGPORT": str(about["pg_port"]),
            "PGUSER": str(about["pg_user"]),
            "PGDATABASE": str(about["pg_database"]),
            "PGPASSFILE": str(about["pg_passfile"]),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert session.stdin is not None and session.stdout is not None
    try:
        session.stdin.write("begin; lock table holdfast_marker in access exclusive mode; select 'locked';\n")
        session.stdin.flush()
        assert session.stdout.readline().strip() == "locked"
        yield
    finally:
        session.communicate("rollback;\n", timeout=60)


def _killed_and_resumed(desk: Desk, gates: Gates, name: str) -> None:
    """Drive ``small`` to its gate, kill the driver, and let the next one finish: the work was begun once."""
    with _driving(desk.start("run", "small", "--mode", "live", "--json")) as driver:
        (child,) = wait_until(f"{name} is at its gate", lambda: gates.came(name), 60)
        driver.kill()
        driver.wait()
    assert alive(child)
    with _driving(desk.start("resume", "last", "--json")) as driver:
        try:
            wait_until("the next driver has taken over", lambda: _claims(desk) == 2, 60)
            assert alive(child)
        finally:
            gates.open(name)
        out, err = driver.communicate(timeout=DEADLINE)
        assert driver.returncode == 0, out + err
    assert len(gates.came(name)) == 1
    (ended,) = _ends(desk, name)
    assert (ended["attached"], ended["outcome"]["ending"], ended["attempt"]) == (True, "ok", 1)
    desk.verifies()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("tool", ["fabric", "ansible"])
def test_killed_while_a_command_runs_it_is_attached_to(tmp_path: Path, tool: str) -> None:
    gates = Gates(tmp_path / "gates")
    argv = gates.argv("work", "echo", '{"answer": 42}')
    books = {"p.yml": play({"ansible.builtin.command": {"argv": argv}})}
    long = step("work", argv, expect={"output.answer": 42})
    if tool == "ansible":
        long = {**step("work", argv), "ansible": {"playbook": "p.yml", "limit": "here"}}
        del long["fabric"]
    workspace = make_workspace(tmp_path / "workspace", [long], playbooks=books)
    _killed_and_resumed(Desk(state=tmp_path / "state", workspace=workspace), gates, "work")


@pytest.mark.timeout(300)
@pytest.mark.sshd
def test_killed_while_a_command_runs_over_ssh_it_is_attached_to(tmp_path: Path, sshd_host: SshHost) -> None:
    gates = Gates(tmp_path / "gates")
    long = {**step("work", []), "fabric": {"host": "there", "argv": gates.argv("work", "echo", '{"answer": 42}')}}
    workspace = make_workspace(
        tmp_path / "workspace", [{**long, "expect": {"output.answer": 42}}], hosts={"there": sshd_host.vars()}
    )
    _killed_and_resumed(Desk(state=tmp_path / "state", workspace=workspace), gates, "work")


@pytest.mark.timeout(300)
def test_a_child_that_was_killed_with_its_driver_is_asked_about(tmp_path: Path) -> None:
    """Nobody can know what it did: it is not repeated, and a person decides."""
    gates = Gates(tmp_path / "gates")
    workspace = make_workspace(tmp_path / "workspace", [step("work", gates.argv("work"))])
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    with _driving(desk.start("run", "small", "--mode", "live", "--json")) as driver:
        (child,) = wait_until("work is at its gate", lambda: gates.came("work"), 60)
        driver.kill()
        driver.wait()
    for pid in _family(child, desk):
        kill(pid)
    wait_until("it is dead", lambda: not alive(child))
    answer = desk.resume()
    assert answer.code == 4, answer.out + answer.err
    assert len(gates.came("work")) == 1
    assert desk.statuses()["work"] in ("in_doubt", "unknown")
    (summary,) = [line for line in answer.lines if line["type"] == "summary"]
    assert any("mark-done" in command for hint in summary["next"] for command in hint["commands"])


def _family(child: int, desk: Desk) -> list[int]:
    """The command, and the shell that would write down its exit code."""
    (run,) = (desk.state / "runs").iterdir()
    keepers = [int(file.read_text().split()[0]) for file in run.glob("jobs/work.action.1/hosts/*/keeper")]
    assert keepers
    return [*keepers, child]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", ["after:1", "after:2", "after:3"])
def test_moments_a_person_told_at_the_start_survive_a_kill_at_the_start(tmp_path: Path, point: str) -> None:
    workspace = make_workspace(tmp_path / "workspace", [step("work", ["true"])])
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    told = ("--onset", "2026-01-05T03:00:00Z", "--detected", "2026-01-05T03:01:00Z")
    assert desk.holdfast("run", "small", "--mode", "live", *told, HOLDFAST_CRASH=point).code == -9
    assert desk.resume().code == 0
    moments = [(seen.body["name"], seen.body["at"]) for seen in desk.journal() if seen.kind == "milestone"]
    assert moments[:2] == [("onset", "2026-01-05T03:00:00.000000Z"), ("detected", "2026-01-05T03:01:00.000000Z")]
    assert len([name for name, _ in moments if name in ("onset", "detected")]) == 2
