"""The hand-written takeover: kill, fence, promote, redirect. No checks, no record, no second thoughts."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

_SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
{fault} primary-killed
{fence}
{promote} promote -w -s -D {data}
{redirect} {host} {port}
"""


def takeover_script(fault: Path, old: dict[str, Any], standby: dict[str, Any], service: dict[str, Any]) -> str:
    """From the same host variables that the playbooks use."""
    return _SCRIPT.format(
        fault=shlex.quote(str(fault)),
        fence=shlex.join(old["power_off_argv"]),
        promote=shlex.quote(f"{standby['pg_bin']}/pg_ctl"),
        data=shlex.quote(standby["data_dir"]),
        redirect=shlex.join(service["service_redirect_argv"]),
        host=standby["pg_host"],
        port=standby["pg_port"],
    )
