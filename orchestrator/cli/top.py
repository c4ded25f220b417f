"""The options that stand before the command."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator import __version__
from orchestrator.cli import place


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdfast {__version__}")
        raise typer.Exit


def top(
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace",
            "-w",
            metavar="DIR",
            help="Where runbooks/ and inventories/ lie [$HOLDFAST_WORKSPACE, else here].",
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="DIR", help="Private directory of the program [$HOLDFAST_STATE]."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="ADDRESS", help="The journal: a file, or postgresql://... [$HOLDFAST_STORE]."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback answers it
        bool, typer.Option("--version", "-V", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Run emergency recoveries, and the drills that prove them.

    One runbook serves the drill, the outage and the change window. Each step is timed against its budget, the whole
    against RTO and RPO, and every run leaves a record that can be checked offline.
    """
    place.CHOSEN.workspace, place.CHOSEN.state, place.CHOSEN.store = workspace, state, store
