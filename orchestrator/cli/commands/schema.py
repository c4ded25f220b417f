"""``holdfast schema``."""

from __future__ import annotations

from typing import Annotated

import typer

RECORD = "record"
"""Not a document people write, but one other programs read."""


def _kinds(incomplete: str) -> list[str]:
    from orchestrator.documents.parse import KINDS

    return [kind for kind in (*KINDS, RECORD) if kind.startswith(incomplete)]


def command(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="The kind of document; the kinds are listed where none is named.",
            show_default=False,
            autocompletion=_kinds,
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of a kind of document.

    An editor that knows the schema checks a document while it is being written.
    """
    from orchestrator.cli.streams import say
    from orchestrator.documents.parse import KINDS
    from orchestrator.documents.schema import published
    from orchestrator.errors import UsageError
    from orchestrator.records.out import schema_text

    if kind is None:
        for one in (*KINDS, RECORD):
            say(one)
    elif kind.replace("-", "_") in KINDS:
        say(published(kind.replace("-", "_")).rstrip("\n"))
    elif kind == RECORD:
        say(schema_text().rstrip("\n"))
    else:
        raise UsageError(f"there is no kind of document {kind!r}", mend=f"there are: {', '.join((*KINDS, RECORD))}")
