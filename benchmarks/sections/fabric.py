"""Commands over ssh: a Fabric runbook beside the hand-written scripts and the tools people would take instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contest import STEPS, WHOLE, Contest, Contestant, Measure
from benchmarks.contestants import environment
from benchmarks.effects import argv, command, prove
from benchmarks.hosts import Hosts, end_masters, running_hosts
from benchmarks.place import Place
from benchmarks.process import Ran, ran
from benchmarks.scripts.others import chaos_experiment, pyinfra_deploy, pyinfra_inventory
from benchmarks.scripts.playbooks import CONFIG, play
from benchmarks.scripts.shell import shell_script
from benchmarks.workspace import DRILL, Command, make_workspace

FIRST = Measure("first", "until the first step begins")
_TUNED = Path(__file__).parents[1] / "scripts/tuned_fabric.py"


def contests(place: Place, stack: ExitStack) -> list[Contest]:
    """One contest for one host and one for eight."""
    counts = (1, 2) if place.quick else (1, 8)
    hosts = stack.enter_context(running_hosts(place.directory("fabric-hosts"), max(counts)))
    return [Field(place, f"fabric-{count}", hosts.first(count)).contest() for count in counts]


class Field:
    """One contest's files and contestants."""

    def __init__(self, place: Place, name: str, hosts: Hosts) -> None:
        self.place = place
        self.name = name
        self.hosts = hosts
        self.names = [host.name for host in hosts.all]
        self.here = place.directory(name)
        # Short, for sockets have to fit.
        self.sockets = place.directory("s", name)
        (self.here / "ssh_config").write_text(hosts.ssh_config(self.sockets))

    def contest(self) -> Contest:
        """Everybody who can do this."""
        count = len(self.names)
        here = [self.holdfast(), self.bash(), self.tuned(), self.playbook()]
        absent: dict[str, str] = {}
        for package, make in (("pyinfra", self.pyinfra), ("chaostoolkit", self.chaos)):
            if package not in self.place.packages:
                absent[package] = f"the package {package} could not be installed"
            elif package == "chaostoolkit" and count > 1:
                absent[package] = "it has no way of its own to run one action on several hosts and wait for them all"
            else:
                here.append(make())
        return Contest(
            self.name,
            f"{self.place.steps} commands over ssh, one after the other, on {count} host{'s' if count > 1 else ''}",
            here,
            (WHOLE, STEPS, FIRST),
            baseline="bash",
            absent=absent,
            notes=(
                "Every command leaves a mark on its host, and each contestant's marks are counted after each round. "
                "First to last step begins for scripts when they are connected, for Holdfast when its first step is in "
                "the journal, whatever of connecting is still to be waited for then.",
            ),
        )

    def _turn(self, name: str, go: Callable[[], dict[str, float]]) -> Callable[[], dict[str, float]]:
        def turn() -> dict[str, float]:
            self.place.fresh(self.name, "effects", name)
            end_masters(self.sockets)
            measured = go()
            prove(self._effects(name), self.place.steps, self.names)
            return measured

        return turn

    def _effects(self, name: str) -> Path:
        return self.here / "effects" / name

    def _write(self, name: str, text: str) -> Path:
        file = self.here / name
        file.write_text(text)
        return file

    def _run(self, *words: str | Path) -> Ran:
        return ran(words, env=self.place.env(), cwd=self.here)

    def holdfast(self) -> Contestant:
        """The program itself, its journal on."""
        steps = [
            {
                "id": f"s{number}",
                "fabric": {"host": "targets", "argv": argv(self._effects("holdfast"), number)},
                "timeout": "1m",
                "changes": False,
            }
            for number in range(1, self.place.steps + 1)
        ]
        workspace = make_workspace(self.here / "workspace", steps, hosts=self.hosts.variables(sys.executable))
        command = Command(self.place, workspace, self.here / "state")

        return Contestant(
            "holdfast", "Holdfast", f"holdfast {' '.join(DRILL)}", self._turn("holdfast", lambda: command.run(*DRILL))
        )

    def bash(self) -> Contestant:
        """The hand-written script."""
        text = shell_script(self.here / "ssh_config", self.names, self._effects("bash"), self.place.steps)
        script = self._write("steps.sh", text)
        return Contestant(
            "bash",
            "bash + ssh ControlMaster",
            "bash steps.sh",
            self._turn("bash", lambda: _with_steps(self._run("bash", script))),
        )

    def tuned(self) -> Contestant:
        """A Fabric script with everything one can do."""
        one = {"user": self.hosts.user, "key": str(self.hosts.key), "known_hosts": str(self.hosts.known_hosts)}
        plan = {
            "hosts": [{"port": host.port, **one} for host in self.hosts.all],
            "lines": [command(self._effects("script"), number) for number in range(1, self.place.steps + 1)],
        }
        file = self._write("tuned.json", json.dumps(plan))
        return Contestant(
            "script",
            "tuned Fabric script",
            "python tuned_fabric.py steps.json",
            self._turn("script", lambda: _with_steps(self._run(sys.executable, _TUNED, file))),
        )

    def playbook(self) -> Contestant:
        """One plain playbook of raw tasks."""
        sockets = self.place.directory("s", f"{self.name}-playbook")
        inventory = {"all": {"children": {"targets": {"hosts": self.hosts.variables(sys.executable)}}}}
        self._write("hosts.yml", json.dumps(inventory))
        self._write("ansible.cfg", CONFIG.format(sockets=sockets))
        numbers = range(1, self.place.steps + 1)
        self._write("steps.yml", play("raw", self._effects("playbook"), *numbers))

        def go() -> dict[str, float]:
            end_masters(sockets)
            return {"whole": self._run("ansible-playbook", "-i", "hosts.yml", "steps.yml").seconds}

        return Contestant(
            "playbook",
            "one plain playbook of raw tasks",
            "ansible-playbook -i hosts.yml steps.yml",
            self._turn("playbook", go),
        )

    def pyinfra(self) -> Contestant:
        """pyinfra, its own ssh connector, all hosts in parallel."""
        self._write("inventory.py", pyinfra_inventory(self.hosts))
        self._write("deploy.py", pyinfra_deploy(self._effects("pyinfra"), self.place.steps))
        program = environment() / "bin/pyinfra"
        return Contestant(
            "pyinfra",
            "pyinfra",
            "pyinfra -y inventory.py deploy.py",
            self._turn("pyinfra", lambda: {"whole": self._run(program, "-y", "inventory.py", "deploy.py").seconds}),
        )

    def chaos(self) -> Contestant:
        """Chaos Toolkit, calling ssh over a shared connection."""
        effects = self._effects("chaos")
        self._write(
            "experiment.json", chaos_experiment(self.here / "ssh_config", self.names[0], effects, self.place.steps)
        )
        program = environment() / "bin/chaos"
        words = ("--no-version-check", "run", "--no-validation", "experiment.json")

        def go() -> dict[str, float]:
            for left in ("journal.json", "chaostoolkit.log"):
                (self.here / left).unlink(missing_ok=True)
            return {"whole": self._run(program, *words).seconds}

        return Contestant(
            "chaos", "Chaos Toolkit with ssh ControlMaster", f"chaos {' '.join(words)}", self._turn("chaos", go)
        )


def _with_steps(done: Ran) -> dict[str, float]:
    began, ended = done.out.split()[-2:]
    return {"whole": done.seconds, "steps": float(ended) - float(began)}
