"""A play reads ahead while its driver still writes down whose it is: so far, and no further."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from executors_kit import Reins, driver_env, until

from orchestrator.executors import detached, proc
from orchestrator.executors.ansible import AnsibleExecutor, Launcher
from orchestrator.executors.detached import NotStarted
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job

LOCAL = {"ansible_connection": "local"}
SPEC = {"playbook": "p.yml", "limit": "one", "tags": ["now"], "vars": {"word": "hello"}}
MakeJob = Callable[..., Job]

PLUGIN = """
from ansible.plugins.callback import CallbackBase
open({mark!r}, "w").close()
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "mine"
"""
"""It has its effect as soon as it is read."""

DRIVER = """
import sys, threading
from pathlib import Path
from executors_kit import Reins
from orchestrator.executors import detached
from orchestrator.executors.ansible import AnsibleExecutor
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.document import Mode
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job, Phase
root, directory = Path(sys.argv[1]), sys.argv[2]

def never_noted(_directory, fork):
    (root / "fork.new").write_text(str(fork.pid))
    (root / "fork.new").rename(root / "fork")
    threading.Event().wait()

detached.note = never_noted
inventory = Inventory(str(root / "hosts.yml"), {"one": Host("one", {"ansible_connection": "local"})}, {})
warm = WarmAnsible(root, root / "playbooks", sockets=root / "cp", place=root / "warm")
job = Job("r", "s", Phase.ACTION, 1, "i", "ansible", SPEC, 60.0, Mode.DRILL, directory, True)
AnsibleExecutor(inventory, root / "playbooks", root, sockets=root / "cp", launch=warm.launch).run(job, Reins(60))
""".replace("SPEC", repr(SPEC))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with one local host, and a play that leaves a mark."""
    root = tmp_path / "shop"
    for name in ("playbooks", "warm"):
        (root / name).mkdir(parents=True)
    (root / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"one": LOCAL}}}))
    argv = ["sh", "-c", f"touch {root / 'played'}; until test -e {root / 'go'}; do sleep 0.05; done"]
    task = {"ansible.builtin.command": {"argv": argv}, "tags": ["now"]}
    (root / "playbooks/p.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    return root


@pytest.fixture
def warm(root: Path) -> Iterator[WarmAnsible]:
    with WarmAnsible(root, root / "playbooks", sockets=root / "cp", place=root / "warm") as warm:
        yield warm


def _executor(root: Path, launch: Launcher) -> AnsibleExecutor:
    inventory = Inventory(str(root / "hosts.yml"), {"one": Host("one", LOCAL)}, {})
    return AnsibleExecutor(inventory, root / "playbooks", root, sockets=root / "cp", launch=launch)


def _words(process: proc.Process) -> list[str]:
    return Path(f"/proc/{process.pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")


def _is_play(process: proc.Process) -> bool:
    words = _words(process)
    return len(words) > 1 and Path(words[1]).name == "ansible-playbook"


def _sleeps(process: proc.Process) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_what_the_play_is_told_ahead_is_what_ansible_runner_asks_for(
    root: Path, warm: WarmAnsible, make_job: MakeJob
) -> None:
    assert warm.pid is not None
    parent = proc.find(warm.pid)
    assert parent is not None
    waiting = until(lambda: tree if len(tree := proc.tree(parent)) == 3 else None)
    job = make_job("ansible", SPEC, changes=True, timeout=60.0)
    outcomes = []
    run = threading.Thread(target=lambda: outcomes.append(_executor(root, warm.launch).run(job, Reins(60))))
    run.start()
    until((root / "played").exists)
    found = detached.find(Path(job.directory))
    assert isinstance(found, detached.Running)
    plays = {process for process in proc.tree(found.process) if _is_play(process)}
    assert plays & waiting, "a fresh ansible-playbook was begun: it was told something else than was asked for"
    (root / "go").touch()
    run.join()
    assert outcomes[0].ok


@pytest.mark.parametrize("own", [True, False], ids=["with-a-plugin-of-its-own", "with-nothing-of-its-own"])
def test_a_play_whose_driver_dies_before_it_is_noted_has_done_nothing(root: Path, own: bool, make_job: MakeJob) -> None:
    mark = root / "read"
    if own:
        (root / "playbooks/callback_plugins").mkdir()
        (root / "playbooks/callback_plugins/mine.py").write_text(PLUGIN.format(mark=str(mark)))
    job = make_job("ansible", SPEC, changes=True, timeout=60.0)
    directory = Path(job.directory)
    with subprocess.Popen([sys.executable, "-c", DRIVER, str(root), str(directory)], env=driver_env()) as driver:
        try:
            fork = proc.find(int(until(lambda: (root / "fork").exists() and (root / "fork").read_text())))
            assert fork is not None
            play = until(lambda: next((each for each in proc.tree(fork) if each != fork and _is_play(each)), None))
            until(lambda: _sleeps(play) and list((directory / "private/tmp").glob("ansible-local-*")))
            assert not (directory / "begun").exists()
        finally:
            driver.kill()
    until(lambda: not proc.alive(fork) and not proc.alive(play))
    assert not mark.exists() and not (root / "played").exists()
    assert not (directory / "private").exists(), "what it was to read may hold secrets"
    assert isinstance(detached.find(directory), NotStarted)
    until(lambda: list((root / "warm").iterdir()) == [])


def test_a_plugin_of_the_workspaces_own_is_read_in_the_end(root: Path, warm: WarmAnsible, make_job: MakeJob) -> None:
    (root / "playbooks/callback_plugins").mkdir()
    (root / "playbooks/callback_plugins/mine.py").write_text(PLUGIN.format(mark=str(root / "read")))
    (root / "go").touch()
    job = make_job("ansible", SPEC, changes=True, timeout=60.0)
    assert _executor(root, warm.launch).run(job, Reins(60)).ok
    assert (root / "read").exists()
