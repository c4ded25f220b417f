"""Many runs at once in this process: ``python -m benchmarks.many_runs WORKSPACE STATE COUNT``."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.process import peak_memory
from orchestrator.engine.runner import Driven
from orchestrator.model.document import Mode
from orchestrator.wiring.app import Holdfast
from orchestrator.wiring.driving import Asked
from orchestrator.wiring.settings import Settings


def main(workspace: Path, state: Path, count: int) -> None:
    """Plan and drive ``count`` runs, each in a thread; print how long it took all together."""
    warnings: list[str] = []
    settings = Settings(workspace, state, str(state / "journal.sqlite3"), "anna-berg", "anna-berg@here")
    program = Holdfast(settings, warnings.append)

    def one(_number: int) -> Driven:
        prepared = program.prepare("steps", mode=Mode.DRILL, inputs={})
        return program.start(prepared, Asked(by="anna-berg", warn=warnings.append))

    program.memory.for_new_run()
    began = time.perf_counter()
    with ThreadPoolExecutor(count) as together:
        ended = [driven.state.ended for driven in together.map(one, range(count))]
    seconds = time.perf_counter() - began
    if set(ended) != {"succeeded"} or len(program.runs()) != count or warnings:
        sys.exit(f"{len(program.runs())} runs ended as {set(ended)}; {warnings[:3]}")
    sys.stdout.write(json.dumps({"seconds": seconds, "memory": peak_memory()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
