"""Which executor does which kind of action: one line each, made only when a plan needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.documents.inventory import load_inventory
from orchestrator.documents.templates import TemplateRenderer
from orchestrator.engine.ports import Clock, Renderer
from orchestrator.executors.contract import Executor
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.fabric_login import SshSettings
from orchestrator.executors.hands import ThreadHands, ThreadMailbox
from orchestrator.executors.simulated import Simulations
from orchestrator.journal.outputs import OutputKeeper
from orchestrator.model.inventory import Inventory
from orchestrator.model.plan import Plan
from orchestrator.model.redaction import Redactor
from orchestrator.plain import dataclass
from orchestrator.wiring.reaching import plays, targets

if TYPE_CHECKING:
    from orchestrator.wiring.driving import Bound


@dataclass(slots=True)
class Made:
    """Hands for one run, and what is to be closed after it."""

    hands: ThreadHands
    renderer: Renderer
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Let go of connections."""
        for close in self.closers:
            close()


@dataclass(slots=True)
class _Shop:
    """Makes executors; those that share connections share them through here."""

    inventory: Inventory
    bound: Bound
    clock: Clock
    connections: Connections
    warn: Callable[[str], None]
    closers: list[Callable[[], None]]

    def ansible(self) -> Executor:
        from orchestrator.executors.ansible import AnsibleExecutor, cold
        from orchestrator.wiring import warmth

        workspace = self.bound.workspace
        launch = cold
        if warmth.is_wanted():
            warm = warmth.warm_ansible(workspace, self.warn)
            warm.start()
            self.closers.append(warm.close)
            launch = warm.launch
        executor = AnsibleExecutor(self.inventory, workspace / "playbooks", workspace, launch=launch)
        self.closers.append(executor.close)
        return executor

    def fabric(self) -> Executor:
        from orchestrator.executors.fabric import FabricExecutor

        return FabricExecutor(self.inventory, connections=self.connections)

    def connect_ahead(self, plan: Plan, executors: Mapping[str, Executor], lock_fds: Sequence[int]) -> None:
        """Open what Ansible's and Fabric's steps will need and nobody has begun to open."""
        if (ansible := executors.get("ansible")) is not None:
            from orchestrator.executors.ansible import AnsibleExecutor

            assert isinstance(ansible, AnsibleExecutor)
            ansible.ahead(plays(plan))
        if (fabric := executors.get("fabric")) is not None:
            from orchestrator.executors.fabric import FabricExecutor

            assert isinstance(fabric, FabricExecutor)
            fabric.ahead(targets(plan), lock_fds)

    def probe(self) -> Executor:
        from orchestrator.executors.probe import ProbeExecutor

        return ProbeExecutor(self.inventory, self.clock, self.connections)

    def wait(self) -> Executor:
        from orchestrator.executors.wait import WaitExecutor

        return WaitExecutor(self.inventory, self.clock, self.connections)

    def marker(self) -> Executor:
        from orchestrator.executors.marker import MarkerExecutor

        return MarkerExecutor(self.inventory)

    def scripted(self) -> Executor:
        from orchestrator.executors.scripted import ScriptedExecutor

        return ScriptedExecutor()


def make_hands(
    plan: Plan,
    bound: Bound,
    run_dir: Path,
    mailbox: ThreadMailbox,
    clock: Clock,
    redactor: Redactor,
    warn: Callable[[str], None],
    lock_fds: Sequence[int] = (),
    inventory: Inventory | None = None,
    connections: Connections | None = None,
) -> Made:
    """The hands for a plan. ``inventory`` is the one it is bound to, where that was read already; ``connections`` are
    those that were begun for it, where there are any.

    Raises DocumentError where it cannot be read.
    """
    if inventory is None:
        inventory = load_inventory(bound.inventory) if bound.inventory else Inventory("", {}, {})
    if connections is None:
        connections = Connections(SshSettings())
        closers = [connections.close]
    else:
        closers = [connections.leave]  # whoever began them closes them
    shop = _Shop(inventory, bound, clock, connections, warn, closers)
    executors = {kind: getattr(shop, kind)() for kind in sorted(_kinds(plan))}
    shop.connect_ahead(plan, executors, lock_fds)
    outputs = OutputKeeper(run_dir, redactor, warn)
    hands = ThreadHands(executors, mailbox, clock, redactor, outputs.keep, Simulations(inventory))
    return Made(hands, TemplateRenderer(), shop.closers)


def _kinds(plan: Plan) -> Iterable[str]:
    kinds = {step.kind for step in plan.steps} | {step.undo.kind for step in plan.steps if step.undo}
    if any(step.verify or (step.undo and step.undo.verify) for step in plan.steps):
        kinds.add("probe")
    return kinds - {"approve", "manual"}
