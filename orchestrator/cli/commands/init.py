"""``holdfast init``."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Where the workspace shall be.", show_default=False)],
) -> None:
    """Make a workspace from the shipped runbooks, playbooks, drills and inventory.

    Nothing that is there already is overwritten.
    """
    from pathlib import Path

    from orchestrator.cli.shipped import copy_to
    from orchestrator.cli.streams import say

    target = Path(directory)
    made, kept = copy_to(target)
    for path in kept:
        say(f"kept as it is: {path}")
    say(f"{made} files in {target}" if made else f"nothing new for {target}")
    say("  next: put your hosts into inventories/, then")
    say(f"  holdfast --workspace {directory} lint")
