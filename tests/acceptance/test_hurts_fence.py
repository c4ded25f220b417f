"""Fences that lie or hang, a standby that is too far behind: no promotion without evidence, or by people, on record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from acceptance_kit import CHECKOUT, Answer, Bench, wait_until

pytestmark = pytest.mark.timeout(600)

RUNBOOK = "runbooks/shared-component/postgres-standby-takeover.yaml"


def _with_runbook(bench: Bench, place: Path, *changes: tuple[str, str]) -> None:
    """A copy of the shipped workspace with pieces of the runbook exchanged."""
    for name in ("runbooks", "playbooks", "drills"):
        shutil.copytree(CHECKOUT / name, place / name)
    text = (place / RUNBOOK).read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (place / RUNBOOK).write_text(text)
    bench.workspace = place


def _still_standby(bench: Bench) -> bool:
    return ("promote", "db-b") not in bench.effects() and bench.query("db-b", "select pg_is_in_recovery()") == ["t"]


def _papers(bench: Bench, place: Path) -> dict[str, str]:
    assert bench.holdfast("record", "last", "--out", str(place)).code == 0
    return {path.name: path.read_text() for path in place.iterdir()}


def _override(bench: Bench, who: str, why: str, *more: str) -> Answer:
    return bench.holdfast("override", "last", "fence", "--by", who, "--why", why, *more)


def test_a_fence_that_lies_is_found_out_and_only_two_people_may_go_past_it(bench: Bench, tmp_path: Path) -> None:
    """The power switch says off, and the primary still serves everybody but the service."""
    _with_runbook(bench, tmp_path / "workspace", ("within: 5s", "within: 1s"))
    bench.lab.break_("fence-lies")
    stopped = bench.drill("--input", "fault=primary-unreachable-to-service")
    assert stopped.code == 4, stopped.out + stopped.err
    assert _still_standby(bench)
    assert not bench.is_off("db-a")
    standing = bench.statuses()
    assert (standing["fence"], standing["promote"]) == ("failed", "pending")
    assert ("fence", "ok") in [
        (seen.body["step"], seen.body["outcome"]["ending"])
        for seen in bench.journal()
        if seen.kind == "step.ended" and seen.of("fence")
    ], "the switch says that the power is off"
    papers = _papers(bench, tmp_path / "papers")
    (row,) = [row for row in json.loads(papers["record.json"])["measurement"]["steps"] if row["id"] == "fence"]
    assert row["status"] == "failed"
    for paper in ("record.json", "record.en.html"):
        assert "open" in _why(bench) and _why(bench).split(";")[0][:60] in papers[paper].replace("&#39;", "'"), paper

    # One person is not enough, not even twice; without a reason nobody is.
    assert _override(bench, "anna-berg", "").code in (2, 7)
    one = _override(bench, "anna-berg", "the rack's breaker is open, seen on site", "--resume")
    assert one.code == 4, one.out + one.err
    assert _override(bench, "Anna-Berg", "once more").code == 7
    assert _still_standby(bench)
    two = _override(bench, "li-wei", "seen on site too", "--resume")
    assert two.code in (0, 5), two.out + two.err
    assert ("promote", "db-b") in bench.effects()
    (breach,) = [seen.body for seen in bench.journal() if seen.kind == "breach" and seen.body["kind"] == "fence"]
    assert "anna-berg and li-wei" in breach["detail"] and "seen on site too" in breach["detail"]
    papers = _papers(bench, tmp_path / "papers after")
    for paper in ("record.json", "record.en.html", "record.zh.html"):
        assert "anna-berg and li-wei" in papers[paper] or "li-wei" in papers[paper], paper
    bench.verifies()


def _why(bench: Bench) -> str:
    (body,) = [seen.body for seen in bench.journal() if seen.kind == "step.ended" and seen.of("fence", "verify")]
    return str(body["outcome"].get("error") or "; ".join(body.get("unmet", [])))


def test_a_fence_that_never_answers_is_unknown_and_the_takeover_stops(bench: Bench, tmp_path: Path) -> None:
    slow = "budget: 15s\n    timeout: 60s\n    idempotent: true\n    on_doubt: rerun\n    verify:\n      - probe: {tcp:"
    quick = slow.replace("15s", "3s").replace("60s", "4s")
    _with_runbook(bench, tmp_path / "workspace", (slow, quick))
    bench.lab.break_("fence-hangs")
    answer = bench.drill()
    assert answer.code == 4, answer.out + answer.err
    assert bench.statuses()["fence"] == "unknown"
    tried = [seen for seen in bench.journal() if seen.kind == "step.ended" and seen.of("fence")]
    assert len(tried) > 1 and {seen.body["outcome"]["ending"] for seen in tried} == {"unknown"}
    assert _still_standby(bench)
    bench.verifies()


def test_a_standby_that_is_too_far_behind_is_not_promoted_unless_somebody_answers_for_it(bench: Bench) -> None:
    replayed = "select pg_last_xact_replay_timestamp() is not null"
    wait_until("the standby has replayed something", lambda: bench.query("db-b", replayed) == ["t"], 60)
    bench.lab.break_("replication-cut")
    behind = "select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) > 6"
    wait_until("the standby is 6 s behind", lambda: bench.query("db-b", behind) == ["t"], 60)
    stopped = bench.drill()
    assert stopped.code == 4, stopped.out + stopped.err
    standing = bench.statuses()
    assert (standing["lag"], standing["promote"]) == ("failed", "pending")
    assert _still_standby(bench)
    assert bench.holdfast("mark-done", "last", "lag").code in (2, 7)

    forced = bench.holdfast("mark-done", "last", "lag", "--why", "the board accepts the loss", "--resume")
    assert forced.code == 5, forced.out + forced.err  # the RPO is missed, and said to be
    assert ("promote", "db-b") in bench.effects()
    (breach,) = [seen.body for seen in bench.journal() if seen.kind == "breach" and seen.body["kind"] == "expectation"]
    assert "lag was forced though" in breach["detail"] and breach["by"] == "anna-berg"
    record = bench.record()
    assert record["measurement"]["rpo"]["verdict"] == "missed"
    assert any("lag was forced though" in json.dumps(item) for item in record["breaches"])
    bench.verifies()


def test_a_standby_of_which_nobody_knows_how_far_behind_it_is_is_not_promoted(bench: Bench) -> None:
    """It has replayed nothing since it was started: that is not the same as being up to date."""
    bench.lab.reset(client=False)
    bench.lab.break_("replication-cut")
    assert bench.query("db-b", "select pg_last_xact_replay_timestamp() is null") == ["t"]
    stopped = bench.drill()
    assert stopped.code == 4, stopped.out + stopped.err
    standing = bench.statuses()
    assert (standing["lag"], standing["promote"]) == ("failed", "pending")
    assert _still_standby(bench)
