"""The libraries behind Fabric cost a third of a second: nothing loads them before a host is to be reached."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["fabric", "probe", "wait", "marker", "fabric_connection"])
def test_importing_an_executor_loads_no_heavy_library(module: str) -> None:
    heavy = ("fabric", "paramiko", "invoke", "testinfra", "cryptography", "psycopg", "ansible_runner")
    text = f"import sys, orchestrator.executors.{module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
