"""Real parts for the executors' tests: an OpenSSH sshd and a link to it that can be cut; all private."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Link, SshHost, private_sshd
from postgres_kit import Postgres, servers

from orchestrator.model.document import Mode
from orchestrator.model.job import Job, Phase, ident_of


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run's directory with its jobs/ in it."""
    (tmp_path / "run" / "jobs").mkdir(parents=True)
    return tmp_path / "run"


@pytest.fixture
def make_job(run_dir: Path) -> Callable[..., Job]:
    """Jobs of one run: ``make_job(kind, spec, **anything else of Job)``."""

    def make(kind: str, spec: dict[str, Any], **more: Any) -> Job:
        step = more.pop("step", "s")
        attempt = more.pop("attempt", 1)
        phase = more.pop("phase", Phase.ACTION)
        ident = ident_of(step, phase, attempt)
        return Job(
            run_id=more.pop("run_id", f"run-{run_dir.parent.name}"),
            step=step,
            phase=phase,
            attempt=attempt,
            ident=ident,
            kind=kind,
            spec=spec,
            timeout=more.pop("timeout", 30.0),
            mode=more.pop("mode", Mode.DRILL),
            directory=str(run_dir / "jobs" / ident),
            **more,
        )

    return make


@pytest.fixture(scope="session")
def sshd_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """OpenSSH's sshd on loopback with keys, home and port of its own; as root or as an ordinary user."""
    yield from private_sshd(tmp_path_factory.mktemp("sshd"))


@pytest.fixture
def link(sshd_host: SshHost) -> Iterator[Link]:
    """A link to the sshd that can be cut."""
    made = Link(sshd_host.port)
    sshd_host.trust(made.port)
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL server. Tests make tables of their own in it."""
    with servers(["primary"]) as (server,):
        server.make()
        server.start()
        yield server
