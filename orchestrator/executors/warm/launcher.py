"""The driver's side of warm Ansible: a launcher (see ``executors.ansible``) that begins steps as forks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from orchestrator.executors import detached, jobdir, proc
from orchestrator.executors.ansible import cold
from orchestrator.executors.ansible_request import Request
from orchestrator.executors.ansible_surroundings import environment, sockets_of
from orchestrator.executors.warm import wire
from orchestrator.executors.warm.process import SHARED, WarmProcess

PATIENCE = 10.0
"""Seconds to wait until a fork of the warm process answers. One that is begun fresh takes about one itself."""


class WarmAnsible:
    """Begins playbooks as forks of one process that has Ansible imported already; cold where that can not be had.

    ``workspace``, ``playbooks`` and ``sockets`` are those of the ``AnsibleExecutor`` that it launches for: the process
    is warmed for what Ansible finds there. ``place`` is where the process may make a directory of its own. ``say`` is
    told why a step was begun cold, once for each reason. To be closed at the end; what was begun runs on all the same.
    """

    def __init__(
        self,
        workspace: Path,
        playbooks: Path,
        *,
        sockets: Path | None = None,
        place: Path | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._surroundings = (workspace.absolute(), playbooks.absolute(), sockets_of(sockets))
        self._place = place
        self._say = say
        self._said: set[str] = set()
        self._process: WarmProcess | None = None
        self._why = ""
        self._closed = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The number of the warm process; None where there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin to warm up, without waiting for it; the sooner the better. Never raises."""
        with self._lock:
            if self._process is None and not self._why and not self._closed:
                workspace, playbooks, sockets = self._surroundings
                try:
                    self._process = SHARED.take(
                        lambda directory: environment(workspace, playbooks, directory, sockets), self._place
                    )
                except OSError as error:
                    self._why = f"it could not be started: {error}"

    def launch(
        self, directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]
    ) -> socket.socket | None:
        """Begin the request; a Launcher. Raises what ``cold`` does."""
        self.start()
        begun = self._begin(directory, request, env, lock_fds)
        if isinstance(begun, socket.socket):
            return begun
        self._tell(begun)
        return cold(directory, request, env, lock_fds)

    def close(self) -> None:
        """Let go of the warm process, which then ends."""
        with self._lock:
            process, self._process, self._closed = self._process, None, True
            self._why = "it was closed"
        if process is not None:
            SHARED.give_back(process)

    def __enter__(self) -> WarmAnsible:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(
        self, directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]
    ) -> socket.socket | str:
        """What tells of its end; else why it could not be begun warm, and then it certainly never will be."""
        process = self._process
        if process is None:
            return self._why
        with ExitStack() as stack:
            ours, theirs = wire.pair()
            stack.enter_context(ours)
            out = detached.open_log(directory / jobdir.OUT)
            stack.callback(os.close, out)
            holder = stack.enter_context(detached.holding(lock_fds))
            body = {"directory": str(directory), "env": env, "request": request.to_body()}
            with theirs:
                if not process.ask(body, (theirs.fileno(), out, holder.fileno())):
                    return self._broken(process)
            try:
                answer = wire.receive(ours, PATIENCE)
            except EOFError:
                return self._broken(process)
            if answer is None:  # the fork will find nobody here any more, and not begin
                return f"it did not answer within {PATIENCE:g} s"
            if "no" in answer.body:
                return str(answer.body["no"])
            fork = proc.find(answer.body["pid"])
            try:
                wire.send(ours, {"word": "prepare"})
            except OSError:
                fork = None
            if fork is None:
                return "its fork died at once"
            # From here on it is the fork that begins the play, or nobody.
            detached.note(directory, fork)
            with suppress(OSError):  # then it is found not to have begun
                wire.send(ours, {"word": "go"})
            return ours.dup()

    def _broken(self, process: WarmProcess) -> str:
        with self._lock:
            if self._process is not process:  # found out by another step already, or closed
                return self._why
            self._process = None
            self._why = f"it has ended: {process.last_words()}"
        SHARED.give_back(process, broken=True)
        return self._why

    def _tell(self, why: str) -> None:
        with self._lock:
            known = why in self._said
            self._said.add(why)
        if not known:
            self._say(f"Ansible is started anew for each step, which takes a second longer: warm Ansible: {why}")
