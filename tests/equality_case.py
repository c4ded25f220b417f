"""The cases of the equality suite: small workspaces, each in one YAML file, and how one of them is played.

A case is made on disk, played and taken away again at the same paths each time, so that nothing in what two runs
leave behind has to be forgiven for lying elsewhere.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from executors_kit import Reins, SshHost

from orchestrator.documents.inventory import load_inventory
from orchestrator.executors.ansible import AnsibleExecutor, Launcher
from orchestrator.model.document import Mode
from orchestrator.model.job import Job, Phase
from orchestrator.model.outcome import Outcome

HERE = Path(__file__).parent / "integration/executors/equality"
ON_PATH = HERE / "onpath"
"""What has to be on PYTHONPATH for ``heard`` to be written (see the plugin there)."""
_PLUGINS = HERE / "plugins"
_LOCAL = {"ansible_connection": "local"}


@dataclass(frozen=True)
class Case:
    """One playbook with all it needs, and what it must come to however it is run."""

    name: str
    says: str
    playbook: str
    ending: str
    rc: int | None
    limit: str = "one"
    hosts: Mapping[str, Any] = field(default_factory=lambda: {"one": {}})
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    order: str = "exact"
    """``exact``; ``task``: hosts of one task come in any order; ``host``: only each host's own order is fixed."""
    check: bool = False
    config: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    """Where in the workspace a copy of a file from ``plugins/`` lies."""
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    leaves: Mapping[str, str] = field(default_factory=dict)
    """Files and what is in them afterwards, below the workspace's ``effects/``."""

    @classmethod
    def read(cls, path: Path) -> Case:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name in ("tags", "secrets", "needs", "shows", "hides"):
            body[name] = tuple(body.get(name, ()))
        return cls(name=path.stem, **body)


CASES = tuple(Case.read(path) for path in sorted((HERE / "cases").glob("*.yml")))


def case(name: str) -> Case:
    return next(one for one in CASES if one.name == name)


@dataclass(frozen=True)
class Ground:
    """The one place at which cases are made, played and taken away."""

    root: Path
    far: SshHost | None = None

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def sockets(self) -> Path:
        # Not taken away between two runs: a shared connection that lives on is not to be pulled from under ssh.
        return self.root.parent / "cp"

    def clear(self) -> None:
        if self.root.exists():
            shutil.rmtree(self.root)

    def lay(self, one: Case) -> None:
        """Make the case's workspace, and a home and a place for temporary files of its own."""
        self.clear()
        for name in ("home", "tmp", "run/jobs", "site/effects", "site/playbooks"):
            (self.root / name).mkdir(parents=True)
        self.write(one)

    def write(self, one: Case) -> None:
        """Put the case's files into the workspace as it is."""
        hosts = {name: self._host(vars_) for name, vars_ in one.hosts.items()}
        groups = {name: {"hosts": {member: {} for member in members}} for name, members in one.groups.items()}
        inventory = {"all": {"hosts": hosts, "children": groups}} if groups else {"all": {"hosts": hosts}}
        files = {
            "inventories/here/hosts.yml": json.dumps(inventory),
            "playbooks/p.yml": one.playbook,
            **({"ansible.cfg": one.config} if one.config else {}),
            **one.files,
            **{there: (_PLUGINS / name).read_text(encoding="utf-8") for there, name in one.plugins.items()},
        }
        for name, text in files.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def _host(self, vars_: Any) -> Mapping[str, Any]:
        if vars_ != "sshd":
            return {**_LOCAL, **(vars_ or {})}
        assert self.far is not None
        return self.far.vars()

    def play(self, one: Case, launch: Launcher, ident: str = "step", seconds: float = 120.0) -> tuple[Outcome, Path]:
        """Run the case's playbook through the ansible executor; answers the outcome and the job's directory."""
        inventory = load_inventory(self.site / "inventories/here")
        executor = AnsibleExecutor(inventory, self.site / "playbooks", self.site, sockets=self.sockets, launch=launch)
        job = Job(
            run_id="equality",
            step=ident,
            phase=Phase.ACTION,
            attempt=1,
            ident=ident,
            kind="ansible",
            spec={"playbook": "p.yml", "limit": one.limit, "vars": dict(one.vars), "tags": one.tags},
            timeout=seconds,
            mode=Mode.DRILL,
            directory=str(self.root / "run/jobs" / ident),
            changes=True,
            secrets=one.secrets,
        )
        outcome = (executor.check if one.check else executor.run)(job, Reins(seconds))
        return outcome, Path(job.directory)
