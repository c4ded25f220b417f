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

    from orchestrator.cli.exit_codes import ExitCode
    from orchestrator.cli.streams import say, warn

    path = Path(textfile)
    before = path.stat().st_ino if path.exists() else None
    warning = place.app().metrics(path)
    if warning:
        warn(f"warning: {warning}")
    # It is always a new file; the old one is still there where it could not be written.
    if not path.exists() or path.stat().st_ino == before:
        raise typer.Exit(ExitCode.INTERNAL)
    say(textfile)
