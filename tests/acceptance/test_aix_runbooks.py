"""The AIX runbooks, run end to end against the simulated hosts: each with success and its most likely failures."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.lab.aix.lab import AixLab

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(sys.executable).with_name("holdfast")


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code, its summary, and each step's last outcome."""

    code: int
    summary: dict[str, Any]
    outcomes: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """The simulated lab and the installed command."""

    aix: AixLab
    state: Path

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(HOLDFAST), "--state", str(self.state), "--workspace", str(ROOT), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)

    def run(self, name: str, *words: str) -> Ended:
        inventory = ("--inventory", str(self.aix.inventory))
        done = self.call("run", name, *inventory, "--by", "li", "--no-wait", "--json", *words)
        *events, summary = [json.loads(line) for line in done.stdout.splitlines()]
        outcomes = {
            event["body"]["step"]: event["body"]["outcome"]
            for event in events
            if event["kind"] == "step.ended" and event["body"]["phase"] == "action"
        }
        return Ended(done.returncode, summary, outcomes)

    @property
    def effects(self) -> list[str]:
        return [f"{effect.what} {effect.host}" for effect in self.aix.effects()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(AixLab.up(tmp_path / "aix"), tmp_path / "state")


def test_the_takeover_drill_comes_through_and_proves_nothing(bench: Bench) -> None:
    ended = bench.run("drills/powerha-takeover.yaml", "--input", "fault=primary-hangs")
    assert ended.summary["status"] == "succeeded", ended
    assert bench.aix.status().serving == "nodeb"
    # The fence came before the takeover, and each was done once.
    assert [effect.split()[0] for effect in bench.effects] == ["lab-break", "chsysstate", "db2", "clmgr"]
    assert (ended.code, ended.summary["verified"], ended.summary["rto"]["verdict"]) == (5, False, "unproven")
    assert set(ended.outcomes) <= set(ended.summary["simulated"])
    assert all(outcome["simulated"] for outcome in ended.outcomes.values())
    papers = bench.state / "papers"
    assert bench.call("record", ended.summary["run_id"], "--out", str(papers)).returncode == 0
    assert "SIMULATED:" in (papers / "record.en.html").read_text(encoding="utf-8")
    assert "模拟运行" in (papers / "record.zh.html").read_text(encoding="utf-8")
    metrics = bench.state / "holdfast.prom"
    assert bench.call("metrics", "--textfile", str(metrics)).returncode == 0
    text = metrics.read_text()
    assert "holdfast_run_simulated" in text
    assert "holdfast_verification_expiry" not in text and "holdfast_last_success" not in text


@pytest.mark.parametrize(
    ("fault", "stuck", "error"),
    [
        ("standby-behind", "hadr", "wanted one of"),
        ("fence-refused", "fence", "no connection to the managed system"),
        ("fence-lies", "fence", ""),
        ("standby-disk-error", "standby-hardware", "wanted 0, got 1"),
    ],
)
def test_what_speaks_against_a_takeover_stops_it_before_it_begins(
    bench: Bench, fault: str, stuck: str, error: str
) -> None:
    bench.aix.break_(fault)
    ended = bench.run("drills/powerha-takeover.yaml", "--input", "fault=primary-hangs")
    assert ended.code == 4, ended
    assert error in ended.outcomes[stuck]["error"]
    assert any(one["step"] == stuck and one["commands"] for one in ended.summary["next"])
    assert not any(effect.startswith(("db2", "clmgr")) for effect in bench.effects)
    assert bench.aix.status().serving == ""


def test_the_paging_space_drill_makes_room_and_leaves_no_emergency_space(bench: Bench) -> None:
    ended = bench.run("drills/aix-paging-space.yaml")
    assert ended.summary["status"] == "succeeded", ended
    assert [effect.split()[0] for effect in bench.effects] == [
        "lab-break", "mkps", "stopsrc", "startsrc", "chps", "swapoff", "rmps",
    ]  # fmt: skip
    before = {space["name"]: space["size_mb"] for space in ended.outcomes["before"]["output"]["paging"]}
    after = {space["name"]: space["size_mb"] for space in ended.outcomes["after"]["output"]["paging"]}
    assert before == {"hd6": 1024, "paging00": 2048} and after == {"hd6": 1024, "paging00": 3072}
    assert ended.outcomes["consumers"]["output"]["stdout"].splitlines()[1].split()[-1] == "order_batch"
    assert not ended.summary["verified"]


def test_without_room_in_the_volume_group_nothing_is_changed(bench: Bench) -> None:
    bench.aix.break_("paging-no-room")
    ended = bench.run("drills/aix-paging-space.yaml")
    assert ended.code == 4, ended
    assert "wanted at least 24, got 2" in ended.outcomes["room"]["error"]
    assert bench.effects == ["lab-break paging-full nodea"]


def test_room_that_was_made_is_given_back_by_a_rollback(bench: Bench) -> None:
    # The consumer is not restarted, so its pages do not fit without the emergency space: it may not be removed.
    ended = bench.run("drills/aix-paging-space.yaml", "--input", "restart=false", "--input", "larger_by=1")
    assert ended.code == 4, ended
    assert ended.outcomes["remove"]["ending"] == "ok"
    run_id = ended.summary["run_id"]
    bench.aix.heal("paging-full")
    done = bench.call("rollback", run_id, "--by", "anna", "--why", "the batch is stopped", "--resume")
    assert "rolled back" in done.stdout, done
    assert bench.aix.status().paging["nodea"] < 70
    names = [effect.split()[0] for effect in bench.effects]
    assert names[-1] in ("rmps", "mkps", "chps"), names
