from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from orchestrator.model.matcher import Expectation, Matcher, unmet

EXPECTATION: TypeAdapter[Matcher] = TypeAdapter(Expectation)


def check(matcher: Any, value: Any) -> list[str]:
    return unmet({"v": EXPECTATION.validate_python(matcher)}, {"v": value})


@pytest.mark.parametrize(
    ("matcher", "value"),
    [
        (True, True),
        ("up", "up"),
        (0, 0),
        (30, 30.0),
        ({"equals": None}, None),
        ({"max": 30}, 30),
        ({"min": 1, "max": 3}, "2.5"),
        ({"matches": "^ok"}, "ok now"),
        ({"contains": "b"}, "abc"),
        ({"contains": 5}, "x5y"),
        ({"contains": "b"}, ["a", "b"]),
        ({"contains": "b"}, {"b": 1}),
        ({"one_of": ["a", 1]}, 1),
        ({"is_null": True}, None),
        ({"is_null": False}, 0),
    ],
)
def test_what_is_as_expected(matcher: Any, value: Any) -> None:
    assert check(matcher, value) == []


@pytest.mark.parametrize(
    ("matcher", "value", "told"),
    [
        (True, 1, "v: wanted True, got 1"),
        (1, True, "v: wanted 1, got True"),
        ("1", 1, "v: wanted '1', got 1"),
        ({"equals": None}, 0, "v: wanted None, got 0"),
        ({"max": 30}, 400, "v: wanted at most 30, got 400"),
        ({"max": 30}, "many", "v: wanted at most 30, got 'many'"),
        ({"max": 30}, True, "v: wanted at most 30, got True"),
        ({"max": 30}, None, "v: wanted at most 30, got None"),
        ({"max": 30}, "nan", "v: wanted at most 30, got 'nan'"),
        ({"min": 1}, float("nan"), "v: wanted at least 1, got nan"),
        ({"matches": "^ok"}, 5, "v: wanted a match of '^ok', got 5"),
        ({"contains": "b"}, 5, "v: wanted it to contain 'b', got 5"),
        ({"one_of": ["a", 1]}, True, "v: wanted one of ['a', 1], got True"),
        ({"is_null": False}, None, "v: wanted something, not null, got None"),
    ],
)
def test_what_is_otherwise_is_told_with_what_was_seen(matcher: Any, value: Any, told: str) -> None:
    assert check(matcher, value) == [told]


def test_every_shortfall_is_named() -> None:
    assert len(unmet({"a": Matcher(min=3, max=1), "b": Matcher(equals=1)}, {"a": 2})) == 3


@pytest.mark.parametrize("path", ["v", "output.v"])
def test_a_leading_output_may_be_left_out(path: str) -> None:
    assert unmet({path: Matcher(equals=1)}, {"v": 1}) == []


def test_paths_go_into_objects_and_lists() -> None:
    output = {"hosts": {"db1": {"ok": [1, 2]}}}
    assert unmet({"hosts.db1.ok.1": Matcher(equals=2)}, output) == []
    assert unmet({"hosts.db1.ok.2": Matcher(equals=2)}, output) == ["hosts.db1.ok.2: not in the output"]
    assert unmet({"hosts.db2": Matcher(equals=2)}, output) == ["hosts.db2: not in the output"]
    assert unmet({"hosts.db1.ok.-1": Matcher(equals=2)}, output) == ["hosts.db1.ok.-1: not in the output"]


def test_what_is_not_there_is_not_null() -> None:
    assert unmet({"v": Matcher(is_null=True)}, {}) == ["v: not in the output"]


def test_a_host_name_with_dots_is_found_as_a_key() -> None:
    output = {"hosts": {"db1.example.org": {"failures": 0}}}
    assert unmet({"hosts.db1.example.org.failures": Matcher(equals=0)}, output) == []


def test_long_values_are_cut_when_told() -> None:
    assert len(check("x", "y" * 10_000)[0]) < 300


@pytest.mark.parametrize("matcher", [{}, {"matches": "("}, {"about": 3}, None, [1], {"is_null": "no"}])
def test_what_expects_nothing_or_cannot_be_read_is_refused(matcher: Any) -> None:
    with pytest.raises(ValidationError):
        EXPECTATION.validate_python(matcher)
