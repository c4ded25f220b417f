"""Redundant-component faults: a disk of a mirror dies, one of two network paths is lost.

Those of supplies and fans are in faults_bmc.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab import effects
from orchestrator.lab.sites import mirror
from orchestrator.lab.sites.faults import Fault, Notes

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_HOST = "db-a"


def _lay(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    host = lab.host(words.get("host", _HOST))
    try:
        mirror.lay(lab, host, spare=words.get("spare", "yes") != "no")
    except LabError:
        mirror.take_back(lab, host)
        raise
    return {}


def _take_back(lab: SitesLab, notes: Notes) -> None:
    mirror.take_back(lab, lab.host(str(notes["host"])))


def _fail(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    host, disk = lab.host(words.get("host", _HOST)), words.get("disk", mirror.MEMBERS[1])
    if host.name not in mirror.hosts(lab):
        raise LabError(
            f"{host.name} has no mirror", mend=f"holdfast lab break --hosts {ON_MIRROR} --with host={host.name}"
        )
    at = effects.now()
    mirror.fail(lab, host, disk)
    return {"disk": disk, "at": at}


def _revive(lab: SitesLab, notes: Notes) -> None:
    mirror.revive(lab, lab.host(str(notes["host"])), str(notes.get("disk", mirror.MEMBERS[1])))


def _cut(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    link = f"{words.get('host', _HOST)}-{words.get('path', 'eth0')}"
    lab.cut(link)
    return {"link": link}


def _mend(lab: SitesLab, notes: Notes) -> None:
    lab.mend(str(notes.get("link", f"{notes['host']}-eth0")))


def variables(lab: SitesLab) -> dict[str, dict[str, Any]]:
    """Inventory variables: disks to spare, how a disk is switched, and a host's network paths."""
    found = mirror.variables(lab)
    for name, host in lab.hosts.items():
        if len(host.plan.legs) == 2:
            found.setdefault(name, {})["network_paths"] = [leg.interface for leg in host.plan.legs]
    return found


ON_MIRROR = "database-on-mirror"
FAULTS = {
    ON_MIRROR: Fault(
        "no fault yet: the database is stopped, put on a btrfs mirror and started (host=NAME, spare=no)",
        _HOST,
        _lay,
        _take_back,
    ),
    "disk-member-fails": Fault(
        f"a disk of the mirror dies, after {ON_MIRROR} (host=NAME, disk=sdb or sdc)", _HOST, _fail, _revive
    ),
    "path-lost": Fault("one of a host's two network paths is lost (host=NAME, path=eth0 or eth1)", _HOST, _cut, _mend),
}
"""Faults of this class, by name."""
