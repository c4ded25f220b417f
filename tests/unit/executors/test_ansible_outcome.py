"""What the end of a play means: unknown is never read as ok, and failed only said where it is certain."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.executors.ansible_outcome import judge, mend_of
from orchestrator.model.outcome import Ending

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 10.0.0.9 port 22: Connection refused"
LOST = "Failed to connect to the host via ssh: Shared connection to 10.0.0.9 closed."


def stats(**parts: dict[str, int]) -> dict[str, dict[str, int]]:
    names = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored", "processed")
    return {name: parts.get(name, {}) for name in names}


def result(**parts: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "rc": 0, "lost": "", "error": "", "begun": True, "task": "promote", "custom": {}, "failures": [],
        "unreachable": [], "worked": [], "tail": "", "stats": stats(ok={"a": 2}, processed={"a": 1}),
    }  # fmt: skip
    return given | parts


def note(message: str, host: str = "a") -> dict[str, str]:
    return {"host": host, "task": "promote", "message": message}


def test_a_play_that_says_all_went_well_is_ok() -> None:
    outcome = judge(result(custom={"lag_s": 3}))
    assert outcome.ok and outcome.changed is False
    assert outcome.output == {
        "lag_s": 3,
        "hosts": {"a": {"ok": 2, "changed": 0, "failures": 0, "unreachable": 0}},
    }


def test_what_it_changed_is_told() -> None:
    assert judge(result(stats=stats(ok={"a": 1}, changed={"a": 1}, processed={"a": 1}))).changed is True


def test_a_play_cannot_hide_its_hosts_behind_a_statistic_of_that_name() -> None:
    assert judge(result(custom={"hosts": "none"})).output["hosts"]["a"]["ok"] == 2


def test_success_without_statistics_is_unknown() -> None:
    assert judge(result(stats=None)).ending is Ending.UNKNOWN
    assert judge(result(stats=None, begun=False)).ending is Ending.UNKNOWN


def test_a_play_that_matched_no_host_failed() -> None:
    outcome = judge(result(stats=stats(), begun=False))
    assert outcome.ending is Ending.FAILED and "matched no host" in outcome.error


def test_no_result_at_all_is_unknown() -> None:
    assert judge(None).ending is Ending.UNKNOWN
    assert "timeout after 5 s" in judge(None, "timeout after 5 s").error


@pytest.mark.parametrize("rc", [None, -9])
def test_a_killed_ansible_is_unknown(rc: int | None) -> None:
    outcome = judge(result(rc=rc, stats=None))
    assert outcome.ending is Ending.UNKNOWN and "killed" in outcome.error and "'promote'" in outcome.error


def test_an_error_before_the_first_task_is_a_failure() -> None:
    tail = "\n[ERROR]: conflicting action statements: debug, command\nOrigin: /w/p.yml:3:7\n"
    outcome = judge(result(rc=4, stats=None, begun=False, tail=tail))
    assert outcome.ending is Ending.FAILED
    assert outcome.error.startswith("[ERROR]: conflicting action statements")


def test_an_error_after_the_first_task_is_unknown() -> None:
    assert judge(result(rc=250, stats=None)).ending is Ending.UNKNOWN


def test_a_failed_task_is_a_failure_that_names_host_task_and_message() -> None:
    failed = result(rc=2, stats=stats(failures={"a": 1}, processed={"a": 1}), failures=[note("rc 1; no such cluster")])
    outcome = judge(failed)
    assert outcome.ending is Ending.FAILED
    assert outcome.error == "a, task 'promote': rc 1; no such cluster"
    assert outcome.output["hosts"]["a"]["failures"] == 1


def test_a_host_that_was_never_reached_is_a_failure() -> None:
    dark = result(rc=4, stats=stats(dark={"a": 1}, processed={"a": 1}), unreachable=[note(REFUSED)])
    outcome = judge(dark)
    assert outcome.ending is Ending.FAILED and "unreachable: a" in outcome.error


@pytest.mark.parametrize(
    "said", [LOST, "Read from remote host 10.0.0.9: No route to host", "Timeout, server 10.0.0.9 not responding.", ""]
)
def test_a_connection_that_was_lost_is_unknown(said: str) -> None:
    dark = result(rc=4, stats=stats(dark={"a": 1}, processed={"a": 1}), unreachable=[note(said)])
    outcome = judge(dark)
    assert outcome.ending is Ending.UNKNOWN and "may have completed" in outcome.error


def test_a_host_lost_after_it_had_worked_is_unknown() -> None:
    dark = result(
        rc=4, stats=stats(ok={"a": 1}, dark={"a": 1}, processed={"a": 1}), unreachable=[note(REFUSED)], worked=["a"]
    )
    assert judge(dark).ending is Ending.UNKNOWN


def test_an_unreachable_host_is_never_ok_even_with_rc_0() -> None:
    dark = result(rc=0, stats=stats(ok={"b": 1}, dark={"a": 1}, processed={"a": 1, "b": 1}))
    assert judge(dark).ending is Ending.UNKNOWN


def test_failures_with_rc_0_are_not_ok() -> None:
    assert judge(result(stats=stats(failures={"a": 1}, processed={"a": 1}))).ending is Ending.FAILED


def test_a_stopped_play_is_unknown_and_names_the_task() -> None:
    outcome = judge(result(rc=None, stats=None), "timeout after 30 s")
    assert outcome.ending is Ending.UNKNOWN
    assert outcome.error == "timeout after 30 s (at task 'promote'); the task may have completed anyway"


def test_a_play_that_ended_well_while_it_was_being_stopped_is_ok() -> None:
    assert judge(result(), "timeout after 30 s").ok


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("couldn't resolve module/action 'community.general.redfish_command'.", "collection community.general is"),
        ("couldn't resolve module/action 'no_such'.", "there is no no_such here"),
        ("the role 'postgres' was not found in /w/roles", "put the role postgres into playbooks/roles"),
        ("Host key verification failed.", "known_hosts"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @ Host key verification failed.", "has changed"),
        ("root@10.0.0.9: Permission denied (publickey).", "ansible_user"),
        ("all is strange", ""),
    ],
)
def test_known_errors_have_a_mend(text: str, mend: str) -> None:
    assert mend in mend_of(text)
    assert bool(mend_of(text)) == bool(mend)
