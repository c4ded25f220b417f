"""``holdfast journal``: a run's journal; with ``import`` one that was kept elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from orchestrator.cli import options, place


class _ShowUnlessNamed(TyperGroup):
    """``holdfast journal RUN`` is ``holdfast journal show RUN``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The named command, else ``show``."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The commands, and the runs that ``show`` takes."""
        found = super().shell_complete(ctx, incomplete)
        show = self.commands["show"].make_context("show", [], parent=ctx, resilient_parsing=True)
        return [*found, *show.command.params[0].shell_complete(show, incomplete)]


app = typer.Typer(
    cls=_ShowUnlessNamed,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    subcommand_metavar="RUN | import [PATH]",
)


@app.callback()
def group() -> None:
    """Show a run's journal, or import one that was kept elsewhere."""


@app.command("show")
def show(
    run: options.Run,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Stay and show what is added, until the run has ended.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show a run's journal: each event on a line (the default)."""
    from orchestrator.cli.journal_lines import follow_run, show_events

    program = place.app()
    run_id = program.find(run)
    events = program.events(run_id)
    show_events(events, as_json=as_json)
    if follow:
        follow_run(program, run_id, list(events), as_json=as_json)


@app.command("import")
def import_(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH",
            help="The journal of another state directory; all break-glass journals here where none is named.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take over the runs of a journal that was kept elsewhere.

    Runs that are here already are continued where they follow on; where two journals contradict each other, nothing is
    taken over and both are named.
    """
    from orchestrator.cli.streams import say, warn
    from orchestrator.journal.importing import bring_back
    from orchestrator.journal.opening import open_store

    program = place.app()
    report = program.import_store(path) if path is not None else bring_back(open_store(program.settings.store))
    for run_id, added in report.added.items():
        say(f"{run_id}: {added} events taken over" if added else f"{run_id}: all of it was here already")
    for text in report.warnings:
        warn(f"warning: {text}")
    if not report.added:
        say("nothing to take over")
