"""``holdfast plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options, place


def command(
    name: options.Name,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            "-m",
            metavar="MODE",
            help="live, drill, check or tabletop [drill for a drill, else live].",
        ),
    ] = None,
    inputs: options.Inputs = None,
    site: options.Site = None,
    inventory: options.Inventory = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what would run where, how long it may take, and how it is undone.

    Nothing is run and nothing is asked of any host.
    """
    import json
    from pathlib import Path

    from orchestrator.cli import given
    from orchestrator.cli.choosing import mode_of, tell_warnings
    from orchestrator.cli.streams import console, say
    from orchestrator.model.document import Mode
    from orchestrator.model.plan import plan_to_body

    program = place.app()
    values = given.inputs(inputs or ())
    hosts = Path(inventory) if inventory else None
    chosen = mode_of(program, name, mode, or_else=Mode.LIVE, site=site, inventory=hosts)
    prepared = program.prepare(name, mode=chosen, inputs=values, site=site, inventory=hosts)
    if as_json:
        say(json.dumps(plan_to_body(prepared.plan), ensure_ascii=False, indent=2))
        return
    from orchestrator.cli.plan_table import plan_lines

    tell_warnings(prepared, name)
    console().print(plan_lines(prepared.plan, console().size.width))
