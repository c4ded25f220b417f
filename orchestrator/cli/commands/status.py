"""``holdfast status``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import complete, options, place


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run: its id, the beginning of it, or 'last'; all runs where none is named.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many runs are listed.")] = 20,
    as_json: options.AsJson = False,
) -> None:
    """List the runs, or show where one stands and how it goes on."""
    program = place.app()
    if run is None:
        from orchestrator.cli.run_list import show_list

        show_list(program, limit, as_json=as_json)
    else:
        from orchestrator.cli.run_status import show_run

        show_run(program, program.find(run), as_json=as_json)
