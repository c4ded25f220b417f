"""Secrets by reference: ``env:NAME`` and ``file:/path`` become values here, and nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.model.redaction import SHORTEST

LARGEST = 65536
"""Bytes a secret file may have."""


def reveal(references: Iterable[str]) -> dict[str, str]:
    """Reference to value. Raises UsageError naming what is missing, too open, or too short to be redacted."""
    problems: list[str] = []
    values: dict[str, str] = {}
    for reference in references:
        kind, _, name = reference.partition(":")
        try:
            value = _from_file(Path(name)) if kind == "file" else os.environ[name]
        except KeyError:
            problems.append(f"{reference}: the environment variable is not set")
            continue
        except (OSError, ValueError) as error:
            problems.append(f"{reference}: {error}")
            continue
        if len(value) < SHORTEST:
            problems.append(
                f"{reference}: shorter than {SHORTEST} characters, which could not be kept out of the records"
            )
            continue
        values[reference] = value
    if problems:
        raise UsageError(
            "secrets are missing: " + "; ".join(problems),
            mend="set them where their references point, then start again",
        )
    return values


def _from_file(path: Path) -> str:
    about = path.stat()
    if about.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        raise ValueError(f"others may read it; chmod 600 {path}")
    if about.st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    return path.read_text(encoding="utf-8").rstrip("\n")
