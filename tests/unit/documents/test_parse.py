"""Wrong documents: every problem at once, at its line and column, with the mend."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.parse import KINDS, parse
from orchestrator.documents.reader import read_text
from orchestrator.errors import DocumentError, Problem
from orchestrator.model.document import Document
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate, ServiceLevel
from orchestrator.model.runbook import Runbook

HEAD = "runbook: r\npurpose: change\ntitle: R\n"


def problems(text: str, model: type[Document] = Runbook) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        parse(read_text(text, "r.yaml"), model)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "mend"),
    [
        pytest.param(
            HEAD + "steps:\n  - id: a\n    timout: 3m\n    scripted: {}\n",
            *(6, 5, "unknown key 'timout'", "did you mean 'timeout'?"),
            id="unknown key",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    playbook: x.yml\n    scripted: {}\n",
            *(6, 5, "unknown key 'playbook'", "'playbook' belongs inside 'ansible'"),
            id="key on the wrong level",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    scripted: {}\n    timeout: 30\n",
            *(7, 14, "timeout: a duration needs a unit", "write 30s, 30m or 30h"),
            id="duration without unit",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    ansible: {playbook: ../x.yml, limit: db}\n",
            *(6, 25, "playbook: '../x.yml' is not a path below its folder", "relative path without '..'"),
            id="path that climbs",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    ansible:\n      playbook: x.yml\n",
            *(6, 5, "'limit' is missing in 'ansible'", "add 'limit: ...'"),
            id="missing key",
        ),
        pytest.param(
            HEAD + "steps:\n  - scripted: {}\n",
            *(5, 5, "'id' is missing in entry 1 of 'steps'", "add 'id: ...'"),
            id="missing id",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    fabric: {host: a, argv: pgstate lag}\n",
            *(6, 29, "argv: must be a list, not 'pgstate lag'", "[first, second]"),
            id="shell line",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    probe: {command: ls -l, target: b}\n",
            *(6, 22, "command: a shell line is not taken", "write a list of words"),
            id="shell line in a probe",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    scripted: {}\n    manual: {instructions: b}\n",
            *(5, 5, "steps: the step has manual and scripted", "give exactly one of ansible"),
            id="two actions",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    fabrik: {host: a, argv: [b]}\n",
            *(6, 5, "unknown key 'fabrik'", "did you mean 'fabric'?"),
            id="misspelt action",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: Step One\n    scripted: {}\n",
            *(5, 9, "id: 'Step One' cannot be a name here", "small letters"),
            id="bad id",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    scripted: {ends: [okay]}\n",
            *(6, 23, "ends: 'okay' is not one of ok, failed, unknown", "did you mean 'ok'?"),
            id="no such choice",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    scripted: {}\n    retries: {count: 99}\n",
            *(7, 22, "count: must be at most 20, not 99", "at most 20"),
            id="number too large",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    scripted: {}\n    idempotent: 'yes'\n",
            *(7, 17, "idempotent: must be true or false, not 'yes'", "without quotes"),
            id="quoted yes",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    probe: {sql: select 1}\n",
            *(6, 12, "probe: a sql probe has no target", "add target"),
            id="probe without target",
        ),
        pytest.param(
            HEAD + "steps:\n  - id: a\n    scripted: {}\n    verify: {probe: {tcp: 'a:1'}, expect: {open: {mx: 1}}}\n",
            *(7, 51, "unknown key 'mx'", "did you mean 'max'?"),
            id="misspelt matcher in a verify without brackets",
        ),
        pytest.param(
            HEAD + "inputs:\n  a: {default: [1]}\nsteps:\n  - id: a\n    scripted: {}\n",
            *(5, 16, "default: must be a text, a number or true/false, not a list", "one plain value"),
            id="list where a plain value is wanted",
        ),
        pytest.param(
            HEAD + "inputs:\n  Big Name: {}\nsteps:\n  - id: a\n    scripted: {}\n",
            *(5, 3, "'Big Name' cannot be a name here", "small letters"),
            id="bad input name",
        ),
        pytest.param(
            HEAD + "steps: []\n",
            *(4, 8, "steps: must not be empty", "give at least 1"),
            id="no steps",
        ),
        pytest.param(
            "runbook: r\ntitle: R\nsteps:\n  - id: a\n    scripted: {}\n",
            *(1, 1, "a recovery runbook has no fault_class", "shared-component"),
            id="recovery without fault class",
        ),
        pytest.param(
            HEAD.replace("title: R", "title: 5") + "steps:\n  - id: a\n    scripted: {}\n",
            *(3, 8, "title: must be text, not 5", "quote it: '5'"),
            id="number where a text is wanted",
        ),
    ],
)
def test_a_wrong_runbook_is_told_where_and_how_to_mend(
    text: str, line: int, column: int, message: str, mend: str
) -> None:
    (problem,) = problems(text)
    assert (problem.file, problem.line, problem.column) == ("r.yaml", line, column)
    assert message in problem.message
    assert mend in problem.mend


def test_all_problems_are_found_at_once_in_file_order() -> None:
    found = problems(
        "runbook: Bad Name\ntitel: x\nfault_class: shared-componnt\nobjectives: {rto: 5}\n"
        "steps:\n  - id: a\n    timout: 1m\n    scripted: {takes: 1}\n  - just text\n"
    )
    assert [(p.line, p.column) for p in found] == [(1, 1), (1, 10), (2, 1), (3, 14), (4, 19), (7, 5), (8, 23), (9, 5)]
    assert all(problem.mend for problem in found)


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "mend"),
    [
        ("runbok: a\n", 1, 1, "'runbok' is no kind of document", "did you mean 'runbook'?"),
        ("title: a\nrunbook: b\n", 1, 1, "'title' is no kind of document", "put 'runbook' first"),
        ("runbook: a.yaml\ndrill: b\n", 2, 1, "'drill' is not first", "put it first if this is a drill"),
        ("drill: a\nrunbook: b.yaml\n", 1, 1, "this is a drill; a runbook is wanted here", "name another file"),
        ("- a\n", 1, 1, "a document is keys with values, not a list", "the first key says"),
        ("just text\n", 1, 1, "a document is keys with values, not 'just text'", "the first key says"),
        ("{}\n", 1, 1, "a document is keys with values", "the first key says"),
    ],
)
def test_the_first_key_says_what_a_document_is(text: str, line: int, column: int, message: str, mend: str) -> None:
    (problem,) = problems(text)
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message
    assert mend in problem.mend


@pytest.mark.parametrize(
    ("model", "text", "line", "column", "message"),
    [
        (Estate, "estate: e\ncontacts: {}\nsystems:\n  s: {title: S, rto: 1h, rpo: 0, owners: []}\n", 4, 31, "rpo"),
        (ServiceLevel, "service_level: a\ntitle: A\ntargets:\n  '9': {}\n", 4, 3, "must be at most 4"),
        (ServiceLevel, "service_level: a\ntitle: A\ntargets:\n  '1': {resolv: 1h}\n", 4, 9, "unknown key 'resolv'"),
        (Drill, "drill: d\ntitle: D\ntype: half\nrunbook: r.yaml\nscenario: S\n", 3, 7, "'half' is not one of"),
    ],
)
def test_the_other_documents_are_told_likewise(
    model: type[Document], text: str, line: int, column: int, message: str
) -> None:
    found = problems(text, model)
    assert any((p.line, p.column) == (line, column) and message in p.message and p.mend for p in found)


def test_every_kind_is_recognised() -> None:
    assert list(KINDS) == ["runbook", "estate", "service_level", "drill", "signs"]


def test_durations_texts_and_shorthands_come_out_typed() -> None:
    runbook = parse(
        read_text(
            HEAD + "steps:\n  - id: a\n    probe: {sql: select 1, target: db}\n    timeout: 1m30s\n"
            "    verify: {probe: {tcp: 'db:5432'}, expect: {open: true}, within: 10s}\n    marks: service_restored\n",
            "r.yaml",
        ),
        Runbook,
    )
    step = runbook.steps[0]
    assert runbook.title.en == "R"
    assert step.timeout == 90 and step.verify[0].within == 10
    assert step.probe is not None and step.probe.sql is not None and step.probe.sql.query == "select 1"
    assert [str(mark) for mark in step.marks] == ["service_restored"]


KEYS = st.sampled_from(
    [
        *("runbook", "title", "en", "zh", "fault_class", "purpose", "objectives", "rto", "rpo", "inputs", "type"),
        *("steps", "id", "needs", "ansible", "playbook", "limit", "vars", "probe", "tcp", "sql", "http", "target"),
        *("command", "verify", "expect", "within", "undo", "marks", "timeout", "max", "equals", "when", "mode"),
        *("wait", "until", "for", "x"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.sampled_from(["", "a", "5m", "shared-component", "a:1", "{{ x }}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None, database=None, max_examples=50)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_data_is_a_document_or_gives_problems_with_places(data: dict[str, Any]) -> None:
    text = json.dumps({"runbook": "r", "title": "R", **data}, indent=1)
    try:
        parse(read_text(text, "r.yaml"), Runbook)
    except DocumentError as error:
        lines = text.splitlines()
        assert error.problems
        assert all(p.mend and 1 <= p.line <= len(lines) and p.column <= len(lines[p.line - 1]) for p in error.problems)
