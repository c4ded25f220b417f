"""Contestants that are no part of this program, in a virtual environment of their own, from PyPI by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

WANTED = ("pyinfra", "chaostoolkit")


def environment() -> Path:
    """Where it is: within this environment, so that ``make clean`` takes it away too."""
    return Path(sys.prefix) / "contestants"


def install(tell: Callable[[str], None], wanted: Sequence[str] = WANTED) -> dict[str, str]:
    """Install what is missing; answers name and version of everything there. What cannot be had is not in it."""
    place = environment()
    python = place / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    there = _installed(python)
    for name in wanted:
        if name in there:
            continue
        tell(f"installing {name} into an environment of its own ...")
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            tell(f"{name} cannot be installed: {done.stderr.strip()[-300:]}")
    return _installed(python)


def _installed(python: Path) -> dict[str, str]:
    done = subprocess.run(
        [str(python), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {item["name"].lower(): item["version"] for item in json.loads(done.stdout)}
