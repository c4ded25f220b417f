"""The entry point. Nothing heavy is imported here: ``holdfast --version`` answers at once."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from orchestrator import __version__


def main() -> NoReturn:
    """Run ``holdfast``; always ends by SystemExit."""
    from orchestrator.cli import leaving
    from orchestrator.cli.streams import prepare

    leaving.prepare()
    prepare()
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"holdfast {__version__}\n")
        sys.exit(leaving.with_code(0))
    sys.exit(leaving.with_code(_call()))


def _call() -> int:
    import gc

    from orchestrator.cli.exit_codes import ExitCode
    from orchestrator.cli.no_plugins import look_for_none
    from orchestrator.cli.streams import nobody_reads

    look_for_none()
    # What is loaded at the start stays: looking through it for waste took a twentieth of what passed before a run's
    # first step. What goes on for long sets its own measure (see ``drive``).
    gc.set_threshold(500_000, 10, 10)
    try:
        code = _judged()
    except BrokenPipeError:
        code = ExitCode.NOBODY_READS
    nobody_reads()
    return code


def _judged() -> int:
    from orchestrator.cli.at_once import answered
    from orchestrator.cli.exit_codes import ExitCode
    from orchestrator.cli.streams import warn

    try:
        if not answered(sys.argv[1:]):
            _group().main(prog_name="holdfast")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        warn("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where everything that was not foreseen ends
        return _told(error)
    return ExitCode.DONE


def _told(error: Exception) -> int:
    from orchestrator.cli import place
    from orchestrator.cli.trouble import tell

    try:
        state = place.settings().state
    except (OSError, RuntimeError):  # no home directory
        state = None
    return tell(error, state)


def _group() -> Any:
    """The typer app ``holdfast``, its commands loaded as they are called."""
    import typer
    from typer.main import get_command

    from orchestrator.cli.exit_codes import table
    from orchestrator.cli.lazy import LazyGroup
    from orchestrator.cli.top import top

    app = typer.Typer(
        cls=LazyGroup,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog=f"\b\nExit codes:\n{table()}",
    )
    app.callback()(top)
    return get_command(app)
