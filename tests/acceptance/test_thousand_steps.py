"""A run of a thousand steps in parallel branches, through the installed command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from acceptance_kit import Desk
from small_workspace import make_workspace

BRANCHES = 20
LENGTH = 50


def _steps() -> list[dict]:
    """Branches side by side, each step needing the one before it, and every tenth also the neighbour's."""
    steps = []
    for number in range(LENGTH):
        for branch in range(BRANCHES):
            needs = [f"b{branch}-{number - 1}"] if number else []
            if number and number % 10 == 0:
                needs.append(f"b{(branch + 1) % BRANCHES}-{number - 1}")
            steps.append({"id": f"b{branch}-{number}", "needs": needs, "scripted": {}, "timeout": "1m"})
    return steps


@pytest.mark.timeout(600)
def test_a_thousand_steps_in_parallel_branches_leave_a_whole_journal_and_a_record(tmp_path: Path) -> None:
    steps = _steps()
    assert len(steps) == 1000
    workspace = make_workspace(tmp_path / "workspace", steps, steady_state=[])
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    answer = desk.holdfast("run", "small", "--mode", "drill", "--json")
    assert answer.code == 0, answer.err + answer.out[-2000:]
    events = desk.journal()
    assert [seen.seq for seen in events] == list(range(1, len(events) + 1))
    assert events[-1].body["status"] == "succeeded"
    ended = {seen.body["step"]: seen for seen in events if seen.kind == "step.ended"}
    assert len(ended) == 1001  # with the look at the end
    begun = {seen.body["step"]: seen.seq for seen in events if seen.kind == "step.started"}
    assert len(begun) == sum(seen.kind == "step.started" for seen in events)
    for one in steps:
        assert all(begun[one["id"]] > ended[need].seq for need in one["needs"]), one["id"]
    # The branches really ran side by side: others' steps lie between the first and the last of each.
    assert max(begun[f"b{branch}-0"] for branch in range(BRANCHES)) < begun["b0-2"]
    assert set(desk.statuses().values()) == {"succeeded"}
    desk.verifies()

    papers = tmp_path / "papers"
    assert desk.holdfast("record", "last", "--out", str(papers)).code == 0
    record = json.loads((papers / "record.json").read_text())
    assert len(record["measurement"]["steps"]) == 1001
    for language in ("en", "zh"):
        page = (papers / f"record.{language}.html").read_text()
        assert "b19-49" in page and page.rstrip().endswith("</html>")
    bundle = tmp_path / "bundle"
    assert desk.holdfast("record", "last", "--bundle", "--out", str(bundle)).code == 0
    desk.verifies(str(bundle))
