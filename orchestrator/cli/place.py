"""Where this call works: the options given before the command, else the environment, else the usual places."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from orchestrator.wiring.app import Holdfast
    from orchestrator.wiring.settings import Settings


@dataclass(slots=True)
class Place:
    """What was given on the command line; None where nothing was."""

    workspace: str | None = None
    state: str | None = None
    store: str | None = None


CHOSEN = Place()
"""Set once, before the command is called."""


def called() -> list[str]:
    """How this program was called, up to the command: a command that is shown must find the same runs."""
    words = ["holdfast"]
    for option, value in (("--state", CHOSEN.state), ("--store", CHOSEN.store)):
        if value is not None:
            words += [option, value]
    return words


def called_in_workspace() -> list[str]:
    """The same, with the workspace where one was named: a command that is shown must find the same runbooks."""
    words = called()
    return words if CHOSEN.workspace is None else [*words, "--workspace", CHOSEN.workspace]


def settings(by: str | None = None) -> Settings:
    """The settings of this call."""
    from orchestrator.wiring.settings import Settings

    return Settings.from_environment(workspace=CHOSEN.workspace, state=CHOSEN.state, store=CHOSEN.store, by=by)


def app(by: str | None = None, warn: Callable[[str], None] | None = None) -> Holdfast:
    """The program, put together for this call. ``warn`` is told what is odd but stops nothing."""
    import atexit

    from orchestrator.cli import streams
    from orchestrator.wiring.app import Holdfast

    program = Holdfast(settings(by), warn or (lambda text: streams.warn(f"warning: {text}")))
    atexit.register(program.memory.close)
    return program
