"""The hand-written bash script: one shared ssh connection a host, all hosts at once, stop at the first failure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.effects import command

_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
hosts=({hosts})
each() {{
  local pids=() pid
  for host in "${{hosts[@]}}"; do "$@" & pids+=($!); done
  for pid in "${{pids[@]}}"; do wait "$pid"; done
}}
connect() {{ ssh -F {config} -MNf "$host" </dev/null >/dev/null; }}
on() {{ ssh -n -F {config} "$host" "$1"; }}
leave() {{ ssh -F {config} -O exit "$host" 2>/dev/null; }}
each connect
began=$EPOCHREALTIME
{steps}
echo "$began $EPOCHREALTIME"
each leave
"""


def shell_script(config: Path, hosts: Sequence[str], effects: Path, steps: int) -> str:
    """Prints when it was connected and when its last step had ended, in seconds."""
    lines = "\n".join(f"each on '{command(effects, number)}'" for number in range(1, steps + 1))
    return _SCRIPT.format(hosts=" ".join(hosts), config=config, steps=lines)
