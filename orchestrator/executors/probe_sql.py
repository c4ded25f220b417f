"""The sql probe: one read-only query, its rows as typed values."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Sequence
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.executors.contract import Control
from orchestrator.executors.probe_look import Sight, blind
from orchestrator.executors.probe_psql import ask
from orchestrator.model.actions import SqlProbe
from orchestrator.model.inventory import Inventory

SHOWN = 100
"""Rows in the output; ``rowcount`` counts all."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def look_sql(
    inventory: Inventory, target: str, probe: SqlProbe, control: Control, planted: Sequence[str] = ()
) -> Sight:
    """Ask once. An error of the server's is no sight. ``planted`` are secret values: none may be in the query."""
    if any(secret in probe.query for secret in planted if secret):
        return blind(
            "the query holds a secret, which the process list would show", "let the server compare: use a role's rights"
        )
    null = f"null-{secrets.token_hex(8)}"
    try:
        host = inventory.one(target)
        answer = ask(host, probe.query, max(0.1, min(probe.timeout, control.remaining())), control, null=null)
    except ExecutorError as error:
        return blind(error.message, error.mend)
    if answer.error:
        return blind(
            f"{target}: {answer.error}", "pg_host, pg_port, pg_user, pg_database, pg_passfile of the host say where"
        )
    return seen(answer.text, null)


def seen(text: str, null: str) -> Sight:
    """psql's CSV as a sight."""
    rows = [[typed(cell, null) for cell in row] for row in csv.reader(io.StringIO(text, newline="")) if row]
    value = rows[0][0] if rows else None
    return Sight(
        {"rows": rows[:SHOWN], "value": value, "rowcount": len(rows)}, text.replace(null, "").encode("utf-8", "replace")
    )


def typed(cell: str, null: str) -> Any:
    """A cell as JSON: ``t`` and ``f`` are booleans, numbers numbers (a leading zero makes a text), the rest texts."""
    if cell == null:
        return None
    if cell in ("t", "f"):
        return cell == "t"
    if _NUMBER.fullmatch(cell):
        return float(cell) if any(mark in cell for mark in ".eE") else int(cell)
    return cell
