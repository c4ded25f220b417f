"""``holdfast lint``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import complete, options, place


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Runbooks or drills; the whole workspace where none is named.",
            show_default=False,
            autocompletion=complete.documents,
        ),
    ] = None,
    site: options.Site = None,
    inventory: options.Inventory = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as problems.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Check documents and name every problem at once, with its place and its mend.

    Ends with 0 where nothing is wrong (warnings are told, and count only with --strict), else with 2.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from orchestrator.cli.exit_codes import ExitCode
    from orchestrator.cli.streams import say
    from orchestrator.errors import UsageError

    program = place.app()
    if not names and not program.workspace.runbooks():
        raise UsageError(
            f"{program.workspace.root} is not a workspace: it has no runbook",
            mend="go to one, name one with --workspace, or make one with holdfast init DIR",
        )
    problems = program.lint(names or (), site=site, inventory=Path(inventory) if inventory else None)
    wrong = [problem for problem in problems if strict or not problem.warning]
    if as_json:
        say(json.dumps({"ok": not wrong, "problems": [asdict(problem) for problem in problems]}, ensure_ascii=False))
    else:
        for problem in problems:
            say(str(problem))
        warnings = sum(problem.warning for problem in problems)
        say(_counted(len(problems) - warnings, warnings))
    raise typer.Exit(ExitCode.USAGE if wrong else ExitCode.DONE)


def _counted(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return "nothing is wrong"
    parts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "problem"), (warnings, "warning"))
        if count
    ]
    return ", ".join(parts)
