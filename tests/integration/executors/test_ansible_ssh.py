"""Playbooks over a real ssh connection to a private sshd, and over a link that is cut."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Link, Reins, SshHost, keygen, until

from orchestrator.executors.ansible import AnsibleExecutor, cold
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending

pytestmark = pytest.mark.sshd

MakeJob = Callable[..., Job]
Reach = Callable[..., AnsibleExecutor]


@pytest.fixture(params=["cold", "warm"])
def reach(tmp_path: Path, sshd_host: SshHost, request: pytest.FixtureRequest) -> Iterator[Reach]:
    """An executor whose one host ``far`` is the private sshd, with one playbook of these tasks."""
    said: list[str] = []
    warm = WarmAnsible(tmp_path, tmp_path / "playbooks", sockets=tmp_path / "cp", say=said.append)

    def make(*tasks: dict[str, Any], **vars_: Any) -> AnsibleExecutor:
        given = {**sshd_host.vars(), "ansible_python_interpreter": sys.executable, **vars_}
        (tmp_path / "playbooks").mkdir()
        (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"far": given}}}))
        play = {"hosts": "all", "gather_facts": False, "tasks": list(tasks)}
        (tmp_path / "playbooks/p.yml").write_text(json.dumps([play]))
        inventory = Inventory(str(tmp_path / "hosts.yml"), {"far": Host("far", given)}, {})
        launch = warm.launch if request.param == "warm" else cold
        return AnsibleExecutor(inventory, tmp_path / "playbooks", tmp_path, sockets=tmp_path / "cp", launch=launch)

    with warm if request.param == "warm" else nullcontext():
        yield make
    assert not said
    for master in (tmp_path / "cp").glob("*"):
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={master}", "far"], capture_output=True, timeout=30)


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job("ansible", {"playbook": "p.yml", "limit": "far"}, changes=True, timeout=60.0)


def command(*argv: str) -> dict[str, Any]:
    return {"name": "command", "ansible.builtin.command": {"argv": list(argv)}}


def test_a_playbook_runs_over_ssh(reach: Reach, job: Job) -> None:
    outcome = reach(command("sh", "-c", 'test -n "$SSH_CONNECTION"')).run(job, Reins(60))
    assert outcome.ok and outcome.output["hosts"]["far"]["ok"] == 1, outcome


def test_a_check_reaches_the_host_over_ssh(reach: Reach, job: Job, tmp_path: Path) -> None:
    outcome = reach(command("touch", f"{tmp_path}/effect")).check(job, Reins(60))
    assert outcome.ok, outcome
    assert not (tmp_path / "effect").exists()


def test_a_link_cut_in_the_middle_is_noticed_and_the_end_is_unknown(
    reach: Reach, job: Job, link: Link, tmp_path: Path
) -> None:
    executor = reach(
        command("sh", "-c", f"touch {tmp_path}/begun; sleep 3; touch {tmp_path}/done; sleep 60"),
        ansible_port=link.port,
    )
    cut_at: list[float] = []

    def cut() -> None:
        until((tmp_path / "begun").exists)
        link.cut()
        cut_at.append(time.monotonic())

    cutter = threading.Thread(target=cut)
    cutter.start()
    outcome = executor.run(job, Reins(60))
    noticed = time.monotonic() - cut_at[0]
    cutter.join()
    assert outcome.ending is Ending.UNKNOWN, outcome
    assert "connection was lost (far)" in outcome.error
    assert noticed < 45, "the command itself goes on for a minute"
    # And indeed: the far end knew nothing of it and went on.
    until((tmp_path / "done").exists)


def test_an_unknown_host_key_is_refused_with_the_mend(reach: Reach, job: Job, tmp_path: Path) -> None:
    (tmp_path / "nobody").touch()
    outcome = reach(command("touch", f"{tmp_path}/effect"), holdfast_known_hosts=f"{tmp_path}/nobody").run(
        job, Reins(60)
    )
    assert outcome.ending is Ending.FAILED, outcome
    assert "unreachable: far" in outcome.error and "known_hosts" in outcome.mend
    assert not (tmp_path / "effect").exists()


NO_CHECKING = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


@pytest.mark.parametrize("own", [{}, {"ansible_ssh_args": NO_CHECKING, "ansible_host_key_checking": False}])
def test_a_changed_host_key_is_refused_with_the_mend(
    reach: Reach, job: Job, sshd_host: SshHost, tmp_path: Path, own: dict[str, Any]
) -> None:
    other = keygen(tmp_path / "other").with_suffix(".pub").read_text().split()
    (tmp_path / "old").write_text(f"[127.0.0.1]:{sshd_host.port} {other[0]} {other[1]}\n")
    # Said in host_vars too, which outrank the inventory file.
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/far.yml").write_text(json.dumps(own))
    vars_ = {"holdfast_known_hosts": f"{tmp_path}/old", **own}
    outcome = reach(command("touch", f"{tmp_path}/effect"), **vars_).run(job, Reins(60))
    assert outcome.ending is Ending.FAILED, outcome
    assert "has changed" in outcome.mend, outcome
    assert not (tmp_path / "effect").exists()
