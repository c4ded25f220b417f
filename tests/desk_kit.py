"""The installed command in a workspace of scripted runbooks, with a state directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("holdfast")
DEADLINE = 120.0

GOOD = """\
runbook: good
fault_class: shared-component
title: {en: A scripted takeover, zh: 脚本接管}
objectives: {rto: 5m}
inputs:
  cluster: {type: string, default: orders}
locks: ['cluster/{{ cluster }}']
steps:
  - id: look
    scripted: {output: {lag_s: 1}}
    expect: {output.lag_s: {max: 30}}
    timeout: 10s
  - id: promote
    scripted: {takes: 100ms}
    timeout: 20s
    budget: 5s
    marks: service_restored
"""

STUCK = """\
runbook: stuck
purpose: change
title: Fails once
steps:
  - id: fence
    scripted: {ends: [failed, ok], error: 'BMC said no: 401'}
    timeout: 20s
  - id: promote
    scripted: {}
    timeout: 20s
"""

PEOPLE = """\
runbook: people
purpose: change
title: Asks people
steps:
  - id: go
    approve: {question: May we?, of: [li, wu]}
  - id: rack
    manual: {instructions: Pull the blue cable.}
    changes: false
    timeout: 1h
"""

SLOW = """\
runbook: slow
fault_class: shared-component
title: Takes its time
objectives: {rto: 5m}
inputs:
  notes: {type: string}
locks: [cluster/slow]
steps:
  - id: work
    fabric: {host: here, argv: [sh, -c, 'echo begun >> "$0"; sleep 3; echo ended >> "$0"', '{{ notes }}']}
    timeout: 60s
    irreversible: a test
    verify: {probe: {command: ['true'], target: here}}
    marks: service_restored
"""

HOSTS = """\
all:
  hosts:
    here: {ansible_connection: local}
    far: {ansible_host: 127.0.0.1, ansible_port: 1}
"""

DRILL = """\
drill: autumn
title: Half-yearly
type: full
runbook: good.yaml
scenario: the primary dies
"""

TALK = """\
drill: talk
title: Around the table
type: tabletop
runbook: good.yaml
scenario: the primary dies
"""


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Desk:
    """Somebody's shell: a workspace, a state directory, and the command."""

    root: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.root / "state"

    def env(self, **more: str) -> dict[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
        ours |= {
            "HOLDFAST_STATE": str(self.state),
            "HOLDFAST_BREAK_GLASS": str(self.root / "break-glass"),
            "HOLDFAST_BY": "anna",
            "HOME": str(self.root / "home"),
        }
        return {**ours, **self.extra, **more}

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        settings: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "encoding": "utf-8",
            "cwd": self.root,
            "env": self.env(**more.pop("env", {})),
        }
        return subprocess.Popen([str(COMMAND), *words], **{**settings, **more})

    def __call__(self, *words: str, **env: str) -> Answer:
        process = self.start(*words, env=env)
        try:
            out, err = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        assert "Traceback" not in err, err
        return Answer(process.returncode, out, err)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run_id(self) -> str:
        found: str = self("status", "--json").objects[0]["runs"][0]["run_id"]
        return found


def furnished(root: Path) -> Desk:
    """A desk with the scripted runbooks on it."""
    desk = Desk(root)
    for name, text in (("good", GOOD), ("stuck", STUCK), ("people", PEOPLE), ("slow", SLOW)):
        desk.write(f"runbooks/{name}.yaml", text)
    desk.write("drills/autumn.yaml", DRILL)
    desk.write("drills/talk.yaml", TALK)
    desk.write("inventories/here/hosts.yml", HOSTS)
    (root / "playbooks").mkdir()
    return desk
