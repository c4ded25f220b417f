"""Many runs at once in one process: nobody waits for another's sleeping step."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack

from benchmarks.contest import WHOLE, Contest, Contestant, Measure
from benchmarks.place import CHECKOUT, Place
from benchmarks.process import ran
from benchmarks.workspace import make_workspace

SLEEP = 3
"""Seconds that one step of each run takes."""


def contests(place: Place, stack: ExitStack) -> list[Contest]:  # noqa: ARG001 - every section has both
    """One contest: the crowd, beside one such run by itself."""
    runs = 10 if place.quick else 300
    steps = [{"id": f"s{number}", "scripted": {"takes": f"{SLEEP}s"} if number == 2 else {}} for number in range(5)]
    workspace = make_workspace(place.directory("crowd"), [{**step, "timeout": "1m"} for step in steps])

    def crowd(count: int) -> dict[str, float]:
        state = place.fresh("crowd-state")
        words = [sys.executable, "-m", "benchmarks.many_runs", str(workspace), str(state), str(count)]
        told = json.loads(ran(words, env=place.env(), cwd=CHECKOUT).out)
        return {"whole": told["seconds"], "memory": told["memory"]}

    return [
        Contest(
            "crowd",
            f"{runs} runs of 5 steps at once in one process, one step of each sleeping {SLEEP} s",
            [
                Contestant("one", "one run", "python -m benchmarks.many_runs WORKSPACE STATE 1", lambda: crowd(1)),
                Contestant(
                    "holdfast",
                    f"{runs} runs",
                    f"python -m benchmarks.many_runs WORKSPACE STATE {runs}",
                    lambda: crowd(runs),
                ),
            ],
            (WHOLE, Measure("memory", "peak resident", "MB")),
            baseline="one",
            notes=(
                "From the first run's begin to the last one's seal, planning included, imports not. Every run has its "
                "own journal chain in the same store, each record fully synced.",
            ),
        )
    ]
