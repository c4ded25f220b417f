"""Arguments and options that several commands share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import complete

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run: its id, the beginning of it, or 'last'.",
        show_default=False,
        autocompletion=complete.runs,
    ),
]
Step = Annotated[
    str,
    typer.Argument(
        metavar="STEP",
        help="The step's id, as status shows it.",
        show_default=False,
        autocompletion=complete.steps,
    ),
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A runbook or a drill: its file or its own name.", show_default=False,
        autocompletion=complete.documents,
    ),
]  # fmt: skip
By = Annotated[
    str | None,
    typer.Option("--by", metavar="WHO", help="Who says so [$HOLDFAST_BY, else the account's name]."),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; it goes into the record.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Site = Annotated[
    str | None,
    typer.Option("--site", metavar="SITE", help="Which site below inventories/.", autocompletion=complete.sites),
]
Inventory = Annotated[
    str | None,
    typer.Option("--inventory", "-i", metavar="PATH", help="An inventory elsewhere, instead of a site's."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=VALUE", help="An input of the runbook; may be repeated."),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Do not stay while only people are awaited; end with code 6 instead."),
]
Resume = Annotated[bool, typer.Option("--resume", "-r", help="Then drive the run on, if nothing drives it.")]
