"""Connecting begins when the plan stands: only where something will be done, and never where a drill must not go."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.model.document import Mode
from orchestrator.wiring.app import Holdfast
from orchestrator.wiring.settings import Settings

RUNBOOK = """\
runbook: small
purpose: restore
title: {en: Small, zh: 小}
SYSTEM
steps:
  - id: there
    title: {en: There, zh: 那里}
    fabric: {host: one, argv: [uptime]}
    changes: false
    timeout: 5s
  - id: here
    title: {en: Here, zh: 这里}
    fabric: {host: near, argv: [uptime]}
    changes: false
    timeout: 5s
"""
HOSTS = """\
all:
  hosts:
    one: {ansible_host: 127.0.0.1, ansible_port: PORT}
    near: {ansible_connection: local}
"""
ESTATE = """\
estate: here
contacts:
  li: {name: Li, reach: ['1']}
systems:
  books: {title: Books, rto: 1h, rpo: 1h, owners: [li], service_level: gold, production: true}
"""
LEVEL = "service_level: gold\ntitle: Gold\ntargets: {}\n"

MakeApp = Callable[[bool], Holdfast]


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A port that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def app(tmp_path: Path, door: socket.socket) -> MakeApp:
    def make(production: bool) -> Holdfast:
        site = tmp_path / "inventories" / "here"
        files = {
            tmp_path / "runbooks" / "small.yaml": RUNBOOK.replace("SYSTEM", "system: books" if production else ""),
            site / "hosts.yml": HOSTS.replace("PORT", str(door.getsockname()[1])),
            site / "service-levels" / "gold.yaml": LEVEL,
        }
        if production:
            files[site / "estate.yaml"] = ESTATE
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Holdfast(Settings.from_environment(workspace=tmp_path, state=tmp_path / "state", by="li"))

    return make


def reached(program: Holdfast, door: socket.socket, mode: Mode, seconds: float) -> bool:
    """Whether somebody knocks within so many seconds."""
    announced = program.reach(program.prepare("small", mode=mode, inputs={}))
    assert announced == bool(program._reached)
    door.settimeout(seconds)
    try:
        door.accept()[0].close()
    except TimeoutError:
        return False
    finally:
        for connections in program._reached.values():
            connections.close()
    return True


@pytest.mark.parametrize("mode", [Mode.DRILL, Mode.LIVE])
def test_a_host_is_connected_to_before_the_run_is_started(app: MakeApp, door: socket.socket, mode: Mode) -> None:
    assert reached(app(False), door, mode, 30)


@pytest.mark.parametrize(
    ("production", "mode"), [(False, Mode.CHECK), (False, Mode.TABLETOP), (True, Mode.DRILL)], ids=str
)
def test_nobody_is_connected_to_where_nothing_will_be_done(
    app: MakeApp, door: socket.socket, production: bool, mode: Mode
) -> None:
    program = app(production)
    assert not reached(program, door, mode, 0.2)
    assert not program._reached
