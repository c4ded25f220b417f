"""A network namespace per site that carries the addresses of its BMCs, plugged into the site's switch.

The BMCs have a wire of their own: a host that is off, frozen or cut off is still reached by its BMC, as it is in a
machine room. A site whose link is cut has its BMCs cut off too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.lab import processes
from orchestrator.lab.sites.bmc.place import Bmc
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.network import NAMESPACES
from orchestrator.lab.sites.topology import NETWORKS

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_INTERFACE = "eth0"


def thing_of(site: str) -> str:
    """How the site's namespace is called within the lab."""
    return f"bmc-{site}"


def attach(lab: SitesLab, site: str, bmcs: tuple[Bmc, ...]) -> None:
    """Make the namespace and its wire; one that is there is left. Raises LabError."""
    namespace, switch, port = lab.name(thing_of(site)), lab.name(site), thing_of(site)
    if (NAMESPACES / namespace).exists():
        return
    call(["ip", "netns", "add", namespace])
    wire = ["type", "veth", "peer", "name", port, "netns", switch]
    # The same hardware address each time: neighbours remember it for a minute, and would ask into the void.
    call(["ip", "-n", namespace, "link", "add", _INTERFACE, "address", _hardware(bmcs[0].address), *wire])
    call(["ip", "-n", switch, "link", "set", port, "master", "br0", "up"])
    network = NETWORKS[site]
    orders = ["link set lo up", *(f"addr add {bmc.address}/24 dev {_INTERFACE}" for bmc in bmcs)]
    orders += [f"link set {_INTERFACE} up", f"route add default via {network}.1"]
    call(["ip", "-n", namespace, "-batch", "-"], input="".join(f"{order}\n" for order in orders))


def detach(lab: SitesLab, site: str) -> None:
    """Take the wire and the namespace away, and end who is left in there (IPMI's switch may still be hanging)."""
    namespace = lab.name(thing_of(site))
    if (NAMESPACES / namespace).exists():
        numbers = call(["ip", "netns", "pids", namespace], check=False).stdout.split()
        processes.end_all(lambda: [one for number in numbers if (one := processes.look(int(number))) is not None])
    call(["ip", "-n", lab.name(site), "link", "del", thing_of(site)], check=False)
    if (NAMESPACES / namespace).exists():
        call(["ip", "netns", "delete", namespace], check=False)


def _hardware(address: str) -> str:
    """A locally administered hardware address made from an IPv4 one; hosts have those that begin with 02."""
    return "06:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
