from __future__ import annotations

from typing import Any

import pytest
from engine_kit import runbook, step

from orchestrator.engine.inputs import check_inputs, equals_input
from orchestrator.errors import UsageError
from orchestrator.model.runbook import InputSpec


def check(spec: dict[str, Any], *given: Any) -> Any:
    book = runbook(step("a"), inputs={"x": spec})
    return check_inputs(book, {"x": given[0]} if given else {}).get("x")


@pytest.mark.parametrize(
    ("spec", "given", "value"),
    [
        ({}, "db", "db"),
        ({}, 5, "5"),
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, -5, -5),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "number"}, 2, 2.0),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "False", False),
        ({"type": "boolean"}, True, True),
        ({"type": "duration"}, "5m", 300.0),
        ({"type": "duration"}, 300.0, 300.0),
        ({"type": "secret"}, "env:PGPASSWORD", {"$secret": "env:PGPASSWORD"}),
        ({"type": "secret"}, "file:/run/secrets/pg", {"$secret": "file:/run/secrets/pg"}),
        ({"type": "secret"}, {"$secret": "env:X"}, {"$secret": "env:X"}),
        ({"pattern": "[a-z]+"}, "abc", "abc"),
        ({"choices": ["a", "b"]}, "b", "b"),
        ({"type": "integer", "min": 1, "max": 3}, "3", 3),
    ],
)
def test_values_come_out_in_their_type(spec: dict[str, Any], given: Any, value: Any) -> None:
    found = check(spec, given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("spec", "given", "told"),
    [
        ({"type": "integer"}, "5.0", "'5.0' is not a whole number"),
        ({"type": "integer"}, "1_000", "'1_000' is not a whole number"),
        ({"type": "integer"}, "١٢", "is not a whole number"),
        ({"type": "integer"}, True, "True is not a whole number"),
        ({"type": "integer"}, "5\n", "is not a whole number"),
        ({"type": "number"}, "nan", "'nan' is not a number"),
        ({"type": "number"}, float("inf"), "inf is not a number"),
        ({"type": "number"}, "1e999", "is not a number"),
        ({"type": "boolean"}, "yes", "'yes' is not true or false"),
        ({"type": "boolean"}, 1, "1 is not true or false"),
        ({"type": "duration"}, "5", "write it like 30s"),
        ({"type": "duration"}, 5, "write 5s, 5m or 5h"),
        ({"type": "duration"}, -5.0, "needs a unit"),
        ({}, ["a"], "a text is wanted, not a structure"),
        ({"pattern": "[a-z]+"}, "abc; rm", "'abc; rm' does not match [a-z]+"),
        ({"pattern": "[a-z]+"}, "abc\n", "does not match"),
        ({"choices": ["a", "b"]}, "c", "'c' is not one of a, b"),
        ({"type": "integer", "min": 1}, "0", "'0' is below 1"),
        ({"type": "duration", "max": 60}, "5m", "'5m' is above 60"),
        ({"type": "secret"}, "env:1X", "given by reference"),
        ({"type": "secret"}, "file:relative", "given by reference"),
    ],
)
def test_what_does_not_fit_is_told(spec: dict[str, Any], given: Any, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        check(spec, given)
    assert told in refused.value.message


def test_a_secret_given_as_itself_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError) as refused:
        check({"type": "secret"}, "hunter22")
    assert "never as itself" in refused.value.message
    assert "hunter22" not in str(refused.value)


def test_a_missing_input_takes_its_default_in_its_type() -> None:
    assert check({"type": "duration", "default": "30s"}) == 30.0
    assert check({"type": "boolean", "default": False}) is False
    assert check({"required": False}) is None


def test_a_bad_default_is_refused_like_a_bad_value() -> None:
    with pytest.raises(UsageError, match="not a whole number"):
        check({"type": "integer", "default": "many"})


def test_all_problems_are_told_at_once() -> None:
    book = runbook(step("a"), inputs={"cluster": {}, "n": {"type": "integer"}, "on": {"type": "boolean"}})
    with pytest.raises(UsageError) as refused:
        check_inputs(book, {"n": "many", "on": "yes", "clutser": "x"})
    told = refused.value.message
    assert "unknown input 'clutser'; did you mean 'cluster'?" in told
    assert "input 'cluster' is missing" in told
    assert "'many' is not a whole number" in told
    assert "'yes' is not true or false" in told
    assert "cluster (string), n (integer), on (boolean)" in refused.value.mend


@pytest.mark.parametrize(
    ("kind", "value", "wanted", "same"),
    [
        ("duration", 30.0, "30s", True),
        ("boolean", True, True, True),
        ("boolean", True, 1, False),
        ("integer", 1, True, False),
        ("string", "5", 5, True),
        ("number", 5.0, 5, True),
    ],
)
def test_a_condition_compares_in_the_inputs_type(kind: Any, value: Any, wanted: Any, same: bool) -> None:
    assert equals_input(InputSpec(type=kind), value, wanted) is same
