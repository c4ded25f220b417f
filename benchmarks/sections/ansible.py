"""Ansible runbooks beside one plain playbook of the same tasks, and beside one call a step."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from benchmarks.contest import STEPS, WHOLE, Contest, Contestant, Measure
from benchmarks.effects import prove
from benchmarks.hosts import Hosts, end_masters, running_hosts
from benchmarks.place import Place
from benchmarks.process import ran
from benchmarks.scripts.playbooks import CONFIG, play
from benchmarks.workspace import DRILL, Command, make_workspace

_CALLS = Path(__file__).parents[1] / "scripts/runner_calls.py"
Module = Literal["command", "raw"]


def contests(place: Place, stack: ExitStack) -> list[Contest]:
    """``command`` tasks on one and on eight hosts, ``raw`` tasks on one."""
    many = 2 if place.quick else 8
    hosts = stack.enter_context(running_hosts(place.directory("ansible-hosts"), many))
    one = hosts.first(1)
    found = [Field(place, "ansible-1", one, "command").contest(), Field(place, "ansible-raw-1", one, "raw").contest()]
    if not place.quick:
        found.append(Field(place, f"ansible-{many}", hosts, "command").contest(rounds=2))
    return found


class Field:
    """One contest's files and contestants."""

    def __init__(self, place: Place, name: str, hosts: Hosts, module: Module) -> None:
        self.place = place
        self.name = name
        self.hosts = hosts
        self.module = module
        self.here = place.directory(name)
        self.sockets = place.directory("s", name)
        self.inventory = {"all": {"children": {"targets": {"hosts": hosts.variables(sys.executable)}}}}
        self.numbers = range(1, place.steps + 1)

    def contest(self, rounds: int | None = None) -> Contest:
        """Everybody."""
        steps, count = self.place.steps, len(self.hosts.all)
        contestants = [self.holdfast(), self.one_playbook()]
        if count == 1:  # on many hosts one call a step takes minutes, and nothing is promised about it
            contestants += [self.many_playbooks(), self.runner()]
        return Contest(
            self.name,
            f"{steps} Ansible {self.module} steps on {count} host{'s' if count > 1 else ''}",
            contestants,
            (WHOLE, STEPS, Measure("first", "until the first step begins")),
            baseline="playbook",
            rounds=rounds,
            notes=(
                "The same tasks for everybody: pipelining, persistent connections, no facts gathered. Each step leaves "
                "a mark on its host, and the marks are counted after each round.",
                "The hosts have the Python that Holdfast runs with, as hosts with the same Debian would, and "
                "holdfast_compiled_modules: true: it sends modules together with what they are compiled to, as is "
                "advised for near hosts. Without it a host compiles them for each task, as it does for the others.",
                "One playbook cannot stop, be approved, timed or taken up again between two of its tasks; "
                "one call a step can.",
            ),
        )

    def _turn(self, name: str, go: Callable[[Path], dict[str, float]]) -> Callable[[], dict[str, float]]:
        effects = self.here / "effects" / name
        files = self.here / name
        config = CONFIG.format(sockets=self.sockets)
        self._write(files, "ansible.cfg", config)
        self._write(files, "hosts.yml", json.dumps(self.inventory))
        self._write(files, "steps.yml", play(self.module, effects, *self.numbers))
        for number in self.numbers:
            self._write(files, f"step-{number}.yml", play(self.module, effects, number))

        def turn() -> dict[str, float]:
            self.place.fresh(self.name, "effects", name)
            end_masters(self.sockets)
            for sockets in self.place.directory("home", ".ansible").glob("cp-holdfast*"):
                end_masters(sockets)
            measured = go(files)
            prove(effects, self.place.steps, [host.name for host in self.hosts.all])
            return measured

        return turn

    def _write(self, directory: Path, name: str, text: str) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / name).write_text(text)

    def holdfast(self) -> Contestant:
        """The program itself: each step a playbook of one task."""
        effects = self.here / "effects/holdfast"
        steps = [
            {
                "id": f"s{number}",
                "ansible": {"playbook": f"step-{number}.yml", "limit": "targets"},
                "timeout": "5m",
                "changes": False,
            }
            for number in self.numbers
        ]
        workspace = make_workspace(
            self.here / "workspace",
            steps,
            hosts=self.hosts.variables(sys.executable),
            playbooks={f"step-{number}.yml": play(self.module, effects, number) for number in self.numbers},
            config=CONFIG.format(sockets=self.sockets),
        )
        command = Command(self.place, workspace, self.here / "state")
        return Contestant(
            "holdfast",
            f"Holdfast, {self.place.steps} steps",
            f"holdfast {' '.join(DRILL)}",
            self._turn("holdfast", lambda _files: command.run(*DRILL)),
        )

    def one_playbook(self) -> Contestant:
        """Everything in one playbook."""

        def go(files: Path) -> dict[str, float]:
            words = ["ansible-playbook", "-i", "hosts.yml", "steps.yml"]
            return {"whole": ran(words, env=self.place.env(), cwd=files).seconds}

        return Contestant(
            "playbook",
            f"one plain playbook of {self.place.steps} tasks",
            "ansible-playbook -i hosts.yml steps.yml",
            self._turn("playbook", go),
        )

    def many_playbooks(self) -> Contestant:
        """A shell loop, one playbook a step."""
        loop = 'set -e; for n in $(seq "$1"); do ansible-playbook -i hosts.yml "step-$n.yml"; done'

        def go(files: Path) -> dict[str, float]:
            words = ["bash", "-c", loop, "loop", str(self.place.steps)]
            return {"whole": ran(words, env=self.place.env(), cwd=files).seconds}

        return Contestant(
            "playbook-20",
            f"{self.place.steps} × ansible-playbook",
            "for n in 1 ... 20: ansible-playbook -i hosts.yml step-$n.yml",
            self._turn("playbook-20", go),
        )

    def runner(self) -> Contestant:
        """ansible-runner from Python, one call a step."""

        def go(files: Path) -> dict[str, float]:
            private = self.place.fresh(self.name, "runner-20", "private")
            plan = {
                "private": str(private),
                "project": str(files),
                "inventory": str(files / "hosts.yml"),
                "playbooks": [f"step-{number}.yml" for number in self.numbers],
            }
            (files / "calls.json").write_text(json.dumps(plan))
            env = self.place.env(ANSIBLE_CONFIG=str(files / "ansible.cfg"))
            return {"whole": ran([sys.executable, _CALLS, "calls.json"], env=env, cwd=files).seconds}

        return Contestant(
            "runner-20",
            f"{self.place.steps} × ansible-runner",
            "python runner_calls.py calls.json",
            self._turn("runner-20", go),
        )
