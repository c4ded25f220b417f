"""What the two sites are made of: hosts, switches, addresses and links. Fixed, and the same in every lab.

Equal addresses in two labs do not meet, because every lab has network namespaces of its own; what the whole machine
sees (namespaces, control groups, mounts, loop devices) carries the lab's key in its name.

::

    control .3.2   client .3.3
        │            │
    ────┴─── outside ┴────          10.77.3.0/24
               │ outside-link
            router .3.1
     east-link │      │ west-link
    ──── east ─┴─     ┴─ west ────  10.77.1.0/24 and 10.77.2.0/24
     db-a   .1.11      db-w   .2.11
     db-b   .1.12      app-w  .2.21
     app-a  .1.21      vault  .2.31
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LabError

EAST, WEST, OUTSIDE = "east", "west", "outside"
NETWORKS = {EAST: "10.77.1", WEST: "10.77.2", OUTSIDE: "10.77.3"}
"""Each switch with the first three bytes of its network (24 bits)."""
ROUTER, CONTROL, CLIENT = "router", "control", "client"
DATABASE_ADDRESS, ORDERS_ADDRESS = "10.77.9.9", "10.77.9.10"
"""Service addresses: carried by whoever holds them, routed to him one by one."""

PREFIX = "hf"
NAMED = re.compile(rf"{PREFIX}-(?P<key>[0-9a-f]{{8}})-(?P<thing>[A-Za-z0-9._-]+)")
"""How everything that the machine sees of a lab is called."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One network interface of a host, and the switch port it is plugged into."""

    interface: str
    switch: str
    link: str
    """The link's name, by which it is cut; it is also the port's name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A host as it is meant to be. ``groups`` are those it has in the inventory."""

    name: str
    site: str
    address: str
    groups: tuple[str, ...]

    @property
    def legs(self) -> tuple[Leg, ...]:
        """Two network paths into the site's switch; for the router one into each."""
        if self.name == ROUTER:
            return tuple(Leg(switch, switch, f"{switch}-link") for switch in NETWORKS)
        return tuple(Leg(f"eth{number}", self.site, f"{self.name}-eth{number}") for number in (0, 1))


def _host(name: str, site: str, last: int, *groups: str) -> Plan:
    return Plan(name, site, f"{NETWORKS[site]}.{last}", groups)


HOSTS = {
    plan.name: plan
    for plan in (
        _host(ROUTER, OUTSIDE, 1, "routers"),
        _host("db-a", EAST, 11, EAST, "databases"),
        _host("db-b", EAST, 12, EAST, "databases"),
        _host("app-a", EAST, 21, EAST, "apps"),
        _host("db-w", WEST, 11, WEST, "databases"),
        _host("app-w", WEST, 21, WEST, "apps"),
        _host("vault", WEST, 31, WEST, "repository"),
    )
}
"""Hosts with a root file system of their own. Ansible warns where a group has a host's name, hence ``routers``."""

OUTSIDERS = {CONTROL: f"{NETWORKS[OUTSIDE]}.2", CLIENT: f"{NETWORKS[OUTSIDE]}.3"}
"""Network namespaces on this machine's own root file system: where the operator works, and where customers are."""

LINKS = {leg.link: leg for plan in HOSTS.values() for leg in plan.legs}


def key_of(directory: Path) -> str:
    """The lab's key: 8 hex digits made from where it is."""
    return hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:8]


def name_of(key: str, thing: str) -> str:
    """How a thing of this lab is called on the machine."""
    return f"{PREFIX}-{key}-{thing}"


def plan_of(name: str) -> Plan:
    """The host of this name. Raises LabError where there is none."""
    if name not in HOSTS:
        raise LabError(f"the lab has no host {name!r}", mend=f"its hosts: {', '.join(HOSTS)}")
    return HOSTS[name]


def link_of(name: str) -> Leg:
    """The link of this name. Raises LabError where there is none."""
    if name not in LINKS:
        raise LabError(f"the lab has no link {name!r}", mend=f"its links: {', '.join(LINKS)}")
    return LINKS[name]
