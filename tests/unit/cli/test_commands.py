"""The table that answers ``--help`` and completion says what the commands themselves say."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from orchestrator.cli import commands
from orchestrator.cli.lazy import LazyGroup, load
from orchestrator.cli.main import _group
from orchestrator.cli.table import COMMANDS, module_of


def test_every_command_module_is_in_the_table_and_no_other() -> None:
    there = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__"}
    assert there == {module_of(name).rpartition(".")[2] for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_tables_help_is_the_first_line_of_the_commands_own(name: str) -> None:
    help_text = load(name).help or ""
    assert help_text.splitlines()[0] == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_module_has_one_entrance(name: str) -> None:
    module = import_module(module_of(name))
    assert hasattr(module, "command") != hasattr(module, "app")


def test_the_group_lists_the_table() -> None:
    group = _group()
    assert isinstance(group, LazyGroup)
    assert group.list_commands(None) == list(COMMANDS)


def test_help_and_version_import_no_command() -> None:
    look = (
        "import sys\n"
        "from orchestrator.cli.main import _group\n"
        "from orchestrator.cli.lazy import LazyGroup\n"
        "group = _group()\n"
        "context = group.make_context('holdfast', [], resilient_parsing=True)\n"
        "group.get_help(context)\n"
        "print([name for name in sys.modules if name.startswith('orchestrator.cli.commands.')])\n"
        "print([name for name in ('rich', 'fabric', 'ansible_runner', 'psycopg', 'yaml') if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:2] == ["[]", "[]"]
