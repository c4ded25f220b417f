"""The ansible executor: one playbook, run by a detached child through ansible-runner."""

from __future__ import annotations

import json
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.executors import ansible_request, detached, jobdir
from orchestrator.executors.ansible_ahead import Ahead, is_plain
from orchestrator.executors.ansible_child import BEGUN, PRIVATE, RESULT
from orchestrator.executors.ansible_outcome import judge, mend_of
from orchestrator.executors.ansible_request import Request, unsafe
from orchestrator.executors.ansible_surroundings import SSH_ARGS_TEMPLATE, additions, environment, sockets_of
from orchestrator.executors.contract import Control
from orchestrator.executors.detached import Ended, Gone, Left, NotStarted, Running, Stopped
from orchestrator.executors.stopping import stop
from orchestrator.model.actions import AnsibleAction
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed, unknown

Launcher = Callable[[Path, Request, dict[str, str], tuple[int, ...]], socket.socket | None]
"""Begins the child for a request in a job's directory, with this environment and these locks to hold.

It must start it detached and such that ``detached.find`` finds it again. A warm process that has Ansible imported
already and forks one child a step can stand here instead of ``cold``; the results must equal ``cold``'s. It may answer
a socket, to be closed by the caller, whose other end is closed once the exit code is there (see ``detached.follow``).
"""

_SSH = {"ansible_ssh_args": SSH_ARGS_TEMPLATE}
_REACH = [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "reach the host", "ansible.builtin.ping": {}}]}]


def cold(directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]) -> socket.socket | None:
    """Begin a fresh Python with Ansible in it; costs about a second."""
    detached.start(
        directory,
        # -P: what happens to lie in the working directory is not imported.
        [sys.executable, "-P", "-m", "orchestrator.executors.ansible_child", str(directory)],
        env=env,
        stdin=json.dumps(request.to_body()).encode(),
        lock_fds=lock_fds,
        share_locks=True,
    )
    return None


class AnsibleExecutor:
    """Runs playbooks of one workspace on one inventory.

    ``playbooks`` is where playbook names start, ``workspace`` may hold an ansible.cfg. For ``sockets`` see
    ``ansible_surroundings``.
    """

    def __init__(
        self,
        inventory: Inventory,
        playbooks: Path,
        workspace: Path,
        *,
        sockets: Path | None = None,
        launch: Launcher = cold,
    ) -> None:
        self._inventory = inventory
        self._playbooks = playbooks.absolute()
        self._workspace = workspace.absolute()
        self._sockets = sockets_of(sockets)
        self._launch = launch
        env = environment(self._workspace, self._playbooks, self._workspace, self._sockets)
        self._config = Path(env["ANSIBLE_CONFIG"])
        self._ahead = Ahead(self._sockets, {name: env[name] for name in env if not name.startswith("ANSIBLE_")})

    def ahead(self, plays: Iterable[tuple[str, str]]) -> None:
        """Connect, without waiting, to what playbooks will need: pairs of a playbook and the limit it is run with.

        Only where it is certain how Ansible would. What goes wrong shows in the step that needs the host.
        """
        hosts: dict[str, Host] = {}
        for name, limit in plays:
            with suppress(ExecutorError, OSError):
                playbook = ansible_request.playbook_of(name, self._playbooks)
                if is_plain(playbook, self._playbooks, self._config):
                    hosts.update((host.name, host) for host in ansible_request.hosts_of(limit, self._inventory))
        self._ahead.connect(hosts.values())

    def close(self) -> None:
        """Let go of connections that are still coming up."""
        self._ahead.close()

    def run(self, job: Job, control: Control) -> Outcome:
        """Run the playbook; see ``contract``."""
        request = self._request(job)
        directory = Path(job.directory)
        jobdir.make(directory)
        return self._through(directory, request, job, control)

    def attach(self, job: Job, control: Control) -> Outcome:
        """Find the playbook that an earlier driver started; see ``contract``."""
        return self._ending(Path(job.directory), job, control, attach=True)

    def check(self, job: Job, control: Control) -> Outcome:
        """Ansible reads the playbook with all it names, and reaches every host of the limit. Changes nothing."""
        request = self._request(job)
        beside = Path(job.directory).parent
        with tempfile.TemporaryDirectory(prefix="check-", dir=beside if beside.is_dir() else None) as place:
            syntax = Path(place) / "syntax"
            jobdir.make(syntax)
            read = self._briefly(syntax, replace(request, arguments=("--syntax-check",)), job, control)
            if (said := _result(syntax)) is None or said["rc"] != 0:
                return replace(read, ending=Ending.FAILED)
            reach = Path(place) / "reach"
            jobdir.make(reach)
            project = Path(place) / "project"
            project.mkdir(mode=0o700)
            (project / "reach.yml").write_text(json.dumps(_REACH), encoding="utf-8")
            ping = replace(request, playbook="reach.yml", project=str(project), tags=(), extravars=_SSH)
            reached = self._briefly(reach, ping, job, control)
            return reached if reached.ok else replace(reached, ending=Ending.FAILED)

    def _request(self, job: Job) -> Request:
        action = AnsibleAction.model_validate(job.spec)
        ansible_request.playbook_of(action.playbook, self._playbooks)
        ansible_request.hosts_of(action.limit, self._inventory)
        return Request(
            playbook=action.playbook,
            project=str(self._playbooks),
            inventory=str((self._workspace / self._inventory.path).absolute()),
            limit=action.limit,
            tags=ansible_request.tags_of(action),
            extravars={**unsafe(action.vars), **_SSH},
            # For all hosts, as a task may be delegated to one outside the limit.
            hosts=additions(self._inventory.hosts.values(), self._sockets),
            secrets=job.secrets,
        )

    def _through(self, directory: Path, request: Request, job: Job, control: Control) -> Outcome:
        env = environment(self._workspace, self._playbooks, directory / PRIVATE, self._sockets)
        self._ahead.settle(host.name for host in ansible_request.hosts_of(request.limit, self._inventory))
        try:
            told = self._launch(directory, request, env, job.lock_fds)
        except (OSError, ExecutorError) as error:
            if isinstance(detached.find(directory), NotStarted):
                mend = error.mend if isinstance(error, ExecutorError) else ""
                return failed(f"ansible could not be started: {error}", mend=mend)
            raise
        with told or nullcontext():
            return self._ending(directory, job, control, attach=False, told=told)

    def _briefly(self, directory: Path, request: Request, job: Job, control: Control) -> Outcome:
        """Like ``_through``, and what is let go of is stopped: nobody would attach to a check."""
        outcome = self._through(directory, request, job, control)
        found = detached.find(directory)
        if outcome.ending is Ending.LEFT and isinstance(found, Running):
            stop(found.process)
        return failed("the check was broken off") if outcome.ending is Ending.LEFT else outcome

    def _ending(
        self, directory: Path, job: Job, control: Control, *, attach: bool, told: socket.socket | None = None
    ) -> Outcome:
        followed = detached.follow(directory, control, job.timeout, told)
        if isinstance(followed, Left):
            return Outcome(Ending.LEFT)
        if isinstance(followed, Gone):
            return Outcome(Ending.GONE, error=followed.why) if attach else unknown(followed.why)
        if isinstance(followed, NotStarted):
            return Outcome(Ending.NOT_STARTED) if attach else failed("the playbook could not be started")
        if isinstance(followed, Ended) and followed.rc != 0 and (text := _own_error(directory)):
            return failed(text, mend=mend_of(text))
        result = _result(directory)
        outcome = judge(result, cut=str(followed) if isinstance(followed, Stopped) else "")
        if result is not None and result["lost"]:
            text = f"{outcome.error}\nits output could not be written whole: {result['lost']}".strip()
            outcome = replace(outcome, error=text)
        return outcome


def _result(directory: Path) -> dict[str, Any] | None:
    try:
        result: dict[str, Any] = json.loads((directory / RESULT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return result


def _own_error(directory: Path) -> str:
    """Why the child could not even begin; empty where it may have begun."""
    if (directory / BEGUN).exists():
        return ""
    out = directory / jobdir.OUT
    lines = out.read_text(encoding="utf-8", errors="replace").strip().splitlines() if out.exists() else []
    return "the ansible child could not begin: " + "\n".join(lines[-3:])
