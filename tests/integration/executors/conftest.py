"""Real parts for the executors' tests: an OpenSSH sshd and a link to it that can be cut; all private."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Link, SshHost, free_port, keygen, missing, sshd_binary
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
    if sshd_binary() is None:
        missing("sshd", "OpenSSH's sshd")
    directory = tmp_path_factory.mktemp("sshd")
    host_key = keygen(directory / "host_ed25519")
    key = keygen(directory / "user_ed25519")
    (directory / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    home = directory / "home"
    home.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's privilege separation wants it
    host = SshHost(directory, free_port(), getpass.getuser(), key, directory / "known_hosts", home)
    host.known_hosts.touch()
    try:
        host.start(host.port, host_key)
        host.trust(host.port)
        yield host
    finally:
        for process in host.processes:
            process.terminate()
            process.wait(timeout=10)


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
