"""The inventory: Ansible's, read once, used by both Ansible and Fabric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """One host with its merged variables (group_vars and host_vars already in)."""

    name: str
    vars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where it is reached: ``ansible_host``, else its name."""
        return str(self.vars.get("ansible_host", self.name))

    @property
    def is_local(self) -> bool:
        """Whether commands for it run on the controller (``ansible_connection: local``)."""
        return self.vars.get("ansible_connection") == "local"

    def port(self, port: str | int) -> int:
        """``port`` as a number; a name is looked up in the host's variables. Raises ExecutorError."""
        value = port
        if isinstance(port, str) and not port.isdigit():
            if port not in self.vars:
                raise ExecutorError(
                    f"host {self.name} has no variable {port!r} to take the port from",
                    mend=f"set {port} for {self.name} in the inventory, or write the number",
                )
            value = self.vars[port]
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = 0
        if not 0 < number < 65536:
            raise ExecutorError(f"{value!r} is not a port (host {self.name})", mend="a port is from 1 to 65535")
        return number


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts and groups. ``path`` is what is given to Ansible with ``-i``."""

    path: str
    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]

    def resolve(self, name: str) -> tuple[Host, ...]:
        """The hosts that a host's or group's name stands for; ``all`` is every host. Raises ExecutorError for none."""
        if name == "all":
            found = tuple(self.hosts.values())
        elif name in self.hosts:
            found = (self.hosts[name],)
        else:
            found = tuple(self.hosts[host] for host in self.groups.get(name, ()))
        if not found:
            raise ExecutorError(
                f"no host or group {name!r} in the inventory {self.path}",
                mend=f"known: {', '.join(sorted([*self.groups, *self.hosts])[:20]) or 'nothing'}",
            )
        return found

    def one(self, name: str) -> Host:
        """The single host that ``name`` stands for. Raises ExecutorError where there are more or none."""
        found = self.resolve(name)
        if len(found) != 1:
            raise ExecutorError(
                f"{name!r} stands for {len(found)} hosts ({', '.join(h.name for h in found)}); one is needed",
                mend="name one host, or a group with one host in it",
            )
        return found[0]
