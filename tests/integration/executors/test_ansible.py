"""Playbooks run by the real ansible-playbook on the local connection."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Reins, until

from orchestrator.errors import ExecutorError
from orchestrator.executors import detached, proc
from orchestrator.executors.ansible import AnsibleExecutor, cold
from orchestrator.executors.ansible_request import Request
from orchestrator.executors.contract import Wish
from orchestrator.executors.detached import Running
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome


@dataclass
class Site:
    """A workspace with two local hosts, and playbooks written by the test."""

    root: Path
    warm: WarmAnsible | None = None

    def __post_init__(self) -> None:
        (self.root / "playbooks").mkdir(parents=True)
        local = {"ansible_connection": "local"}
        hosts = {"all": {"children": {"pair": {"hosts": {"one": local, "two": local}}}}}
        (self.root / "hosts.yml").write_text(json.dumps(hosts))

    @property
    def inventory(self) -> Inventory:
        hosts = {name: Host(name, {"ansible_connection": "local"}) for name in ("one", "two")}
        return Inventory(str(self.root / "hosts.yml"), hosts, {"pair": ("one", "two")})

    @property
    def executor(self) -> AnsibleExecutor:
        launch = self.warm.launch if self.warm else cold
        return AnsibleExecutor(
            self.inventory, self.root / "playbooks", self.root, sockets=self.root / "cp", launch=launch
        )

    def playbook(self, *tasks: dict[str, Any], hosts: str = "all", name: str = "p.yml") -> str:
        play = {"name": "play", "hosts": hosts, "gather_facts": False, "tasks": list(tasks)}
        (self.root / "playbooks" / name).write_text(json.dumps([play]))
        return name


@pytest.fixture(params=["cold", "warm"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Every promise holds for both ways to begin a playbook. With the warm one, none may be begun cold.

    The warm process starts with the first playbook it is to begin: some tests need none.
    """
    site = Site(tmp_path / "site")
    if request.param == "cold":
        yield site
        return
    said: list[str] = []
    site.warm = WarmAnsible(site.root, site.root / "playbooks", sockets=site.root / "cp", say=said.append)
    with closing(site.warm):
        yield site
    assert said == []


MakeJob = Callable[..., Job]


@pytest.fixture
def ansible_job(make_job: MakeJob) -> MakeJob:
    def make(playbook: str = "p.yml", limit: str = "one", **more: Any) -> Job:
        spec = {"playbook": playbook, "limit": limit, "vars": more.pop("vars", {}), "tags": more.pop("tags", ())}
        return make_job("ansible", spec, changes=True, timeout=more.pop("timeout", 60.0), **more)

    return make


def command(*argv: str) -> dict[str, Any]:
    return {"name": "command", "ansible.builtin.command": {"argv": list(argv)}}


def debug(msg: str) -> dict[str, Any]:
    return {"name": "say", "ansible.builtin.debug": {"msg": msg}}


def test_a_playbook_runs_and_answers_hosts_and_set_stats(site: Site, ansible_job: MakeJob) -> None:
    site.playbook(command("true"), {"run_once": True, "ansible.builtin.set_stats": {"data": {"lag_s": 3}}})
    job = ansible_job(limit="pair")
    outcome = site.executor.run(job, Reins())
    assert outcome.ok and outcome.changed is True, outcome
    one = {"ok": 2, "changed": 1, "failures": 0, "unreachable": 0}
    assert outcome.output == {"lag_s": 3, "hosts": {"one": one, "two": {**one, "ok": 1}}}
    directory = Path(job.directory)
    assert "PLAY RECAP" in (directory / "out").read_text()
    assert not (directory / "private").exists()
    assert directory.stat().st_mode & 0o777 == 0o700


def test_the_limit_and_the_tags_hold(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    site.playbook(
        {**command("touch", f"{tmp_path}/fenced-{{{{ inventory_hostname }}}}"), "tags": ["fence"]},
        {**command("touch", f"{tmp_path}/promoted"), "tags": ["promote"]},
    )
    outcome = site.executor.run(ansible_job(limit="two", tags=("fence",)), Reins())
    assert outcome.ok, outcome
    assert (tmp_path / "fenced-two").exists()
    assert not (tmp_path / "fenced-one").exists() and not (tmp_path / "promoted").exists()


def test_values_stay_literal_text(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    evil = [
        f"{{{{ lookup('pipe', 'touch {tmp_path}/pwned') }}}}",
        "{% set x = 1 %}{{ 7*7 }}",
        f"; touch {tmp_path}/pwned",
        f"$(touch {tmp_path}/pwned)",
        f"`touch {tmp_path}/pwned`",
        "-oProxyCommand=x",
        "two\nlines",
        "' \" \\",
        "灾备",
    ]
    words = [f"{{{{ evil[{number}] }}}}" for number in range(len(evil))]
    dump = f"import json,sys; json.dump(sys.argv[1:], open('{tmp_path}/argv','w'))"
    site.playbook(
        {"vars": {"taken_over": "{{ evil[0] }}"}, **debug("{{ taken_over }} {{ deep.er[0].still }}")},
        command(sys.executable, "-c", dump, *words),
        {"ansible.builtin.set_stats": {"data": {"back": "{{ evil }}"}}},
    )
    given = {"evil": evil, "deep": {"er": [{"still": evil[0]}]}}
    outcome = site.executor.run(ansible_job(vars=given), Reins())
    assert outcome.ok, outcome
    assert json.loads((tmp_path / "argv").read_text()) == evil
    assert outcome.output["back"] == evil
    assert not (tmp_path / "pwned").exists()


def test_a_failed_task_is_named_with_its_host_and_message(site: Site, ansible_job: MakeJob) -> None:
    site.playbook(command("sh", "-c", "echo no such cluster >&2; exit 3"))
    outcome = site.executor.run(ansible_job(), Reins())
    assert outcome.ending is Ending.FAILED
    assert "one, task 'command'" in outcome.error and "no such cluster" in outcome.error
    assert outcome.output["hosts"]["one"]["failures"] == 1


def test_a_play_that_matches_no_host_is_a_failure(site: Site, ansible_job: MakeJob) -> None:
    site.playbook(command("true"), hosts="elsewhere")
    outcome = site.executor.run(ansible_job(), Reins())
    assert outcome.ending is Ending.FAILED and "no host" in outcome.error, outcome


def test_a_play_with_nothing_left_to_do_is_not_ok(site: Site, ansible_job: MakeJob) -> None:
    site.playbook({**command("true"), "tags": ["x"]})
    outcome = site.executor.run(ansible_job(tags=("y",)), Reins())
    assert not outcome.ok, outcome


def test_a_playbook_that_ansible_cannot_read_is_a_failure(site: Site, ansible_job: MakeJob) -> None:
    site.playbook({"ansible.builtin.debug": {}, "ansible.builtin.command": "true"})
    outcome = site.executor.run(ansible_job(), Reins())
    assert outcome.ending is Ending.FAILED and "conflicting action statements" in outcome.error, outcome


@pytest.mark.parametrize("name", ["missing.yml", "link.yml"])
def test_a_playbook_that_is_missing_or_lies_elsewhere_is_refused(
    site: Site, ansible_job: MakeJob, tmp_path: Path, name: str
) -> None:
    (tmp_path / "elsewhere.yml").write_text("[]")
    (site.root / "playbooks/link.yml").symlink_to(tmp_path / "elsewhere.yml")
    job = ansible_job(name)
    with pytest.raises(ExecutorError, match=r"no playbook|outside"):
        site.executor.run(job, Reins())
    assert not Path(job.directory).exists()


def test_an_executable_inventory_is_not_run(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    script = site.root / "hosts.yml"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\necho '{{}}'\n")
    script.chmod(0o755)
    site.playbook(command("true"))
    assert not site.executor.run(ansible_job(), Reins()).ok
    assert not (tmp_path / "pwned").exists()


def test_the_signal_handlers_of_this_process_stay(site: Site, ansible_job: MakeJob) -> None:
    site.playbook(debug("x"))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    assert site.executor.run(ansible_job(), Reins()).ok
    assert {number: signal.getsignal(number) for number in before} == before
    code = "import sys, orchestrator.executors.ansible; sys.exit('ansible_runner' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_much_output_is_taken_and_loses_nothing(site: Site, ansible_job: MakeJob) -> None:
    loop = {**debug("line {{ item }}"), "loop": "{{ range(300) | list }}"}
    site.playbook(loop)
    job = ansible_job()
    assert site.executor.run(job, Reins(60)).ok
    text = (Path(job.directory) / "out").read_text()
    assert all(f'"line {number}"' in text for number in range(300))


def test_the_timeout_says_unknown_and_the_effect_may_come_all_the_same(
    site: Site, ansible_job: MakeJob, tmp_path: Path
) -> None:
    # What a task started in the background goes on: nobody can say from here what became of it.
    late = f"(setsid sh -c 'sleep 2; touch {tmp_path}/effect' >/dev/null 2>&1 &); touch {tmp_path}/begun; sleep 60"
    site.playbook(command("sh", "-c", late))
    job = ansible_job(timeout=60.0)
    reins = Reins()
    watch = threading.Thread(target=lambda: (until((tmp_path / "begun").exists), setattr(reins, "_deadline", 0)))
    watch.start()
    outcome = site.executor.run(job, reins)
    watch.join()
    assert outcome.ending is Ending.UNKNOWN, outcome
    assert "timeout after 60 s" in outcome.error and "may have completed anyway" in outcome.error
    until((tmp_path / "effect").exists)


def test_cancel_stops_the_whole_family(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    site.playbook(command("sh", "-c", f"echo $$ >{tmp_path}/pid; sleep 60"))
    job = ansible_job()
    reins = Reins()
    seen: list[set[proc.Process]] = []

    def cancel() -> None:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        found = detached.find(Path(job.directory))
        assert isinstance(found, Running)
        seen.append(proc.tree(found.process))
        reins.pull(Wish.CANCEL)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    outcome = site.executor.run(job, reins)
    canceller.join()
    assert outcome.ending is Ending.UNKNOWN and "on request" in outcome.error, outcome
    assert int((tmp_path / "pid").read_text()) in {process.pid for process in seen[0]}
    assert not any(proc.alive(process) for process in seen[0])


def _driver(site: Site, job: Job, then: str) -> str:
    """A program that begins the job as a driver would, and then does ``then``."""
    return f"""
import os, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from executors_kit import Reins
from orchestrator.executors.ansible import AnsibleExecutor, cold
from orchestrator.model.document import Mode
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job, Phase
from orchestrator.executors.warm.launcher import WarmAnsible
{then}
root = Path({str(site.root)!r})
hosts = {{name: Host(name, {{"ansible_connection": "local"}}) for name in ("one", "two")}}
inventory = Inventory(str(root / "hosts.yml"), hosts, {{}})
job = Job("r", "s", Phase.ACTION, 1, {job.ident!r}, "ansible", {dict(job.spec)!r}, {job.timeout!r}, Mode.DRILL,
          {job.directory!r}, True, lock_fds=tuple(int(fd) for fd in sys.argv[1:]))
warm = WarmAnsible(root, root / "playbooks", sockets=root / "cp")
launch = warm.launch if {site.warm is not None} else cold
AnsibleExecutor(inventory, root / "playbooks", root, sockets=root / "cp", launch=launch).run(job, Reins())
"""


def test_the_orchestrator_is_killed_and_the_next_one_attaches(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    site.playbook(
        command("sh", "-c", f"echo x >>{tmp_path}/effects; until test -e {tmp_path}/go; do sleep 0.05; done"),
        {"ansible.builtin.set_stats": {"data": {"answer": 42}}},
    )
    job = ansible_job()
    with subprocess.Popen([sys.executable, "-c", _driver(site, job, "")]) as driver:
        until((tmp_path / "effects").exists)
        driver.kill()
    assert isinstance(detached.find(Path(job.directory)), Running)
    (tmp_path / "go").touch()
    outcome = site.executor.attach(job, Reins())
    assert outcome.ok and outcome.output["answer"] == 42, outcome
    assert (tmp_path / "effects").read_text() == "x\n"


def test_the_lock_is_held_while_only_ansible_itself_still_lives(
    site: Site, ansible_job: MakeJob, tmp_path: Path
) -> None:
    site.playbook(command("sh", "-c", f"touch {tmp_path}/begun; sleep 60"))
    job = ansible_job()
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with subprocess.Popen([sys.executable, "-c", _driver(site, job, ""), str(lock)], pass_fds=[lock]) as driver:
        os.close(lock)
        until((tmp_path / "begun").exists)
        found = detached.find(Path(job.directory))
        assert isinstance(found, Running)
        family = proc.tree(found.process)
        driver.kill()
    (child,) = (process for process in family if _parent(process) == found.process.pid)
    for process in (found.process, child):
        os.kill(process.pid, signal.SIGKILL)
    other = os.open(tmp_path / "lock", os.O_RDWR)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert site.executor.attach(job, Reins()).ending is Ending.GONE
        for process in family:
            proc.send(process, signal.SIGKILL)
        until(lambda: _takes(other))
    finally:
        os.close(other)


def _parent(process: proc.Process) -> int:
    """0 where it has ended: of a family, some come and go while one looks."""
    try:
        return int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _takes(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_letting_go_leaves_it_running_and_it_is_attached_to(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    site.playbook(command("sh", "-c", f"touch {tmp_path}/begun; until test -e {tmp_path}/go; do sleep 0.05; done"))
    job = ansible_job()
    reins = Reins()
    watch = threading.Thread(target=lambda: (until((tmp_path / "begun").exists), reins.pull(Wish.DETACH)))
    watch.start()
    assert site.executor.run(job, reins).ending is Ending.LEFT
    watch.join()
    (tmp_path / "go").touch()
    assert site.executor.attach(job, Reins()).ok


def test_an_ended_playbook_is_found_ended(site: Site, ansible_job: MakeJob) -> None:
    site.playbook(debug("x"))
    job = ansible_job()
    ran = site.executor.run(job, Reins())
    assert site.executor.attach(job, Reins()) == ran


def test_what_was_never_begun_is_not_started(site: Site, ansible_job: MakeJob) -> None:
    assert site.executor.attach(ansible_job(), Reins()) == Outcome(Ending.NOT_STARTED)


def test_an_ansible_that_was_killed_is_unknown(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    site.playbook(command("sh", "-c", f"echo $PPID >{tmp_path}/begun; sleep 60"))
    job = ansible_job()

    def kill() -> None:
        until((tmp_path / "begun").exists)
        found = detached.find(Path(job.directory))
        assert isinstance(found, Running)
        for process in proc.tree(found.process):
            with contextlib.suppress(OSError):  # it has ended
                if b"ansible-playbook" in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                    proc.send(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = site.executor.run(job, Reins())
    killer.join()
    assert outcome.ending is Ending.UNKNOWN and "killed" in outcome.error, outcome


def test_a_check_reads_the_playbook_and_reaches_the_hosts(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    site.playbook(command("touch", f"{tmp_path}/effect"))
    job = ansible_job(limit="pair")
    outcome = site.executor.check(job, Reins())
    assert outcome.ok and set(outcome.output["hosts"]) == {"one", "two"}, outcome
    assert not (tmp_path / "effect").exists()
    assert list(Path(job.directory).parent.iterdir()) == []


def test_a_check_that_is_let_go_of_leaves_nothing(site: Site, ansible_job: MakeJob) -> None:
    site.playbook(debug("x"))
    job = ansible_job()
    reins = Reins()
    reins.pull(Wish.DETACH)
    assert site.executor.check(job, reins).ending is Ending.FAILED
    assert list(Path(job.directory).parent.iterdir()) == []


def test_a_check_names_a_missing_collection(site: Site, ansible_job: MakeJob) -> None:
    site.playbook({"name": "power off", "community.general.redfish_command": {"category": "Systems"}})
    outcome = site.executor.check(ansible_job(), Reins())
    assert outcome.ending is Ending.FAILED, outcome
    assert "community.general.redfish_command" in outcome.error
    assert "collection community.general is missing" in outcome.mend


def test_a_check_names_a_missing_role(site: Site, ansible_job: MakeJob) -> None:
    (site.root / "playbooks/p.yml").write_text(json.dumps([{"hosts": "all", "roles": ["no-such-role"]}]))
    outcome = site.executor.check(ansible_job(), Reins())
    assert outcome.ending is Ending.FAILED and "no-such-role" in outcome.mend, outcome


def test_a_check_names_a_host_that_is_not_reached(site: Site, ansible_job: MakeJob) -> None:
    away = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    (site.root / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"away": away}}}))
    inventory = Inventory(str(site.root / "hosts.yml"), {"away": Host("away", away)}, {})
    site.playbook(command("true"))
    executor = AnsibleExecutor(inventory, site.root / "playbooks", site.root, sockets=site.root / "cp")
    outcome = executor.check(ansible_job(limit="away"), Reins())
    assert outcome.ending is Ending.FAILED and "unreachable: away" in outcome.error, outcome


def test_a_daemon_that_a_play_started_does_not_keep_the_lock(site: Site, ansible_job: MakeJob, tmp_path: Path) -> None:
    note = tmp_path / "daemon"
    site.playbook(command("sh", "-c", f"(setsid sh -c 'echo $$ >{note}; exec sleep 60' >/dev/null 2>&1 &)"))
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    outcome = site.executor.run(ansible_job(lock_fds=(lock,)), Reins())
    os.close(lock)
    until(lambda: note.exists() and note.read_text().strip())
    try:
        assert outcome.ok, outcome
        other = os.open(tmp_path / "lock", os.O_RDWR)
        assert _takes(other)
        os.close(other)
    finally:
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_no_name_from_outside_leads_out_of_the_jobs_directory(
    site: Site, ansible_job: MakeJob, tmp_path: Path, run_dir: Path
) -> None:
    site.playbook(debug("x"))
    job = ansible_job(step="../../x")
    before = {str(path) for path in tmp_path.rglob("*")}
    assert site.executor.run(job, Reins()).ok
    made = {str(path) for path in tmp_path.rglob("*")} - before
    assert made and all(path.startswith(job.directory) for path in made), made


@pytest.mark.parametrize("text", ["[]", "", "- hosts: all\n  gather_facts: false\n"])
def test_an_empty_playbook_is_not_ok(site: Site, ansible_job: MakeJob, text: str) -> None:
    (site.root / "playbooks/p.yml").write_text(text)
    outcome = site.executor.run(ansible_job(), Reins())
    assert not outcome.ok and outcome.error, outcome


def test_a_missing_ansible_is_a_failure_with_the_mend(site: Site, ansible_job: MakeJob) -> None:
    def poor(directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]) -> None:
        cold(directory, request, {**env, "PATH": "/usr/sbin"}, lock_fds)

    site.playbook(debug("x"))
    executor = AnsibleExecutor(site.inventory, site.root / "playbooks", site.root, launch=poor)
    outcome = executor.run(ansible_job(), Reins())
    assert outcome.ending is Ending.FAILED and "install ansible-core" in outcome.mend, outcome


def test_another_launcher_can_stand_in(site: Site, ansible_job: MakeJob) -> None:
    seen: list[Request] = []

    def warm(directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]) -> None:
        seen.append(request)
        cold(directory, request, env, lock_fds)

    site.playbook(debug("x"))
    executor = AnsibleExecutor(
        site.inventory, site.root / "playbooks", site.root, sockets=site.root / "cp", launch=warm
    )
    assert executor.run(ansible_job(), Reins()).ok
    assert seen[0].playbook == "p.yml" and seen[0].limit == "one"
