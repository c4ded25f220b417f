"""What the papers say about the program is true: commands and options exist, tables match, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.cli.exit_codes import MEANING
from orchestrator.cli.table import COMMANDS
from orchestrator.documents.files import read_file
from orchestrator.documents.parse import KINDS, kind_of, parse
from orchestrator.engine.decisions import VERBS
from orchestrator.model.actions import ACTIONS
from orchestrator.model.parse_names import Parser
from orchestrator.model.runbook import Runbook, Step
from orchestrator.model.signs import Signs

TOP = Path(__file__).resolve().parents[2]
PAPERS = [TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").rglob("*.md"))]
SHIPPED = [
    path
    for folder in ("runbooks", "drills", "signs", "inventories")
    for path in sorted((TOP / folder).rglob("*.yaml"))
    if path.name != "hosts.yaml"
]
HOLDFAST = Path(sys.executable).with_name("holdfast")


def _commands(text: str) -> set[tuple[str, ...]]:
    """Every ``holdfast`` call written as code: indented lines and back-ticked words."""
    code = [line for line in text.splitlines() if line.startswith("    ")] + re.findall(r"`([^`\n]+)`", text)
    calls = [re.split(r"&&|;|  +| -- ", piece) for line in code for piece in [line.strip()]]
    found: set[tuple[str, ...]] = set()
    for call in (part.strip() for parts in calls for part in parts):
        if call.startswith("holdfast "):
            found.add(tuple(call.split()[1:]))
    return found


@cache
def _help(*words: str) -> str:
    done = subprocess.run([HOLDFAST, *words, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"holdfast {' '.join(words)} --help: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(TOP)))
def test_every_command_and_option_in_a_paper_exists(paper: Path) -> None:
    for call in _commands(paper.read_text()):
        command = call[0]
        if command.startswith("-") or not re.fullmatch(r"[a-z-]+", command):
            continue
        assert command in COMMANDS, f"{paper.name}: holdfast {command}"
        words = [command]
        if command in ("lab", "journal") and len(call) > 1 and re.fullmatch(r"[a-z]+", call[1]) and call[1] != "last":
            words.append(call[1])
        text = _help(*words)
        for option in (word.split("=")[0] for word in call if word.startswith("--")):
            assert option in text, f"{paper.name}: holdfast {' '.join(call)}"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(TOP)))
def test_every_link_in_a_paper_leads_somewhere(paper: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", paper.read_text()):
        if "://" not in target:
            assert (paper.parent / target).exists(), f"{paper.name}: {target}"


def test_the_guides_exit_codes_are_the_programs() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (TOP / "docs" / "operating.md").read_text(), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {code.value: text for code, text in MEANING.items()}


def test_the_guide_explains_every_verb() -> None:
    text = (TOP / "docs" / "operating.md").read_text()
    assert [verb for verb in VERBS if f"`{verb}`" not in text] == []


def test_the_reference_explains_every_key() -> None:
    text = (TOP / "docs" / "runbook-reference.md").read_text()
    keys = {*Step.model_fields, *Runbook.model_fields} - set(ACTIONS)
    assert [key for key in sorted(keys) if f"`{key}" not in text] == []
    assert [action for action in ACTIONS if f"**{action}**" not in text] == []
    assert [key for key in Signs.model_fields if f"`{key}" not in text] == []
    assert [parser for parser in get_args(Parser) if f"| `{parser}` |" not in text] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(TOP)))
def test_every_shipped_document_is_valid_and_names_its_schema(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
    assert named, first
    schema = (path.parent / named.group(1)).resolve()
    assert schema.is_file()
    source = read_file(path)
    kind = kind_of(source)
    assert schema.name == f"{kind}.schema.json"
    parse(source, KINDS[kind])


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(TOP)))
def test_every_path_a_paper_names_is_there(paper: Path) -> None:
    for named in re.findall(
        r"`((?:orchestrator|tests|docs|benchmarks|runbooks|playbooks)/[A-Za-z0-9_./-]+)`", paper.read_text()
    ):
        if "NNNN" not in named:
            assert (TOP / named).exists(), f"{paper.name}: {named}"


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (TOP / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
