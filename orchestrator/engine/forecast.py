"""How long it will take: the critical path through the steps' budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Leg:
    """A step as the forecast sees it: what it needs, and how many seconds it is given."""

    id: str
    needs: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The longest chain: its length in seconds, its steps in order, and each step's earliest start."""

    seconds: float
    steps: tuple[str, ...]
    starts: dict[str, float]


class CycleFound(ValueError):
    """The needs go round in a circle; ``circle`` names the steps in it, in order."""

    def __init__(self, circle: Sequence[str]) -> None:
        super().__init__(" -> ".join([*circle, circle[0]]))
        self.circle = tuple(circle)


def in_order(legs: Iterable[Leg]) -> list[Leg]:
    """The legs so that each comes after what it needs (Kahn). Raises CycleFound, KeyError for an unknown need."""
    by_id = {leg.id: leg for leg in legs}
    missing = {leg.id: len(set(leg.needs)) for leg in by_id.values()}
    behind: dict[str, list[str]] = {name: [] for name in by_id}
    for leg in by_id.values():
        for need in set(leg.needs):
            behind[need].append(leg.id)
    ready = [name for name, count in missing.items() if count == 0]
    ordered: list[Leg] = []
    for name in ready:  # grows while it is walked
        ordered.append(by_id[name])
        for after in behind[name]:
            missing[after] -= 1
            if missing[after] == 0:
                ready.append(after)
    if len(ordered) < len(by_id):
        raise CycleFound(_circle({n: by_id[n].needs for n, count in missing.items() if count > 0}))
    return ordered


def _circle(needs: dict[str, tuple[str, ...]]) -> list[str]:
    name = next(iter(needs))
    seen: list[str] = []
    while name not in seen:
        seen.append(name)
        # Every step left over waits for another one left over, so the walk must close.
        name = next(need for need in needs[name] if need in needs)
    return seen[seen.index(name) :]


def forecast(legs: Iterable[Leg]) -> Forecast:
    """The critical path. Raises CycleFound, and KeyError where a need does not exist."""
    ends: dict[str, float] = {}
    starts: dict[str, float] = {}
    before: dict[str, str | None] = {}
    last: str | None = None
    for leg in in_order(legs):
        slowest = max(leg.needs, key=lambda need: ends[need], default=None)
        starts[leg.id] = ends[slowest] if slowest is not None else 0.0
        ends[leg.id] = starts[leg.id] + leg.seconds
        before[leg.id] = slowest
        if last is None or ends[leg.id] > ends[last]:
            last = leg.id
    path: list[str] = []
    step = last
    while step is not None:
        path.append(step)
        step = before[step]
    return Forecast(ends[last] if last is not None else 0.0, tuple(reversed(path)), starts)


@dataclass(frozen=True, slots=True)
class Part:
    """A step as the question "what must be done before the service is back" sees it."""

    id: str
    needs: tuple[str, ...]
    restores: bool
    """It marks ``service_restored``."""
    changes: bool
    waits: bool
    """It only waits for a condition."""


def until_restored(parts: Iterable[Part]) -> set[str]:
    """The steps that come before the service is back: those that mark it, and all they need.

    A mark on a step that merely waits in parallel says nothing about the work it waits for; then it is all changing
    steps and what they need. Where nothing marks it, it is every step.
    """
    by_id = {part.id: part for part in parts}
    marking = [part for part in by_id.values() if part.restores]
    if not marking:
        return set(by_id)
    todo = [part.id for part in marking]
    if all(part.waits for part in marking):
        todo.extend(part.id for part in by_id.values() if part.changes)
    keep: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in keep:
            keep.add(name)
            todo.extend(by_id[name].needs)
    return keep
