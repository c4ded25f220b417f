"""Connections that a run will need, begun as soon as its plan stands: the rest is made ready while they come up."""

from __future__ import annotations

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
    if plan.mode not in (Mode.DRILL, Mode.LIVE):
        return ()
    named = (step.spec["host"] for step in plan.steps if step.kind == "fabric")
    return tuple(dict.fromkeys(name for name in named if "{{" not in name))


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
