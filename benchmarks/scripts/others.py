"""pyinfra's and Chaos Toolkit's files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.effects import command
from benchmarks.hosts import Hosts


def pyinfra_inventory(hosts: Hosts) -> str:
    """inventory.py"""
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            f"@ssh/{host.name}",
            {
                "ssh_hostname": "127.0.0.1",
                "ssh_port": host.port,
                "ssh_user": hosts.user,
                "ssh_key": str(hosts.key),
                "ssh_known_hosts_file": str(hosts.known_hosts),
                "ssh_strict_host_key_checking": "yes",
                "ssh_allow_agent": False,
                "ssh_look_for_keys": False,
            },
        )
        for host in hosts.all
    ]
    return f"targets = {rows!r}\n"


def pyinfra_deploy(effects: Path, steps: int) -> str:
    """deploy.py"""
    lines = ["from pyinfra.operations import server"]
    lines += [
        f"server.shell(name='step {number}', commands=[{command(effects, number)!r}])" for number in range(1, steps + 1)
    ]
    return "\n".join(lines) + "\n"


def chaos_experiment(config: Path, host: str, effects: Path, steps: int) -> str:
    """experiment.json: its own process provider calling ssh, over a shared connection."""
    method: Sequence[dict[str, Any]] = [
        {
            "type": "action",
            "name": f"step-{number}",
            "provider": {
                "type": "process",
                "path": "ssh",
                "arguments": ["-n", "-F", str(config), host, command(effects, number)],
                "timeout": 60,
            },
        }
        for number in range(1, steps + 1)
    ]
    return json.dumps({"title": "Steps", "description": "Steps on a host", "method": method}, indent=1)
