"""What the lab's tests share: waiting for a condition, and the truth a client keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from orchestrator.lab.lab import Lab


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.02)


def receipts(lab: Lab) -> list[int]:
    """Numbers of the orders the service acknowledged to the client; the last line may be half written still."""
    if not lab.receipts.exists():
        return []
    whole, _, _ = lab.receipts.read_text().rpartition("\n")
    return [json.loads(line)["number"] for line in whole.splitlines()]
