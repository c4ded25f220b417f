"""``holdfast demo``."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab up afterwards.")] = False,
    synchronous: Annotated[
        bool, typer.Option("--synchronous", help="Let commits wait for the standby: nothing may be lost.")
    ] = False,
) -> None:
    """Break a real database and recover it, measured, in about a minute."""
