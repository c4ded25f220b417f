"""The simulated AIX lab: made in a directory, broken, healed, reset, taken away. It runs no processes of its own."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import places
from orchestrator.lab.aix import faults, site, world
from orchestrator.lab.aix.command import PROGRAMS
from orchestrator.lab.effects import Effect
from orchestrator.lab.effects import read as read_effects
from orchestrator.plain import dataclass

MARK = "simulated-aix.json"
"""The file that says that a directory is one of these labs."""


@dataclass(frozen=True, slots=True)
class AixStatus:
    """How the simulated hosts are. ``paging`` is the percentage used on each node."""

    root: str
    serving: str
    partitions: dict[str, str]
    group: dict[str, str]
    roles: dict[str, str]
    hadr: str
    paging: dict[str, int]
    faults: dict[str, str]
    simulated: bool = True


class AixLab:
    """One simulated lab, which exists. Made by ``up`` or found by ``open``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def up(cls, where: str | Path = "aix") -> AixLab:
        """Make it, or leave it as it is where it is there. Raises LabError for a directory with other things in it."""
        root = places.place_of(where)
        if (root / MARK).exists():
            return cls(root)
        if root.exists() and any(root.iterdir()):
            raise LabError(f"{root} holds other things than a simulated lab", mend="choose an empty or a new directory")
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for host, names in PROGRAMS.items():
            _install(root, host, names)
        world.save(root, world.fresh())
        site.write(root)
        (root / MARK).write_text(json.dumps({"format": 1}), encoding="utf-8")
        return cls(root)

    @classmethod
    def open(cls, where: str | Path = "aix") -> AixLab:
        """The lab of this name. Raises LabError where there is none."""
        root = places.place_of(where)
        if not (root / MARK).exists():
            raise LabError(f"there is no simulated AIX lab in {root}", mend="bring it up: holdfast lab up --aix")
        return cls(root)

    @property
    def inventory(self) -> Path:
        """The site's directory: hosts.yml and estate.yaml."""
        return site.directory(self.root)

    def down(self) -> None:
        """Take it away; nothing of it runs."""
        shutil.rmtree(self.root)

    def reset(self) -> None:
        """Everything as it was when the lab was new."""
        with world.changing(self.root) as state:
            state.clear()
            state.update(world.fresh())
        (self.root / "effects.log").unlink(missing_ok=True)

    def break_(self, fault: str) -> tuple[str, bool]:
        """Make a fault happen; answers since when, and whether it was not so before. Raises LabError."""
        with world.changing(self.root) as state:
            return faults.break_(state, fault)

    def heal(self, fault: str) -> bool:
        """Take a fault away; answers whether it was on. Raises LabError."""
        with world.changing(self.root) as state:
            return faults.heal(state, fault)

    def effects(self) -> list[Effect]:
        """What was changed on the simulated hosts, in order."""
        return read_effects(self.root / "effects.log")

    def status(self) -> AixStatus:
        """How everything is."""
        state = world.read(self.root)
        paging = {}
        for name, host in state["hosts"].items():
            room = sum(world.size_mb(host, space) for space in host["paging"] if space["active"])
            paging[name] = round(100 * sum(world.used_mb(host).values()) / room) if room else 0
        return AixStatus(
            root=str(self.root),
            serving=world.serving(state),
            partitions=state["lpars"],
            group=state["cluster"]["group"],
            roles=state["hadr"]["roles"],
            hadr=state["hadr"]["state"],
            paging=paging,
            faults=state.get("since", {}),
        )


def _install(root: Path, host: str, names: tuple[str, ...]) -> None:
    folder = root / "bin" / host
    folder.mkdir(mode=0o700, parents=True)
    for name in names:
        words = [sys.executable, "-P", "-m", "orchestrator.lab.aix.command", str(root), host, name]
        program = folder / name
        program.write_text(f'#!/bin/sh\n# SIMULATED {name}\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        program.chmod(0o700)
