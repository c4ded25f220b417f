"""The simulated site as documents: inventory and estate. Every host is called simulated."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from orchestrator.lab.aix.world import CLIENT, HMC, PRIMARY, STANDBY, SYSTEM

GROUPS = {"aix_primary": PRIMARY, "aix_standby": STANDBY, "aix_client": CLIENT, "hmc": HMC}
"""Groups of one host each."""


def directory(root: Path) -> Path:
    """The site's directory; the site is called by its name."""
    return root / "inventories/simulated-aix"


def inventory(root: Path) -> dict[str, Any]:
    """hosts.yml: all hosts are this machine, each with its own programs on its PATH."""
    hosts: dict[str, dict[str, Any]] = {
        name: {"holdfast_environment": {"PATH": f"{root / 'bin' / name}:/usr/bin:/bin"}} for name in GROUPS.values()
    }
    for name in (PRIMARY, STANDBY):
        hosts[name] |= {"powerha_node": name, "lpar_name": name, "managed_system": SYSTEM}
    return {
        "all": {
            "vars": {
                "holdfast_simulated": True,
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "ansible_remote_tmp": str(root / "ansible"),
            },
            "children": {group: {"hosts": {host: hosts[host]}} for group, host in GROUPS.items()},
        }
    }


def estate() -> dict[str, Any]:
    """estate.yaml: one system, not production."""
    return {
        "estate": "simulated-aix",
        "title": {"en": "Simulated AIX site", "zh": "模拟 AIX 站点"},
        "contacts": {
            "li-wei": {"name": "Li Wei", "reach": ["phone 555-0101"], "deputy": "anna-berg"},
            "anna-berg": {"name": "Anna Berg", "reach": ["phone 555-0102"], "deputy": "li-wei"},
        },
        "systems": {
            "orders-db2": {
                "title": {"en": "Orders on AIX (simulated)", "zh": "AIX 订单系统（模拟）"},
                "rto": "15m",
                "rpo": "30s",
                "owners": ["li-wei", "anna-berg"],
                "host_groups": list(GROUPS),
                "service_level": "contract-a",
                "production": False,
            }
        },
    }


def write(root: Path) -> None:
    """Write the site's directory."""
    from orchestrator.lab.site import service_level

    place = directory(root)
    (place / "service-levels").mkdir(mode=0o700, parents=True)
    texts = {
        place / "hosts.yml": inventory(root),
        place / "estate.yaml": estate(),
        place / "service-levels/contract-a.yaml": service_level(),
    }
    for file, body in texts.items():
        file.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        file.chmod(0o600)
