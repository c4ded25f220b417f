"""One run in this process, through the wiring as the command line does it: ``python -m benchmarks.one_run``."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from benchmarks.process import peak_memory
from orchestrator.model.document import Mode
from orchestrator.wiring.app import Holdfast
from orchestrator.wiring.driving import Asked
from orchestrator.wiring.settings import Settings


def main(workspace: Path, state: Path) -> None:
    """Run the workspace's runbook ``steps``; print seconds from its first step to its last, and memory."""
    settings = Settings(workspace, state, str(state / "journal.sqlite3"), "anna-berg", "anna-berg@here")
    program = Holdfast(settings)
    prepared = program.prepare("steps", mode=Mode.DRILL, inputs={})
    driven = program.start(prepared, Asked(by="anna-berg"))
    if driven.state.ended != "succeeded":
        sys.exit(f"the run ended as {driven.state.ended!r}")
    with closing(sqlite3.connect(settings.store)) as journal:
        first, last = journal.execute(
            "SELECT min(mono), max(mono) FROM event WHERE kind IN ('step.started', 'step.ended')"
        ).fetchone()
    sys.stdout.write(json.dumps({"steps": last - first, "memory": peak_memory()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
