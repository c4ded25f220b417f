"""Shared ssh connections that Ansible's steps will need, begun while Ansible itself is still warming up.

Ansible's ssh shares one connection to a host among all steps, and whichever ssh comes first opens it. Here that is one
that does nothing else, with the same arguments and the same socket. It is only done where it is certain what Ansible
would do: a host, a configuration or a playbook that has its own ideas about connections is left to Ansible alone.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.executors import proc
from orchestrator.executors.ansible_surroundings import TIMEOUT, is_shared, ssh_args
from orchestrator.model.inventory import Host

AT_ONCE = 16
"""Hosts that are connected to ahead: each is a program of its own."""
PATIENCE = 1.0
"""Seconds that a connection may take, from its beginning on, for a step to wait for it."""
_KNOWN = {
    "ansible_connection",
    "ansible_host",
    "ansible_port",
    "ansible_python_interpreter",
    "ansible_ssh_args",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_ssh_known_hosts_file",
    "ansible_ssh_private_key_file",
    "ansible_user",
}
"""Variables of a host that are understood here. Another of Ansible's own may change how it connects."""
_CONFIGURED = re.compile(
    r"^\s*(remote_user|remote_port|private_key\w*|transport|ask_pass|\w*password\w*|pkcs11\w*|"
    r"control_path|ssh_common_args|ssh_extra_args|ssh_executable|ssh_transfer_method|use_ssh_agent|agent)\s*[=:]",
    re.MULTILINE,
)
_PLAYED = re.compile(
    r"remote_user|connection|\bport\b|ansible_(?!builtin)|\broles?\b|\b(import|include)_|vars_files|vars_prompt|strategy"
)
"""Words of a playbook with which it may connect otherwise, or names other files that may."""
_VARIABLES = ("group_vars", "host_vars")
"""Directories beside the playbooks whose variables Ansible alone reads."""


def is_plain(playbook: Path, playbooks: Path, config: Path) -> bool:
    """Whether neither a playbook nor the configuration says how to connect. Raises OSError where one can't be read."""
    if any((directory / name).exists() for directory in (playbooks, playbook.parent) for name in _VARIABLES):
        return False
    if config.is_file() and _CONFIGURED.search(config.read_text(encoding="utf-8", errors="replace")):
        return False
    return not _PLAYED.search(playbook.read_text(encoding="utf-8", errors="replace"))


def command(host: Host, sockets: Path) -> tuple[str, ...] | None:
    """The ssh that opens Ansible's shared connection to ``host``; None where it is not certain what that would be."""
    own = {name: value for name, value in host.vars.items() if name.startswith("ansible_")}
    odd = {name for name in own if name not in _KNOWN and not name.startswith("ansible_become")}
    if odd or own.get("ansible_connection", "ssh") != "ssh" or not is_shared(sockets):
        return None
    port, user, key = (own.get(f"ansible_{name}") for name in ("port", "user", "ssh_private_key_file"))
    # Neither a template, nor what ssh would not take for a word or a host.
    if any(re.search(r"{[{%#]", str(value)) for value in own.values()) or host.address.startswith("-"):
        return None
    if any(mark in f"{port}{user}{key}" for mark in '"\\\n'):
        return None
    try:
        words = shlex.split(ssh_args(host, sockets))
        more = [shlex.split(str(own.get(f"ansible_ssh_{name}_args", ""))) for name in ("common", "extra")]
    except ValueError:  # a quote that is not closed: the step says so
        return None
    words += [] if port is None else ["-o", f"Port={port}"]
    words += [] if not key else ["-o", f'IdentityFile="{Path(str(key)).expanduser()}"']
    # A password is never asked for: where Ansible would be given one, there is a variable that is not known here.
    words += ["-o", "BatchMode=yes", "-o", "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey"]
    words += [] if not user else ["-o", f'User="{user}"']
    words += ["-o", f"ConnectTimeout={TIMEOUT}"]
    words += itertools.chain.from_iterable(more)
    if any("controlpath" in word.lower() for word in words):
        return None
    # As ansible.plugins.connection.ssh names it.
    digest = hashlib.sha1(f"{host.address}-{port}-{user}".encode(), usedforsecurity=False).hexdigest()
    return (*words, "-o", f'ControlPath="{sockets / digest[:10]}"', host.address, "true")


@dataclass(frozen=True, slots=True)
class _Begun:
    program: subprocess.Popen[bytes]
    at: float


class Ahead:
    """The connections of one run. ``env`` is what ssh finds around it."""

    def __init__(self, sockets: Path, env: Mapping[str, str]) -> None:
        self._sockets = sockets
        self._env = env
        self._lock = threading.Lock()
        self._begun: dict[str, _Begun] = {}

    def connect(self, hosts: Iterable[Host]) -> None:
        """Begin to connect, without waiting. What goes wrong shows when a step needs the host."""
        ssh = shutil.which("ssh", path=self._env.get("PATH"))
        commands = {host.name: words for host in hosts if (words := command(host, self._sockets)) is not None}
        with self._lock:
            for name, words in list(commands.items())[:AT_ONCE]:
                if ssh is not None and name not in self._begun:
                    with suppress(OSError):
                        self._sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
                        self._begun[name] = _Begun(self._start([ssh, *words]), time.monotonic())

    def settle(self, names: Iterable[str]) -> None:
        """Wait for the connections to these hosts, not for long; give up all that are not open then.

        Two that open the same one side by side would disturb each other: what is not open is Ansible's again.
        """
        with self._lock:
            begun, self._begun = self._begun, {}
        for name in names:
            if name in begun:
                proc.ends(begun[name].program, max(0.0, begun[name].at + PATIENCE - time.monotonic()))
        for one in begun.values():
            if one.program.poll() is None:
                one.program.kill()
                one.program.wait()

    def close(self) -> None:
        """Give up what is not open. What is open stays for as long as it would if Ansible had opened it."""
        self.settle(())

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        nothing = subprocess.DEVNULL
        return subprocess.Popen(
            words, env=dict(self._env), stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
