"""Connections that a run will need, begun as soon as its plan stands: the rest is made ready while they come up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.errors import ExecutorError
from orchestrator.model.document import Mode

if TYPE_CHECKING:
    from orchestrator.executors.fabric_connection import Connections
    from orchestrator.model.inventory import Host, Inventory
    from orchestrator.model.plan import Plan

AT_ONCE = 32
"""Hosts that are connected to ahead; the others are when their step comes."""


def targets(plan: Plan) -> tuple[str, ...]:
    """Hosts and groups that a plan's Fabric steps name; none where the mode lets nothing be done.

    A host that is named by what an earlier step found out is not known yet.
    """
    return tuple(dict.fromkeys(host for (host,) in _named(plan, "fabric", "host")))


def plays(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The same of its Ansible steps: each playbook with the limit it is run with."""
    return tuple(dict.fromkeys((playbook, limit) for playbook, limit in _named(plan, "ansible", "playbook", "limit")))


def _named(plan: Plan, kind: str, *words: str) -> Iterator[tuple[str, ...]]:
    if plan.mode in (Mode.DRILL, Mode.LIVE):
        for step in plan.steps:
            if step.kind == kind and not any("{{" in step.spec[word] for word in words):
                yield tuple(step.spec[word] for word in words)


def reach(plan: Plan, inventory: Inventory | None) -> Connections | None:
    """Log in, without waiting, to the hosts over ssh; None where there are none. To be closed.

    Nothing is done on them but to bring a shell up. What goes wrong shows in the step that needs the host.
    """
    hosts: dict[str, Host] = {}
    for target in targets(plan) if inventory is not None else ():
        with suppress(ExecutorError):
            assert inventory is not None
            hosts.update((host.name, host) for host in inventory.resolve(target) if not host.is_local)
    if not hosts:
        return None
    from orchestrator.executors.fabric_connection import Connections
    from orchestrator.executors.fabric_library import load
    from orchestrator.executors.fabric_login import SshSettings

    # Not in one of the threads that connect: two that import slow each other down, and only connecting is waiting.
    load()
    connections = Connections(SshSettings())
    connections.shells.ahead(tuple(hosts.values())[:AT_ONCE])
    return connections
