"""One lab for the tests of a worker, fresh for each of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.lab.lab import Lab, take_down

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    # Below pytest's directory, which only its owner may enter: what root's labs must cope with.
    place = tmp_path_factory.mktemp("labs") / "shared"
    lab = Lab.up(place, client=False)
    yield lab
    take_down(place, remove=True)


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    shared_lab.reset(synchronous=False, client=False)
    return shared_lab


@dataclass(frozen=True)
class Played:
    """How a playbook ended."""

    rc: int
    text: str
    stats: dict[str, Any]
    changed: int


@pytest.fixture
def play(lab: Lab) -> Callable[..., Played]:
    """Runs a shipped playbook by hand against the lab."""

    def run(playbook: str, limit: str, **given: Any) -> Played:
        env = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_HOME": str(lab.layout.root / "ansible-home"),
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(lab.inventory / "hosts.yml"),
                "--limit", limit, "-e", json.dumps(given), playbook,
            ],
            cwd=ROOT / "playbooks", env=env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        text = done.stdout + done.stderr
        stats: dict[str, Any] = {}
        for line in done.stdout.splitlines():
            if line.strip().startswith("RUN: "):
                stats = json.loads(line.strip().removeprefix("RUN: "))
        changed = sum(
            int(line.split("changed=")[1].split()[0]) for line in done.stdout.splitlines() if "changed=" in line
        )
        return Played(done.returncode, text, stats, changed)

    return run
