"""The time there is: the critical path fits the RTO, and nobody loosens what the estate promised."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.lint.whole import FlatStep, Whole
from orchestrator.documents.source import Keys, Source
from orchestrator.engine.forecast import Forecast, Leg, Part, forecast, until_restored
from orchestrator.errors import Problem
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.document import Mode
from orchestrator.model.duration import format_duration
from orchestrator.model.estate import System


def _system(whole: Whole) -> System | None:
    estate, name = whole.loaded.estate, whole.book.runbook.system
    return estate.systems.get(name) if estate is not None and name is not None else None


def _targets(whole: Whole, which: str) -> Iterator[tuple[str, float, Source, Keys]]:
    """Who set the target, its seconds, and where it stands; the estate's first."""
    runbook, drill, system = whole.book.runbook, whole.loaded.drill, _system(whole)
    if system is not None and runbook.system is not None:
        yield "the estate", getattr(system, which), whole.loaded.sources["estate"], ("systems", runbook.system, which)
    mine = getattr(runbook.objectives, which)
    if mine is not None:
        yield "the runbook", mine, whole.book.source, ("objectives", which)
    drills = getattr(drill.objectives, which) if drill is not None else None
    if drills is not None:
        yield "the drill", drills, whole.loaded.sources["drill"], ("objectives", which)


def targets_are_only_tightened(whole: Whole) -> Iterator[Problem]:
    """A runbook may be stricter than the estate, and a drill stricter than both; never looser."""
    for which in ("rto", "rpo"):
        before: list[tuple[str, float]] = []
        for who, seconds, source, path in _targets(whole, which):
            if before and seconds > min(limit for _, limit in before):
                setter, limit = min(before, key=lambda one: one[1])
                message = (
                    f"{which.upper()} {format_duration(seconds)} is looser than {setter}'s {format_duration(limit)}"
                )
                mend = f"write {format_duration(limit)} or less, or leave it out to take {setter}'s"
                yield source.problem(path, message, mend)
            before.append((who, seconds))


def the_critical_path_fits(whole: Whole) -> Iterator[Problem]:
    """The slowest chain of steps until the service is back, each with its budget (else its timeout), fits the RTO."""
    targets = sorted(_targets(whole, "rto"), key=lambda target: target[1])
    if not targets or not whole.steps:
        return
    who, limit, source, path = targets[0]
    slowest = max((_until_restored(whole, mode) for mode in (Mode.LIVE, Mode.DRILL)), key=lambda one: one.seconds)
    if slowest.seconds <= limit:
        return
    chain = [(name, _seconds(whole.by_id[name], None)) for name in slowest.steps]
    shown = " -> ".join(f"{name} {format_duration(seconds)}" for name, seconds in chain)
    message = (
        f"the critical path takes {format_duration(slowest.seconds)}, {who}'s RTO is {format_duration(limit)}: {shown}"
    )
    longest = max(chain, key=lambda one: one[1])[0]
    step = whole.by_id[longest].step
    mend = f"give {longest} a {'smaller ' if step.budget is not None else ''}budget, or let steps run in parallel"
    yield source.problem(path, message, mend)


def a_recovery_has_targets(whole: Whole) -> Iterator[Problem]:
    """Without a target there is no verdict."""
    if whole.book.runbook.purpose != "recovery":
        return
    for which in ("rto", "rpo"):
        if not any(_targets(whole, which)):
            message = f"no {which.upper()}: neither the runbook nor the estate sets one"
            mend = f"add objectives: {{{which}: ...}}, or system: <name in estate.yaml>"
            yield whole.book.problem(("runbook",), message, mend, key=True, warning=True)


def _until_restored(whole: Whole, mode: Mode) -> Forecast:
    keep = until_restored(
        Part(one.id, one.needs, one.restores, one.step.is_changing, one.step.kind == "wait") for one in whole.steps
    )
    return forecast(Leg(one.id, one.needs, _seconds(one, mode)) for one in whole.steps if one.id in keep)


def _seconds(one: FlatStep, mode: Mode | None) -> float:
    """What the step is given, as the planner counts it. ``mode`` None: as if it were run in every mode."""
    step = one.step
    if mode is not None and step.when is not None and step.when.mode and mode not in step.when.mode:
        return 0.0
    if step.budget is not None:
        return step.budget
    if step.kind in ASKS_PEOPLE or step.kind == "wait":
        return 0.0
    return step.timeout or 0.0


RULES = (targets_are_only_tightened, the_critical_path_fits, a_recovery_has_targets)
