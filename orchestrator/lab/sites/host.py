"""One host of the hosts lab: its power, and running something on it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab import processes
from orchestrator.lab.processes import Process
from orchestrator.lab.sites import cgroups, keys, roots, swaps
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.launcher import CAPABILITIES
from orchestrator.lab.sites.network import NAMESPACES, Network
from orchestrator.lab.sites.topology import Plan, name_of

_SSH_PORT = "0016"
_LISTENING = "0A"
SERVICE_PROGRAM = "/usr/local/sbin/lab-service"
_SSHD = """# Written by the lab at each power on.
AuthenticationMethods publickey
AllowUsers root ops
HostKey /etc/ssh/ssh_host_ed25519_key
MaxStartups 100
PermitRootLogin prohibit-password
UseDNS no
UsePAM no
"""


@dataclass(frozen=True, slots=True)
class LabHost:
    """A host. What it is made of lies in ``<lab>/hosts/<name>``; nothing here is remembered between calls."""

    plan: Plan
    lab: Path
    key: str
    network: Network

    @property
    def name(self) -> str:
        """Its host name."""
        return self.plan.name

    @property
    def site(self) -> str:
        """``east``, ``west``, or ``outside`` for the router between them."""
        return self.plan.site

    @property
    def address(self) -> str:
        """Its own IPv4 address."""
        return self.plan.address

    @property
    def directory(self) -> Path:
        """All it has on this machine's disk."""
        return self.lab / "hosts" / self.name

    @property
    def root(self) -> Path:
        """Its root file system as seen from outside, with the power on or off."""
        return self.directory / "root"

    @property
    def disks(self) -> Path:
        """A directory on this machine's own file system, inside the host /srv/disks: for images and swap files."""
        return self.directory / "disks"

    @property
    def group(self) -> cgroups.Group:
        """Its control group: limits, freezing."""
        return cgroups.Group(name_of(self.key, self.name))

    @property
    def record(self) -> Path:
        """Where its first process is written down."""
        return self.directory / "init.json"

    def first_process(self) -> Process | None:
        """Its first process; None while it is off."""
        return processes.recall(self.record)

    @property
    def state(self) -> str:
        """``on``, ``off``, or ``frozen``."""
        if self.first_process() is None:
            return "off"
        return "frozen" if self.group.frozen else "on"

    def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,  # noqa: A002 - the name subprocess gives it
        check: bool = True,
        user: str = "root",
        seconds: float | None = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on the host, not over ssh: for the lab's own use, also while its links are cut.

        It counts to the host's control group and dies with the host. Raises LabError where the host is off or
        frozen, where it is late or, with ``check``, where it fails.
        """
        return call(self.inside(argv, user=user), input=input, check=check, seconds=seconds)

    def inside(self, argv: Sequence[str], *, user: str = "root") -> list[str]:
        """The argument list that runs ``argv`` on the host. Raises LabError where it is off or frozen."""
        init = self.first_process()
        if init is None or self.group.frozen:
            raise LabError(f"{self.name} is {self.state}", mend=f"holdfast lab status --hosts; power {self.name} on")
        groups = [str(directory / "cgroup.procs") for directory in self.group.directories]
        enter = ["nsenter", f"--target={init.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        # Where this call is killed, what it started is killed too; and it can do no more than root on the host can.
        dies = ["setpriv", "--pdeathsig", "KILL", "--bounding-set", _FORBIDDEN, "--"]
        become = [] if user == "root" else ["runuser", "-u", user, "--"]
        environment = ["env", "-i", f"PATH={_PATH}", "LANG=C.UTF-8", "HOME=/root"]
        return ["sh", "-c", _JOIN, "join", str(len(groups)), *groups, *enter, *dies, *environment, *become, *argv]

    def power_on(self, seconds: float = 20.0) -> None:
        """Start it on the disk it had, with a fresh /run; ends when sshd listens. Raises LabError."""
        with self._switch():
            if self.first_process() is None:
                self._start(seconds)

    def power_off(self) -> bool:
        """Cut its power: everything on it ends at once, nothing is written any more. Answers whether it was on."""
        with self._switch():
            return self._end()

    def freeze(self) -> bool:
        """Let it hang: no process goes on, the network hears nothing, the disks stay in its hands."""
        if self.first_process() is None:
            raise LabError(f"{self.name} is off, so it cannot be frozen", mend=f"power {self.name} on first")
        was_on = not self.group.frozen
        self.network.mute(self.plan)
        self.group.freeze()
        return was_on

    def thaw(self) -> bool:
        """Let it go on where it stopped; answers whether it was frozen."""
        was_frozen = self.group.frozen
        self.group.thaw()
        if self.first_process() is not None:
            self.network.unmute(self.plan)
        return was_frozen

    def limit_memory(self, memory: int | None, swap: int | None = None) -> None:
        """Bytes of memory for all that runs on it, and bytes of swap beyond. None: no limit. Raises LabError."""
        self.group.make()
        self.group.limit(memory, swap)

    def limit_cpu(self, share: float | None) -> None:
        """Processor time for all that runs on it, as a part of one processor. None: no limit. Raises LabError."""
        self.group.make()
        self.group.limit_cpu(share)

    def limit_writes(self, per_second: int | None) -> None:
        """Writes a second for all that runs on it, to the disk its files are on. None: no limit. Raises LabError."""
        self.group.make()
        self.group.limit_writes(cgroups.disk_below(self.directory), per_second)

    def write_service(self, name: str, argv: Sequence[str], *, user: str = "root", **more: Any) -> None:
        """List a service that starts at power on; ``more`` (env, cwd, stop, boot) as in host_service.py."""
        self._list("services.d", name, {"argv": list(argv), "user": user, **more})

    def write_boot(self, name: str, argv: Sequence[str], *, user: str = "root") -> None:
        """List a program that runs to its end at each power on, before the services, in the order of names."""
        self._list("boot.d", name, {"argv": list(argv), "user": user})

    def forget_boot(self, name: str) -> None:
        """Take a program off the list of ``write_boot``."""
        (self.root / "etc/holdfast-lab/boot.d" / f"{name}.json").unlink(missing_ok=True)

    def service(self, verb: str, name: str) -> subprocess.CompletedProcess[str]:
        """``start``, ``stop``, ``restart`` or ``status`` of a listed service, now."""
        return self.run([SERVICE_PROGRAM, verb, name], check=verb != "status")

    def _start(self, seconds: float) -> None:
        self._sweep()
        roots.mount(self.directory, name_of(self.key, self.name))
        self._settle()
        self.group.make()
        self.network.attach(self.plan)
        self._launch()
        deadline = time.monotonic() + seconds
        while not self._ssh_listens():
            if self.first_process() is None or time.monotonic() > deadline:
                raise LabError(f"{self.name} did not come up: {self._last_words()}")
            time.sleep(0.01)

    def _end(self) -> bool:
        init = self.first_process()
        if init is not None:
            processes.send(init, signal.SIGKILL)
            # A frozen process may only die once it may go on.
            self.group.thaw()
            # When the first process of a namespace is gone, so are all the others.
            if not processes.wait_gone(init, 20.0):
                raise LabError(f"{self.name} does not go off: process {init.pid} hangs in the kernel")
        self._sweep()
        for place in swaps.below(self.disks):
            swaps.off(place)
        self.network.detach(self.plan)
        self.record.unlink(missing_ok=True)
        return init is not None

    @contextlib.contextmanager
    def _switch(self) -> Iterator[None]:
        """One at a time has a hand on the switch: a management controller, the lab, a person."""
        handle = os.open(self.directory / "switch", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _list(self, directory: str, name: str, body: dict[str, Any]) -> None:
        file = self.root / "etc/holdfast-lab" / directory / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(body, indent=2) + "\n")

    def _sweep(self) -> None:
        """End what is in the host's control group without belonging to its namespaces (somebody who was killed)."""
        processes.end_all(lambda: [found for number in self.group.processes() if (found := processes.look(number))])
        self.group.thaw()

    def _settle(self) -> None:
        """What every host has in its file system: keys, sshd's settings, the service program, names of the others."""
        shared = self.lab / "keys"
        private = keys.host_key(shared, self.name)
        operator = keys.public(keys.operator_key(shared))
        texts = {
            "etc/hostname": (f"{self.name}\n", 0o644),
            "etc/hosts": (roots.hosts_file(), 0o644),
            "etc/ssh/sshd_config.d/lab.conf": (_SSHD, 0o644),
            "etc/ssh/ssh_host_ed25519_key": (private.read_text(), 0o600),
            "etc/ssh/ssh_host_ed25519_key.pub": (keys.public(private), 0o644),
            "root/.ssh/authorized_keys": (operator, 0o600),
            "home/ops/.ssh/authorized_keys": (operator, 0o600),
        }
        for name, (text, mode) in texts.items():
            roots.write(self.root, name, text, mode)
        roots.own(self.root, "home/ops/.ssh", "ops")
        program = self.root / SERVICE_PROGRAM.lstrip("/")
        shutil.copyfile(Path(__file__).with_name("host_service.py"), program)
        program.chmod(0o755)
        self.write_service("sshd", ["/usr/sbin/sshd", "-D", "-e"])

    def _launch(self) -> None:
        groups = [word for directory in self.group.directories for word in ("--group", str(directory))]
        devices = [f"--device={name}={place}" for name, place in roots.devices(self.directory).items()]
        call(
            [
                *(sys.executable, "-P", "-m", "orchestrator.lab.sites.launcher"),
                *("--root", str(self.root), "--name", self.name),
                *("--network", str(NAMESPACES / self.network.namespace(self.name))),
                *("--record", str(self.record), "--log", str(self.directory / "log")),
                *("--bind", str(self.disks), "/srv/disks"),
                *groups,
                *devices,
                "--",
                SERVICE_PROGRAM,
                "init",
            ]
        )

    def _ssh_listens(self) -> bool:
        init = self.first_process()
        if init is None:
            return False
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{init.pid}/net/tcp").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(f":{_SSH_PORT}") and fields[3] == _LISTENING:
                    return True
        return False

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return " / ".join((self.directory / "log").read_text().splitlines()[-3:])
        return "it said nothing"


_FORBIDDEN = ",".join(f"-{name.lower()}" for name in CAPABILITIES)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_JOIN = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 125; shift; n=$((n-1)); done; exec "$@"'
"""Join the control groups that are named first, then become the rest. Data reaches it as arguments only."""
