"""The state of the simulated hosts: one JSON file, changed under a lock, and what follows from it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.lab.effects import now

State = dict[str, Any]

PRIMARY, STANDBY, CLIENT, HMC = "nodea", "nodeb", "app1", "hmc1"
NODES = (PRIMARY, STANDBY)
SYSTEM = "power-a"
"""The managed system the partitions are on."""
CLUSTER, GROUP, DATABASE = "orders_cluster", "rg_orders", "ORDERS"


def fresh() -> State:
    """As everything is when the lab is new."""
    return {
        "faults": {},
        "lpars": dict.fromkeys(NODES, "Running"),
        "hosts": {name: _host(name) for name in NODES},
        "cluster": {
            "nodes": dict.fromkeys(NODES, "NORMAL"),
            "group": dict(zip(NODES, ("ONLINE", "OFFLINE"), strict=True)),
        },
        "hadr": {
            "roles": dict(zip(NODES, ("PRIMARY", "STANDBY"), strict=True)),
            "state": "PEER",
            "connected": True,
            "in_peer_window": True,
            "gap_bytes": 0,
            "rows": {PRIMARY: 1200, STANDBY: 1200},
        },
    }


def _host(name: str) -> State:
    return {
        "paging": [
            {"name": "hd6", "pv": "hdisk0", "vg": "rootvg", "lps": 8, "active": True, "auto": True},
            {"name": "paging00", "pv": "hdisk1", "vg": "datavg", "lps": 16, "active": True, "auto": True},
        ],
        "vgs": {
            "rootvg": {"pp_mb": 128, "total": 542, "free": 40, "pv": "hdisk0"},
            "datavg": {"pp_mb": 128, "total": 799, "free": 100, "pv": "hdisk1"},
        },
        "processes": [
            {"pid": 4194566, "user": "db2inst1", "paged_mb": 300, "command": "db2sysc", "subsystem": ""},
            {"pid": 5963978, "user": "root", "paged_mb": 40, "command": "clstrmgr", "subsystem": "clstrmgrES"},
            {"pid": 7340188, "user": "orders", "paged_mb": 120, "command": "order_batch", "subsystem": "orderbatch"},
        ],
        "subsystems": {
            "clstrmgrES": {"group": "cluster", "active": True},
            "clinfoES": {"group": "cluster", "active": True},
            "orderbatch": {"group": "orders", "active": True},
        },
        "errors": [],
        "node": name,
    }


def size_mb(host: State, space: State) -> int:
    """A paging space's size: its logical partitions, one physical partition each."""
    return int(space["lps"]) * int(host["vgs"][space["vg"]]["pp_mb"])


def paged_mb(host: State) -> int:
    """What all processes have in paging space together."""
    return sum(process["paged_mb"] for process in host["processes"])


def used_mb(host: State) -> dict[str, float]:
    """Megabytes used in each active paging space: AIX fills them evenly, in proportion here."""
    active = [space for space in host["paging"] if space["active"]]
    room = sum(size_mb(host, space) for space in active)
    share = min(1.0, paged_mb(host) / room) if room else 0.0
    return {space["name"]: size_mb(host, space) * share for space in active}


def serving(state: State) -> str:
    """The node that serves clients, or nothing: power, the resource group and the primary role must be in one place."""
    for node in NODES:
        well = state["lpars"][node] == "Running" and "frozen" not in state["faults"].get(node, ())
        if well and state["cluster"]["group"][node] == "ONLINE" and state["hadr"]["roles"][node] == "PRIMARY":
            return node
    return ""


def reachable(state: State, node: str) -> bool:
    """Whether a command gets an answer from the node."""
    return state["lpars"][node] == "Running" and "frozen" not in state["faults"].get(node, ())


@contextlib.contextmanager
def changing(root: Path) -> Iterator[State]:
    """The state, to be changed: nobody else sees a half of it, and it is kept only if nothing was raised."""
    handle = os.open(root / "state.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        state = read(root)
        yield state
        save(root, state)
    finally:
        os.close(handle)


def read(root: Path) -> State:
    """The state as it is now."""
    state: State = json.loads((root / "state.json").read_text(encoding="utf-8"))
    return state


def save(root: Path, state: State) -> None:
    """Keep the state, whole or not at all."""
    half = root / ".state.json.new"
    half.write_text(json.dumps(state, indent=1), encoding="utf-8")
    half.chmod(0o600)
    half.replace(root / "state.json")


def note_error(host: State, identifier: str, label: str, kind: str, resource: str, description: str) -> None:
    """A line in the node's error log. ``kind`` is class and type as ``H PERM``."""
    host["errors"].insert(
        0,
        {
            "id": identifier, "label": label, "class": kind[0], "type": kind[2:], "resource": resource,
            "description": description, "at": now(), "sequence": len(host["errors"]) + 1,
        },
    )  # fmt: skip
