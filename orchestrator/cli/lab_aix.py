"""``holdfast lab ... --aix``: the simulated AIX hosts, as the command line shows them."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from orchestrator.cli.streams import say

if TYPE_CHECKING:
    from orchestrator.lab.aix.lab import AixLab


def up(name: str, *, as_json: bool) -> None:
    """Make it, and say where its inventory is."""
    from orchestrator.lab.aix.lab import AixLab

    _show(AixLab.up(name), as_json=as_json)


def down(name: str) -> None:
    """Take it away."""
    from orchestrator.errors import LabError
    from orchestrator.lab.aix.lab import AixLab

    try:
        AixLab.open(name).down()
    except LabError:
        say("nothing was there")
        return
    say("the simulated hosts are gone")


def status(name: str, *, as_json: bool) -> None:
    """Show the simulated hosts."""
    from orchestrator.lab.aix.lab import AixLab

    _show(AixLab.open(name), as_json=as_json)


def break_(name: str, fault: str | None) -> None:
    """Make a fault happen; without one, list all."""
    from orchestrator.lab.aix.faults import FAULTS
    from orchestrator.lab.aix.lab import AixLab

    if fault is None:
        for known, about in FAULTS.items():
            say(f"{known:<24} {about.host:<6} {about.what}")
        return
    at, changed = AixLab.open(name).break_(fault)
    say(f"{fault} on {FAULTS[fault].host} (simulated): {'since' if changed else 'was on already, since'} {at}")


def heal(name: str, fault: str) -> None:
    """Take a fault away."""
    from orchestrator.lab.aix.lab import AixLab

    say(f"{fault}: healed" if AixLab.open(name).heal(fault) else f"{fault}: was not on")


def reset(name: str, *, as_json: bool) -> None:
    """Everything as it was when the lab was new."""
    from orchestrator.lab.aix.lab import AixLab

    lab = AixLab.open(name)
    lab.reset()
    _show(lab, as_json=as_json)


def _show(lab: AixLab, *, as_json: bool) -> None:
    found = lab.status()
    if as_json:
        say(json.dumps({**asdict(found), "inventory": str(lab.inventory)}, ensure_ascii=False))
        return
    say(f"SIMULATED AIX lab in {found.root}: no run here counts as a verification")
    for node, power in found.partitions.items():
        say(
            f"  {node:<6} {power:<14} resource group {found.group[node]:<8} Db2 {found.roles[node]:<8} "
            f"paging space {found.paging[node]} % used"
        )
    say(f"  HADR {found.hadr}; clients are served by {found.serving or 'nobody'}")
    for fault, since in found.faults.items():
        say(f"  FAULT {fault} since {since}")
    say(f"  holdfast run NAME --mode drill --inventory {shlex.quote(str(lab.inventory))}")
