"""``diagnose``: which signs concern a target, all their looks taken at once, and what the evidence bears out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.documents.signs import Ground, Worded, names_in_spec, unknown_names, worded
from orchestrator.documents.templates import TemplateRenderer
from orchestrator.errors import ExecutorError, UsageError
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.fabric_login import SshSettings
from orchestrator.executors.looks import Answer, Asked, Looks
from orchestrator.executors.simulated import is_simulated
from orchestrator.model.diagnosis import Diagnosis, Evidence, Finding, LeftOut, Sighting, holds, in_order
from orchestrator.model.event import to_iso
from orchestrator.model.inventory import Inventory
from orchestrator.model.redaction import Redactor
from orchestrator.model.signs import Signs
from orchestrator.plain import dataclass
from orchestrator.wiring.clock import SystemClock
from orchestrator.wiring.secrets import reveal

WITHIN = 30.0
"""Seconds all looks together may take, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be diagnosed: systems and hosts it stands for."""

    name: str
    systems: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """One signs document about one system or host, ready to be looked for."""

    signs: Signs
    about: str
    scope: Mapping[str, Any]
    looks: list[Worded]


def target_of(ground: Ground, name: str) -> Target:
    """The system, host or group of this name. Raises UsageError naming what there is.

    A system stands for itself and the hosts of its groups; a host or group for its hosts and every system one of them
    belongs to.
    """
    systems = ground.estate.systems if ground.estate else {}
    inventory = ground.inventory
    if name in systems:
        return Target(name, (name,), _hosts(inventory, systems[name].host_groups))
    try:
        hosts = _hosts(inventory, (name,)) or tuple(host.name for host in inventory.resolve(name))
    except ExecutorError as error:
        known = ", ".join([*systems, *inventory.groups, *inventory.hosts][:20])
        raise UsageError(
            f"{name!r} is no system, host or group of site {ground.site.name}", mend=f"there are: {known}"
        ) from error
    of = tuple(one for one, system in systems.items() if set(_hosts(inventory, system.host_groups)) & set(hosts))
    return Target(name, of, hosts)


def _hosts(inventory: Inventory, names: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        if name in inventory.groups or name in inventory.hosts:
            found.update((host.name, None) for host in inventory.resolve(name))
    return tuple(found)


def diagnose(ground: Ground, name: str, *, within: float = WITHIN) -> Diagnosis:
    """Look, and say what is borne out. Changes nothing, records nothing; secrets are blotted out of the answer."""
    clock = SystemClock()
    target = target_of(ground, name)
    values = _revealed(ground)
    cases, left_out = _cases(ground, target, values)
    at, began = to_iso(clock.wall()), clock.mono()
    connections = Connections(SshSettings())
    try:
        answers = _look(cases, Looks(ground.inventory, clock, connections), tuple(values.values()), within)
    finally:
        connections.close()
    redactor = Redactor(values.values())
    findings = [_finding(case, answers, redactor, ground.inventory) for case in cases]
    took = round(clock.mono() - began, 3)
    return Diagnosis(name, ground.site.name, at, took, in_order(findings), (*ground.left_out, *left_out))


def _revealed(ground: Ground) -> dict[str, str]:
    """Reference to value; those that cannot be had are missing, and their looks are not taken."""
    values: dict[str, str] = {}
    for reference in {one for signs in ground.signs.values() for one in signs.secrets.values()}:
        try:
            values.update(reveal([reference]))
        except UsageError:
            continue
    return values


def _cases(ground: Ground, target: Target, values: Mapping[str, str]) -> tuple[list[_Case], list[LeftOut]]:
    cases: list[_Case] = []
    left_out: list[LeftOut] = []
    for signs in ground.signs.values():
        abouts = list(_abouts(signs, ground, target))
        if not abouts:
            left_out.append(LeftOut(signs.signs, f"not about {target.name}", broken=False))
        for about, scope in abouts:
            secrets = {name: values[reference] for name, reference in signs.secrets.items() if reference in values}
            looks = [worded(look, {**scope, **secrets}) for look in signs.looks]
            unknown = unknown_names(looks, ground.inventory)
            if unknown:
                left_out.append(LeftOut(signs.signs, f"this site has no {', '.join(unknown)}", broken=False))
            else:
                cases.append(_Case(signs, about, scope, looks))
    return cases, left_out


def _abouts(signs: Signs, ground: Ground, target: Target) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each system or host the signs are to be looked for at, with what templates may read."""
    systems = [one for one in target.systems if not signs.systems or one in signs.systems]
    if signs.about == "system":
        for system in systems:
            yield system, {"target": system, "system": system, "site": ground.site.name}
        return
    if signs.systems and not systems:
        return
    chosen = set(_hosts(ground.inventory, signs.groups)) if signs.groups else set(target.hosts)
    for host in (one for one in target.hosts if one in chosen):
        yield (
            host,
            {
                "target": host,
                "system": systems[0] if systems else "",
                "site": ground.site.name,
                "host": dict(ground.inventory.hosts[host].vars),
            },
        )


def _key(one: Worded) -> str:
    return json.dumps([one.look.kind, one.spec, one.expect, one.look.timeout], sort_keys=True, default=str)


def _look(cases: Sequence[_Case], looks: Looks, secrets: tuple[str, ...], within: float) -> dict[str, Answer]:
    """Every look once, also where several signs want the same."""
    wanted = {_key(one): one for case in cases for one in case.looks if not one.trouble}
    asked = [Asked(one.look.kind, one.spec, one.expect, one.look.timeout, secrets) for one in wanted.values()]
    return dict(zip(wanted, looks.take(asked, within), strict=True))


def _finding(case: _Case, answers: Mapping[str, Answer], redactor: Redactor, inventory: Inventory) -> Finding:
    evidence = tuple(_evidence(one, answers, redactor, inventory) for one in case.looks)
    sightings = {one.look: one.sighting for one in evidence}
    signs = case.signs
    return Finding(
        signs=signs.signs,
        fault_class=signs.fault_class,
        title=signs.title,
        about=case.about,
        order=signs.order,
        recognised=holds(signs.recognised, sightings),
        evidence=evidence,
        runbook=signs.start.runbook,
        inputs=redactor.value(_inputs(signs, case.scope)),
    )


def _inputs(signs: Signs, scope: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in signs.start.inputs.items():
        try:
            found[name] = TemplateRenderer().render(value, scope)
        except ExecutorError:
            found[name] = None  # this host has no such variable: a person gives it
    return found


def _evidence(one: Worded, answers: Mapping[str, Answer], redactor: Redactor, inventory: Inventory) -> Evidence:
    answer = Answer(Sighting.UNSEEN, {}, one.trouble, "", 0.0) if one.trouble else answers[_key(one)]
    hosts = () if one.trouble else _hosts(inventory, tuple(names_in_spec(one.look.kind, one.spec)))
    found = Evidence(
        look=one.look.id,
        title=one.look.title,
        does=one.look.kind,
        sighting=answer.sighting,
        expected=redactor.value(one.expect),
        seen=redactor.value(answer.seen),
        told=redactor.text(answer.told),
        at=answer.at,
        took_s=answer.took_s,
    )
    simulated = any(is_simulated(inventory.hosts[host]) for host in hosts)
    return replace(found, simulated=True) if simulated else found
