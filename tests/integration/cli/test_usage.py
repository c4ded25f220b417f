"""Typos and missing things: exit code 2, what is wrong, and the mend; never a traceback."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from desk_kit import Desk

from orchestrator import __version__
from orchestrator.cli.table import COMMANDS

SUB = [
    ("journal", "show"),
    ("journal", "import"),
    *[("lab", name) for name in ["up", "down", "status", "break", "heal", "reset"]],
]
INTERNALS = re.compile(
    r"[Oo]rchestrator|pydantic|typer|click|[Pp]ython|[Tt]raceback|site-packages|dataclass|\bNone\b|<\w+>|\bTODO\b|\[\[|\{"
)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stats"], "Did you mean 'status'"),
        (["run"], "NAME"),
        (["run", "godo", "--mode", "drill"], "did you mean 'good.yaml'"),
        (["run", "good"], "add --mode with one of check, tabletop, drill, live"),
        (["run", "good", "--mode", "dril"], "there are check, tabletop, drill, live"),
        (["run", "good", "--mode", "drill", "--input", "clustr=x"], "did you mean 'cluster'"),
        (["run", "good", "--mode", "drill", "--input", "cluster"], "--input name=value"),
        (["run", "good", "--mode", "drill", "--onset", "soon"], "5m ago"),
        (["run", "good", "--mode", "drill", "--onset", "1m ago", "--detected", "2m ago"], "before it began"),
        (["run", "good", "--mode", "drill", "--site", "nowhere"], "there is no site 'nowhere'"),
        (["run", "good", "--mode", "drill", "--inventory", "nowhere.yml"], "there is no inventory"),
        (["plan", "../../etc/passwd"], "below runbooks/"),
        (["lint", "nothing"], "no runbook"),
        (["status", "2026"], "no run begins with '2026'"),
        (["resume", "last"], "holdfast status lists the runs"),
        (["approve", "last", "go"], "holdfast status lists the runs"),
        (["record", "last"], "holdfast status lists the runs"),
        (["verify", "nowhere"], "holdfast status lists the runs"),
        (["journal", "nowhere"], "holdfast status lists the runs"),
        (["schema", "runbok"], "there are: runbook"),
        (["skip", "last", "go"], "--why"),
        (["--workspace", "elsewhere", "lint"], "is not a workspace"),
        (["--store", "mysql://x/y", "status"], "postgresql://"),
    ],
)
def test_wrong_words_are_refused_with_the_mend(desk: Desk, words: list[str], told: str) -> None:
    answer = desk(*words)
    assert answer.code == 2, answer
    assert told in answer.err
    assert answer.out == ""


def test_the_version_is_told(desk: Desk) -> None:
    answer = desk("--version")
    assert (answer.code, answer.out) == (0, f"holdfast {__version__}\n")


@pytest.mark.parametrize("words", [(), *[(name,) for name in COMMANDS], *SUB])
def test_help_is_for_people(desk: Desk, words: tuple[str, ...]) -> None:
    answer = desk(*words, "--help", COLUMNS="100")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("Usage: holdfast")
    assert not INTERNALS.findall(answer.out), answer.out
    assert all(len(line) <= 100 for line in answer.out.splitlines())


def test_help_explains_every_exit_code(desk: Desk) -> None:
    text = desk("--help").out
    assert re.search(r"^ +7 +refused", text, re.MULTILINE)
    assert re.search(r"^ +130 +interrupted", text, re.MULTILINE)


def _imported(root: Path, words: list[str]) -> set[str]:
    look = (
        "import sys\n"
        "from orchestrator.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\n'.join(sys.modules))\n"
    )
    env = {"HOLDFAST_STATE": str(root / "state"), "PATH": "/usr/bin:/bin", "HOME": str(root)}
    told = subprocess.run([sys.executable, "-c", look, *words], capture_output=True, text=True, check=True, env=env)
    return set(told.stderr.split("\n"))


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["no-such-command"], 2), (["status", "nothing"], 2)])
def test_the_program_ends_with_its_code_after_all_that_is_to_be_done_at_its_end(
    tmp_path: Path, words: list[str], code: int
) -> None:
    program = (
        "import atexit, sys\nfrom orchestrator.cli.main import main\n"
        "from orchestrator.cli import streams\n"
        "prepare = streams.prepare\n"
        "streams.prepare = lambda: (prepare(), atexit.register(sys.stdout.write, 'put away'))\n"
        "sys.exit(main())\n"
    )
    env = {"HOLDFAST_STATE": str(tmp_path / "state"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, env=env
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout.endswith("put away")


def test_whoever_calls_the_program_from_one_of_his_own_goes_on_afterwards(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom orchestrator.cli import main as called\n"
        "try:\n    called.main()\nexcept SystemExit:\n    pass\nsys.exit(42)\n"
    )
    env = {"HOLDFAST_STATE": str(tmp_path / "state"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    words = [sys.executable, "-c", program, "--version"]
    assert subprocess.run(words, capture_output=True, check=False, env=env).returncode == 42


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["status"]])
def test_what_must_answer_at_once_imports_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    found = _imported(tmp_path, words)
    heavy = {"rich", "fabric", "ansible_runner", "psycopg", "yaml", "jinja2", "cryptography", "pydantic", "testinfra"}
    assert not found & heavy
    assert words == ["--help"] or "typer" not in found
    assert not {name for name in found if name.startswith("orchestrator.cli.commands.")}


def test_status_without_any_run_says_how_to_begin_and_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    answer = desk("status")
    assert answer.code == 0
    assert "holdfast run" in answer.out
    assert not (tmp_path / "state").exists()


def test_plain_lines_of_a_run_and_of_its_end_load_nothing_that_draws() -> None:
    look = "import sys, orchestrator.cli.watch, orchestrator.cli.closing_words; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
