"""Large plans of a few shapes, made without documents so that only the engine's own work is left."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.model.document import Mode, Text
from orchestrator.model.job import Job
from orchestrator.model.outcome import failed, ok
from orchestrator.model.plan import Plan, PlannedStep, PlannedUndo
from orchestrator.testing import Answer

UNDO = PlannedUndo("scripted", {}, 60.0, ())


def planned(number: int, *needs: int, undo: PlannedUndo | None = None, retries: int = 0) -> PlannedStep:
    return PlannedStep(
        id=f"s{number}",
        title=Text(en=f"Step {number}"),
        kind="scripted",
        spec={},
        needs=tuple(f"s{need}" for need in needs),
        changes=True,
        timeout=60.0,
        budget=30.0,
        undo=undo,
        retries=retries,
        retry_delay=5.0 if retries else 0.0,
        idempotent=retries > 0,
    )


def plan_of(*steps: PlannedStep, on_failure: str = "stop") -> Plan:
    return Plan(
        run_id="r1",
        runbook="large",
        title=Text(en="Large"),
        purpose="recovery",
        fault_class=None,
        mode=Mode.LIVE,
        digest="d",
        digests={},
        inputs={},
        secrets=(),
        steps=steps,
        steady_state=(),
        locks=(),
        rto=None,
        rpo=None,
        critical_path=0.0,
        critical_steps=(),
        on_failure=on_failure,
    )


def works(_job: Job) -> Answer:
    return Answer(ok())


def fails(_job: Job) -> Answer:
    return Answer(failed("no"))


def fails_once(job: Job) -> Answer:
    return Answer(failed("no") if job.attempt == 1 else ok())


def last_fails(job: Job) -> Answer:
    return Answer(failed("no") if job.step == "s0" else ok())


def chain(size: int) -> Plan:
    return plan_of(*(planned(n, *([n - 1] if n else [])) for n in range(size)))


def wide(size: int) -> Plan:
    return plan_of(*(planned(n) for n in range(size)))


def ladders(size: int) -> Plan:
    """Ten branches beside each other that meet again at every tenth rung."""
    steps = []
    for n in range(size):
        row = n - n % 10
        needs = [] if row == 0 else range(row - 10, row) if row % 100 == 0 else [n - 10]
        steps.append(planned(n, *needs))
    return plan_of(*steps)


def retried(size: int) -> Plan:
    return plan_of(*(planned(n, retries=1) for n in range(size)))


def undone(size: int) -> Plan:
    """All steps but the first are done, the first fails, and all are undone."""
    behind = [planned(n, *([n - 1] if n > 1 else []), undo=UNDO) for n in range(1, size)]
    return plan_of(planned(0, size - 1), *behind, on_failure="rollback")


Shape = tuple[Callable[[int], Plan], Callable[[Job], Answer], str]

SHAPES: dict[str, Shape] = {
    "chain": (chain, works, "succeeded"),
    "wide": (wide, works, "succeeded"),
    "ladders": (ladders, works, "succeeded"),
    "all retried": (retried, fails_once, "succeeded"),
    "all failed": (wide, fails, ""),
    "rolled back": (undone, last_fails, "rolled_back"),
}
"""Name to plan, how its jobs end, and how the run ends."""
