"""Hosts to work on: OpenSSH's sshd on loopback, each with a port of its own, and the keys of nobody else."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest import Failed

WHERE = "BENCH_HOST"
"""The environment variable that tells a command on which of the hosts it runs."""


@dataclass(frozen=True)
class Host:
    """One sshd."""

    name: str
    port: int


@dataclass(frozen=True)
class Hosts:
    """Several sshds that trust one key."""

    directory: Path
    all: tuple[Host, ...]
    user: str
    key: Path
    known_hosts: Path

    def first(self, count: int) -> Hosts:
        """Only so many of them."""
        return Hosts(self.directory, self.all[:count], self.user, self.key, self.known_hosts)

    def variables(self, python: str) -> dict[str, dict[str, Any]]:
        """As an Ansible inventory has them."""
        return {
            host.name: {
                "ansible_host": "127.0.0.1",
                "ansible_port": host.port,
                "ansible_user": self.user,
                "ansible_ssh_private_key_file": str(self.key),
                "ansible_python_interpreter": python,
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known_hosts}",
                "holdfast_known_hosts": str(self.known_hosts),
                "holdfast_compiled_modules": True,
            }
            for host in self.all
        }

    def ssh_config(self, sockets: Path) -> str:
        """An ssh_config with shared connections, as ssh_config(5) advises for many short commands."""
        common = (
            f"  User {self.user}\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n"
            f"  ControlMaster auto\n  ControlPath {sockets}/%n\n  ControlPersist 60\n"
        )
        return "".join(f"Host {host.name}\n  HostName 127.0.0.1\n  Port {host.port}\n{common}" for host in self.all)


def sshd_program() -> str | None:
    """Where OpenSSH's sshd is, on no ordinary account's PATH."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")


@contextmanager
def running_hosts(directory: Path, count: int) -> Iterator[Hosts]:
    """``count`` sshds until the end. Raises Failed where there is no sshd, or it does not start."""
    program = sshd_program()
    if program is None:
        raise Failed("OpenSSH's sshd is not installed (Debian: openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's privilege separation wants it
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True)
    public = (directory / "host_key.pub").read_text().split()
    shutil.copy(directory / "user_key.pub", directory / "authorized_keys")
    home = directory / "home"
    home.mkdir()
    hosts = tuple(Host(f"h{number}", port) for number, port in enumerate(_free_ports(count), start=1))
    known = directory / "known_hosts"
    known.write_text("".join(f"[127.0.0.1]:{host.port} {public[0]} {public[1]}\n" for host in hosts))
    with ExitStack() as stack:
        for host in hosts:
            stack.callback(_end, _start(program, directory, home, host))
        for host in hosts:
            _wait_for(host)
        yield Hosts(directory, hosts, getpass.getuser(), directory / "user_key", known)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _start(program: str, directory: Path, home: Path, host: Host) -> subprocess.Popen[bytes]:
    config = directory / f"sshd_config.{host.name}"
    config.write_text(
        f"Port {host.port}\nListenAddress 127.0.0.1\nHostKey {directory / 'host_key'}\nPidFile none\n"
        f"AuthorizedKeysFile {directory / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        f"SetEnv HOME={home} {WHERE}={host.name}\nMaxSessions 20\nMaxStartups 100\nLogLevel ERROR\n"
        "Subsystem sftp internal-sftp\n"
    )
    with (directory / f"sshd.{host.name}.log").open("wb") as log:
        return subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=log)


def _wait_for(host: Host) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", host.port), timeout=1):
            return
        time.sleep(0.02)
    raise Failed(f"the sshd of {host.name} does not answer")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=10)


def end_masters(sockets: Path) -> None:
    """End the shared connections in this directory, so that the next contestant or round finds none open."""
    for socket_file in sockets.iterdir() if sockets.is_dir() else ():
        subprocess.run(
            ["ssh", "-o", f"ControlPath={socket_file}", "-O", "exit", "nobody"], capture_output=True, check=False
        )
        socket_file.unlink(missing_ok=True)
