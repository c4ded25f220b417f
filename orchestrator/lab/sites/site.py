"""The lab as a site: its Ansible inventory and its estate. What a part of the lab knows of its hosts, it adds here.

Written as JSON, which every YAML reader reads; only the documents room knows YAML.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.lab import site as embedded
from orchestrator.lab.sites.topology import (
    CONTROL,
    DATABASE_ADDRESS,
    EAST,
    HOSTS,
    NETWORKS,
    ORDERS_ADDRESS,
    OUTSIDERS,
    WEST,
)

NAME = "lab-hosts"
"""The site's name: that of its directory."""
_HEAD = "# Written by the lab each time it comes up; changes are lost.\n"


def inventory(
    directory: Path,
    *,
    variables: Mapping[str, Mapping[str, Any]] | None = None,
    groups: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Any]:
    """hosts.yml. ``variables`` are added to hosts by name (``all``: to all); ``groups`` are more groups of hosts."""
    added = variables or {}
    members: dict[str, list[str]] = {}
    for plan in HOSTS.values():
        for group in plan.groups:
            members.setdefault(group, []).append(plan.name)
    for group, names in (groups or {}).items():
        members[group] = list(names)
    hosts = {
        name: {"ansible_host": plan.address, "holdfast_site": plan.site, **added.get(name, {})}
        for name, plan in HOSTS.items()
    }
    children = {group: {"hosts": {name: hosts[name] for name in names}} for group, names in members.items()}
    control = {
        "ansible_connection": "local",
        "ansible_host": OUTSIDERS[CONTROL],
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        **added.get(CONTROL, {}),
    }
    return {
        "all": {
            "vars": {
                "ansible_user": "ops",
                "ansible_become": True,
                "ansible_ssh_private_key_file": str(directory / "keys/operator"),
                "ansible_python_interpreter": "/usr/bin/python3",
                "holdfast_known_hosts": str(directory / "known_hosts"),
                "database_address": DATABASE_ADDRESS,
                "orders_address": ORDERS_ADDRESS,
                "site_networks": {site: f"{NETWORKS[site]}.0/24" for site in (EAST, WEST)},
                **added.get("all", {}),
            },
            "children": {**children, "controllers": {"hosts": {CONTROL: control}}},
        }
    }


def estate(systems: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """estate.yaml: the order system on both sites; ``systems`` are added, or replace those of the same name."""
    plain: dict[str, Any] = embedded.estate()
    orders = {
        "title": {"en": "Order service on two sites", "zh": "双站点订单服务"},
        "rto": "5m",
        "rpo": "30s",
        "severity": {
            "shared-component": 1,
            "redundant-component": 1,
            "paging-space": 2,
            "performance": 2,
            "site-disaster": 0,
        },
        "owners": ["li-wei", "anna-berg"],
        "declarers": ["li-wei", "anna-berg", "chen-jun"],
        "host_groups": ["databases", "apps", "repository", "routers"],
        "service_level": "contract-a",
        "production": False,
    }
    return {
        "estate": NAME,
        "title": {"en": "Hosts lab", "zh": "主机演练环境"},
        "contacts": plain["contacts"],
        "systems": {"orders": orders, **(systems or {})},
    }


def write(
    directory: Path,
    *,
    variables: Mapping[str, Mapping[str, Any]] | None = None,
    groups: Mapping[str, tuple[str, ...]] | None = None,
    systems: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write the site's directory; answers where it is."""
    place = directory / "inventories" / NAME
    levels = place / "service-levels"
    levels.mkdir(mode=0o700, parents=True, exist_ok=True)
    texts = {
        place / "hosts.yml": inventory(directory, variables=variables, groups=groups),
        place / "estate.yaml": estate(systems),
        levels / "contract-a.yaml": embedded.service_level(),
    }
    for file, body in texts.items():
        file.write_text(_HEAD + json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        file.chmod(0o600)
    return place
