"""``holdfast verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import complete, options, place


def command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PATH|RUN",
            help="A bundle's directory, or a run in the store.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ],
    allowed_signers: Annotated[
        str | None,
        typer.Option(
            "--allowed-signers",
            metavar="FILE",
            help="Who may sign, in OpenSSH's format, from outside the evidence.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Check a bundle or a run: chain, digests and signature.

    Needs no network and, for a bundle, nothing of this machine. The first thing that does not hold is named, and the
    exit code is 9.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from orchestrator.cli.streams import say, warn

    signers = Path(allowed_signers) if allowed_signers is not None else None
    report = place.app().verify(what, signers)
    if as_json:
        say(json.dumps({"holds": True, **asdict(report)}, ensure_ascii=False))
        return
    say(f"holds: run {report.run_id}, {report.records} events, {report.outputs} outputs")
    say(f"  head {report.head}")
    if report.sealed:
        by = f"{report.signer} " if report.signer else ""
        say(f"  sealed by {by}{report.fingerprint}" + (", whom you trust" if report.trusted else ""))
    for note in report.notes:
        warn(f"note: {note}")
