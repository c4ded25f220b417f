from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from orchestrator.model.duration import Duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("183d", 15811200), ("2w", 1209600), ("1.5h", 5400)],
)
def test_durations_are_written_with_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "m", "-5s", "5 m", "1:30:00", "00:30:00", "5M", "5s;", "1h 30m", "٣s", "5s\n5s", None, [], True]
)
def test_what_is_not_a_duration_is_refused_with_the_mend(text: object) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_duration(text)


@pytest.mark.parametrize("number", [5, 0.5])
def test_a_number_without_a_unit_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match=f"write {number}s, {number}m or {number}h"):
        parse_duration(number)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0.4s"),
        (0.004, "0s"),
        (9.999, "10s"),
        (42, "42s"),
        (59.96, "1m00s"),
        (185, "3m05s"),
        (3599.7, "1h00m"),
        (7200, "2h00m"),
        (86399, "23h59m"),
        (273600, "3d04h"),
        (-42, "-42s"),
    ],
)
def test_durations_are_shown_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


class Timed(BaseModel):
    after: Duration


def test_a_validated_duration_can_be_read_again() -> None:
    assert Timed.model_validate(Timed(after="5m").model_dump()).after == 300.0  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_seconds_that_are_no_duration_are_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        Timed(after=value)


@settings(database=None, max_examples=50)
@given(st.integers(0, 10_000_000))
def test_what_is_shown_is_no_further_off_than_its_smallest_unit(seconds: int) -> None:
    shown = format_duration(seconds)
    smallest = {"s": 1, "m": 60, "h": 3600}[shown[-1]]
    assert abs(parse_duration(shown) - seconds) < smallest
