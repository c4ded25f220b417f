"""What an ansible step asks for, checked, and put into the form the child program reads.

Everything that comes from inputs, outputs, facts or alert labels is data: it is marked unsafe, so that Ansible
does not take ``{{ }}`` in it for a template, and where it becomes part of the command line (``limit``, ``tags``)
only plain names get through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.model.actions import AnsibleAction
from orchestrator.model.inventory import Host, Inventory

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BETWEEN = re.compile(r"[,:]")


@dataclass(frozen=True, slots=True)
class Request:
    """One call of ansible-playbook. It goes to the child through a pipe: ``extravars`` may hold secrets.

    ``arguments`` are further command line words, made by us and never from data. ``hosts`` (an inventory as data)
    is read after ``inventory`` and so wins over it.
    """

    playbook: str
    project: str
    inventory: str
    limit: str
    tags: tuple[str, ...] = ()
    extravars: Mapping[str, Any] = field(default_factory=dict)
    hosts: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def to_body(self) -> dict[str, Any]:
        """The request as a JSON object."""
        return asdict(self)


def unsafe(value: Any) -> Any:
    """``value`` with every text in it, however deep, marked as data in the way Ansible's JSON reader knows.

    Raises ExecutorError for a key that this reader would take for a mark of its own.
    """
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping):
        for key in value:
            if str(key).startswith("__ansible"):
                raise ExecutorError(
                    f"a variable has the key {str(key)!r}, which means something to Ansible itself",
                    mend="take it out of the data, or give it another name",
                )
        return {str(key): unsafe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [unsafe(item) for item in value]
    return {"__ansible_unsafe": str(value)}


def hosts_of(limit: str, inventory: Inventory) -> tuple[Host, ...]:
    """The hosts that ``limit`` stands for: names of hosts and groups joined by ``,`` (or), ``:&`` (and), ``:!`` (not).

    Nothing else of Ansible's patterns is taken, as ``@file`` and regular expressions in a value from outside would
    do more than name hosts. Raises ExecutorError for an unknown name, and where no host is left.
    """
    chosen: dict[str, Host] = {}
    kept: list[set[str]] = []
    dropped: set[str] = set()
    for part in _BETWEEN.split(limit):
        sign, plain = (part[:1], part[1:]) if part[:1] in ("&", "!") else ("", part)
        found = inventory.resolve(plain)
        if sign == "&":
            kept.append({host.name for host in found})
        elif sign == "!":
            dropped |= {host.name for host in found}
        else:
            chosen.update((host.name, host) for host in found)
    left = tuple(host for name, host in chosen.items() if name not in dropped and all(name in group for group in kept))
    if not left:
        raise ExecutorError(f"the limit {limit!r} leaves no host", mend="name at least one host or group")
    return left


def playbook_of(name: str, playbooks: Path) -> Path:
    """The file of the playbook called ``name``. Raises ExecutorError where it is missing or lies elsewhere."""
    file = playbooks / name
    if not file.is_file():
        raise ExecutorError(f"there is no playbook {name} in {playbooks}", mend="name it from playbooks/ on")
    if not file.resolve().is_relative_to(playbooks.resolve()):
        raise ExecutorError(f"the playbook {name} lies outside {playbooks}", mend="put the file itself there")
    return file


def tags_of(action: AnsibleAction) -> tuple[str, ...]:
    """The step's tags. Raises ExecutorError for one that is not a plain name."""
    for tag in action.tags:
        if not _TAG.fullmatch(tag):
            raise ExecutorError(f"{tag!r} is not a tag", mend="a tag is letters, digits, '_', '.' and '-'")
    return action.tags
