"""A job on a simulated host is known for one, however its host is named."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.executors.simulated import Simulations
from orchestrator.model.document import Mode
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job, Phase

INVENTORY = Inventory(
    "inventory",
    {
        "aix1": Host("aix1", {"holdfast_simulated": True}),
        "db1": Host("db1", {"holdfast_simulated": False}),
        "db2": Host("db2"),
        "aix2": Host("aix2", {"holdfast_simulated": "yes"}),
    },
    {"primary": ("aix1",), "mixed": ("db1", "aix1"), "real": ("db1", "db2")},
)


def job(kind: str, **spec: Any) -> Job:
    return Job("run", "step", Phase.ACTION, 1, "step.action.1", kind, spec, 1.0, Mode.LIVE, "/nowhere")


@pytest.mark.parametrize(
    ("kind", "spec", "simulated"),
    [
        ("fabric", {"host": "aix1", "argv": ["lsps", "-a"]}, True),
        ("fabric", {"host": "primary", "argv": ["lsps"]}, True),
        ("fabric", {"host": "mixed", "argv": ["lsps"]}, True),
        ("fabric", {"host": "all", "argv": ["lsps"]}, True),
        ("fabric", {"host": "real", "argv": ["lsps"]}, False),
        ("fabric", {"host": "db2", "argv": ["lsps"]}, False),
        ("fabric", {"host": "aix2", "argv": ["lsps"]}, True),
        ("ansible", {"playbook": "a.yml", "limit": "real,!primary"}, True),
        ("ansible", {"playbook": "a.yml", "limit": "db1:&db2"}, False),
        ("ansible", {"playbook": "a.yml", "limit": "db1", "vars": {"from": ["primary"]}}, True),
        ("probe", {"tcp": {"address": "aix1:22"}}, True),
        ("probe", {"sql": {"query": "select 1"}, "target": "db1"}, False),
        ("wait", {"until": {"probe": {"command": ["true"], "target": "primary"}}}, True),
        ("wait", {"for": 3.0}, False),
        ("marker", {"start": {"target": "mixed"}}, True),
    ],
)
def test_whatever_names_a_simulated_host_is_simulated(kind: str, spec: dict[str, Any], simulated: bool) -> None:
    assert Simulations(INVENTORY)(job(kind, **spec)) is simulated


def test_where_nothing_is_a_simulation_nothing_is_looked_for() -> None:
    real = Inventory("inventory", {"db1": INVENTORY.hosts["db1"]}, {})
    assert not Simulations(real)(job("fabric", host="all", argv=["aix1"]))
