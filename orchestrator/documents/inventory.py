"""Reads an Ansible YAML inventory as data, giving every host the variables Ansible would give it.

Inventories can be programs: executable files, plugins, templates, vaulted values. This one is data; what is not is
refused with the mend. Variables follow Ansible's own order (its default ``VARIABLE_PRECEDENCE``), lowest first: the
file's vars of ``all``, of other groups (parents before children), ``group_vars/all``, ``group_vars/<group>``, the
file's vars of the host, ``host_vars/<host>``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.documents.files import read_file
from orchestrator.documents.hosts_file import Groups, read_groups, refuse_in_variables
from orchestrator.documents.source import Source
from orchestrator.documents.wording import wrong_type
from orchestrator.errors import DocumentError, Problem
from orchestrator.model.inventory import Host, Inventory

HOSTS_FILES = ("hosts.yml", "hosts.yaml")
_VARS_ENDINGS = ("", ".yml", ".yaml", ".json")


def hosts_file(path: Path) -> Path:
    """The inventory's hosts file: ``path`` itself, or hosts.yml in the directory. Raises DocumentError."""
    if path.is_dir():
        there = [path / name for name in HOSTS_FILES if (path / name).exists()]
        if len(there) > 1:
            raise _refusal(path, "both hosts.yml and hosts.yaml are here", "keep one of the two")
        if not there:
            other = next((name for name in ("hosts", "hosts.ini", "inventory") if (path / name).exists()), None)
            raise _refusal(
                path, "no hosts.yml in this inventory", _as_yaml(path / other) if other else "write hosts.yml"
            )
        path = there[0]
    if path.suffix not in (".yml", ".yaml"):
        raise _refusal(path, "an inventory is a YAML file", _as_yaml(path))
    if path.is_file() and os.access(path, os.X_OK) and path.stat().st_mode & 0o111:
        # Ansible would run it as an inventory script, whatever its name ends in.
        raise _refusal(path, "an executable inventory is a program, not data", f"chmod a-x {path}")
    return path


def _as_yaml(path: Path) -> str:
    return f"write it as YAML: ansible-inventory -i {path} --list --yaml > hosts.yml"


def _refusal(path: Path, message: str, mend: str) -> DocumentError:
    return DocumentError([Problem(str(path), 1, 1, message, mend)])


def inventory_files(path: Path) -> list[Path]:
    """Every file the inventory is read from: the hosts file, then group_vars/ and host_vars/ beside it, sorted."""
    hosts = hosts_file(path)
    found = [hosts]
    for folder in ("group_vars", "host_vars"):
        found.extend(file for file in sorted((hosts.parent / folder).rglob("*")) if file.is_file())
    return found


def load_inventory(path: Path) -> Inventory:
    """The inventory in this file or directory. Raises DocumentError with all problems."""
    hosts = hosts_file(path)
    problems: list[Problem] = []
    try:
        groups = read_groups(read_file(hosts))
    except DocumentError as error:
        # The files beside it can be wrong too, and are better mended in one go.
        problems.extend(error.problems)
        groups = Groups()
    variables = _VarsFiles(hosts.parent, problems)
    group_files = {name: variables.of("group_vars", name) for name in sorted(groups.names())}
    host_files = {name: variables.of("host_vars", name) for name in groups.hosts}
    if problems:
        raise DocumentError(problems)
    members = groups.members()
    merged = {
        name: Host(name, _merge(groups, name, ordered, group_files, host_files[name]))
        for name, ordered in groups.layers().items()
    }
    return Inventory(str(hosts), merged, {name: tuple(hosts) for name, hosts in members.items() if name != "all"})


def _merge(
    groups: Groups, host: str, ordered: list[str], group_files: Mapping[str, Mapping[str, Any]], own: Mapping[str, Any]
) -> dict[str, Any]:
    layers: Iterable[Mapping[str, Any]] = [
        groups.vars.get("all", {}),
        *(groups.vars.get(name, {}) for name in ordered),
        group_files.get("all", {}),
        *(group_files.get(name, {}) for name in ordered),
        groups.hosts[host],
        own,
    ]
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    return merged


class _VarsFiles:
    """The files in group_vars/ and host_vars/, found the way Ansible finds them."""

    def __init__(self, directory: Path, problems: list[Problem]) -> None:
        self._directory = directory
        self._problems = problems

    def of(self, folder: str, name: str) -> dict[str, Any]:
        """The variables of one group or host; files of a directory are merged in name order."""
        there = [path for ending in _VARS_ENDINGS if (path := self._directory / folder / f"{name}{ending}").exists()]
        if len(there) > 1:
            shown = ", ".join(path.name for path in there[1:])
            message = f"Ansible reads only {there[0].name}, not {shown}"
            mend = f"keep one file, or make {folder}/{name}/ a directory of files"
            self._problems.append(Problem(str(there[1]), 1, 1, message, mend))
        merged: dict[str, Any] = {}
        for path in there[:1]:
            for file in _files_in(path) if path.is_dir() else [path]:
                merged.update(self._read(file))
        return merged

    def _read(self, file: Path) -> dict[str, Any]:
        try:
            if not file.read_bytes().strip():
                return {}
            source = read_file(file)
            if source.data is None:
                return {}
            return variables_in(source)
        except DocumentError as error:
            self._problems.extend(error.problems)
        except OSError as error:
            self._problems.append(
                Problem(str(file), 1, 1, f"cannot be read: {error.strerror}", "check its permissions")
            )
        return {}


def _files_in(directory: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            found.extend(_files_in(path))
        elif path.is_file() and path.suffix in _VARS_ENDINGS:
            found.append(path)
    return found


def variables_in(source: Source) -> dict[str, Any]:
    """The variables a vars file sets. Raises DocumentError."""
    if not isinstance(source.data, dict):
        raise DocumentError([source.problem((), *wrong_type("keys with values", source.data))])
    problems = list(refuse_in_variables(source, (), source.data))
    if problems:
        raise DocumentError(problems)
    return source.data
