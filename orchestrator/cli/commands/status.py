"""``holdfast status``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import complete, options
from orchestrator.cli.at_once import LIMIT, status


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run: its id, the beginning of it, or 'last'; all runs where none is named.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="COUNT", help="How many runs are listed.")
    ] = LIMIT,
    as_json: options.AsJson = False,
) -> None:
    """List the runs, or show where one stands and how it goes on."""
    status(run, limit, as_json=as_json)
