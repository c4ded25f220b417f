"""``holdfast resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options, place


def command(
    run: options.Run,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="Drive it though the driver lock cannot be had (another process, a full disk).",
        ),
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Go on though runbook, playbooks or inventory have changed; a breach."),
    ] = False,
    by: options.By = None,
    no_wait: options.NoWait = False,
    as_json: options.AsJson = False,
) -> None:
    """Drive a run on from where its journal stands.

    Work that is still going on is attached to; what is finished is never done again; what nobody knows is looked at
    first, and asked about where looking does not tell.
    """
    from orchestrator.cli.drive import drive

    program = place.app(by)
    run_id = program.find(run, unended=True)
    result = drive(
        program, lambda asked: program.resume(run_id, asked),
        run_id=run_id, wait=not no_wait, as_json=as_json, take_over=take_over, accept_changes=accept_changes,
    )  # fmt: skip
    raise typer.Exit(result.code)
