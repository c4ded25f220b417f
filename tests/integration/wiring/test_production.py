"""A drill keeps its hands off production: by the estate's word, and by address."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import Refused, UsageError
from orchestrator.model.document import Mode
from orchestrator.wiring.app import Holdfast
from orchestrator.wiring.driving import Asked
from orchestrator.wiring.secrets import reveal
from orchestrator.wiring.settings import Settings

RUNBOOK = """\
runbook: small
purpose: restore
title: {en: Small, zh: 小}
system: books
steps:
  - id: look
    title: {en: Look, zh: 看}
    scripted: {}
    timeout: 5s
"""
ESTATE = """\
estate: here
contacts:
  li: {name: Li, reach: ['1']}
systems:
  books: {title: Books, rto: 1h, rpo: 1h, owners: [li], service_level: gold, production: PRODUCTION}
production_addresses: ['192.0.2.0/24']
"""
LEVEL = "service_level: gold\ntitle: Gold\ntargets: {}\n"
DRILL = """\
drill: exercise
title: {en: Exercise, zh: 演练}
type: TYPE
runbook: small.yaml
scenario: {en: Nothing happens, zh: 无}
live_exercise_approved_by: [APPROVERS]
"""


def app(tmp: Path, *, production: bool, address: str, kind: str = "full", approvers: str = "") -> Holdfast:
    """A workspace with one host at ``address``, and a drill of this kind."""
    site = tmp / "inventories" / "here"
    files = {
        tmp / "runbooks" / "small.yaml": RUNBOOK,
        tmp / "drills" / "exercise.yaml": DRILL.replace("TYPE", kind).replace("APPROVERS", approvers),
        site / "hosts.yml": f"all:\n  hosts:\n    one: {{ansible_host: {address}}}\n",
        site / "estate.yaml": ESTATE.replace("PRODUCTION", str(production).lower()),
        site / "service-levels" / "gold.yaml": LEVEL,
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Holdfast(Settings.from_environment(workspace=tmp, state=tmp / "state", by="li"))


def drill(program: Holdfast, mode: Mode = Mode.DRILL) -> str:
    prepared = program.prepare("exercise", mode=mode, inputs={})
    return program.start(prepared, Asked(by="li", wait=False)).state.ended


def test_a_drill_on_what_is_not_production_runs(tmp_path: Path) -> None:
    assert drill(app(tmp_path, production=False, address="198.51.100.7")) == "succeeded"


def test_a_drill_on_a_production_system_is_refused_and_leaves_no_run(tmp_path: Path) -> None:
    program = app(tmp_path, production=True, address="198.51.100.7")
    with pytest.raises(Refused, match="books is production"):
        drill(program)
    assert program.runs() == []


def test_a_production_address_is_refused_whatever_the_estate_calls_the_system(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"one \(192\.0\.2\.9\)"):
        drill(app(tmp_path, production=False, address="192.0.2.9"))


def test_a_live_exercise_that_was_approved_may_touch_production(tmp_path: Path) -> None:
    approved = app(tmp_path, production=True, address="192.0.2.9", kind="live", approvers="li")
    assert drill(approved) == "succeeded"


def test_a_live_exercise_nobody_approved_may_not(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        drill(app(tmp_path, production=True, address="192.0.2.9", kind="live"))


def test_a_recovery_and_a_plan_of_a_drill_are_not_refused(tmp_path: Path) -> None:
    program = app(tmp_path, production=True, address="192.0.2.9")
    assert drill(program, Mode.LIVE) == "succeeded"
    assert program.prepare("exercise", mode=Mode.DRILL, inputs={}).plan.steps


def test_a_secret_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("correct horse")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        reveal([f"file:{path}"])
    path.chmod(0o600)
    assert reveal([f"file:{path}"]) == {f"file:{path}": "correct horse"}


def test_a_secret_that_is_missing_or_too_short_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_ONE", "abc")
    monkeypatch.delenv("MISSING_ONE", raising=False)
    with pytest.raises(UsageError, match="MISSING_ONE") as told:
        reveal(["env:SHORT_ONE", "env:MISSING_ONE"])
    assert "env:SHORT_ONE" in str(told.value)
    assert "abc" not in str(told.value)
