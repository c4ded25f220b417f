"""``holdfast diagnose``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options, place


def command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="A system of the estate, or a host or group of the inventory.", show_default=False
        ),
    ],
    site: options.Site = None,
    inventory: options.Inventory = None,
    within: Annotated[
        str, typer.Option("--within", metavar="DURATION", help="How long all looks together may take.")
    ] = "30s",
    lang: Annotated[str, typer.Option("--lang", metavar="LANG", help="en or zh.")] = "en",
    as_json: options.AsJson = False,
) -> None:
    """Look, change nothing, and name the fault class the evidence bears out.

    Nothing is recorded either. Ends with 0 where all is well, 20 where a fault class is recognised (the
    command that starts its runbook is shown), 21 where the evidence does not suffice.
    """
    import json
    from pathlib import Path

    from orchestrator.cli.diagnosis import as_json as body_of
    from orchestrator.cli.diagnosis import lines
    from orchestrator.cli.exit_codes import ExitCode
    from orchestrator.cli.streams import say
    from orchestrator.errors import UsageError
    from orchestrator.model.diagnosis import Verdict
    from orchestrator.model.duration import parse_duration

    if lang not in ("en", "zh"):
        raise UsageError(f"there is no language {lang!r}", mend="write --lang en or --lang zh")
    try:
        seconds = parse_duration(within)
    except ValueError as error:
        raise UsageError(f"--within {within!r}: {error}", mend="write it like 30s") from error
    found = place.app().diagnose(target, site=site, inventory=Path(inventory) if inventory else None, within=seconds)
    code = {
        Verdict.HEALTHY: ExitCode.DONE,
        Verdict.RECOGNISED: ExitCode.RECOGNISED,
        Verdict.UNCLEAR: ExitCode.UNCLEAR,
    }[found.verdict]
    called = place.called_in_workspace()
    where = [*(["--site", site] if site else []), *(["--inventory", inventory] if inventory else [])]
    if as_json:
        say(json.dumps(body_of(found, called, where, int(code)), ensure_ascii=False))
    else:
        for line in lines(found, lang, called, where):
            say(line)
    raise typer.Exit(code)
