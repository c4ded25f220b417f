"""What a runbook names outside itself is there: playbooks, hosts and groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from orchestrator.documents.lint.book import Book, probes_of
from orchestrator.documents.source import Keys
from orchestrator.documents.template_marks import has_template
from orchestrator.errors import ExecutorError, Problem, UsageError
from orchestrator.model.actions import ProbeAction
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.runbook import Step, Undo

_BETWEEN = re.compile(r"[,:]")

Named = tuple[Keys, str, bool]
"""Where a host or group is named, its name, and whether it must be a single host."""


def playbooks_are_there(book: Book) -> Iterator[Problem]:
    """Every playbook named is a file below playbooks/, and not reached by a link from outside."""
    workspace = book.loaded.workspace
    for number, step in book.steps:
        for path, action in (
            (("steps", number, "ansible", "playbook"), step.ansible),
            (("steps", number, "undo", "ansible", "playbook"), step.undo.ansible if step.undo else None),
        ):
            if action is None:
                continue
            try:
                there = workspace.inside("playbooks", action.playbook).is_file()
            except UsageError as error:
                yield book.problem(path, error.message, error.mend)
                continue
            if not there:
                known = workspace.playbooks()
                close = get_close_matches(action.playbook, known, n=1)
                mend = f"did you mean {close[0]!r}?" if close else "write it, or name one that is there"
                yield book.problem(path, f"there is no playbook {action.playbook!r} below playbooks/", mend)


def hosts_are_known(book: Book) -> Iterator[Problem]:
    """Every host or group named is in the inventory; where one host is needed, it is one."""
    named = [one for number, step in book.steps for one in _of_step(step, ("steps", number))]
    named.extend(one for path, probe in probes_of(book) for one in _of_probe(probe, path))
    named = [one for one in named if not has_template(one[1])]
    inventory = book.loaded.inventory
    if inventory is None:
        if named:
            message = f"there is no inventory, so nobody knows the host {named[0][1]!r}"
            yield book.problem(named[0][0], message, "write inventories/<site>/hosts.yml")
        return
    for path, name, single in named:
        try:
            inventory.one(name) if single else inventory.resolve(name)
        except ExecutorError as error:
            mend = error.mend if single and name in inventory.groups else _meant(name, inventory)
            yield book.problem(path, error.message, mend)


def _meant(name: str, inventory: Inventory) -> str:
    known = [*inventory.groups, *inventory.hosts]
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"the inventory has: {', '.join(sorted(known)[:20])}"


def _of_step(step: Step, path: Keys) -> Iterator[Named]:
    yield from _of_action(step, path)
    if step.undo is not None:
        yield from _of_action(step.undo, (*path, "undo"))
    if step.marker is not None:
        for part in ("start", "measure"):
            marker: Any = getattr(step.marker, part)
            if marker is not None:
                yield (*path, "marker", part, "target"), marker.target, True
        measure = step.marker.measure
        if measure is not None and measure.before_promotion is not None:
            yield (*path, "marker", "measure", "before_promotion"), measure.before_promotion, True


def _of_action(does: Step | Undo, path: Keys) -> Iterator[Named]:
    if does.ansible is not None:
        limit = does.ansible.limit
        for name in [limit] if has_template(limit) else _BETWEEN.split(limit):
            yield (*path, "ansible", "limit"), name.strip().lstrip("&!"), False
    if does.fabric is not None:
        yield (*path, "fabric", "host"), does.fabric.host, False


def _of_probe(probe: ProbeAction, path: Keys) -> Iterator[Named]:
    if probe.tcp is not None and not has_template(probe.tcp.address):
        yield (*path, "tcp"), probe.tcp.address.rpartition(":")[0] or probe.tcp.address, True
    if probe.http is not None and probe.http.target is not None:
        yield (*path, "http", "target"), probe.http.target, True
    if probe.target is not None:
        yield (*path, "target"), probe.target, probe.sql is not None


def ports_are_known(book: Book) -> Iterator[Problem]:
    """A port is a number, or a variable that its host has."""
    inventory = book.loaded.inventory
    if inventory is None:
        return
    for path, probe in probes_of(book):
        for where, name, port in _ports(probe, path):
            if has_template(f"{name} {port}") or len(_members(inventory, name)) != 1:
                continue  # known only in the run, or named by the rule on hosts
            try:
                inventory.one(name).port(port)
            except ExecutorError as error:
                yield book.problem(where, error.message, error.mend)


def _ports(probe: ProbeAction, path: Keys) -> Iterator[tuple[Keys, str, str | int]]:
    if probe.tcp is not None and ":" in probe.tcp.address:
        host, _, number = probe.tcp.address.rpartition(":")
        yield (*path, "tcp"), host, number
    if probe.http is not None and probe.http.target is not None and probe.http.port is not None:
        yield (*path, "http", "port"), probe.http.target, probe.http.port


def _members(inventory: Inventory, name: str) -> tuple[Host, ...]:
    try:
        return inventory.resolve(name)
    except ExecutorError:
        return ()


def variables_beside_playbooks(book: Book) -> Iterator[Problem]:
    """Ansible would read variables beside the playbooks too; this program, which must know them, would not."""
    for folder in ("group_vars", "host_vars"):
        path = book.loaded.workspace.playbooks_dir / folder
        if path.is_dir():
            message = f"Ansible reads {folder} beside the playbooks, but probes and Fabric steps do not see them"
            yield Problem(str(path), 1, 1, message, "move it beside the inventory's hosts.yml", warning=True)


RULES = (playbooks_are_there, hosts_are_known, ports_are_known, variables_beside_playbooks)
