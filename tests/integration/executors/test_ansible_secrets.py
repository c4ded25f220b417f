"""A planted secret is nowhere: not on disk, not in the process list, not in the outcome."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from executors_kit import Reins, until

from orchestrator.executors.ansible import AnsibleExecutor, Launcher, cold
from orchestrator.executors.hands import ThreadHands, ThreadMailbox
from orchestrator.executors.warm.launcher import WarmAnsible
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Outcome, OutputRef
from orchestrator.model.redaction import Redactor, _encodings

SECRET = 'pa"ss/w\\örd+4711 %&'
PRINTS = """
import base64, json, sys, urllib.parse, time, pathlib
secret = sys.stdin.read()
for text in (secret, base64.b64encode(secret.encode()).decode(), base64.b64encode(b"user:" + secret.encode()).decode(),
             json.dumps({"p": secret}), urllib.parse.quote(secret, safe=""), secret.encode().hex()):
    print(text)
    print(text, file=sys.stderr)
"""


class SystemClock:
    def wall(self) -> datetime:
        return datetime.now(UTC)

    def mono(self) -> float:
        return time.monotonic()


Shop = Callable[..., AnsibleExecutor]


@pytest.fixture(params=["cold", "warm"])
def make_executor(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """An executor that begins its playbook either way; the warm process's own directory is below ``tmp_path``."""
    with ExitStack() as stack:

        def make(*, fails: bool) -> AnsibleExecutor:
            (tmp_path / "playbooks").mkdir()
            if request.param == "cold":
                return _executor(tmp_path, fails=fails, launch=cold)
            (tmp_path / "cp").mkdir()
            warm = WarmAnsible(tmp_path, tmp_path / "playbooks", sockets=tmp_path / "cp", place=tmp_path / "cp")
            return _executor(tmp_path, fails=fails, launch=stack.enter_context(warm).launch)

        yield make


def _executor(root: Path, *, fails: bool, launch: Launcher) -> AnsibleExecutor:
    local = {"ansible_connection": "local"}
    (root / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"one": local}}}))
    wait = f"touch {root}/begun; until test -e {root}/go; do sleep 0.05; done"
    tasks = [
        {"ansible.builtin.debug": {"msg": "{{ login.password }} and {{ login.password | b64encode }}"}},
        {"ansible.builtin.debug": {"var": "login"}},
        {
            "ansible.builtin.command": {"argv": [sys.executable, "-c", PRINTS], "stdin": "{{ login.password }}"},
            "register": "said",
        },
        {"ansible.builtin.debug": {"var": "said"}},
        {"ansible.builtin.set_stats": {"data": {"password": "{{ login.password }}"}}},
        {"ansible.builtin.command": {"argv": ["sh", "-c", wait]}},
        *([{"ansible.builtin.fail": {"msg": "{{ login.password }} is wrong"}}] if fails else []),
    ]
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (root / "playbooks/p.yml").write_text(json.dumps(play))
    inventory = Inventory(str(root / "hosts.yml"), {"one": Host("one", local)}, {})
    return AnsibleExecutor(inventory, root / "playbooks", root, sockets=root / "cp", launch=launch)


def _job(make_job: Callable[..., Job]) -> Job:
    spec = {"playbook": "p.yml", "limit": "one", "vars": {"login": {"password": SECRET}}}
    return make_job("ansible", spec, changes=True, secrets=(SECRET,), timeout=60.0)


def _traces(*roots: Path) -> list[str]:
    forms = [form.encode() for form in _encodings(SECRET)]
    files = [file for root in roots for file in root.rglob("*") if file.is_file()]
    return [str(file) for file in files if any(form in file.read_bytes() for form in forms)]


def _shown_processes() -> bytes:
    shown = b""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            for name in ("cmdline", "environ"):
                try:
                    shown += (entry / name).read_bytes()
                except OSError:
                    continue
    return shown


def test_a_secret_is_nowhere_after_success_and_not_in_the_process_list(
    tmp_path: Path, run_dir: Path, make_job: Callable[..., Job], make_executor: Shop
) -> None:
    job = _job(make_job)
    executor = make_executor(fails=False)
    outcomes: list[Outcome] = []
    runner = threading.Thread(target=lambda: outcomes.append(executor.run(job, Reins(60))))
    runner.start()
    try:
        until((tmp_path / "begun").exists)
        shown = _shown_processes()
        midway = _traces(run_dir)
    finally:
        (tmp_path / "go").touch()
        runner.join()
    assert outcomes[0].ok, outcomes[0]
    assert not any(form.encode() in shown for form in _encodings(SECRET))
    assert midway == []
    assert _traces(run_dir, tmp_path / "cp") == []
    assert "[redacted]" in (Path(job.directory) / "out").read_text()
    assert outcomes[0].output["password"] == "[redacted]"


def test_a_secret_is_nowhere_after_a_failure(
    tmp_path: Path, run_dir: Path, make_job: Callable[..., Job], make_executor: Shop
) -> None:
    (tmp_path / "go").touch()
    outcome = make_executor(fails=True).run(_job(make_job), Reins(60))
    assert "[redacted] is wrong" in outcome.error
    assert _traces(run_dir) == []


def test_a_secret_is_nowhere_after_a_play_was_stopped(
    tmp_path: Path, run_dir: Path, make_job: Callable[..., Job], make_executor: Shop
) -> None:
    executor, job = make_executor(fails=False), _job(make_job)
    mailbox = ThreadMailbox()
    kept: list[str] = []

    def keep(ident: str, raw: Path) -> OutputRef | None:
        kept.append(raw.read_text())
        return None

    hands = ThreadHands({"ansible": executor}, mailbox, SystemClock(), Redactor([SECRET]), keep)
    hands.begin(job)
    until((tmp_path / "begun").exists)
    hands.cancel(job.ident)
    notice = until(lambda: mailbox.get(1.0), 30)
    assert notice.outcome.ending == "unknown", notice
    assert _traces(run_dir) == []
    assert [entry.name for entry in Path(job.directory).iterdir()] == ["outcome.json"]
    assert kept and SECRET not in kept[0]
