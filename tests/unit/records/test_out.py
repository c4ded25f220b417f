"""JSON with its published schema, and JUnit XML."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from example_runs import (  # fmt: skip
    EXAMPLES,
    Writer,
    before_decisions,
    fence_overridden,
    hostile,
    missed,
    plan,
    rollback_failed,
    step,
    success,
)
from jsonschema import Draft202012Validator

from orchestrator.model.event import Event
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.records import build, record_schema, to_json, to_junit
from orchestrator.records.out import SCHEMA_FILE, schema_text

VALIDATOR = Draft202012Validator(record_schema())


def test_the_published_schema_is_the_one_the_program_has() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == schema_text(), (
        "write it anew: python -c 'from orchestrator.records.out import *; SCHEMA_FILE.write_text(schema_text())'"
    )


def test_the_schema_is_a_schema_and_refuses_what_is_no_record() -> None:
    Draft202012Validator.check_schema(record_schema())
    data = json.loads(to_json(build(success())))
    assert not VALIDATOR.is_valid({**data, "something": "else"})
    del data["measurement"]
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_record_fits_the_schema(make: Callable[[], list[Event]]) -> None:
    VALIDATOR.validate(json.loads(to_json(build(make()))))


def test_a_number_that_json_does_not_have_is_null() -> None:
    w = Writer(plan([step("a")]))
    w.do("a", 1.0, Outcome(Ending.OK, output={"lag_s": math.nan, "most": math.inf}))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    data = json.loads(to_json(build(w.events)), parse_constant=refuse)
    assert data["measurement"]["steps"][0]["output"] == {"lag_s": None, "most": None}


def cases(events: list[Event]) -> dict[str, ElementTree.Element]:
    suite = ElementTree.fromstring(to_junit(build(events)))
    found = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert suite.attrib["tests"] == str(len(found))
    for kind, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert suite.attrib[total] == str(sum(case.find(kind) is not None for case in found.values()))
    return found


def test_each_step_and_objective_is_a_test_case() -> None:
    found = cases(success())
    assert len(found) == 8 + 3
    assert len(found["promote"]) == 0
    assert found["objective resolve"].find("skipped") is not None


def test_a_miss_is_a_failure_and_what_is_unknown_an_error() -> None:
    assert cases(missed())["objective rto"].find("failure") is not None
    found = cases(rollback_failed())
    assert found["promote"].find("failure") is not None
    assert found["service"].find("skipped") is not None
    assert found["objective rpo"].find("error") is not None
    assert cases(before_decisions(fence_overridden()))["fence"].find("error") is not None


def test_xml_holds_whatever_a_step_said() -> None:
    assert len(cases(hostile())) == 2 + 3
