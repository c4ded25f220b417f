"""Runs from the command line, from the first word to the verified record."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from desk_kit import Desk

TIMED = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  \S")


def test_a_drill_runs_in_its_own_mode_and_leaves_plain_lines(desk: Desk) -> None:
    answer = desk("run", "drills/autumn.yaml", "--onset", "1m ago")
    assert answer.code == 0, answer
    assert "\x1b" not in answer.out
    events = [line for line in answer.out.splitlines() if TIMED.match(line)]
    assert "mode drill" in events[0]
    assert "started by anna" in events[0]
    assert events[-1].endswith("the run has ended: succeeded")
    assert re.search(r"^RTO 5m00s: met\. 1m\d\ds of 5m00s\.$", answer.out, re.MULTILINE)


def test_a_tabletop_drill_is_talked_through(desk: Desk) -> None:
    answer = desk("run", "talk", "--no-wait")
    assert answer.code == 6
    assert "mode tabletop" in answer.out
    assert "by hand: Talk it through" in answer.out


def test_a_live_run_needs_no_terminal_and_asks_nothing_without_one(desk: Desk) -> None:
    answer = desk("run", "good", "--mode", "live", "--onset", "now")
    assert answer.code == 0
    assert "Start it?" not in answer.out


def test_json_is_one_object_a_line_and_ends_with_the_summary(desk: Desk) -> None:
    answer = desk("run", "good", "--mode", "drill", "--onset", "1m ago", "--json")
    *events, summary = answer.objects
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run.created"
    assert events[-1]["kind"] == "run.ended"
    assert summary["type"] == "summary"
    assert summary["exit_code"] == answer.code == 0
    assert summary["rto"]["verdict"] == "met"
    assert summary["run_id"] == events[0]["run_id"]


def test_an_onset_nobody_told_leaves_the_rto_unproven(desk: Desk) -> None:
    answer = desk("run", "good", "--mode", "live")
    assert answer.code == 5
    assert "RTO 5m00s: UNPROVEN" in answer.out


def test_a_plan_shows_everything_before_anything_is_done(desk: Desk) -> None:
    answer = desk("plan", "slow", "--input", "notes=x", COLUMNS="200")
    assert answer.code == 0
    assert "RTO 5m00s: critical path 1m00s, fits" in answer.out
    assert re.search(r"\*work +run sh -c .* here ", answer.out)
    assert "IRREVERSIBLE: a test" in answer.out
    assert re.search(r"digest [0-9a-f]{64}", answer.out)
    assert not desk.state.exists()
    body = json.loads(desk("plan", "autumn", "--json").out)
    assert body["mode"] == "drill"
    assert body["drill"]["drill"] == "autumn"


def test_a_plan_fits_a_narrow_terminal(desk: Desk) -> None:
    answer = desk("plan", "slow", "--input", "notes=x", COLUMNS="80")
    assert all(len(line) <= 80 for line in answer.out.splitlines())


def test_lint_names_every_problem_with_its_place(desk: Desk) -> None:
    path = desk.write("runbooks/bad.yaml", "runbook: bad\ntitle: Bad\nstepz: []\n")
    answer = desk("lint", "bad")
    assert answer.code == 2
    assert f"{path}:3:1:" in answer.out
    assert "did you mean" in answer.out
    found = json.loads(desk("lint", "bad", "--json").out)
    assert found["ok"] is False
    assert {"file", "line", "column", "message", "mend", "warning"} <= set(found["problems"][0])


def test_warnings_count_only_when_they_are_asked_to(desk: Desk) -> None:
    assert desk("lint", "good").code == 0
    assert desk("lint", "good", "--strict").code == 2


def test_a_wrong_document_stops_a_run_before_anything_is_written(desk: Desk) -> None:
    desk.write("runbooks/bad.yaml", "runbook: bad\ntitle: Bad\nstepz: []\n")
    answer = desk("run", "bad", "--mode", "live")
    assert answer.code == 2
    assert "bad.yaml:3:1:" in answer.err
    assert not desk.state.exists()


def test_a_failed_step_stops_the_run_shows_the_commands_and_they_work(desk: Desk) -> None:
    answer = desk("run", "stuck", "--mode", "drill")
    assert answer.code == 4
    assert "fence: failed: BMC said no: 401" in answer.out
    run = desk.run_id()
    command = f"holdfast retry {run} fence --resume"
    assert command in answer.out
    again = desk("status", run)
    assert "stopped: a decision is needed" in again.out
    assert command in again.out
    mended = desk(*command.split()[1:])
    assert mended.code == 0, mended
    assert "attempt 2" in mended.out
    assert desk("status").out.splitlines()[1].split()[-1] == "succeeded"


def test_status_tells_programs_the_same(desk: Desk) -> None:
    desk("run", "stuck", "--mode", "drill")
    (body,) = desk("status", "last", "--json").objects
    assert body["status"] == "stopped"
    assert body["driver"] is None
    assert [(step["step"], step["status"]) for step in body["steps"]] == [("fence", "failed"), ("promote", "pending")]
    assert body["next"][0]["commands"][0].startswith("holdfast retry")


def test_a_run_that_asks_people_goes_on_by_their_word(desk: Desk) -> None:
    assert desk("run", "people", "--mode", "drill", "--no-wait").code == 6
    run = desk.run_id()[:17]
    refused = desk("approve", run, "go")
    assert refused.code == 7
    assert "does not approve" in refused.err
    assert desk("approve", "last", "goo").code == 2
    noted = desk("approve", "last", "go", "--by", "li")
    assert noted.code == 0
    assert "holdfast resume" in noted.out
    assert desk("resume", "last", "--no-wait").code == 6
    done = desk("mark-done", "last", "rack", "--resume", HOLDFAST_BY="wu")
    assert done.code == 0, done
    journal = desk("journal", "last").out
    assert "decision: approve go by li" in journal
    assert "decision: mark-done rack by wu" in journal


def test_a_rejection_and_an_abort_are_ends(desk: Desk) -> None:
    desk("run", "people", "--mode", "drill", "--no-wait")
    answer = desk("reject", "last", "go", "--why", "not tonight", "--by", "li", "--resume")
    assert answer.code == 4
    assert "not tonight" in answer.out
    ended = desk("abort", "last", "--why", "called off", "--resume")
    assert ended.code == 3
    assert "aborted" in ended.out
    assert desk("abort", "last", "--why", "again").code == 7
    assert desk("resume", "last").code == 7


def test_a_check_that_fails_ends_with_3(desk: Desk) -> None:
    text = (desk.root / "runbooks/slow.yaml").read_text().replace("host: here", "host: far")
    desk.write("runbooks/looked.yaml", text.replace("runbook: slow", "runbook: looked"))
    answer = desk("run", "looked", "--mode", "check", "--input", "notes=x")
    assert answer.code == 3, answer
    assert "1 of 1 checks failed" in answer.out


def test_two_runs_on_one_target_one_goes_and_the_other_names_it(desk: Desk) -> None:
    desk.write(
        "runbooks/lasting.yaml",
        (desk.root / "runbooks/people.yaml")
        .read_text()
        .replace("runbook: people", "runbook: lasting\nlocks: [cluster/x]"),
    )
    assert desk("run", "lasting", "--mode", "drill", "--no-wait").code == 6
    first = desk.run_id()
    answer = desk("run", "lasting", "--mode", "drill", "--no-wait")
    assert answer.code == 7
    assert "cluster/x is held" in answer.err
    assert first in answer.err


def test_what_has_changed_since_the_plan_is_refused_unless_accepted(desk: Desk) -> None:
    desk("run", "stuck", "--mode", "drill")
    path = desk.root / "runbooks/stuck.yaml"
    path.write_text(path.read_text() + "# touched\n")
    refused = desk("resume", "last", "--no-wait")
    assert refused.code == 7
    assert "runbooks/stuck.yaml" in refused.err
    assert "--accept-changes" in refused.err
    assert desk("resume", "last", "--no-wait", "--accept-changes").code == 4
    assert "BREACH (digest)" in desk("journal", "last").out


def test_the_record_is_written_bundled_verified_and_a_forgery_is_refused(desk: Desk) -> None:
    desk("run", "good", "--mode", "drill", "--onset", "1m ago")
    written = desk("record", "last").out.split()
    assert [Path(path).name for path in written] == [
        "record.json",
        "record.en.html",
        "record.zh.html",
        "record.junit.xml",
    ]
    assert all((desk.root / path).stat().st_mode & 0o777 == 0o600 for path in written)
    assert "脚本接管" in desk("record", "last", "--language", "zh").out
    assert json.loads(desk("record", "last", "--json").out)["runbook"] == "good"
    made = desk("record", "last", "--bundle", "--out", "bundle")
    assert made.code == 0, made
    good = desk("verify", "bundle")
    assert (good.code, good.out.split(":")[0]) == (0, "holds")
    assert desk("verify", "bundle", "--allowed-signers", "bundle/allowed_signers").out.count("whom you trust") == 1
    assert desk("verify", "last").code == 0
    shutil.copytree(desk.root / "bundle", desk.root / "forged")
    lines = (desk.root / "forged/journal.jsonl").read_text().splitlines(keepends=True)
    (desk.root / "forged/journal.jsonl").write_text("".join([*lines[:3], lines[3].replace("look", "lock"), *lines[4:]]))
    refused = desk("verify", "forged")
    assert refused.code == 9
    assert "record 4" in refused.err
    again = desk("record", "last", "--bundle", "--out", "bundle")
    assert again.code == 2
    assert "is there already" in again.err


def test_the_journal_is_imported_from_another_state_directory(desk: Desk) -> None:
    desk("run", "good", "--mode", "drill")
    run = desk.run_id()
    other = {"HOLDFAST_STATE": str(desk.root / "other"), "HOLDFAST_BREAK_GLASS": str(desk.root / "other-glass")}
    first = desk("journal", "import", str(desk.state / "journal.sqlite3"), **other)
    assert first.code == 0, first
    assert re.search(rf"{run}: \d+ events taken over", first.out)
    again = desk("journal", "import", str(desk.state / "journal.sqlite3"), **other)
    assert "was here already" in again.out
    assert desk("verify", run, **other).code == 0


def test_metrics_are_written_or_the_failure_is_told(desk: Desk) -> None:
    desk("run", "good", "--mode", "drill", "--onset", "1m ago")
    assert desk("metrics", "--textfile", "holdfast.prom").code == 0
    assert "holdfast_" in (desk.root / "holdfast.prom").read_text()
    assert desk("metrics", "--textfile", "nowhere/holdfast.prom").code == 1


@pytest.mark.parametrize("kind", ["runbook", "estate", "service_level", "service-level", "drill", "record"])
def test_every_kind_has_a_schema(desk: Desk, kind: str) -> None:
    assert json.loads(desk("schema", kind).out)["$schema"].startswith("https://json-schema.org/")


def test_a_workspace_is_scaffolded_and_nothing_is_overwritten(desk: Desk) -> None:
    made = desk("init", "fresh")
    assert made.code == 0
    own = desk.root / "fresh/runbooks/shared-component/postgres-standby-takeover.yaml"
    own.write_text("# mine\n")
    again = desk("init", "fresh")
    assert again.code == 0
    assert own.read_text() == "# mine\n"
    assert "kept as it is: runbooks/shared-component/postgres-standby-takeover.yaml" in again.out
    assert not list((desk.root / "fresh").rglob("*.pyc"))


def test_what_is_scaffolded_lints_clean(desk: Desk) -> None:
    desk("init", "fresh")
    answer = desk("--workspace", "fresh", "lint")
    assert answer.code == 0, answer.out


def test_commands_shown_find_the_same_state(desk: Desk) -> None:
    answer = desk("--state", "another place", "run", "stuck", "--mode", "drill")
    assert "holdfast --state 'another place' retry" in answer.out
    assert desk("--state", "another place", "status", "last").code == 0


def test_a_store_that_cannot_be_read_is_not_taken_for_an_empty_one(desk: Desk) -> None:
    desk.write("state/journal.sqlite3", "this is no database, and has never been one")
    answer = desk("status")
    assert answer.code == 8
    assert "cannot be read" in answer.err
    assert "no runs in what can be read" in answer.out


def test_break_glass_journals_are_brought_back_without_naming_them(desk: Desk) -> None:
    broken = {"HOLDFAST_STATE": "/proc/nowhere"}
    kept = desk("run", "good", "--mode", "drill", **broken)
    assert kept.code == 5, kept
    assert "BREAK GLASS" in kept.err
    answer = desk("journal", "import")
    assert answer.code == 0, answer
    assert "events taken over" in answer.out
    assert desk("status").out.splitlines()[1].split()[-1] == "succeeded"
