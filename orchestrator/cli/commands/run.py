"""``holdfast run``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options, place

if TYPE_CHECKING:
    from orchestrator.wiring.app import Prepared


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
    from pathlib import Path

    from orchestrator.cli import given
    from orchestrator.cli.choosing import mode_of, tell_warnings
    from orchestrator.cli.drive import drive

    program = place.app(by)
    told = given.milestones(onset, detected, datetime.now().astimezone())
    values = given.inputs(inputs or ())
    hosts = Path(inventory) if inventory else None
    chosen = mode_of(program, name, mode, site=site, inventory=hosts)
    prepared = program.prepare(name, mode=chosen, inputs=values, site=site, inventory=hosts)
    tell_warnings(prepared, name)
    if chosen == "live" and not yes:
        _ask(prepared)
    result = drive(
        program, lambda asked: program.start(prepared, asked),
        run_id=prepared.plan.run_id, wait=not no_wait, as_json=as_json, milestones=told,
    )  # fmt: skip
    raise typer.Exit(result.code)


def _ask(prepared: Prepared) -> None:
    """One question on a terminal; none elsewhere, where ``--mode live`` has said it."""
    import sys

    from orchestrator.cli.streams import is_terminal
    from orchestrator.cli.where import place as place_of

    if not (is_terminal() and is_terminal(sys.stdin)):
        return
    plan = prepared.plan
    hosts = dict.fromkeys(place_of(step.kind, step.spec) for step in plan.steps if step.changes and not step.skip)
    typer.echo(f"LIVE: {plan.title.en} ({plan.runbook}){f', site {plan.site}' if plan.site else ''}")
    typer.echo(f"  changes: {', '.join(host for host in hosts if host) or 'nothing'}")
    if not typer.confirm("Start it?", default=False):
        raise typer.Exit(0)
