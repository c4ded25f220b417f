"""The two service addresses: who holds them, and where the router sends them.

They are moved by runbooks (playbooks/network/move-address.yml), after the fence and never by themselves; docs/decisions
has why. An address that is taken does not outlive its host's power.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.lab.sites.host import LabHost
from orchestrator.lab.sites.orders import ACTIVE, APPS
from orchestrator.lab.sites.postgres import DATABASES, PRIMARY
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, HOSTS, ORDERS_ADDRESS

ADDRESSES = {DATABASE_ADDRESS: PRIMARY, ORDERS_ADDRESS: ACTIVE}
"""Each service address, with the host that holds it in a fresh lab."""


def take(host: LabHost, address: str) -> bool:
    """Let a host hold an address; answers whether that is news. Raises LabError where another one answers to it."""
    return bool(_said(host, "hf-address", "take", address)["changed"])


def drop(host: LabHost, address: str) -> bool:
    """Let a host hold an address no longer; answers whether it did."""
    return bool(_said(host, "hf-address", "drop", address)["changed"])


def point(router: LabHost, address: str, name: str) -> bool:
    """Send an address to the host of this name; answers whether that is news."""
    return bool(_said(router, "hf-route", "point", address, HOSTS[name].address)["changed"])


def pointed(router: LabHost, address: str) -> str | None:
    """The host that the router sends an address to; None where it is sent nowhere."""
    via = _said(router, "hf-route", "show", address)["via"]
    return next((name for name, plan in HOSTS.items() if plan.address == via), None)


def holders(hosts: Mapping[str, LabHost], address: str) -> list[str]:
    """Hosts that run and hold the address: one, unless something is wrong."""
    return [
        name
        for name, host in hosts.items()
        if name in (*DATABASES, *APPS) and host.state == "on" and _said(host, "hf-address", "show", address)["held"]
    ]


def _said(host: LabHost, *argv: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(host.run(argv).stdout)
    return said
