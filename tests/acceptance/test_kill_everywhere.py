"""kill -9 of the orchestrator before and after every journal record of the takeover, then ``resume``.

The points are those of one undisturbed run. They are dealt out to a fixed number of tests, so that several workers
share them; each test names all its points that came out otherwise.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from acceptance_kit import CHECKOUT, Bench

from orchestrator.lab.lab import Lab

SHARES = 8
"""Into how many tests the points of one kind are dealt."""
SPARE = 2
"""A run has this many records fewer or more than the undisturbed one, without being another one."""
ONCE = {("break:primary-killed", "db-a"): 1, ("power-off", "db-a"): 1, ("promote", "db-b"): 1, ("redirect", "app"): 1}
INCIDENTAL = ("step.over_budget", "breach", "warning", "clock.jumped")
"""Records that come or do not come with how busy the machine is."""
QUIET = 0.1
"""Seconds between two of the client's orders: enough to count, and the machine has more to do here."""


@dataclass(frozen=True)
class Whole:
    """A run that nobody disturbed: how each of its steps stands, how many records it has, and how many at least."""

    statuses: dict[str, str]
    records: int
    least: int


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped workspace, in which what the kills are not about is shorter: the pause in which markers are
    collected, and the playbooks that look before and after, which are one command each."""
    place = tmp_path_factory.mktemp("workspace")
    for name in ("runbooks", "playbooks", "drills"):
        shutil.copytree(CHECKOUT / name, place / name)
    runbook = place / "runbooks/shared-component/postgres-standby-takeover.yaml"
    text = runbook.read_text()
    assert text.count("wait: {for: 2s}") == 1
    runbook.write_text(text.replace("wait: {for: 2s}", "wait: {for: 300ms}"))
    look = {"ansible.builtin.command": {"argv": ["true"]}, "changed_when": False}
    for name in ("readiness", "secure"):
        (place / f"playbooks/takeover/{name}.yml").write_text(
            json.dumps([{"hosts": "standby", "gather_facts": False, "tasks": [look]}])
        )
    return place


@pytest.fixture(scope="module")
def undisturbed(lab: Lab, workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    bench = Bench(lab=lab, state=tmp_path_factory.mktemp("undisturbed") / "state", workspace=workspace)
    lab.reset(every=QUIET)
    answer = bench.drill()
    assert answer.code in (0, 5), answer.err
    assert Counter(bench.effects()) == ONCE
    records = bench.journal()
    least = len(records) - sum(seen.kind in INCIDENTAL for seen in records) - SPARE
    return Whole(bench.statuses(), len(records), least)


def _wrong(bench: Bench, point: str, undisturbed: Whole, *, again: str = "") -> str:
    """What came out otherwise after a kill at ``point`` (and a second one at ``again``); empty where nothing did."""
    killed = bench.drill(HOLDFAST_CRASH=point)
    when, _, number = point.partition(":")
    if killed.code != -9:
        late = int(number) > undisturbed.least
        return "" if late and killed.code in (0, 5) else f"it was not killed: {killed.code} {killed.err}"
    if point == "before:1":
        # Nothing was written and nothing done: there is no run to take up.
        if bench.effects() or bench.resume().code != 2:
            return f"nothing had begun: {bench.effects()}"
        answer = bench.drill()
    else:
        if len(bench.journal()) != int(number) - (when == "before"):
            return f"{len(bench.journal())} records"
        if again:
            killed = bench.resume(HOLDFAST_CRASH=again)
            if killed.code != -9:
                return f"it was not killed again: {killed.code} {killed.err}"
        if bench.journal()[-1].kind == "run.ended":
            answer = bench.resume()
            return f"resumed after its end: {answer.code}" if answer.code != 7 else _unlike(bench, undisturbed)
        answer = bench.resume()
    # RTO may be missed with a kill in the middle; what was measured is not what is asked here.
    return (
        _unlike(bench, undisturbed) if answer.code in (0, 5) else f"{answer.code}: {answer.err}\n{answer.out[-2000:]}"
    )


def _unlike(bench: Bench, undisturbed: Whole) -> str:
    """In what the end differs from the undisturbed run's."""
    last = bench.journal()[-1]
    found = {
        "the last record": (last.kind, last.body.get("status")) == ("run.ended", "succeeded"),
        "the steps": bench.statuses() == undisturbed.statuses,
        "the effects": Counter(bench.effects()) == ONCE,
        "the old primary": bench.is_off("db-a"),
        "the new primary": bench.query("db-b", "select not pg_is_in_recovery()") == ["t"],
        "the service": bench.takes_orders(),
        "the evidence": bench.holdfast("verify", "last").code == 0,
    }
    return ", ".join(what for what, holds in found.items() if not holds) + (
        "" if all(found.values()) else f": {bench.effects()} {bench.statuses()}"
    )


def _try(lab: Lab, workspace: Path, place: Path, points: list[tuple[str, str]], undisturbed: Whole) -> None:
    bad = {}
    for point, again in points:
        lab.reset(every=QUIET)
        name = f"{point}+{again}".replace(":", "-")
        bench = Bench(lab=lab, state=place / name / "state", workspace=workspace)
        bench.state.parent.mkdir()
        if wrong := _wrong(bench, point, undisturbed, again=again):
            bad[f"{point} {again}"] = wrong
    assert not bad, "\n".join(f"{point}: {wrong}" for point, wrong in bad.items())


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_record_changes_neither_the_end_nor_the_effects(
    lab: Lab, workspace: Path, undisturbed: Whole, tmp_path: Path, when: str, share: int
) -> None:
    numbers = range(1 + share, undisturbed.records + 1, SHARES)
    _try(lab, workspace, tmp_path, [(f"{when}:{number}", "") for number in numbers], undisturbed)


@pytest.mark.timeout(3600)
def test_a_second_kill_while_resuming_changes_nothing_either(
    lab: Lab, workspace: Path, undisturbed: Whole, tmp_path: Path
) -> None:
    # Dying at once after taking the run over, while looking for what an earlier driver began, and a little later.
    points = [("before:10", "after:10"), ("after:13", "before:15"), ("before:18", "after:19"), ("after:22", "after:24")]
    _try(lab, workspace, tmp_path, points, undisturbed)
