from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_kit import Bench

from orchestrator.lab.lab import Lab, take_down


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One lab a worker; each test resets it. Not below pytest's own directory, which others may not enter."""
    place = Path(tempfile.mkdtemp(prefix="holdfast-lab-"))
    place.chmod(0o755)
    try:
        yield Lab.up(place / "lab")
    finally:
        take_down(place / "lab", remove=True)
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def bench(lab: Lab, tmp_path: Path) -> Bench:
    """A fresh lab and a fresh state directory."""
    lab.reset(synchronous=False)
    state = tmp_path / "state"
    return Bench(lab, state)
