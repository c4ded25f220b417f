"""The lab's network: switches, the wires of each host, and links that are cut and mended.

Everything is made inside network namespaces; this machine's own namespace never sees an interface of the lab. Each
host has two wires into its site's switch with one hardware address. The kernel's routes do the redundancy: both wires
have a route, the second with a worse metric, and a route whose wire has no carrier is not used
(``ignore_routes_with_linkdown``). Bonding would do the same but is not in every kernel, and needs a module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.topology import (
    NETWORKS,
    OUTSIDE,
    OUTSIDERS,
    ROUTER,
    Leg,
    Plan,
    link_of,
    name_of,
)

_BRIDGE = "br0"
NAMESPACES = Path("/run/netns")
_SETTINGS = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/ignore_routes_with_linkdown": "1",
    "ipv4/conf/default/ignore_routes_with_linkdown": "1",
    # A service address is reached through the router only. With redirects a host would keep going straight to the
    # holder it was once told of, for minutes after the address has moved.
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/conf/all/accept_redirects": "0",
    "ipv4/conf/default/accept_redirects": "0",
    # Only the wire that is in use answers for the address.
    "ipv4/conf/all/arp_filter": "1",
}
_DISABLED, _FORWARDING = "0", "3"
"""States of a bridge's port: a port that is disabled keeps its carrier and passes nothing."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network of one lab. ``cuts`` is a directory with one file for each link that is cut."""

    key: str
    cuts: Path

    def namespace(self, thing: str) -> str:
        """The network namespace of a switch, a host or an outsider."""
        return name_of(self.key, thing)

    def exists(self, thing: str) -> bool:
        """Whether the namespace is there."""
        return (NAMESPACES / self.namespace(thing)).exists()

    def make_switches(self) -> None:
        """Switches, and those outside who have no root file system of their own. What is there is left."""
        for switch in NETWORKS:
            if not self._has(switch, _BRIDGE):
                self._fresh_namespace(switch)
                # Hardware addresses are learned anew quickly after a failover; no waiting before a port forwards.
                self._ip(
                    switch, f"link add {_BRIDGE} type bridge stp_state 0 forward_delay 0", f"link set {_BRIDGE} up"
                )
        for name, address in OUTSIDERS.items():
            if not self._has(name, "eth0"):
                self._fresh_namespace(name)
                self._plug(name, Leg("eth0", OUTSIDE, name), _hardware(address))
                gateway = f"{NETWORKS[OUTSIDE]}.1"
                self._ip(
                    name, f"addr add {address}/24 dev eth0", "link set eth0 up", f"route add default via {gateway}"
                )

    def attach(self, plan: Plan) -> None:
        """A host's namespace and its wires, as after power on: whatever it had before is gone."""
        self.detach(plan)
        self._fresh_namespace(plan.name)
        if plan.name == ROUTER:
            # It tells everybody at once of what it does not reach. By default it tells one of them in a second, and
            # the others wait for their own retries: then it is chance when a customer notices that service is back.
            self._set(plan.name, {"ipv4/ip_forward": "1", "ipv4/conf/all/arp_filter": "0", "ipv4/icmp_ratelimit": "0"})
        for leg in plan.legs:
            self._plug(plan.name, leg, _hardware(plan.address))
        if plan.name == ROUTER:
            for leg in plan.legs:
                self._ip(
                    ROUTER, f"addr add {NETWORKS[leg.switch]}.1/24 dev {leg.interface}", f"link set {leg.interface} up"
                )
            return
        network = NETWORKS[plan.site]
        orders = [f"addr add {plan.address}/32 dev lo"]
        for place, leg in enumerate(plan.legs, start=1):
            source = f"dev {leg.interface} src {plan.address} metric {place}00"
            orders += [
                f"link set {leg.interface} up",
                f"route add {network}.0/24 {source}",
                f"route add default via {network}.1 {source}",
            ]
        self._ip(plan.name, *orders)

    def detach(self, plan: Plan) -> None:
        """Pull the host's wires and forget its namespace."""
        for leg in plan.legs:
            # First the wires, from the switch's end: a namespace may take a moment to go.
            call(["ip", "-n", self.namespace(leg.switch), "link", "del", leg.link], check=False)
        if self.exists(plan.name):
            call(["ip", "netns", "delete", self.namespace(plan.name)])

    def attached(self, plan: Plan) -> bool:
        """Whether the host's namespace has all its wires."""
        return all(self._has(plan.name, leg.interface) for leg in plan.legs)

    def mute(self, plan: Plan) -> None:
        """Nothing passes the host's ports any more, though they look connected: so hangs a host with its kernel."""
        self._ports(plan.legs, _DISABLED)

    def unmute(self, plan: Plan) -> None:
        """The host's ports pass everything again."""
        self._ports(plan.legs, _FORWARDING)

    def cut(self, link: str) -> bool:
        """Cut a link; it stays cut when its host goes off and on. Answers whether it was whole. Raises LabError."""
        leg = link_of(link)
        was_whole = not self.is_cut(link)
        (self.cuts / link).touch(mode=0o600)
        call(["ip", "-n", self.namespace(leg.switch), "link", "set", leg.link, "down"], check=self._wired(leg))
        return was_whole

    def mend(self, link: str) -> bool:
        """Make a link whole; answers whether it was cut. Raises LabError."""
        leg = link_of(link)
        was_cut = self.is_cut(link)
        (self.cuts / link).unlink(missing_ok=True)
        call(["ip", "-n", self.namespace(leg.switch), "link", "set", leg.link, "up"], check=self._wired(leg))
        return was_cut

    def is_cut(self, link: str) -> bool:
        """Whether somebody cut this link."""
        return (self.cuts / link).exists()

    def cut_links(self) -> list[str]:
        """Links that are cut."""
        return sorted(file.name for file in self.cuts.iterdir())

    def _plug(self, name: str, leg: Leg, hardware: str) -> None:
        namespace, switch = self.namespace(name), self.namespace(leg.switch)
        wire = ["type", "veth", "peer", "name", leg.link, "netns", switch]
        call(["ip", "-n", namespace, "link", "add", leg.interface, "address", hardware, *wire])
        state = "down" if self.is_cut(leg.link) else "up"
        self._ip(leg.switch, f"link set {leg.link} master {_BRIDGE}", f"link set {leg.link} {state}")

    def _wired(self, leg: Leg) -> bool:
        return self._has(leg.switch, leg.link)

    def _ports(self, legs: Iterable[Leg], state: str) -> None:
        for leg in legs:
            switch = self.namespace(leg.switch)
            if not self.is_cut(leg.link):
                # A port whose other end is down cannot be set to forward; it does so by itself when that comes back.
                refused = state == _FORWARDING and not self._has_carrier(switch, leg.link)
                call(["bridge", "-n", switch, "link", "set", "dev", leg.link, "state", state], check=not refused)

    def _fresh_namespace(self, thing: str) -> None:
        namespace = self.namespace(thing)
        if self.exists(thing):
            call(["ip", "netns", "delete", namespace])
        call(["ip", "netns", "add", namespace])
        self._set(thing, _SETTINGS)
        self._ip(thing, "link set lo up")

    def _set(self, thing: str, settings: dict[str, str]) -> None:
        words = [f"net.{name.replace('/', '.')}={value}" for name, value in settings.items()]
        call(["ip", "netns", "exec", self.namespace(thing), "sysctl", "-q", "-w", *words])

    def _ip(self, thing: str, *orders: str) -> None:
        text = "".join(f"{order}\n" for order in orders)
        call(["ip", "-n", self.namespace(thing), "-batch", "-"], input=text)

    def _has_carrier(self, switch: str, port: str) -> bool:
        seen = call(["ip", "-j", "-n", switch, "link", "show", "dev", port], check=False).stdout
        return any("LOWER_UP" in entry.get("flags", ()) for entry in json.loads(seen or "[]"))

    def _has(self, thing: str, interface: str) -> bool:
        if not self.exists(thing):
            return False
        seen = call(["ip", "-j", "-n", self.namespace(thing), "link", "show"], check=False)
        if seen.returncode != 0:
            return False
        return any(entry.get("ifname") == interface for entry in json.loads(seen.stdout or "[]"))


def _hardware(address: str) -> str:
    """A locally administered hardware address made from an IPv4 one."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
