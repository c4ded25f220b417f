"""Connections to a real sshd that are begun before Ansible needs them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Link, Reins, SshHost, until

from orchestrator.executors import ansible_ahead
from orchestrator.executors.ansible import AnsibleExecutor
from orchestrator.executors.ansible_ahead import is_plain
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job

pytestmark = pytest.mark.sshd

PLAYS = (("p.yml", "far"),)
Make = Callable[..., AnsibleExecutor]


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    return tmp_path / "cp"


@pytest.fixture
def make(tmp_path: Path, sockets: Path, sshd_host: SshHost) -> Iterator[Make]:
    """An executor whose host ``far`` is the private sshd, and a playbook that notes the connection it comes by."""
    made: list[AnsibleExecutor] = []

    def executor(play: dict[str, Any] | None = None, without: str = "", **vars_: Any) -> AnsibleExecutor:
        given = {**sshd_host.vars(), "ansible_python_interpreter": sys.executable, **vars_}
        given.pop(without, None)
        (tmp_path / "playbooks").mkdir()
        (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"far": given}}}))
        task = {"ansible.builtin.shell": f"echo $SSH_CONNECTION >{tmp_path}/came-by"}
        whole = {"hosts": "all", "gather_facts": False, "tasks": [task], **(play or {})}
        (tmp_path / "playbooks/p.yml").write_text(json.dumps([whole]))
        inventory = Inventory(str(tmp_path / "hosts.yml"), {"far": Host("far", given)}, {})
        made.append(AnsibleExecutor(inventory, tmp_path / "playbooks", tmp_path, sockets=sockets))
        return made[-1]

    yield executor
    for one in made:
        one.close()
    end(sockets)


def shared(sockets: Path) -> list[Path]:
    """The connections that are open: a socket has a longer name until it can be used."""
    return [each for each in sockets.glob("*") if "." not in each.name]


def end(sockets: Path) -> None:
    for master in shared(sockets):
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={master}", "far"], capture_output=True, timeout=30)
    until(lambda: not list(sockets.glob("*")))


def opened(sockets: Path) -> str:
    """What the one shared connection is called on the host."""
    (socket,) = until(lambda: shared(sockets), 30)
    words = ["ssh", "-o", f"ControlPath={socket}", "-o", "BatchMode=yes", "far", "echo $SSH_CONNECTION"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.mark.parametrize("without", ["", "ansible_user"])
def test_a_step_comes_by_the_connection_that_was_begun_for_it(
    make: Make, make_job: Callable[..., Job], sockets: Path, tmp_path: Path, without: str
) -> None:
    executor = make(without=without)
    executor.ahead(PLAYS)
    before = opened(sockets)
    job = make_job("ansible", {"playbook": "p.yml", "limit": "far"}, changes=True, timeout=60.0)
    outcome = executor.run(job, Reins(60))
    assert outcome.ok, outcome
    assert (tmp_path / "came-by").read_text() == before
    assert len(shared(sockets)) == 1


def test_a_step_waits_for_the_connection_and_not_for_long(
    make: Make, make_job: Callable[..., Job], sockets: Path, link: Link, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ansible_ahead, "PATIENCE", 600.0)
    executor = make(ansible_port=link.port)
    executor.ahead(PLAYS)
    (begun,) = executor._ahead._begun.values()
    executor._ahead.settle(["far"])
    assert begun.program.poll() == 0 and opened(sockets)
    end(sockets)
    link.cut()
    monkeypatch.setattr(ansible_ahead, "PATIENCE", 0.2)
    executor.ahead(PLAYS)
    (begun,) = executor._ahead._begun.values()
    until(lambda: time.monotonic() > begun.at + 0.2)
    executor._ahead.settle(["far"])
    assert begun.program.poll() is not None and not list(sockets.glob("*"))


def test_what_nobody_came_to_need_is_given_up_at_the_end(make: Make, sockets: Path, link: Link) -> None:
    link.cut()
    executor = make(ansible_port=link.port)
    executor.ahead(PLAYS)
    (begun,) = executor._ahead._begun.values()
    executor.close()
    assert begun.program.poll() is not None
    assert not list(sockets.glob("*"))


@pytest.mark.parametrize(
    "play",
    [
        {"remote_user": "other"},
        {"connection": "local"},
        {"vars": {"ansible_port": 22}},
        {"roles": ["base"]},
        {"tasks": [{"ansible.builtin.include_tasks": "more.yml"}]},
    ],
)
def test_a_playbook_with_ideas_of_its_own_is_left_to_ansible(make: Make, play: dict[str, Any]) -> None:
    executor = make(play)
    executor.ahead(PLAYS)
    assert not executor._ahead._begun


def test_what_is_not_there_is_left_to_the_step(make: Make) -> None:
    executor = make()
    executor.ahead([("nowhere.yml", "far"), ("p.yml", "nobody")])
    assert not executor._ahead._begun


def test_a_configuration_or_variables_of_their_own_are_left_to_ansible(tmp_path: Path) -> None:
    playbook, config = tmp_path / "p.yml", tmp_path / "ansible.cfg"
    playbook.write_text("- hosts: all\n  tasks:\n    - ansible.builtin.ping:\n")
    assert is_plain(playbook, tmp_path, config)
    config.write_text("[defaults]\nforks = 20\n[ssh_connection]\npipelining = True\ncontrol_path_dir = /tmp/x\n")
    assert is_plain(playbook, tmp_path, config)
    for line in ("remote_user = op", "private_key_file=/keys/x", "control_path = /tmp/%(x)s", "ssh_executable = x"):
        config.write_text(f"[defaults]\n{line}\n")
        assert not is_plain(playbook, tmp_path, config), line
    config.unlink()
    (tmp_path / "host_vars").mkdir()
    assert not is_plain(playbook, tmp_path, config)
