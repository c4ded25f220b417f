"""Site faults: a site is cut off, or lost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab import effects
from orchestrator.lab.sites import replication
from orchestrator.lab.sites.faults import Fault, Notes
from orchestrator.lab.sites.postgres import REMOTE
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, EAST, HOSTS, NETWORKS, WEST

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

NOBODY = f"{NETWORKS[EAST]}.99"
"""An address that no host has: who follows it receives nothing."""
_LONGEST = 120


def _cut(site: str) -> Fault:
    def make(lab: SitesLab, _words: Mapping[str, str]) -> dict[str, Any]:
        lab.cut(f"{site}-link")
        return {}

    def heal(lab: SitesLab, _notes: Notes) -> None:
        lab.mend(f"{site}-link")

    return Fault(f"the link between {site} and the router is cut; everything in {site} runs on", site, make, heal)


def _lost(site: str) -> Fault:
    hosts = [plan.name for plan in HOSTS.values() if plan.site == site]

    def make(lab: SitesLab, _words: Mapping[str, str]) -> dict[str, Any]:
        lab.cut(f"{site}-link")
        were_on = [name for name in hosts if lab.host(name).state != "off"]
        with ThreadPoolExecutor(len(hosts)) as together:
            list(together.map(lambda name: lab.host(name).power_off(), hosts))
        return {"were_on": were_on}

    def heal(lab: SitesLab, notes: Notes) -> None:
        lab.mend(f"{site}-link")
        for name in notes.get("were_on", hosts):
            lab.host(name).power_on()

    return Fault(f"{site} is lost: its link is cut and its hosts have no power", site, make, heal)


def _lost_behind(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    seconds = words.get("seconds", "3")
    if not seconds.isdigit() or not 0 < int(seconds) <= _LONGEST:
        raise LabError(f"seconds={seconds}", mend=f"seconds is a whole number from 1 to {_LONGEST}")
    lab.host(REMOTE).run([replication.PROGRAM, "follow", NOBODY])
    time.sleep(int(seconds))
    at = effects.now()
    return {**_EAST_LOST.make(lab, {}), "at": str(at)}


def _lost_behind_healed(lab: SitesLab, notes: Notes) -> None:
    _EAST_LOST.heal(lab, notes)
    remote = replication.server(lab.host(REMOTE))
    if remote is not None and remote.role == "standby":
        lab.host(REMOTE).run([replication.PROGRAM, "follow", DATABASE_ADDRESS])


_EAST_LOST = _lost(EAST)
FAULTS = {
    "east-cut": _cut(EAST),
    "west-cut": _cut(WEST),
    "east-lost": _EAST_LOST,
    "east-lost-behind": Fault(
        "east is lost after the other site had received nothing from it for a while (seconds=N, else 3)",
        EAST,
        _lost_behind,
        _lost_behind_healed,
    ),
    "west-lost": _lost(WEST),
}
"""Faults of this class, by name."""
