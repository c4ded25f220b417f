"""What well-known commands print, read into data: pure functions from a text to a JSON object.

A step or a probe names one with ``parse``; the names are ``model.parse_names.PARSERS``, and a test holds the two tables
together. To add one: a function here that raises ``NotRead`` for a text of another form, its name in the model, its
test on the documented output, a line in docs/runbook-reference.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.executors.parsers import aix, db2, linux, powerha, words
from orchestrator.executors.parsers.reading import NotRead

Parser = Callable[[str], dict[str, Any]]

PARSERS: dict[str, Parser] = {
    "key_value": words.key_value,
    "swapon": linux.swapon,
    "meminfo": linux.meminfo,
    "btrfs_device_stats": linux.btrfs_device_stats,
    "lsps": aix.lsps,
    "lsvg": aix.lsvg,
    "lssrc": aix.lssrc,
    "errpt": aix.errpt,
    "clrginfo": powerha.clrginfo,
    "clmgr": powerha.clmgr,
    "db2pd_hadr": db2.db2pd_hadr,
}
"""Name to parser."""

__all__ = ["PARSERS", "NotRead", "Parser", "parsed"]


def parsed(name: str, text: str) -> dict[str, Any]:
    """``text`` read by the parser ``name``. Raises NotRead where it is not what that command prints."""
    return PARSERS[name](text)
