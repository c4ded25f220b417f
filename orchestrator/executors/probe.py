"""Probes: look, and change nothing. Once, or until what is expected holds (see ``probe_look``)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.engine.ports import Clock
from orchestrator.executors import jobdir
from orchestrator.executors.contract import Control
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.fabric_login import SshSettings
from orchestrator.executors.probe_look import Look, Sight, judge_of, look_until_holds
from orchestrator.executors.words import as_texts
from orchestrator.model.actions import ProbeAction
from orchestrator.model.inventory import Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed


class Probes:
    """All kinds of looks. Connections are shared with Fabric's where the same ones are given."""

    def __init__(self, inventory: Inventory, clock: Clock, connections: Connections | None = None) -> None:
        self._inventory = inventory
        self._clock = clock
        self._connections = connections or Connections(SshSettings())

    def look(self, probe: ProbeAction, job: Job) -> Look:
        """One look, to be taken as often as wanted."""
        # Each library is read only when its probe is used: `holdfast status` has no time for them.
        inventory, connections, target = self._inventory, self._connections, probe.target or ""
        if (tcp := probe.tcp) is not None:
            from orchestrator.executors.probe_tcp import look_tcp

            return lambda control: look_tcp(inventory, tcp, control)
        if (http := probe.http) is not None:
            from orchestrator.executors.probe_http import look_http

            return lambda control: look_http(inventory, http, control)
        if (sql := probe.sql) is not None:
            from orchestrator.executors.probe_sql import look_sql

            return lambda control: look_sql(inventory, target, sql, control, job.secrets)
        if (argv := probe.command) is not None:
            from orchestrator.executors.probe_command import look_command

            parse = probe.parse or "auto"
            return lambda control: look_command(inventory, connections, target, argv, job, control, parse)
        from orchestrator.executors.probe_testinfra import look_testinfra

        testinfra = probe.testinfra
        assert testinfra is not None
        return lambda control: look_testinfra(inventory, connections, target, testinfra, job, control)

    def until_holds(
        self,
        job: Job,
        control: Control,
        probe: ProbeAction,
        expect: Mapping[str, Any],
        *,
        within: float | None,
        every: float,
    ) -> Outcome:
        """Look until it holds; the last raw sight is left in the job's directory."""
        try:
            judge = judge_of(expect, kind_of(probe))
        except ValueError as error:
            return failed(f"the expectation cannot be read: {error}")
        with contextlib.suppress(OSError):
            # A look has no effect that would have to be proved; a full disk does not keep it from looking.
            jobdir.make(Path(job.directory))
        outcome, raw = look_until_holds(self.look(probe, job), judge, control, self._clock, within=within, every=every)
        with contextlib.suppress(OSError):
            out = Path(job.directory) / jobdir.OUT
            out.touch(mode=0o600)
            out.write_bytes(raw)
        return outcome

    def once(self, job: Job, control: Control, probe: ProbeAction) -> Outcome:
        """Whether it can be looked at all, with the real permissions; what is seen does not matter."""
        seen: list[Sight] = []
        look = self.look(probe, job)

        def keep(glance: Control) -> Sight:
            seen.append(look(glance))
            return seen[-1]

        outcome, _ = look_until_holds(keep, lambda _: [], control, self._clock, within=None, every=0.0)
        _tidy(Path(job.directory))
        return outcome


def kind_of(probe: ProbeAction) -> str:
    """Which of its keys the probe has."""
    return next(name for name in ("tcp", "http", "sql", "command", "testinfra") if getattr(probe, name) is not None)


def _tidy(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


class ProbeExecutor:
    """Runs ProbeActions. A step's own look and a verification are the same: ``job.within`` asks to look again."""

    def __init__(self, inventory: Inventory, clock: Clock, connections: Connections | None = None) -> None:
        self._probes = Probes(inventory, clock, connections)

    def run(self, job: Job, control: Control) -> Outcome:
        """Look until it holds, or as long as ``within`` says; FAILED where it does not hold."""
        try:
            action = ProbeAction.model_validate(as_texts(job.spec))
        except ValueError as error:
            return failed(f"the probe cannot be read: {error}")
        return self._probes.until_holds(job, control, action, job.expect, within=job.within, every=job.every)

    def attach(self, job: Job, control: Control) -> Outcome:  # noqa: ARG002  the contract's signature
        """A look that was broken off has had no effect: it is begun anew."""
        return Outcome(Ending.NOT_STARTED)

    def check(self, job: Job, control: Control) -> Outcome:
        """Look once; OK if there was anything to see at all."""
        return self._probes.once(job, control, ProbeAction.model_validate(as_texts(job.spec)))
