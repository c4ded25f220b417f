"""A command that only looks must start at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("psycopg", "cryptography", "orchestrator.journal.postgres_store")


def test_opening_a_journal_loads_no_heavy_library(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from orchestrator.journal import bundle, failover, locks, verify, writer\n"
        "from orchestrator.journal.opening import open_store\n"
        "open_store(sys.argv[1]).runs()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "journal.sqlite3"], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
