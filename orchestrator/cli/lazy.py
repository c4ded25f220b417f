"""A group of commands that imports a command only when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.streams import warn
from orchestrator.cli.table import COMMANDS, module_of


def load(name: str) -> Any:
    """The command ``name``, made from its module: a group where the module has an ``app``, else one command."""
    module = import_module(module_of(name))
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(module.command)
    loaded = get_command(app)
    loaded.name = name
    _say_it_plainly(loaded)
    return loaded


def _say_it_plainly(command: Any) -> None:
    """Arguments in the help as in every other program: ``RUN``, without braces and without the name of its type."""
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda ctx: ""  # noqa: ARG005 - called by that name
            parameter.get_usage_pieces = _usage(parameter)
    for inner in getattr(command, "commands", {}).values():
        _say_it_plainly(inner)


def _usage(parameter: Any) -> Callable[[Any], list[str]]:
    shown = parameter.metavar or parameter.name.upper()
    shown = (shown if parameter.required else f"[{shown}]") + ("..." if parameter.nargs != 1 else "")
    return lambda _ctx: [shown]


class _Commands(MutableMapping[str, Any]):
    """Every command by name; each is imported when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            if name not in COMMANDS:
                raise KeyError(name)
            self._loaded[name] = load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class LazyGroup(TyperGroup):
    """The top of the command line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()

    def invoke(self, ctx: Any) -> Any:
        """Call the command. What the library would turn into exit code 1 gets the code that is documented."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise typer.Exit(ExitCode.NOBODY_READS) from error
        except KeyboardInterrupt as error:
            warn("interrupted")
            raise typer.Exit(ExitCode.INTERRUPTED) from error

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class has it
        """All names, without importing any command."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class has it
        """The help's list of commands, from the table."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, (section, told) in COMMANDS.items():
            sections.setdefault(section, []).append((name, told))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows, col_max=12)
