"""Events come to a sum; they are queued quickly and none is written to disk."""

from __future__ import annotations

from typing import Any

from orchestrator.executors.ansible_events import Summary


def sum_of(*events: dict[str, Any]) -> dict[str, Any]:
    summary = Summary(lambda: None)
    for event in events:
        assert summary.take(event) is False
    return summary.to_body()


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": data}


def test_nothing_comes_to_nothing() -> None:
    body = sum_of()
    assert body["begun"] is False and body["stats"] is None and body["worked"] == []


def test_the_last_task_is_remembered() -> None:
    body = sum_of(event("playbook_on_task_start", name="fence"), event("playbook_on_task_start", name="promote"))
    assert body["begun"] is True and body["task"] == "promote"


def test_failures_are_told_with_what_the_module_said() -> None:
    res = {"msg": "non-zero return code", "rc": 3, "stderr": "no such cluster"}
    body = sum_of(event("runner_on_failed", host="a", task="promote", res=res))
    assert body["failures"] == [
        {"host": "a", "task": "promote", "message": "non-zero return code; rc 3; no such cluster"}
    ]
    assert body["worked"] == ["a"]


def test_the_failed_items_of_a_loop_are_told() -> None:
    res = {
        "msg": "One or more items failed",
        "results": [{"failed": False, "msg": "x"}, {"failed": True, "msg": "disk full"}],
    }
    (failure,) = sum_of(event("runner_on_failed", host="a", task="t", res=res))["failures"]
    assert failure["message"] == "One or more items failed; disk full"


def test_ignored_failures_are_not_told() -> None:
    assert sum_of(event("runner_on_failed", host="a", ignore_errors=True, res={"msg": "x"}))["failures"] == []


def test_a_message_is_bounded() -> None:
    (failure,) = sum_of(event("runner_on_failed", host="a", res={"msg": "x" * 100_000}))["failures"]
    assert len(failure["message"]) <= 2000


def test_many_failures_are_bounded() -> None:
    many = [event("runner_on_failed", host=f"h{number}", res="broken") for number in range(1000)]
    assert len(sum_of(*many)["failures"]) == 50


def test_unreachable_hosts_have_not_worked() -> None:
    body = sum_of(event("runner_on_unreachable", host="a", task="t", res={"msg": "refused"}))
    assert body["worked"] == [] and body["unreachable"][0]["message"] == "refused"


def test_statistics_and_set_stats_are_kept() -> None:
    body = sum_of(event("playbook_on_stats", ok={"a": 1}, processed={"a": 1}, artifact_data={"lag_s": 3}))
    assert body["stats"]["ok"] == {"a": 1} and body["stats"]["failures"] == {}
    assert body["custom"] == {"lag_s": 3}


def test_the_first_event_of_the_play_is_told_once() -> None:
    told: list[int] = []
    summary = Summary(lambda: told.append(1))
    for kind in ("verbose", "playbook_on_start", "playbook_on_play_start", "playbook_on_stats"):
        summary.take(event(kind))
    summary.to_body()
    assert told == [1]
