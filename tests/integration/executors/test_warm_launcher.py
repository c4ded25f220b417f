"""The warm process: when it is used, when not, that it is told, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Reins, driver_env, until

from orchestrator.executors import detached, proc
from orchestrator.executors.ansible import AnsibleExecutor
from orchestrator.executors.detached import Running
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Outcome

LOCAL = {"ansible_connection": "local"}


@dataclass
class Shop:
    """A workspace with one local host, and a warm launcher that keeps what it said."""

    root: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("playbooks", "warm"):
            (self.root / name).mkdir(parents=True)
        (self.root / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"one": LOCAL}}}))
        self.warm = self.launcher()

    def launcher(self, place: Path | None = None) -> WarmAnsible:
        place = place or self.root / "warm"
        sockets = self.root / "cp"
        return WarmAnsible(self.root, self.root / "playbooks", sockets=sockets, place=place, say=self.said.append)

    def executor(self, warm: WarmAnsible | None = None) -> AnsibleExecutor:
        inventory = Inventory(str(self.root / "hosts.yml"), {"one": Host("one", LOCAL)}, {})
        launch = (warm or self.warm).launch
        return AnsibleExecutor(inventory, self.root / "playbooks", self.root, sockets=self.root / "cp", launch=launch)

    def playbook(self, *argv: str, **more: Any) -> None:
        play = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.command": {"argv": argv}, **more}]}
        (self.root / "playbooks/p.yml").write_text(json.dumps([play]))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "shop")
    with shop.warm:
        yield shop


MakeJob = Callable[..., Job]


@pytest.fixture
def job_of(make_job: MakeJob) -> MakeJob:
    def make(step: str = "s", **more: Any) -> Job:
        return make_job("ansible", {"playbook": "p.yml", "limit": "one"}, changes=True, timeout=60.0, step=step, **more)

    return make


class Held:
    """A step that is at work until it is let on."""

    def __init__(self, shop: Shop, job: Job, tmp_path: Path) -> None:
        self.go = tmp_path / "go"
        begun = tmp_path / "begun"
        shop.playbook("sh", "-c", f"touch {begun}; until test -e {self.go}; do sleep 0.05; done")
        self.outcomes: list[Outcome] = []
        run = shop.executor().run
        self.thread = threading.Thread(target=lambda: self.outcomes.append(run(job, Reins(60))))
        self.thread.start()
        until(begun.exists)
        found = detached.find(Path(job.directory))
        assert isinstance(found, Running)
        self.process = found.process

    def end(self) -> Outcome:
        self.go.touch()
        self.thread.join()
        return self.outcomes[0]


def _words(process: proc.Process) -> list[str]:
    """None where it has ended: of a family, some come and go while one looks."""
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
    except OSError:
        return []


def _parent(process: proc.Process) -> int:
    """0 where it has ended."""
    try:
        return int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_step_is_a_fork_of_the_warm_process_and_named_for_what_it_is(
    shop: Shop, job_of: MakeJob, tmp_path: Path
) -> None:
    job = job_of()
    held = Held(shop, job, tmp_path)
    assert _parent(held.process) == shop.warm.pid
    assert job.directory in _words(held.process)
    named = [_words(process) for process in proc.tree(held.process) if _parent(process) == held.process.pid]
    assert any(Path(words[1]).name == "ansible-playbook" and "p.yml" in words for words in named if len(words) > 1)
    assert held.end().ok and shop.said == []


def test_many_steps_at_once(shop: Shop, job_of: MakeJob) -> None:
    shop.playbook("true")
    outcomes: list[Outcome] = []
    executor = shop.executor()
    jobs = [job_of(f"s{number}") for number in range(6)]
    threads = [threading.Thread(target=lambda job=job: outcomes.append(executor.run(job, Reins(90)))) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(jobs) and all(outcome.ok for outcome in outcomes), outcomes
    assert shop.said == []


def test_killed_between_steps_the_next_ones_are_begun_cold_which_is_said_once(shop: Shop, job_of: MakeJob) -> None:
    shop.playbook("true")
    executor = shop.executor()
    assert executor.run(job_of("a"), Reins(60)).ok
    _kill(shop.warm)
    assert executor.run(job_of("b"), Reins(60)).ok
    assert executor.run(job_of("c"), Reins(60)).ok
    assert len(shop.said) == 1 and "it has ended" in shop.said[0], shop.said


def test_killed_during_a_step_that_step_goes_on_to_its_end(shop: Shop, job_of: MakeJob, tmp_path: Path) -> None:
    held = Held(shop, job_of(), tmp_path)
    _kill(shop.warm)
    assert proc.alive(held.process)
    assert held.end().ok and shop.said == []


def test_killed_while_it_warms_up(shop: Shop, job_of: MakeJob) -> None:
    shop.playbook("true")
    _kill(shop.warm)
    assert shop.executor().run(job_of(), Reins(60)).ok
    assert len(shop.said) == 1, shop.said


def test_a_configuration_that_has_changed_since_is_obeyed(shop: Shop, job_of: MakeJob) -> None:
    shop.playbook("true")
    (shop.root / "ansible.cfg").write_text("[defaults]\nforks = 3\n")
    with shop.launcher() as warm:
        assert shop.executor(warm).run(job_of("a"), Reins(60)).ok
        assert shop.said == []
        (shop.root / "ansible.cfg").write_text("[defaults]\nforks = 4\n")
        shop.playbook("test", "{{ ansible_forks }}", "=", "4")
        assert shop.executor(warm).run(job_of("b"), Reins(60)).ok
    assert len(shop.said) == 1 and "ansible.cfg has changed" in shop.said[0], shop.said


def test_another_environment_is_obeyed(shop: Shop, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.playbook("sh", "-c", 'test "$TZ" = Asia/Shanghai')
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert shop.executor().run(job_of(), Reins(60)).ok
    assert len(shop.said) == 1 and "TZ" in shop.said[0], shop.said


def test_without_a_place_for_it_steps_are_begun_cold(shop: Shop, job_of: MakeJob, tmp_path: Path) -> None:
    shop.playbook("true")
    with shop.launcher(tmp_path / "missing") as warm:
        assert shop.executor(warm).run(job_of(), Reins(60)).ok
    assert len(shop.said) == 1 and "could not be started" in shop.said[0], shop.said


def test_a_plugin_of_the_workspace_is_not_hidden_by_ansibles_own(shop: Shop, job_of: MakeJob, tmp_path: Path) -> None:
    """All of Ansible's own are there already, under the same names."""
    plugins = shop.root / "playbooks/action_plugins"
    plugins.mkdir()
    (plugins / "raw.py").write_text(
        "from ansible.plugins.action import ActionBase\n"
        "class ActionModule(ActionBase):\n"
        "    _supports_check_mode = True\n"
        "    def run(self, tmp=None, task_vars=None):\n"
        f"        open({str(tmp_path / 'mine')!r}, 'w').close()\n"
        "        return {'changed': False}\n"
    )
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"raw": "true"}]}
    (shop.root / "playbooks/p.yml").write_text(json.dumps([play]))
    assert shop.executor().run(job_of(), Reins(60)).ok
    assert (tmp_path / "mine").exists() and shop.said == []


def test_runs_with_the_same_surroundings_share_one_process_which_ends_with_the_last(
    shop: Shop, job_of: MakeJob
) -> None:
    shop.playbook("true")
    with shop.launcher() as other:
        assert other.pid == shop.warm.pid
        shop.warm.close()
        assert shop.executor(other).run(job_of(), Reins(60)).ok
        number = other.pid
        assert number is not None
        process = proc.find(number)
    assert process is not None
    until(lambda: not proc.alive(process))
    assert shop.said == []


def test_nothing_of_it_stays_when_it_is_closed(shop: Shop, job_of: MakeJob) -> None:
    shop.playbook("true")
    assert shop.executor().run(job_of(), Reins(60)).ok
    number = shop.warm.pid
    assert number is not None
    process = proc.find(number)
    assert process is not None
    family = proc.tree(process)
    assert family
    shop.warm.close()
    until(lambda: not any(proc.alive(member) for member in family))
    until(lambda: list((shop.root / "warm").iterdir()) == [])


DRIVER = """
import os, sys
from pathlib import Path
from executors_kit import Reins
from orchestrator.executors.ansible import AnsibleExecutor
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.document import Mode
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job, Phase
root, directory = Path(sys.argv[1]), sys.argv[2]
inventory = Inventory(str(root / "hosts.yml"), {"one": Host("one", {"ansible_connection": "local"})}, {})
warm = WarmAnsible(root, root / "playbooks", sockets=root / "cp", place=root / "warm")
warm.start()
(root / "warm.pid").write_text(str(warm.pid))
spec = {"playbook": "p.yml", "limit": "one"}
job = Job("r", "s", Phase.ACTION, 1, "i", "ansible", spec, 60.0, Mode.DRILL, directory, True)
AnsibleExecutor(inventory, root / "playbooks", root, sockets=root / "cp", launch=warm.launch).run(job, Reins(60))
"""


def test_a_killed_driver_takes_the_warm_process_with_it_and_leaves_the_step(
    shop: Shop, job_of: MakeJob, tmp_path: Path
) -> None:
    shop.warm.close()
    job = job_of()
    begun, go = tmp_path / "begun", tmp_path / "go"
    shop.playbook("sh", "-c", f"touch {begun}; until test -e {go}; do sleep 0.05; done")
    words = [sys.executable, "-c", DRIVER, str(shop.root), job.directory]
    with subprocess.Popen(words, env=driver_env()) as driver:
        until(begun.exists)
        warm = proc.find(int((shop.root / "warm.pid").read_text()))
        assert warm is not None
        found = detached.find(Path(job.directory))
        assert isinstance(found, Running)
        of_the_step = proc.tree(found.process)
        others = proc.tree(warm) - of_the_step
        driver.kill()
    until(lambda: not any(proc.alive(process) for process in others))
    assert list((shop.root / "warm").iterdir()) == []
    assert proc.alive(found.process)
    go.touch()
    assert shop.executor().attach(job, Reins(60)).ok
    until(lambda: not any(proc.alive(process) for process in of_the_step))


def _kill(warm: WarmAnsible) -> None:
    number = warm.pid
    assert number is not None
    process = proc.find(number)
    assert process is not None
    # A fork that waits for its request would serve one step more: it ends with its parent, but not at once.
    waiting = [each for each in proc.tree(process) - {process} if not _is_at_work(each)]
    os.kill(number, signal.SIGKILL)
    until(lambda: not any(proc.alive(each) for each in [process, *waiting]))


def _is_at_work(process: proc.Process) -> bool:
    return "warm Ansible" not in " ".join(_words(process))
