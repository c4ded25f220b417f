"""How one host is reached over ssh: read from its inventory variables, which are data and run nothing here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import ExecutorError
from orchestrator.model.inventory import Host
from orchestrator.plain import dataclass

_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_CODE = frozenset({"proxycommand", "localcommand", "knownhostscommand", "remotecommand"})
_CONNECTIONS = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "local"})


@dataclass(frozen=True, slots=True)
class SshSettings:
    """What holds for all hosts. Times in seconds.

    ``config`` is the user's own ssh_config (None: none is read). ``known_hosts`` are read where the inventory names
    no file of its own.
    """

    known_hosts: tuple[str, ...] = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
    config: str | None = "~/.ssh/config"
    connect: float = 10.0
    """For connecting, keys and login together."""
    silence: float = 15.0
    """Without a sign of life for this long, the link counts as cut."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom. ``jump`` are hosts to go through (``user@host:port``), nearest first."""

    address: str
    port: int | None
    user: str | None
    key_file: str | None
    password: str | None
    known_hosts: tuple[str, ...]
    jump: tuple[str, ...]


def login_of(host: Host, settings: SshSettings) -> Login:
    """Ansible's own variables for ssh. Raises ExecutorError for what would run code on this machine.

    Switching off the checking of host keys (``StrictHostKeyChecking=no``) has no effect: they are always checked.
    """
    connection = str(host.vars.get("ansible_connection", "ssh"))
    if connection not in _CONNECTIONS:
        raise ExecutorError(
            f"host {host.name} has ansible_connection {connection!r}, which fabric cannot use",
            mend="fabric uses ssh or, with ansible_connection: local, this machine; use an ansible step",
        )
    options = dict(_options(host))
    forbidden = sorted(_CODE & options.keys())
    if forbidden or "ansible_ssh_executable" in host.vars or "ansible_paramiko_proxy_command" in host.vars:
        what = forbidden[0] if forbidden else "a program of its own"
        raise ExecutorError(
            f"the inventory wants {what} for host {host.name}: that is code, and it is not run",
            mend="use ProxyJump (-J) in ansible_ssh_common_args, or put the command into your own ~/.ssh/config",
        )
    own = host.vars.get("holdfast_known_hosts") or host.vars.get("ansible_ssh_known_hosts_file")
    named = [str(own)] if own else shlex.split(options.get("userknownhostsfile", ""))
    port = host.vars.get("ansible_port", host.vars.get("ansible_ssh_port"))
    key = _first(host, "ansible_ssh_private_key_file", "ansible_private_key_file") or options.get("identityfile")
    return Login(
        address=str(host.vars.get("ansible_host") or host.vars.get("ansible_ssh_host") or host.name),
        port=host.port(port) if port is not None else None,
        user=_first(host, "ansible_user", "ansible_ssh_user"),
        key_file=_path(key) if key else None,
        password=_first(host, "ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
        known_hosts=tuple(_path(name) for name in (named or settings.known_hosts)),
        jump=tuple(hop for hop in options.get("proxyjump", "").split(",") if hop and hop != "none"),
    )


def environment_of(host: Host) -> dict[str, str]:
    """What commands on ``host`` find in their environment: its variable ``holdfast_environment``.

    ssh gives a command hardly any. Raises ExecutorError where the variable is no mapping of names to values.
    """
    given = host.vars.get("holdfast_environment") or {}
    if not isinstance(given, Mapping):
        raise ExecutorError(
            f"holdfast_environment of host {host.name} is no mapping", mend="write it as NAME: value, one a line"
        )
    return {str(name): str(value) for name, value in given.items()}


def _first(host: Host, *names: str) -> str | None:
    return next((str(host.vars[name]) for name in names if host.vars.get(name)), None)


def _path(name: str) -> str:
    return str(Path(os.path.expandvars(name)).expanduser())


def _options(host: Host) -> Iterator[tuple[str, str]]:
    """The ``-o`` options (names in small letters), ``-J`` and ``-i`` of the host's ssh arguments; the first counts."""
    found: dict[str, str] = {}
    for variable in _ARGUMENTS:
        try:
            words = iter(shlex.split(str(host.vars.get(variable) or "")))
        except ValueError as error:
            raise ExecutorError(f"{variable} of host {host.name} cannot be read: {error}") from error
        for word in words:
            if word[:2] not in ("-o", "-J", "-i"):
                continue
            value = word[2:] or next(words, "")
            if word[:2] == "-o":
                name, _, value = value.replace("=", " ", 1).strip().partition(" ")
            else:
                name = {"-J": "proxyjump", "-i": "identityfile"}[word[:2]]
            found.setdefault(name.lower(), value.strip())
    yield from found.items()
