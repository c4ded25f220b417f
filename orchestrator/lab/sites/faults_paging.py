"""Paging-space faults: a host runs out of memory and its paging space fills up, for real, in the kernel.

The host's memory is limited by its control group, it is given a small paging space of its own, and a program wants
more than there is. Swap belongs to the whole kernel: only files of this lab are made, counted and taken away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab.sites import swaps
from orchestrator.lab.sites.faults import Fault, Notes
from orchestrator.lab.sites.host import SERVICE_PROGRAM, LabHost

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

MEBI = 2**20
MEMORY = 320 * MEBI
"""Bytes of memory the host has while the fault is on: room for its databases, none for a hog."""
PAGING = 192 * MEBI
"""Bytes of the host's paging space."""
SWAP = 1024 * MEBI
"""Bytes that the host may page out at most, wherever they go."""
DISKS = "/srv/disks"
"""Where the host sees ``LabHost.disks``."""
_PROGRAM = "/usr/local/sbin/lab-memory-user"
_SETTINGS = "/etc/default/{name}"
_DATABASES, _APP = "db-a", "app-a"
BATCH, SERVICE = "batch-report", "session-cache"
"""The two consumers: a batch job that can be told to be modest, and a service that leaks and cannot."""


def _make(name: str, mode: str, default: str) -> Any:
    def make(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
        host = lab.host(words.get("host", default))
        host.limit_memory(MEMORY, SWAP)
        area = host.disks / lab.name(f"{host.name}-paging0")
        if area not in swaps.below(host.disks):
            _make_area(host, area)
        tool = Path(__file__).with_name("tools") / "lab-memory-user"
        host.run(["tee", _PROGRAM], input=tool.read_text())
        host.run(["chmod", "755", _PROGRAM])
        host.run(["tee", _SETTINGS.format(name=name)], input="MAX_MB=4096\n")
        host.write_service(name, [_PROGRAM, name, mode], user="ops", boot=False)
        host.service("start", name)
        return {"area": str(area), "service": name}

    return make


def _make_area(host: LabHost, area: Path) -> None:
    area.unlink(missing_ok=True)
    # Written, not only reserved: the kernel takes no swap file with holes.
    with area.open("wb") as file:
        for _ in range(PAGING // MEBI):
            file.write(bytes(MEBI))
    area.chmod(0o600)
    inside = f"{DISKS}/{area.name}"
    host.run(["mkswap", inside])
    host.run(["swapon", inside])


def _heal(lab: SitesLab, notes: Notes) -> None:
    host = lab.host(str(notes["host"]))
    if host.state == "on":
        name = str(notes.get("service", ""))
        if name:
            host.service("stop", name)
            listed = ["/etc/holdfast-lab/services.d/" + name + ".json", _SETTINGS.format(name=name), _PROGRAM]
            host.run(["rm", "-f", *listed])
    # First the limit: what comes back from paging space needs room.
    host.limit_memory(None)
    for area in swaps.below(host.disks):
        if not swaps.off(area):
            raise LabError(f"the paging space {area} cannot be taken out of use")
    for file in host.disks.glob(f"{lab.name(host.name)}-paging*"):
        file.unlink()


def areas(host: LabHost) -> list[dict[str, Any]]:
    """The host's own paging spaces: file name, bytes, and bytes in use, as the kernel counts them."""
    said = host.run(["swapon", "--show=NAME,SIZE,USED", "--bytes", "--noheadings"]).stdout
    mine = {path.name for path in swaps.below(host.disks)}
    rows = [line.split() for line in said.splitlines()]
    return [{"name": n, "size": int(s), "used": int(u)} for n, s, u in rows if Path(n).name in mine]


def consumer(host: LabHost, name: str) -> dict[str, Any]:
    """What the consumer says of itself: bytes it holds, its process, and how often it was told to be modest."""
    said: dict[str, Any] = json.loads(host.run(["cat", f"/tmp/{name}.json"]).stdout)  # noqa: S108 - the host's own
    return said


def variables(lab: SitesLab) -> dict[str, dict[str, Any]]:
    """Inventory variables: where hosts may make paging space, and what may be done to which consumer."""
    found: dict[str, dict[str, Any]] = {
        name: {"paging_directory": DISKS, "paging_name": lab.name(f"{name}-paging")} for name in lab.hosts
    }
    found["all"] = {
        "memory_consumers": {
            BATCH: {
                "match": BATCH,
                "ceiling": {
                    "file": _SETTINGS.format(name=BATCH),
                    "name": "MAX_MB",
                    "value": 48,
                    "reload": ["kill", "-HUP"],
                },
                "restart": [SERVICE_PROGRAM, "restart", BATCH],
                "stop": [SERVICE_PROGRAM, "stop", BATCH],
            },
            SERVICE: {"match": SERVICE, "restart": [SERVICE_PROGRAM, "restart", SERVICE]},
        }
    }
    return found


FAULTS = {
    "paging-space-full": Fault(
        "a batch job wants more memory than the host has; its paging space fills up (host=NAME, else the primary)",
        _DATABASES,
        _make(BATCH, "batch", _DATABASES),
        _heal,
    ),
    "service-leaks": Fault(
        "a service on the application host leaks; the host's paging space fills up (host=NAME)",
        _APP,
        _make(SERVICE, "leak", _APP),
        _heal,
    ),
}
"""Faults of this class, by name."""
