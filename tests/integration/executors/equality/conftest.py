"""One warm Ansible for all the cases of a worker, and the ground on which they are played."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from equality_case import ON_PATH, Case, Ground
from equality_warm import Warm
from executors_kit import SshHost


@pytest.fixture(scope="session", autouse=True)
def heard() -> Iterator[None]:
    """What ansible-runner hands on is written down by a plugin of its own, in every child, cold or warm."""
    with pytest.MonkeyPatch.context() as patch:
        paths = [str(ON_PATH), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        yield


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all the cases of a worker: a warm Ansible belongs to one workspace."""
    return tmp_path_factory.mktemp("equality")


@pytest.fixture
def ground(place: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """An empty ground, with a home and a place for temporary files that belong to it alone."""
    far = request.getfixturevalue("sshd_host") if request.node.get_closest_marker("sshd") else None
    assert far is None or isinstance(far, SshHost)
    made = Ground(place / "ground", far)
    monkeypatch.setenv("HOME", str(made.root / "home"))
    monkeypatch.setenv("TMPDIR", str(made.root / "tmp"))
    yield made
    for master in made.sockets.glob("*"):
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={master}", "far"], capture_output=True, timeout=30)
    made.clear()


@pytest.fixture
def lay(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Callable[[Case], None]:
    """Lays a case out, with the environment it wants at the keyboard."""

    def made(one: Case) -> None:
        for name, value in one.env.items():
            monkeypatch.setenv(name, value)
        ground.lay(one)

    return made


@pytest.fixture(scope="session")
def _warm(place: Path) -> Iterator[list[Warm]]:
    kept: list[Warm] = []
    yield kept
    for one in kept:
        one.close()


@pytest.fixture
def warm(_warm: list[Warm], ground: Ground) -> Warm:
    """The worker's warm Ansible, which has seen all the cases before this one."""
    if not _warm:
        _warm.append(Warm(ground))
    _warm[0].said.clear()
    return _warm[0]
