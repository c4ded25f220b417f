"""What Prometheus' own tool says of the metrics and the example alerts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from example_runs import EXAMPLES, thousand_steps

import orchestrator.metrics
from orchestrator.metrics import exposition, families
from orchestrator.records import build

pytestmark = pytest.mark.promtool

RULES = Path(orchestrator.metrics.__file__).parent / "rules"


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        reason = "promtool is not installed on this machine"
        if "promtool" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*argv: str, text: bytes = b"") -> str:
    done = subprocess.run(argv, input=text, capture_output=True, timeout=60, check=False, cwd=RULES)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_names_and_types_follow_the_conventions(promtool: str) -> None:
    records = [build(make()) for make in EXAMPLES.values()]
    assert run(promtool, "check", "metrics", text=exposition(families(records, version="0.1.0"))) == ""


def test_a_thousand_steps_are_no_trouble(promtool: str) -> None:
    assert run(promtool, "check", "metrics", text=exposition(families([build(thousand_steps())]))) == ""


def test_the_example_alerts_are_valid(promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "check", "rules", "--lint=all", "--lint-fatal", "holdfast.rules.yml")


def test_the_example_alerts_fire_when_they_should(promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", "holdfast.rules.test.yml")


def test_every_gauge_the_alerts_speak_of_exists() -> None:
    import re

    known = {family.name for family in families([build(make()) for make in EXAMPLES.values()])}
    asked = set(re.findall(r"holdfast_[a-z_]+", (RULES / "holdfast.rules.yml").read_text("utf-8")))
    assert asked <= known
