"""How a hosts lab is, looked at from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.lab.sites import faults
from orchestrator.lab.sites.parts import parts

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host; ``power`` is on, off or frozen, ``processes`` how many run on it."""

    name: str
    site: str
    address: str
    power: str
    processes: int


@dataclass(frozen=True, slots=True)
class LabStatus:
    """All of a hosts lab. ``parts`` says of each thing above the hosts how it is."""

    directory: str
    key: str
    whole: bool
    """Every host is on, every link whole, no fault on."""
    hosts: tuple[HostStatus, ...]
    links_cut: tuple[str, ...]
    parts: dict[str, str]
    faults: dict[str, str]


def status_of(lab: SitesLab) -> LabStatus:
    """Look at everything; nothing is changed."""
    hosts = tuple(
        HostStatus(host.name, host.site, host.address, host.state, len(host.group.processes()))
        for host in lab.hosts.values()
    )
    cut = tuple(lab.network.cut_links())
    on = faults.active(lab)
    states: dict[str, str] = {}
    for part in parts():
        states.update(part.states(lab))
    return LabStatus(
        directory=str(lab.directory),
        key=lab.key,
        whole=all(host.power == "on" for host in hosts) and not cut and not on,
        hosts=hosts,
        links_cut=cut,
        parts=states,
        faults=on,
    )
