"""``holdfast run``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options
from orchestrator.cli.running import run


def command(
    name: options.Name,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode", "-m", metavar="MODE", help="live, drill, check or tabletop; a drill file implies drill."
        ),
    ] = None,
    inputs: options.Inputs = None,
    site: options.Site = None,
    inventory: options.Inventory = None,
    onset: Annotated[
        str | None,
        typer.Option("--onset", metavar="WHEN", help="When the fault began: '5m ago', 02:47 or ISO 8601 with a zone."),
    ] = None,
    detected: Annotated[
        str | None,
        typer.Option("--detected", metavar="WHEN", help="When it was noticed; written like --onset."),
    ] = None,
    by: options.By = None,
    no_wait: options.NoWait = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal before a live run.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Run a runbook or a drill.

    A runbook needs --mode: a live run never starts by accident. check only looks whether everything could be done;
    tabletop asks people and does nothing; drill and live do it, and are measured against RTO and RPO.
    """
    code = run(
        name, mode=mode, inputs=inputs or (), site=site, inventory=inventory, onset=onset, detected=detected, by=by,
        no_wait=no_wait, yes=yes, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(code)
