"""``holdfast record``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options, place


def command(
    run: options.Run,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where it is written [./holdfast-records/RUN]."),
    ] = None,
    bundle: Annotated[
        bool,
        typer.Option(
            "--bundle",
            "-b",
            help="A signed bundle with journal and outputs, to be checked anywhere. Closes the run.",
        ),
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            "-l",
            metavar="en|zh",
            help="Print the record in this language instead of writing files.",
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="Time zone of local times, e.g. Asia/Shanghai [UTC]."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a run's record, and its bundle for an auditor.

    Without --bundle: record.json, record.en.html, record.zh.html and record.junit.xml. Everything in them comes from
    the journal, so they can be written again at any time. --json and --language print to standard output.
    """
    from pathlib import Path

    from orchestrator.cli.streams import say
    from orchestrator.errors import UsageError

    program = place.app()
    run_id = program.find(run)
    where = zone or "UTC"
    if language not in (None, "en", "zh"):
        raise UsageError(f"there is no language {language!r}", mend="there are en and zh")
    if as_json or language is not None:
        from orchestrator.records.html import render
        from orchestrator.records.out import to_json

        record = program.record(run_id, where)
        say((to_json(record) if as_json or language is None else render(record, language)).rstrip("\n"))
        return
    directory = Path(out) if out is not None else Path("holdfast-records") / run_id
    if bundle:
        say(f"{program.bundle(run_id, directory, where)}")
        say(f"  check it anywhere with: holdfast verify {directory}")
    else:
        for path in program.papers(run_id, directory, where):
            say(str(path))
