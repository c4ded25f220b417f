"""Fabric: one command on one host, or on each host of a group at once. Detached on the target, found again later."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.errors import ExecutorError, HoldfastError
from orchestrator.executors import fabric_output, jobdir
from orchestrator.executors.contract import Control
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.fabric_host import HostEnd, HostWork
from orchestrator.executors.fabric_login import SshSettings
from orchestrator.executors.fabric_wrapper import Command, safe_name
from orchestrator.executors.words import as_texts
from orchestrator.executors.workers import Workers
from orchestrator.model.actions import FabricAction
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed

AT_ONCE = 32
"""Hosts worked on at the same time."""
ENDS = "ends.json"
"""Exit codes by host, in a job's directory, until its outcome is kept."""
TOGETHER = 0.25
"""Seconds within which the hosts of a job usually end one after the other. Where it takes longer, the ends so far are
noted: they are found here again, whatever becomes of those hosts, when this process is killed before the last."""

Ends = Mapping[str, HostEnd]


class FabricExecutor:
    """Runs FabricActions. Hosts with ``ansible_connection: local`` are this machine, without ssh.

    Connections are shared by everything that is given the same ``connections``.
    """

    def __init__(
        self, inventory: Inventory, settings: SshSettings | None = None, connections: Connections | None = None
    ) -> None:
        self._inventory = inventory
        self.connections = connections or Connections(settings or SshSettings())
        self._untaken: dict[str, list[HostWork]] = {}
        self._workers = Workers()

    def run(self, job: Job, control: Control) -> Outcome:
        """Start the command on every host, and follow it to its end."""
        try:
            action, hosts, command = self._read(job)
            works = self._works(job, control, hosts, command)
        except HoldfastError as error:
            return failed(error.message, mend=error.mend)
        directory = Path(job.directory)
        try:
            jobdir.make(directory)
        except OSError as error:
            return failed(f"the job's directory could not be made: {error}", mend="look at the disk of this machine")
        ends = self._each(hosts, lambda host: works[host.name].begin(), lambda ends: _note(directory, hosts, ends))
        return self._ended(job, action, works, ends)

    def attach(self, job: Job, control: Control) -> Outcome:
        """Find it again on every host, on each as long as the job's time lasts."""
        if not Path(job.directory).is_dir():
            return Outcome(Ending.NOT_STARTED)
        try:
            action, hosts, command = self._read(job)
            works = self._works(job, control, hosts, command)
        except HoldfastError as error:
            return Outcome(Ending.GONE, error=error.message, mend=error.mend)
        noted = _noted(Path(job.directory))
        return self._ended(
            job, action, works, self._each(hosts, lambda host: works[host.name].find(noted.get(host.name)))
        )

    def check(self, job: Job, control: Control) -> Outcome:
        """Log in everywhere and look for the command's program."""
        try:
            _, hosts, command = self._read(job)
            works = self._works(job, control, hosts, command)
        except HoldfastError as error:
            return failed(error.message, mend=error.mend)
        ends = self._each(hosts, lambda host: works[host.name].check())
        bad = {name: end for name, end in ends.items() if end.ending is not Ending.OK}
        if not bad:
            return Outcome(Ending.OK, output={"hosts": {name: {"reachable": True} for name in ends}})
        return failed("; ".join(end.error for end in bad.values()), mend=_mend(bad.values()))

    def kept(self, job: Job) -> None:
        """Its outcome is safely kept here: the targets take their directories away."""
        for work in self._untaken.pop(job.directory, ()):
            work.settle()

    def ahead(self, targets: Iterable[str], lock_fds: Sequence[int] = ()) -> None:
        """Connect to hosts and groups that will be needed, without waiting. What goes wrong shows when they are."""
        hosts: dict[str, Host] = {}
        for target in targets:
            with suppress(ExecutorError):
                hosts.update((host.name, host) for host in self._inventory.resolve(target))
        self.connections.shells.ahead(tuple(hosts.values())[:AT_ONCE], lock_fds)

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()

    def _read(self, job: Job) -> tuple[FabricAction, Sequence[Host], Command]:
        action = FabricAction.model_validate(as_texts(job.spec))
        return action, self._inventory.resolve(action.host), Command(action.argv, action.env, action.stdin)

    def _works(self, job: Job, control: Control, hosts: Sequence[Host], command: Command) -> dict[str, HostWork]:
        return {
            host.name: HostWork(
                self.connections,
                host,
                command,
                job.run_id,
                job.ident,
                _directory(job, host),
                control,
                job.lock_fds,
            )
            for host in hosts
        }

    def _each(
        self, hosts: Sequence[Host], work: Callable[[Host], HostEnd], note: Callable[[Ends], None] = lambda _ends: None
    ) -> Ends:
        """``work`` for all hosts at once; what a thread could not say is UNKNOWN.

        ``note`` is told the ends at the end, and those so far while other hosts take their time.
        """
        if len(hosts) == 1:
            only = {hosts[0].name: work(hosts[0])}
            note(only)
            return only
        ends: dict[str, HostEnd] = {}
        free = threading.BoundedSemaphore(AT_ONCE)
        ended = threading.Semaphore(0)

        def one(host: Host) -> None:
            try:
                with free:
                    ends[host.name] = work(host)
            except Exception as error:  # noqa: BLE001  one host's surprise must not hide the other hosts' ends
                ends[host.name] = HostEnd(Ending.UNKNOWN, error=f"{type(error).__name__}: {error}")
            finally:
                ended.release()

        for host in hosts:
            self._workers.start(host.name, partial(one, host))
        noted = 0
        for _ in hosts:
            while not ended.acquire(timeout=TOGETHER if noted < len(ends) else None):
                noted = len(ends)
                note(dict(ends))
        note(ends)
        return {host.name: ends[host.name] for host in hosts}

    def _ended(self, job: Job, action: FabricAction, works: Mapping[str, HostWork], ends: Ends) -> Outcome:
        if any(end.ending is Ending.LEFT for end in ends.values()):
            # No outcome will be kept now, so that where it has ended it is kept host by host.
            for work in works.values():
                work.keep()
            return Outcome(Ending.LEFT)
        self._untaken[job.directory] = list(works.values())
        return self._outcome(job, action, {name: work.directory for name, work in works.items()}, ends)

    def _outcome(self, job: Job, action: FabricAction, directories: Mapping[str, Path], ends: Ends) -> Outcome:
        endings = [end.ending for end in ends.values()]
        if all(ending is Ending.NOT_STARTED for ending in endings):
            return Outcome(Ending.NOT_STARTED)
        fabric_output.gather(Path(job.directory) / "out", list(directories.items()))
        seen = {name: _seen(directory, ends[name], action.parse) for name, directory in directories.items()}
        bad = {name: end for name, (end, _) in seen.items() if end.ending is not Ending.OK}
        if len(seen) == 1:
            ((end, output),) = seen.values()
            return Outcome(end.ending, output=output, error=end.error, mend=end.mend)
        worst = next(
            (e for e in (Ending.UNKNOWN, Ending.GONE, Ending.FAILED) if any(b.ending is e for b in bad.values())),
            Ending.FAILED if bad else Ending.OK,
        )
        return Outcome(
            worst,
            output={"hosts": {name: output for name, (_, output) in seen.items()}},
            error="; ".join(f"{name}: {end.error.removeprefix(f'{name}: ')}" for name, end in bad.items()),
            mend=_mend(bad.values()),
        )


def _note(directory: Path, hosts: Sequence[Host], ends: Ends) -> None:
    """Put the known ends where ``_noted`` finds them when this process is killed, in one file for all hosts."""
    # On this machine the wrapper's own directory, which is the job's, says it.
    afar = {host.name for host in hosts if not host.is_local}
    codes = {name: end.rc for name, end in ends.items() if name in afar and end.ending is Ending.OK}
    if codes:
        with suppress(OSError):  # the targets have it still
            jobdir.write_at_once(directory / ENDS, json.dumps(codes))


def _noted(directory: Path) -> dict[str, int]:
    try:
        found = json.loads((directory / ENDS).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or torn by a power cut: the targets are asked
        return {}
    return {name: rc for name, rc in found.items() if isinstance(rc, int)} if isinstance(found, dict) else {}


def _directory(job: Job, host: Host) -> Path:
    return Path(job.directory) / "hosts" / safe_name(host.name)


def _mend(ends: Any) -> str:
    return "; ".join(dict.fromkeys(end.mend for end in ends if end.mend))


def _seen(directory: Path, end: HostEnd, parse: str) -> tuple[HostEnd, dict[str, Any]]:
    """An end with its exit code judged, and what the command printed."""
    if end.ending is Ending.NOT_STARTED:
        return HostEnd(Ending.FAILED, error="it was never begun here"), {}
    if end.rc is None:
        return end, {}
    output, problem = fabric_output.described(directory, end.rc, parse)
    if end.ending is not Ending.OK:
        return end, output
    if end.rc != 0:
        return HostEnd(Ending.FAILED, rc=end.rc, error=fabric_output.complaint(directory, end.rc)), output
    if problem:
        return HostEnd(
            Ending.FAILED, rc=end.rc, error=problem, mend="look at its output; parse: auto or text takes any"
        ), output
    return end, output
