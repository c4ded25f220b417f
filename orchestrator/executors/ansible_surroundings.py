"""What ansible-playbook finds around it: a chosen environment, and what each host needs beyond the inventory."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.model.inventory import Host

_TAKEN_OVER = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "PYTHONPATH")

TIMEOUT = 10
"""Seconds that a connection may take to come up."""
KEEPALIVE = ("-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2")
"""A cut link is noticed after about 6 s; without these Ansible was seen to hang for over a minute."""
EMPTY_CONFIG = "ansible.cfg"
"""An empty file in the private directory, for a workspace without a configuration: else Ansible looks elsewhere."""
_TRUST = ("-o", "StrictHostKeyChecking=yes")
_SHARED = ("-o", "ControlMaster=auto", "-o", "ControlPersist=60s")
_LONGEST_SOCKETS = 75
"""Characters: the system allows a socket's path 108, of which ssh and Ansible take the rest."""
SSH_ARGS = "holdfast_ssh_args"
"""The variable that ``additions`` gives; ``SSH_ARGS_TEMPLATE`` makes Ansible use it, whatever the inventory says."""
SSH_ARGS_TEMPLATE = "{{ " + SSH_ARGS + " }}"
"""To be given to Ansible as the extra variable ``ansible_ssh_args``, which nothing outranks. Each task of each host
works it out, so it holds nothing that takes time, such as a filter."""


def sockets_of(sockets: Path | None) -> Path:
    """Where ssh keeps its shared connections: not where other programs do, as theirs may hang on a cut link.

    Each network has its own: two networks on one machine may have equal addresses, which are other hosts.
    """
    try:
        network = f"-{Path('/proc/self/ns/net').stat().st_ino}"
    except OSError:
        network = ""
    return sockets or Path.home() / ".ansible" / f"cp-holdfast{network}"


def environment(workspace: Path, playbooks: Path, directory: Path, sockets: Path) -> dict[str, str]:
    """The whole environment of one Ansible process, whose private directory is ``directory``.

    ``sockets`` is where ssh keeps its shared connections. The settings of the person at the keyboard
    (~/.ansible.cfg, ANSIBLE_*) do not count: the runbook must mean the same on every laptop.
    """
    config = next((file for file in (workspace / "ansible.cfg", playbooks / "ansible.cfg") if file.is_file()), None)
    home = Path(os.environ.get("HOME", "/")).expanduser()
    programs = Path(sys.executable).parent
    return {
        **{name: os.environ[name] for name in _TAKEN_OVER if name in os.environ},
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(config or directory / EMPTY_CONFIG),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        "ANSIBLE_ROLES_PATH": str(playbooks / "roles"),
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(
            [str(playbooks / "collections"), str(home / ".ansible/collections"), "/usr/share/ansible/collections"]
        ),
        # An executable file is a program of somebody's; an inventory here is a text.
        "ANSIBLE_INVENTORY_ENABLED": "yaml,ini",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_TIMEOUT": str(TIMEOUT),
        # Both would write what a task was given, secrets too, where nobody redacts it.
        "ANSIBLE_LOG_PATH": os.devnull,
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "PYTHONUNBUFFERED": "1",
    }


def is_shared(sockets: Path) -> bool:
    """Whether connections whose sockets are to lie there are shared among steps: where the name is not too long."""
    return len(str(sockets)) <= _LONGEST_SOCKETS


def _general(sockets: Path) -> str:
    shared = _SHARED if is_shared(sockets) else ("-o", "ControlMaster=no")
    return shlex.join([*KEEPALIVE, *_TRUST, *shared])


def additions(hosts: Iterable[Host], sockets: Path) -> dict[str, Any]:
    """A second inventory for ``hosts``, as data; Ansible reads it after the real one.

    What holds for all is for hosts that are not in the inventory too (``add_host``).

    Hosts on ssh: our options come before their own ``ansible_ssh_args``, and ssh takes the first it is given. Local
    hosts: the Python that runs this program, where they name none; looking for one costs time and finds surprises.
    """
    added = {host.name: _addition(host, sockets) for host in hosts}
    of_hosts = {name: vars_ for name, vars_ in added.items() if vars_}
    return {"all": {"vars": {SSH_ARGS: _general(sockets)}, "hosts": of_hosts}}


def _addition(host: Host, sockets: Path) -> Mapping[str, str]:
    if host.is_local:
        return {} if "ansible_python_interpreter" in host.vars else {"ansible_python_interpreter": sys.executable}
    if host.vars.get("ansible_connection", "ssh") not in ("ssh", "smart", "ansible.builtin.ssh"):
        return {}
    return {SSH_ARGS: ssh_args(host, sockets)}


def ssh_args(host: Host, sockets: Path) -> str:
    """The first arguments of ssh to a host, quoted."""
    known_hosts = host.vars.get("holdfast_known_hosts") or host.vars.get("ansible_ssh_known_hosts_file")
    trusted = f"UserKnownHostsFile={Path(os.path.expandvars(str(known_hosts))).expanduser()}" if known_hosts else ""
    ours = shlex.join([*KEEPALIVE, *_TRUST, *(("-o", trusted) if trusted else ())])
    return f"{ours} {host.vars.get('ansible_ssh_args', '')} {_general(sockets)}"
