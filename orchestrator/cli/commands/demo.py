"""``holdfast demo``."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="DIR", help="Where the records, and everything else of it, are put."),
    ] = "holdfast-demo",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab up afterwards, to look around.")] = False,
    synchronous: Annotated[
        bool,
        typer.Option("--synchronous", help="Let commits wait for the standby: then nothing may be lost."),
    ] = False,
) -> None:
    """Break a real database and recover it, measured, in about a minute.

    A PostgreSQL pair with an order service comes up on this machine; its primary is killed while a customer posts
    orders; the standby takes over; then the backup is restored and checked. Both runs leave a signed record, and a
    record that was tampered with is shown to be refused. Needs no root and changes nothing else.
    """
    from pathlib import Path

    from orchestrator.cli.demo import demo

    raise typer.Exit(demo(Path(out), keep=keep, synchronous=synchronous))
