"""Site faults: a site is cut off, or lost."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from orchestrator.lab.sites.faults import Fault, Notes
from orchestrator.lab.sites.topology import EAST, HOSTS, WEST

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab


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


FAULTS = {
    "east-cut": _cut(EAST),
    "west-cut": _cut(WEST),
    "east-lost": _lost(EAST),
    "west-lost": _lost(WEST),
}
"""Faults of this class, by name."""
