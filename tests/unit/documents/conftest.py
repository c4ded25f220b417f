"""Lint on texts: a runbook with its surroundings, none of it on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.hosts_file import read_groups
from orchestrator.documents.lint import lint
from orchestrator.documents.loading import Loaded
from orchestrator.documents.parse import parse
from orchestrator.documents.reader import read_text
from orchestrator.documents.workspace import Workspace
from orchestrator.errors import Problem
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.runbook import Runbook

HOSTS = """\
all:
  children:
    old_primary: {hosts: {db1: }}
    standby: {hosts: {db2: }}
    web: {hosts: {web1: , web2: }}
"""
PLAYBOOKS = ["fence/power-off.yml", "takeover/promote.yml", "takeover/rebuild-as-standby.yml", "change/patch.yml"]


class Paper:
    """A path that is looked at without a disk."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __truediv__(self, name: str) -> Paper:
        return Paper(name)

    def is_file(self) -> bool:
        return self.name in PLAYBOOKS

    def is_dir(self) -> bool:
        return False


class PaperWorkspace(Workspace):
    """A workspace that has the playbooks named above and nothing else."""

    def __init__(self) -> None:
        super().__init__(Path("workspace"))

    @property
    def playbooks_dir(self) -> Any:
        return Paper("playbooks")

    def playbooks(self) -> list[str]:
        return PLAYBOOKS

    def inside(self, folder: str, relative: str) -> Any:
        return Paper(relative)


def _inventory(text: str) -> Inventory:
    groups = read_groups(read_text(text, "hosts.yml"))
    hosts = {name: Host(name, own) for name, own in groups.hosts.items()}
    return Inventory("hosts.yml", hosts, {name: tuple(members) for name, members in groups.members().items()})


Linted = Callable[..., list[Problem]]


@pytest.fixture
def lint_text() -> Linted:
    """``lint_text(runbook, drill=..., estate=..., nested={file: text}, hosts=...)`` answers the problems."""

    def run(
        runbook: str,
        *,
        drill: str | None = None,
        estate: str | None = None,
        nested: dict[str, str] | None = None,
        hosts: str | None = HOSTS,
    ) -> list[Problem]:
        sources = {"runbook": read_text(runbook, "runbook.yaml")}
        if drill:
            sources["drill"] = read_text(drill, "drill.yaml")
        if estate:
            sources["estate"] = read_text(estate, "estate.yaml")
        for file, text in (nested or {}).items():
            sources[f"nested:{file}"] = read_text(text, file)
        return lint(
            Loaded(
                workspace=PaperWorkspace(),
                file="runbook.yaml",
                runbook=parse(sources["runbook"], Runbook),
                nested={file: parse(sources[f"nested:{file}"], Runbook) for file in nested or {}},
                site=None,
                inventory=_inventory(hosts) if hosts else None,
                estate=parse(sources["estate"], Estate) if estate else None,
                service_level=None,
                drill=parse(sources["drill"], Drill) if drill else None,
                digests={},
                sources=sources,
            )
        )

    return run
