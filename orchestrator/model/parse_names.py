"""How what a command printed is read: the words a runbook may write after ``parse``."""

from __future__ import annotations

from typing import Literal

Plain = Literal["auto", "json", "text"]
"""A JSON object where there is one; demanded; never taken."""

Parser = Literal[
    "key_value",
    "swapon",
    "meminfo",
    "btrfs_device_stats",
    "lsps",
    "lsvg",
    "lssrc",
    "errpt",
    "clrginfo",
    "clmgr",
    "db2pd_hadr",
]
"""The parsers of ``executors.parsers``; docs/runbook-reference.md says what each reads and answers."""

Parse = Literal[Plain, Parser]
