"""A host's power switch: ``python -m orchestrator.lab.power <lab> off|on|status <host>``.

``off`` ends every process of the host and keeps it off until ``on``; only then it says so. A group of one host is taken
for that host. It is told apart from what a broken switch does: with the fault *fence-lies* it says off and does
nothing, with *fence-hangs* it never answers. One JSON object on stdout: ``host``, ``power``, ``changed``, ``at``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab import effects, members, ports, processes
from orchestrator.lab.layout import GROUPS, HOSTS, Layout, load

LIES, HANGS = "fence-lies", "fence-hangs"


def switch_off(layout: Layout, name: str) -> dict[str, Any]:
    """Take the host's power away, and answer when it is certainly off. Raises LabError where it is not."""
    if (layout.faults / HANGS).exists():
        _hang(layout)
    if (layout.faults / LIES).exists():
        return {"host": name, "power": "off", "changed": True, "at": effects.now()}
    changed = power_off(layout, name)
    at = effects.now()
    if (port := layout.ports.get(name)) is not None and ports.listens(port):
        raise LabError(
            f"{name} has no power, but something accepts connections on its port {port}", mend=f"ss -ltnp | grep {port}"
        )
    if changed:
        effects.record(layout.effects, "power-off", name)
    return {"host": name, "power": "off", "changed": changed, "at": at}


def power_off(layout: Layout, name: str) -> bool:
    """What the switch does when it works; answers whether anything changed."""
    mark = layout.off_mark(layout.host(name).name)
    changed = not mark.exists()
    # The mark first: nothing starts any more while the rest is ended.
    mark.touch(mode=0o644)
    return members.end_host(layout, name) > 0 or changed


def switch_on(layout: Layout, name: str) -> dict[str, Any]:
    """Give the host its power back. Nothing starts by itself: a fenced server must not come back as a primary."""
    mark = layout.off_mark(layout.host(name).name)
    changed = mark.exists()
    mark.unlink(missing_ok=True)
    if changed:
        effects.record(layout.effects, "power-on", name)
    return {"host": name, "power": "on", "changed": changed, "at": effects.now()}


def status(layout: Layout, name: str) -> dict[str, Any]:
    """Whether the host has power, and how many processes it runs."""
    # A switch that lies does so about its state, too.
    off = layout.off_mark(layout.host(name).name).exists() or (layout.faults / LIES).exists()
    power = "off" if off else "on"
    return {"host": name, "power": power, "processes": len(members.of_host(layout, name)), "at": effects.now()}


def _hang(layout: Layout) -> None:
    record = layout.faults / f"{members.HANGING}{os.getpid()}.json"
    processes.remember(record, os.getpid())
    while (layout.faults / HANGS).exists():
        time.sleep(0.1)
    record.unlink(missing_ok=True)
    raise LabError("the power switch hung and did nothing", mend="ask it again")


def main(argv: list[str] | None = None) -> int:
    """Switch, or look."""
    words = argparse.ArgumentParser(prog="power", description="A lab host's power switch.")
    words.add_argument("lab", type=Path)
    words.add_argument("what", choices=("off", "on", "status"))
    words.add_argument("host", choices=(*HOSTS, *GROUPS))
    given = words.parse_args(argv)
    do = {"off": switch_off, "on": switch_on, "status": status}[given.what]
    try:
        said = do(load(given.lab), GROUPS.get(given.host, given.host))
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
