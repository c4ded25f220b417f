"""Workspaces of a few lines, whose steps a test can hold up: for what needs no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

_GATE = """#!/bin/sh
# Notes that it came here, then waits until the test lets it pass.
# gate DIRECTORY NAME [COMMAND...]
place=$1 name=$2
shift 2
echo $$ >>"$place/came.$name"
until [ -e "$place/open.$name" ] || [ ! -d "$place" ]; do sleep 0.05; done
[ $# = 0 ] || exec "$@"
"""


class Gates:
    """Places at which steps wait until the test opens them. Each arrival is written down: two are a repetition."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(mode=0o755)
        self.program = place / "gate"
        self.program.write_text(_GATE)
        self.program.chmod(0o755)

    def argv(self, name: str, *then: str) -> list[str]:
        """The words of a command that waits at the gate, and then is ``then``."""
        return [str(self.program), str(self.place), name, *then]

    def came(self, name: str) -> list[int]:
        """The processes that have come to the gate, in order."""
        file = self.place / f"came.{name}"
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    def open(self, name: str) -> None:
        (self.place / f"open.{name}").touch()


def step(name: str, argv: Sequence[str], **more: Any) -> dict[str, Any]:
    """A step that runs a command on this machine, once."""
    body = {"id": name, "fabric": {"host": "here", "argv": list(argv)}, "timeout": "2m", "irreversible": "a test's"}
    return {**body, **more}


def play(*tasks: Mapping[str, Any]) -> str:
    return json.dumps([{"hosts": "here", "gather_facts": False, "tasks": list(tasks)}])


def make_workspace(
    place: Path,
    steps: Sequence[Mapping[str, Any]],
    *,
    playbooks: Mapping[str, str] | None = None,
    hosts: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Path:
    """A workspace with the site ``here`` and the runbook ``small``: the steps, then a look. JSON is YAML too."""
    runbook = {
        "runbook": "small",
        "purpose": "change",
        "title": {"en": "Small", "zh": "小"},
        "locks": ["host/here"],
        "steps": [*steps, {"id": "look", "probe": {"command": ["true"], "target": "here"}, "timeout": "30s"}],
        **more,
    }
    files = {
        "runbooks/small.yaml": json.dumps(runbook, ensure_ascii=False),
        "inventories/here/hosts.yml": json.dumps({"all": {"hosts": {"here": HERE, **(hosts or {})}}}),
        **{f"playbooks/{name}": text for name, text in (playbooks or {}).items()},
    }
    for name, text in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return place
