"""What people type is read as they mean it, or refused with the mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from orchestrator.cli import given
from orchestrator.errors import UsageError
from orchestrator.model.document import Milestone

SHANGHAI = timezone(timedelta(hours=8))
NOW = datetime(2026, 5, 1, 3, 10, 0, tzinfo=SHANGHAI)


def test_inputs_keep_everything_behind_the_first_equals_sign() -> None:
    assert given.inputs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


def test_every_wrong_input_is_named_at_once() -> None:
    with pytest.raises(UsageError) as told:
        given.inputs(["cluster", "=x", "a=1", "a=2"])
    assert "'cluster'" in told.value.message
    assert "'=x'" in told.value.message
    assert "'a' is given twice" in told.value.message
    assert "--input name=value" in told.value.mend


def test_a_value_without_its_name_is_not_shown_whole() -> None:
    with pytest.raises(UsageError) as told:
        given.inputs(["hunter2-hunter2-hunter2"])
    assert "hunter2-hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        ("5m ago", NOW - timedelta(minutes=5)),
        ("1h30m ago", NOW - timedelta(minutes=90)),
        ("1h 30m ago", NOW - timedelta(minutes=90)),
        ("02:47", datetime(2026, 5, 1, 2, 47, tzinfo=SHANGHAI)),
        ("02:47:12", datetime(2026, 5, 1, 2, 47, 12, tzinfo=SHANGHAI)),
        ("23:50", datetime(2026, 4, 30, 23, 50, tzinfo=SHANGHAI)),
        ("2026-04-30T19:00:00Z", datetime(2026, 4, 30, 19, 0, tzinfo=UTC)),
        ("2026-05-01T02:47:00+08:00", datetime(2026, 4, 30, 18, 47, tzinfo=UTC)),
    ],
)
def test_a_moment_is_taken_as_people_write_it(text: str, meant: datetime) -> None:
    found = given.moment(text, NOW, "onset")
    assert found == meant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "5 ago", "ago", "25:00", "12:60", "2026-05-01T02:47:00", "2026-13-01T00:00:00Z", "5m", "-5m ago"],
)
def test_what_is_no_moment_is_refused_with_the_ways_to_write_one(text: str) -> None:
    with pytest.raises(UsageError) as told:
        given.moment(text, NOW, "onset")
    assert "5m ago" in told.value.mend


def test_a_moment_in_the_future_is_refused() -> None:
    with pytest.raises(UsageError, match="future"):
        given.moment("2026-05-01T04:00:00+08:00", NOW, "onset")


def test_clocks_that_differ_a_little_are_not_the_future() -> None:
    assert given.moment("2026-05-01T03:10:30+08:00", NOW, "onset")


def test_a_fault_is_not_detected_before_it_began() -> None:
    with pytest.raises(UsageError, match="before it began"):
        given.milestones("5m ago", "10m ago", NOW)


def test_only_what_was_told_is_a_milestone() -> None:
    assert given.milestones(None, None, NOW) == {}
    assert set(given.milestones("5m ago", "4m ago", NOW)) == {Milestone.ONSET, Milestone.DETECTED}
