"""``holdfast metrics``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import place


def command(
    textfile: Annotated[
        str,
        typer.Option(
            "--textfile",
            metavar="PATH",
            help="The .prom file in the collector's directory.",
            show_default=False,
        ),
    ],
) -> None:
    """Write the metrics for Prometheus's textfile collector.

    Everything in them comes from the journals of all runs. Another file in the same directory is left alone.
    """
    from pathlib import Path

    from orchestrator.cli.streams import say, warn

    warning = place.app().metrics(Path(textfile))
    if warning:
        warn(f"warning: {warning}")
    say(textfile)
