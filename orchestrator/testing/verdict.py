"""Whether a play came out as expected: each difference as a sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from orchestrator.engine.runner import Driven
from orchestrator.model.duration import format_duration
from orchestrator.model.event import EventKind
from orchestrator.model.measurement import Measurement, measure
from orchestrator.model.rehearsal import Expected, Span
from orchestrator.testing.stage import Stage


def problems_of(expected: Expected, stage: Stage, driven: Driven | None) -> Iterator[str]:
    """Every difference between what is expected and what came out."""
    came = stage.state.ended or (str(driven.halt) if driven is not None else "never over")
    if came != expected.run:
        yield f"the run is {came}, not {expected.run}{_stuck(stage)}"
    yield from _steps(expected, stage)
    yield from _order(expected, stage)
    yield from _told(expected, stage)
    measured = measure(stage.journal.events())
    yield from _times(expected, measured)
    for name, wanted, found in (
        ("RTO", expected.rto, measured.rto),
        ("RPO", expected.rpo, measured.rpo),
    ):
        if wanted is not None and found.verdict is not wanted:
            yield f"the {name} is {found.verdict}, not {wanted}: {found.reason.text}"
    if expected.lost_transactions is not None:
        lost = measured.losses[-1].lost_transactions if measured.losses else None
        if lost != expected.lost_transactions:
            yield f"{lost} transactions are lost, not {expected.lost_transactions}"


def _stuck(stage: Stage) -> str:
    stuck = [f"{name} is {stage.status(name)}: {stage.state.steps[name].error}" for name in stage.state.stuck]
    waiting = [f"{name} waits" for name in stage.state.waiting]
    return f" ({'; '.join([*stuck, *waiting])})" if stuck or waiting else ""


def _steps(expected: Expected, stage: Stage) -> Iterator[str]:
    for name, wanted in expected.steps.items():
        if stage.state.steps[name].status is not wanted:
            error = stage.state.steps[name].error
            yield f"step {name} is {stage.status(name)}, not {wanted}{f' ({error})' if error else ''}"
    for name, text in expected.errors.items():
        if text not in stage.state.steps[name].error:
            yield f"the error of {name} does not say {text!r}, but: {stage.state.steps[name].error or 'nothing'}"
    begun = _begun(stage)
    for name in expected.never:
        if begun.get(name):
            yield f"step {name} was begun"
    for name, times in expected.begun.items():
        if begun.get(name, 0) != times:
            yield f"step {name} was begun {begun.get(name, 0)} times, not {times}"


def _begun(stage: Stage) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for ident in stage.world.done:
        job = stage.world.jobs[ident]
        if job.phase == "action":
            found[job.step] = found.get(job.step, 0) + 1
    return found


def _order(expected: Expected, stage: Stage) -> Iterator[str]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for event in stage.journal.kept:
        name = event.body.get("step", "")
        if event.kind in (EventKind.STEP_STARTED, EventKind.STEP_WAITING):
            first.setdefault(name, event.seq)
        elif event.kind is EventKind.STEP_ENDED:
            last[name] = event.seq
    for names in expected.order:
        for before, after in itertools.pairwise(names):
            if before not in last or after not in first:
                missing = before if before not in last else after
                yield f"{before} before {after}: {missing} was not there"
            elif last[before] > first[after]:
                yield f"{after} was begun before {before} had ended"


def _told(expected: Expected, stage: Stage) -> Iterator[str]:
    kinds = tuple(body["kind"] for body in stage.bodies(EventKind.BREACH))
    if kinds != expected.breaches:
        yield f"the breaches are {', '.join(kinds) or 'none'}, not {', '.join(expected.breaches) or 'none'}"
    if expected.over_budget is not None:
        over = [body["step"] for body in stage.bodies(EventKind.STEP_OVER_BUDGET)]
        if sorted(over) != sorted(expected.over_budget):
            yield f"over budget are {', '.join(over) or 'none'}, not {', '.join(expected.over_budget) or 'none'}"
    by_hand = [text for body in stage.bodies(EventKind.ROLLBACK_ENDED)[-1:] for text in body["manual"]]
    for wanted in expected.manual:
        if not any(wanted in text for text in by_hand):
            yield f"nothing left to be done by hand says {wanted!r}: {'; '.join(by_hand) or 'nothing is left'}"


def _times(expected: Expected, measured: Measurement) -> Iterator[str]:
    yield from _within("the run", measured.elapsed_s, expected.takes)
    for name in expected.milestones:
        if measured.milestone(name) is None:
            yield f"the milestone {name} was not reached"
    for span in expected.intervals:
        start, end = measured.milestone(span.start), measured.milestone(span.end)
        if start is None or end is None:
            missing = span.start if start is None else span.end
            yield f"from {span.start} to {span.end}: {missing} was not reached"
        else:
            yield from _within(f"from {span.start} to {span.end}", end.offset_s - start.offset_s, span)


def _within(what: str, seconds: float, span: Span) -> Iterator[str]:
    if span.max is not None and seconds > span.max:
        yield f"{what} took {format_duration(seconds)}, more than {format_duration(span.max)}"
    if span.min is not None and seconds < span.min:
        yield f"{what} took {format_duration(seconds)}, less than {format_duration(span.min)}"
