from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_kit import Bench
from executors_kit import SshHost, private_sshd

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
    return Bench(lab=lab, state=tmp_path / "state")


@pytest.fixture(scope="session")
def sshd_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """OpenSSH's sshd on loopback with keys, home and port of its own."""
    yield from private_sshd(tmp_path_factory.mktemp("sshd"))
