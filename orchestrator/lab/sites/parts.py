"""Parts of the lab above its ground: databases, backup, order service, management controllers.

A part is a module's object with the functions below; ``PARTS`` lists them in the order in which they are laid and
begun. The ground (lab.py) knows nothing of what they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab


class Part(Protocol):
    """One part of the lab. Every function may be called again and then finds its work done."""

    name: str

    def lay(self, lab: SitesLab) -> None:
        """Write what the hosts need into their file systems; the hosts are off."""

    def build(self, lab: SitesLab) -> None:
        """Once in a lab's life, on hosts that are on: make what a fresh lab's disks have, and stop what was started.

        Afterwards the hosts are sealed: this is what every reset goes back to. Raises LabError.
        """

    def begin(self, lab: SitesLab) -> None:
        """Make it work; the hosts are on. Ends when it does its work. Raises LabError."""

    def end(self, lab: SitesLab) -> None:
        """End what it runs outside the hosts; the hosts may be off already."""

    def states(self, lab: SitesLab) -> Mapping[str, str]:
        """For people: host or thing, and how it is."""

    def variables(self, lab: SitesLab) -> Mapping[str, Mapping[str, Any]]:
        """Inventory variables, by host (``all``: of all)."""

    def groups(self, lab: SitesLab) -> Mapping[str, tuple[str, ...]]:
        """More inventory groups: name and hosts."""

    def systems(self, lab: SitesLab) -> Mapping[str, Mapping[str, Any]]:
        """More systems of the estate."""


def parts() -> tuple[Part, ...]:
    """All parts, in their order."""
    from orchestrator.lab.sites.bmc.part import Controllers
    from orchestrator.lab.sites.data_part import DataPart

    return (Controllers(), DataPart())
