"""The orchestrator's own cost of a step: scripted steps that do nothing, the journal on, each commit fully synced."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack

from benchmarks.contest import WHOLE, Contest, Contestant, Measure
from benchmarks.place import CHECKOUT, Place
from benchmarks.process import ran
from benchmarks.workspace import scripted_workspace

STEP = Measure("step", "a step", "ms")
MEMORY = Measure("memory", "peak resident", "MB")
SLOW = 10_000
"""From so many steps on, three rounds have to do."""


def contests(place: Place, stack: ExitStack) -> list[Contest]:  # noqa: ARG001 - every section has both
    """One contest: runs of several lengths, beside two bare commits a step."""
    sizes = (10, 100) if place.quick else (10, 100, 1000, SLOW)
    found = []
    for name, some in (
        ("overhead", [size for size in sizes if size < SLOW]),
        ("overhead-long", [size for size in sizes if size >= SLOW]),
    ):
        if some:
            found.append(_contest(place, name, some, rounds=None if name == "overhead" else 3))
    return found


def _contest(place: Place, name: str, sizes: list[int], rounds: int | None) -> Contest:
    contestants = [_run(place, size) for size in sizes]
    floor = _floor(place, 100 if place.quick else 1000)
    return Contest(
        name,
        f"Own cost of a step: runs of {' and '.join(f'{size:,}' for size in sizes)} steps that do nothing",
        [floor, *contestants],
        (STEP, WHOLE, MEMORY),
        baseline=floor.name,
        rounds=rounds,
        notes=(
            "A step is two full-sync commits (begun, ended) in SQLite's write-ahead log; the floor is just those.",
            "A run of 10,000 steps is a runbook of ten nested parts of 1,000 steps each.",
            "The cost of a step is the time from the first step's begin to the last one's end, by the journal, over "
            "the number of steps. The whole process adds Python's start, reading, linting, planning and sealing.",
        ),
    )


def _run(place: Place, size: int) -> Contestant:
    workspace = scripted_workspace(place.directory(f"overhead-{size}"), size)

    def run() -> dict[str, float]:
        state = place.fresh(f"overhead-{size}-state")
        done = ran(
            [sys.executable, "-m", "benchmarks.one_run", str(workspace), str(state)], env=place.env(), cwd=CHECKOUT
        )
        told = json.loads(done.out)
        return {"step": told["steps"] / size * 1000, "whole": done.seconds, "memory": told["memory"]}

    return Contestant(f"steps-{size}", f"Holdfast, {size:,} steps", "python -m benchmarks.one_run WORKSPACE STATE", run)


def _floor(place: Place, size: int) -> Contestant:
    def run() -> dict[str, float]:
        file = place.fresh("floor") / "floor.sqlite3"
        done = ran([sys.executable, "-m", "benchmarks.floor", str(file), str(size)], env=place.env(), cwd=CHECKOUT)
        told = json.loads(done.out)
        return {"step": told["steps"] / size * 1000, "whole": done.seconds, "memory": told["memory"]}

    return Contestant(
        "floor", f"two bare commits a step, {size:,} steps", f"python -m benchmarks.floor FILE {size}", run
    )
