"""When Ansible is kept warm for a run, and from when on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from orchestrator.executors.warm.launcher import WarmAnsible

VARIABLE = "HOLDFAST_ANSIBLE"
_NAMES = re.compile(r"^[\s\"'{-]*(?:runbook|file)[\"']?:\s*[\"']?([\w./-]+)", re.MULTILINE)
"""Other documents that a document names: a drill its runbook, a runbook its parts."""


def is_wanted() -> bool:
    """Whether steps are begun warm: ``HOLDFAST_ANSIBLE`` is ``warm`` (the default) or ``cold``. Raises UsageError."""
    value = os.environ.get(VARIABLE) or "warm"
    if value not in ("warm", "cold"):
        raise UsageError(f"{VARIABLE} is {value!r}", mend="set it to warm or cold, or not at all")
    return value == "warm"


def warm_ansible(workspace: Path, warn: Callable[[str], None]) -> WarmAnsible:
    """A launcher for the playbooks of a workspace. To be closed."""
    from orchestrator.executors.warm.launcher import WarmAnsible

    return WarmAnsible(workspace, workspace / "playbooks", say=warn)


def ahead(workspace: Path, name: str) -> AbstractContextManager[object]:
    """Warm up for a run of ``name`` in ``workspace``, where its text looks as if it had Ansible steps.

    Warming up takes half a second, in which everything else that comes before the first step is done too: to be called
    before anything is imported that this does not need. Raises UsageError.
    """
    if not is_wanted() or not any("ansible" in text for text in _texts(workspace, name)):
        return nullcontext()
    return _held(workspace)


@contextmanager
def _held(workspace: Path) -> Iterator[None]:
    from orchestrator.executors.ansible_surroundings import environment, sockets_of
    from orchestrator.executors.warm.process import SHARED

    playbooks, sockets = workspace / "playbooks", sockets_of(None)
    process = None
    with suppress(OSError):  # the step that is begun cold says why
        process = SHARED.lend(lambda directory: environment(workspace, playbooks, directory, sockets), None)
    try:
        yield
    finally:
        if process is not None:
            SHARED.take_in(process)


def _texts(workspace: Path, name: str) -> Iterator[str]:
    """The text of a document and of those that it names. Nothing is read into it: that is done when it is loaded."""
    files = [file for folder in ("runbooks", "drills") for file in sorted((workspace / folder).rglob("*.y*ml"))]
    waiting, seen = [name], set()
    while waiting:
        wanted = Path(waiting.pop()).with_suffix("").name
        if wanted not in seen:
            seen.add(wanted)
            for file in files:
                if file.stem == wanted:
                    try:
                        text = file.read_text(encoding="utf-8", errors="replace")
                    except OSError:
                        continue
                    yield text
                    waiting += _NAMES.findall(text)
