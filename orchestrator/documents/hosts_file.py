"""The hosts file of an Ansible YAML inventory: groups in groups, their hosts and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Any

from orchestrator.documents.secret_names import is_reference, names_a_secret
from orchestrator.documents.source import Keys, Source
from orchestrator.documents.wording import wrong_type
from orchestrator.errors import DocumentError, Problem
from orchestrator.plain import dataclass

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SECTIONS = ("hosts", "children", "vars")
_CONNECTION = re.compile(r"(?:ansible_(?:ssh_)?(?:host|port|user|private_key_file)|ansible_connection|pg_[a-z0-9_]*)\Z")
"""Variables this program reads itself: they must say what they mean without Ansible's help."""


@dataclass(slots=True)
class Groups:
    """What a hosts file says, before variables are merged. ``hosts`` maps each host to its own variables."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    vars: dict[str, dict[str, Any]] = field(default_factory=dict)
    direct: dict[str, list[str]] = field(default_factory=dict)
    """Group to the hosts listed in it."""
    children: dict[str, list[str]] = field(default_factory=dict)
    priority: dict[str, int] = field(default_factory=dict)
    """``ansible_group_priority``: among groups of one depth, the higher wins."""

    def names(self) -> set[str]:
        """All groups; ``all`` and ``ungrouped`` are always there."""
        return {"all", "ungrouped", *self.direct}

    def circle(self) -> list[str]:
        """Groups that contain themselves, from one to the same again; empty where there are none."""
        try:
            self._children_first()
        except CycleError as error:
            # Its list runs from child to parent.
            found: list[str] = list(reversed(error.args[1]))
            return found
        return []

    def _children_first(self) -> list[str]:
        # No recursion, and every group once: neither a long chain nor a lattice of groups may take long.
        return list(TopologicalSorter({name: self.children.get(name, []) for name in self.direct}).static_order())

    def members(self) -> dict[str, list[str]]:
        """Group to all its hosts, its children's included. Hosts in no other group are in ``ungrouped``."""
        inside: dict[str, dict[str, None]] = {}
        for name in self._children_first():
            hosts = dict.fromkeys(self.direct.get(name, ()))
            for child in self.children.get(name, ()):
                hosts.update(inside[child])
            inside[name] = hosts
        found = {name: list(inside[name]) for name in self.direct if name not in ("all", "ungrouped")}
        grouped = {host for hosts in found.values() for host in hosts}
        ungrouped = [host for host in self.hosts if host not in grouped]
        if ungrouped:
            found["ungrouped"] = ungrouped
        return {**found, "all": list(self.hosts)}

    def _depths(self) -> dict[str, int]:
        depth = {"all": 0, "ungrouped": 1}
        for name in reversed(self._children_first()):
            mine = depth.setdefault(name, 1)
            for child in self.children.get(name, ()):
                depth[child] = max(depth.get(child, 1), mine + 1)
        return depth

    def layers(self) -> dict[str, list[str]]:
        """Host to its groups (without ``all``), in the order their variables are laid over one another."""
        depth = self._depths()
        found: dict[str, list[str]] = {host: [] for host in self.hosts}
        for name, hosts in self.members().items():
            for host in hosts if name != "all" else ():
                found[host].append(name)
        for groups in found.values():
            groups.sort(key=lambda name: (depth.get(name, 1), self.priority.get(name, 1), name))
        return found


def read_groups(source: Source) -> Groups:
    """The groups in a hosts file. Raises DocumentError with all problems."""
    reader = _Reader(source)
    reader.top()
    if reader.problems:
        raise DocumentError(reader.problems)
    return reader.groups


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.groups = Groups()
        self.problems: list[Problem] = []
        self._where: dict[str, Keys] = {}

    def _wrong(self, path: Keys, message: str, mend: str, *, key: bool = True) -> None:
        self.problems.append(self.source.problem(path, message, mend, key=key))

    def _mapping(self, path: Keys, value: Any) -> Mapping[str, Any]:
        if value is None or isinstance(value, dict):
            return value or {}
        message, mend = wrong_type("keys with values", value)
        self._wrong(path, message, mend, key=False)
        return {}

    def top(self) -> None:
        data = self.source.data
        if not isinstance(data, dict) or not data:
            self._wrong((), "an inventory is groups with hosts", "begin with 'all:' and below it 'hosts:'")
            return
        if "plugin" in data:
            self._wrong(("plugin",), "an inventory plugin is a program, not data", "list the hosts in this file")
            return
        for name, body in data.items():
            self._group((name,), name, body)
        self._cross_checks()

    def _group(self, path: Keys, name: str, body: Any) -> None:
        if not _NAME.match(name):
            self._wrong(path, f"{name!r} cannot be a group's name", "use letters, digits and '_'")
            return
        groups = self.groups
        self._where.setdefault(name, path)
        groups.direct.setdefault(name, [])
        for section, content in self._mapping(path, body).items():
            inside = (*path, section)
            if section == "hosts":
                for host, own in self._mapping(inside, content).items():
                    self._host((*inside, host), name, host, own)
            elif section == "children":
                for child, below in self._mapping(inside, content).items():
                    children = groups.children.setdefault(name, [])
                    if child not in children:
                        children.append(child)
                    self._group((*inside, child), child, below)
            elif section == "vars":
                self._group_vars(inside, name, content)
            else:
                close = get_close_matches(section, _SECTIONS, n=1)
                mend = f"did you mean {close[0]!r}?" if close else f"a group has {', '.join(_SECTIONS)}"
                self._wrong(inside, f"unknown key {section!r} in group {name!r}", mend)

    def _host(self, path: Keys, group: str, name: str, own: Any) -> None:
        if not _NAME.match(name):
            mend = "write each host out by its name; say where it is reached with ansible_host and ansible_port"
            self._wrong(path, f"{name!r} cannot be a host's name", mend)
            return
        self._where.setdefault(name, path)
        listed = self.groups.direct[group]
        if name not in listed:
            listed.append(name)
        self.groups.hosts.setdefault(name, {}).update(self._vars(path, own))

    def _group_vars(self, path: Keys, name: str, content: Any) -> None:
        found = self._vars(path, content)
        priority = found.pop("ansible_group_priority", 1)
        if isinstance(priority, bool) or not isinstance(priority, int):
            self._wrong((*path, "ansible_group_priority"), "must be a whole number", "write a number", key=False)
            return
        self.groups.priority[name] = priority
        self.groups.vars.setdefault(name, {}).update(found)

    def _vars(self, path: Keys, content: Any) -> dict[str, Any]:
        found = dict(self._mapping(path, content))
        self.problems.extend(refuse_in_variables(self.source, path, found))
        return found

    def _cross_checks(self) -> None:
        for name in self.groups.hosts:
            if name in self.groups.direct:
                self._wrong(self._where[name], f"{name!r} is the name of a host and of a group", "rename one of them")
        circle = self.groups.circle()
        if circle:
            shown = " -> ".join(circle)
            self._wrong(
                self._where[circle[0]], f"groups contain each other: {shown}", "take one of them out of the circle"
            )


def refuse_in_variables(source: Source, path: Keys, variables: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each name that is none, secret that is written down, and template where this program reads."""
    for name, value in variables.items():
        where = (*path, name)
        if not _VARIABLE.match(name):
            yield source.problem(
                where, f"{name!r} cannot be a variable's name", "use letters, digits and '_'", key=True
            )
        elif not isinstance(value, str):
            continue
        elif _CONNECTION.match(name) and "{{" in value:
            message = f"{name} is read without Ansible and cannot be a template"
            yield source.problem(where, message, "write the value itself")
        elif value and names_a_secret(name) and "{{" not in value and not is_reference(value):
            mend = "keep it in a file only its reader can read, or give it to the runbook as an input of type secret"
            yield source.problem(where, f"the secret {name} is written down", mend)
