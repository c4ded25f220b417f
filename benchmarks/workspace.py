"""Workspaces for holdfast, and holdfast as a contestant: the installed command, its journal on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest import Failed
from benchmarks.place import Place
from benchmarks.process import ran

HERE = {"here": {"ansible_connection": "local"}}


def make_workspace(
    directory: Path,
    steps: Sequence[Mapping[str, Any]],
    *,
    hosts: Mapping[str, Mapping[str, Any]] = HERE,
    playbooks: Mapping[str, str] | None = None,
    config: str = "",
) -> Path:
    """A workspace with one site, one runbook ``steps`` and, where given, playbooks. JSON is YAML too."""
    runbook = {
        "runbook": "steps",
        "purpose": "change",
        "title": {"en": "Steps", "zh": "步骤"},
        "steps": list(steps),
    }
    inventory = {"all": {"children": {"targets": {"hosts": dict(hosts)}}}}
    files = {
        "runbooks/steps.yaml": json.dumps(runbook, ensure_ascii=False, indent=1),
        "inventories/here/hosts.yml": json.dumps(inventory, indent=1),
        **{f"playbooks/{name}": text for name, text in (playbooks or {}).items()},
    }
    if config:
        files["ansible.cfg"] = config
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return directory


PART = 1000
"""Steps of one file: a longer runbook is made of parts, as the documents' own limits want it."""


def scripted_workspace(directory: Path, count: int) -> Path:
    """A workspace whose runbook comes to ``count`` scripted steps."""
    if count <= PART:
        return make_workspace(directory, scripted_steps(count))
    parts = [{"id": f"p{number}", "runbook": {"file": "part.yaml"}} for number in range(count // PART)]
    make_workspace(directory, parts)
    part = {
        "runbook": "part",
        "purpose": "change",
        "title": {"en": "Part", "zh": "部分"},
        "steps": scripted_steps(PART),
    }
    (directory / "runbooks/part.yaml").write_text(json.dumps(part, ensure_ascii=False, indent=1), encoding="utf-8")
    return directory


def scripted_steps(count: int) -> list[dict[str, Any]]:
    """Steps that do nothing, one after the other: what is left is the orchestrator's own cost."""
    return [{"id": f"s{number}", "scripted": {}, "timeout": "1m"} for number in range(count)]


@dataclass(frozen=True)
class Command:
    """The installed ``holdfast`` on one workspace, with a state directory of its own."""

    place: Place
    workspace: Path
    state: Path

    def env(self) -> dict[str, str]:
        """What the command finds around it."""
        return self.place.env(
            HOLDFAST_WORKSPACE=str(self.workspace),
            HOLDFAST_STATE=str(self.state),
            HOLDFAST_BREAK_GLASS=str(self.place.directory("break-glass")),
            HOLDFAST_BY="anna-berg",
        )

    def run(self, *words: str) -> dict[str, float]:
        """Run the runbook: ``whole``, ``first`` (from the command to its first step) and ``steps`` (first to last)."""
        done = ran([self.place.programs / "holdfast", *words], env=self.env(), cwd=self.workspace)
        first, last = self.newest()
        return {"whole": done.seconds, "steps": last - first, "first": first - done.began}

    def newest(self) -> tuple[float, float]:
        """When the newest run's first step began and its last ended, by the journal.

        Raises Failed for no such run.
        """
        with closing(sqlite3.connect(f"file:{self.state / 'journal.sqlite3'}?mode=ro", uri=True)) as journal:
            row = journal.execute(
                "SELECT min(mono) FILTER (WHERE kind = 'step.started'), max(mono) FILTER (WHERE kind = 'step.ended')"
                " FROM event WHERE run_id = (SELECT run_id FROM run ORDER BY created_at DESC LIMIT 1)"
            ).fetchone()
        if row is None or None in row:
            raise Failed("the journal has no step")
        return row[0], row[1]


DRILL = ("run", "steps", "--mode", "drill")
"""The words of a run."""
