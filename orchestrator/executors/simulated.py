"""Which jobs touch a host that is only a simulation: what they do is marked so, and proves nothing about a real one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job

VARIABLE = "holdfast_simulated"
"""The host variable that says so. Anything but ``false`` does, as a misspelt
``true`` must not make a simulation count as real."""

_BETWEEN = re.compile(r"[,:&!\s]+")


def is_simulated(host: Host) -> bool:
    """Whether the inventory calls the host a simulation."""
    return host.vars.get(VARIABLE) not in (None, False)


class Simulations:
    """Answers for a job whether it names a simulated host, or a group with one in it.

    Every text of the job's spec is looked at, not only the hosts' own places: a playbook may reach, through a variable,
    a host that is not in its limit. A word that only looks like a host's name marks a job too many; none is missed.
    """

    def __init__(self, inventory: Inventory) -> None:
        hosts = {name for name, host in inventory.hosts.items() if is_simulated(host)}
        groups = {name for name, members in inventory.groups.items() if hosts & set(members)}
        self._names = frozenset(hosts | groups | ({"all"} if hosts else set()))

    def __call__(self, job: Job) -> bool:
        """Whether what this job does or sees is simulated."""
        return bool(self._names) and any(name in self._names for name in _words(job.spec))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from _BETWEEN.split(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
