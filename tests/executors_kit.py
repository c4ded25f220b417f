"""Tools for the executors' tests: reins, a private sshd, a link that can be cut."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.executors.contract import Wish
from orchestrator.executors.fabric_login import SshSettings
from orchestrator.model.inventory import Host, Inventory


def until(holds: Callable[[], Any], seconds: float = 60.0, what: str = "it") -> Any:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds:g} s")
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def when(holds: Callable[[], Any], do: Callable[[], Any]) -> Iterator[None]:
    """Beside the block: ``do`` as soon as the condition holds. So nothing depends on how quick the machine is."""
    beside = threading.Thread(target=lambda: (until(holds), do()))
    beside.start()
    yield
    beside.join()


@contextlib.contextmanager
def shut_port() -> Iterator[socket.socket]:
    """A port that refuses until ``listen()`` is called on it, and that nobody else can take in the meantime."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing(tool: str, what: str) -> None:
    """Skip, or fail where this machine was promised to have it."""
    reason = f"{what} is not installed on this machine"
    if tool in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


DRIVER = """import time
from executors_kit import Reins, inventory_of
from orchestrator.model.document import Mode
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job, Phase
"""
"""How the text of a driver begins that a test starts as a process of its own, to kill it."""


def driver_env() -> dict[str, str]:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Reins:
    """A Control whose wish and time a test can change."""

    def __init__(self, seconds: float = 30.0) -> None:
        self._deadline = time.monotonic() + seconds
        self._changed = threading.Condition()
        self.wish = Wish.GO

    def pull(self, wish: Wish) -> None:
        with self._changed:
            self.wish = wish
            self._changed.notify_all()

    def wait(self, seconds: float) -> Wish:
        with self._changed:
            self._changed.wait_for(lambda: self.wish is not Wish.GO, timeout=max(0.0, seconds))
            return self.wish

    def remaining(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def time_is_up(self) -> None:
        self._deadline = time.monotonic()


class Counting(Reins):
    """Reins that act when they are waited on for the so-many-th time: a look that is looked again and again."""

    def __init__(self, times: int, act: Callable[[], Any]) -> None:
        super().__init__()
        self._left, self._act = times, act

    def wait(self, seconds: float) -> Wish:
        self._left -= 1
        if self._left == 0:
            self._act()
        return super().wait(seconds)


def inventory_of(*hosts: Host, **groups: tuple[str, ...]) -> Inventory:
    return Inventory("inventory", {host.name: host for host in hosts}, groups)


@dataclass
class SshHost:
    """A private sshd of this test session."""

    directory: Path
    port: int
    user: str
    key: Path
    known_hosts: Path
    home: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def settings(self) -> SshSettings:
        return SshSettings(known_hosts=(str(self.known_hosts),), config=None)

    def vars(self, port: int | None = None, **more: Any) -> dict[str, Any]:
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": port or self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.key),
            "holdfast_known_hosts": str(self.known_hosts),
            **more,
        }

    def host(self, name: str = "target", port: int | None = None, **more: Any) -> Host:
        return Host(name, self.vars(port, **more))

    def trust(self, port: int, key: Path | None = None) -> None:
        """Let the host key be known on another port too (a proxy's)."""
        public = (key or self.directory / "host_ed25519").with_suffix(".pub").read_text().split()
        with self.known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")

    def start(self, port: int, host_key: Path) -> subprocess.Popen[bytes]:
        config = self.directory / f"sshd_config.{port}"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n"
            f"AuthorizedKeysFile {self.directory / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
            f"SetEnv HOME={self.home}\nAllowTcpForwarding yes\nMaxSessions 10\nMaxStartups 100\n"
            "LogLevel ERROR\n"
        )
        with (self.directory / f"sshd.{port}.log").open("wb") as log:
            process = subprocess.Popen([str(sshd_binary()), "-D", "-e", "-f", str(config)], stderr=log)
        self.processes.append(process)
        until(lambda: process.poll() is not None or _accepts(port), what="sshd listening")
        if process.poll() is not None:
            raise AssertionError((self.directory / f"sshd.{port}.log").read_text())
        return process


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def sshd_binary() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")


def private_sshd(directory: Path) -> Iterator[SshHost]:
    """An sshd on loopback with keys, home and port of its own, until the generator is closed."""
    if sshd_binary() is None:
        missing("sshd", "OpenSSH's sshd")
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
            process.wait(timeout=60)


def keygen(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


class Link:
    """A TCP proxy on loopback: the wire between two machines, which can be cut, healed and torn."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._closing = False
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told: as when a cable is pulled."""
        self._flows.clear()

    def heal(self) -> None:
        self._flows.set()

    def tear(self) -> None:
        """All connections are reset."""
        with self._guard:
            sockets, self._sockets = self._sockets, set()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        with self._guard:
            self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self.tear()

    def _accept(self) -> None:
        while not self._closing:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                self.accepted += 1
                self._sockets.add(near)
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        self._flows.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            near.close()
            return
        with self._guard:
            try:
                if self._closing:
                    raise OSError("closing")
                far.settimeout(None)
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                near.close()
                far.close()
                return
            self._sockets.add(far)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
