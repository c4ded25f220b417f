"""A forged copy of a bundle, as somebody would make it who wants an outage to look shorter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from orchestrator.errors import EvidenceError
from orchestrator.model.event import EventKind

JOURNAL = "journal.jsonl"


def forge(bundle: Path, copy: Path) -> int:
    """Copy the bundle and halve the longest duration in its journal; answers the number of the record changed.

    Raises EvidenceError where there is no duration to change.
    """
    shutil.copytree(bundle, copy)
    lines = (copy / JOURNAL).read_text(encoding="utf-8").splitlines()
    ended = [
        (event["body"]["elapsed"], number)
        for number, event in enumerate(map(json.loads, lines))
        if event["kind"] == EventKind.STEP_ENDED and event["body"].get("elapsed")
    ]
    if not ended:
        raise EvidenceError("the journal has no duration to forge", first_bad="record 1")
    longest, at = max(ended)
    event = json.loads(lines[at])
    event["body"]["elapsed"] = round(longest / 2, 6)
    # Written just as the program writes it: nothing but the number gives it away.
    lines[at] = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (copy / JOURNAL).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return int(event["seq"])
