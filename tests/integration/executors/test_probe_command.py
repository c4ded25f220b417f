"""The command and testinfra probes, on this machine and over ssh."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Reins, SshHost, inventory_of, until, when

from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.probe import ProbeExecutor
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.wiring.clock import SystemClock

pytestmark = pytest.mark.sshd

Look = Callable[..., Outcome]


@pytest.fixture(params=["ssh", "local"])
def look(request: pytest.FixtureRequest, sshd_host: SshHost, make_job: Callable[..., Job]) -> Iterator[Look]:
    host = sshd_host.host() if request.param == "ssh" else Host("target", {"ansible_connection": "local"})
    connections = Connections(sshd_host.settings)
    executor = ProbeExecutor(inventory_of(host), SystemClock(), connections)

    def do(probe: dict[str, Any], reins: Reins | None = None, **more: Any) -> Outcome:
        return executor.run(make_job("probe", {**probe, "target": "target"}, **more), reins or Reins())

    yield do
    connections.close()


def test_a_commands_json_is_the_output(look: Look, make_job: Callable[..., Job]) -> None:
    outcome = look({"command": ["printf", '{"role": "standby"}']}, expect={"role": "standby"})
    assert outcome.ok, outcome
    assert outcome.output == {"role": "standby", "rc": 0, "stdout": '{"role": "standby"}', "looked": 1}
    directory = Path(make_job("probe", {}).directory)
    assert [path.name for path in directory.iterdir()] == ["out"]


def test_an_exit_code_is_a_sight(look: Look) -> None:
    outcome = look({"command": ["false"]})
    assert outcome.ending is Ending.FAILED and outcome.output["rc"] == 1
    assert look({"command": ["false"]}, expect={"rc": 1}).ok


def test_a_parser_makes_its_output_something_to_expect_of(look: Look) -> None:
    stats = "[/dev/loop1].write_io_errs 0\n[/dev/loop2].write_io_errs 7\n"
    probe = {"command": ["printf", "%s", stats], "parse": "btrfs_device_stats"}
    assert look(probe, expect={"errors": 7, "output.devices./dev/loop2.write_io_errs": 7}).ok


def test_what_a_parser_cannot_read_is_no_sight(look: Look) -> None:
    outcome = look({"command": ["echo", "what?"], "parse": "swapon"}, expect={"count": 0})
    assert outcome.ending is Ending.FAILED and outcome.output == {}
    assert "not read as swapon" in outcome.error
    outcome = look({"command": ["sh", "-c", "echo not allowed >&2; echo what?; exit 1"], "parse": "swapon"})
    assert outcome.output == {} and outcome.error == "exit code 1: not allowed"
    # Nothing would be read as "there is none".
    assert look({"command": ["false"], "parse": "swapon"}, expect={"count": 0}).ending is Ending.FAILED


def test_a_command_that_was_stopped_has_no_exit_code_of_its_own(look: Look, tmp_path: Path) -> None:
    reins = Reins()
    with when((tmp_path / "begun").exists, reins.time_is_up):
        script = f"touch {tmp_path}/begun; exec sleep 300"
        outcome = look({"command": ["sh", "-c", script]}, reins, expect={"rc": {"min": 1}})
    assert not outcome.ok and "time was up" in outcome.error


def test_each_look_is_a_fresh_one(look: Look, tmp_path: Path) -> None:
    script = f'n=$(cat {tmp_path}/n 2>/dev/null || echo 0); echo $((n + 1)) >{tmp_path}/n; echo "{{\\"n\\": $n}}"'
    outcome = look({"command": ["sh", "-c", script]}, expect={"n": 3}, within=25.0, every=0.05)
    assert outcome.ok
    assert outcome.output["looked"] == 4


def test_a_look_that_hangs_is_stopped_when_the_time_is_up(look: Look, tmp_path: Path) -> None:
    file, reins = tmp_path / "pid", Reins()
    with when(lambda: file.exists() and file.read_text().endswith("\n"), reins.time_is_up):
        began = time.monotonic()
        outcome = look({"command": ["sh", "-c", f"echo $$ >{file}; exec sleep 300"]}, reins)
    assert outcome.ending is Ending.FAILED
    assert time.monotonic() - began < 60
    pid = int(file.read_text())
    until(lambda: not Path(f"/proc/{pid}").exists(), what="the command stopped")


def test_testinfra_reads_the_named_attributes(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "it's a $(file)"
    file.write_text("hello")
    file.chmod(0o640)
    spec = {"module": "file", "name": str(file), "read": ["exists", "is_file", "size", "mode", "sha256sum"]}
    outcome = look({"testinfra": spec}, expect={"size": 5})
    assert outcome.ok, outcome
    assert outcome.output["exists"] is True and outcome.output["mode"] == 0o640
    assert outcome.output["sha256sum"].startswith("2cf24dba5fb0a30e")


def test_testinfra_naturally_wants_yes(look: Look, tmp_path: Path) -> None:
    spec = {"module": "file", "name": str(tmp_path / "none"), "read": ["exists"]}
    outcome = look({"testinfra": spec})
    assert outcome.ending is Ending.FAILED
    assert outcome.error == "exists: wanted True, got False"
    assert look({"testinfra": spec}, expect={"exists": False}).ok


def test_testinfra_sees_processes_users_and_programs(look: Look) -> None:
    seen = look({"testinfra": {"module": "process", "name": "sshd", "read": ["exists", "count"]}})
    assert seen.ok and seen.output["count"] >= 1
    user = look({"testinfra": {"module": "user", "name": "root", "read": ["exists", "uid", "home"]}})
    assert (user.output["uid"], user.output["home"]) == (0, "/root")
    assert look({"testinfra": {"module": "command", "name": "sh", "read": ["exists"]}}).ok
    assert look({"testinfra": {"module": "command", "name": "no-such", "read": ["exists"]}}).ending is Ending.FAILED


@pytest.mark.parametrize("name", ["__class__", "contains", "listdir", "content", "_host"])
def test_only_listed_attributes_are_read(look: Look, name: str) -> None:
    outcome = look({"testinfra": {"module": "file", "name": "/etc/passwd", "read": [name]}})
    assert outcome.ending is Ending.FAILED
    assert f"file has no {name} to read" in outcome.error and "exists" in outcome.mend


def test_a_name_is_a_name_and_no_command(look: Look, tmp_path: Path) -> None:
    for module, attribute in (("file", "exists"), ("user", "exists"), ("command", "exists"), ("process", "count")):
        name = f"; touch {tmp_path}/hurt #$(touch {tmp_path}/hurt)"
        look({"testinfra": {"module": module, "name": name, "read": [attribute]}}, expect={attribute: False})
    assert os.listdir(tmp_path) == ["run"]


def test_a_host_that_is_not_there_cannot_be_looked_at(sshd_host: SshHost, make_job: Callable[..., Job]) -> None:
    from executors_kit import free_port

    executor = ProbeExecutor(inventory_of(sshd_host.host(port=free_port())), SystemClock())
    for probe in ({"command": ["true"]}, {"testinfra": {"module": "file", "name": "/", "read": ["exists"]}}):
        outcome = executor.run(make_job("probe", {**probe, "target": "target"}, step=next(iter(probe))), Reins())
        assert outcome.ending is Ending.FAILED
        assert "not reachable" in outcome.error
