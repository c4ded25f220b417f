"""The reader: plain data with positions, and everything ambiguous or dangerous refused where it stands."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents import reader
from orchestrator.documents.reader import MAX_BYTES, MAX_PROBLEMS, read_bytes, read_text
from orchestrator.errors import DocumentError, Problem


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        read_text(text, "f.yaml")
    return caught.value.problems


def test_data_and_the_place_of_every_key_and_value() -> None:
    source = read_text("a: 1\nsteps:\n  - id: x\n    argv: [p, 'q r']\n  - id: 中文\n", "f.yaml")
    assert source.data == {"a": 1, "steps": [{"id": "x", "argv": ["p", "q r"]}, {"id": "中文"}]}
    assert source.at(("a",)) == (1, 4)
    assert source.at(("steps",), key=True) == (2, 1)
    assert source.at(("steps", 0)) == (3, 5)
    assert source.at(("steps", 0, "argv", 1)) == (4, 15)
    assert source.at(("steps", 1, "id"), key=True) == (5, 5)


def test_the_place_of_what_is_not_there_is_the_part_above() -> None:
    source = read_text("steps:\n  - verify: {probe: {tcp: 'a:1'}}\n", "f.yaml")
    assert source.at(("steps", 0, "timeout"), key=True) == (2, 5)
    assert source.at(("steps", 0, "verify", 0, "probe", "tcp")) == (2, 27)


def test_json_is_read_too() -> None:
    data = {"a": [1, 2.5, None, True, "yes", "{{ x }}"], "b": {"c": "内置"}}
    assert read_text(json.dumps(data), "f.json").data == data
    assert read_text(json.dumps(data, indent=2, ensure_ascii=False), "f.json").data == data


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    source = read_text("\ufeffa: 1\r\nb: 2\r\n", "f.yaml")
    assert source.data == {"a": 1, "b": 2}
    assert source.at(("b",)) == (2, 4)


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "mend"),
    [
        ("a: no\n", 1, 4, "no is not quoted", "quote it: 'no'"),
        ("a: 1\nmode: 0755\n", 2, 7, "leading zero", "quote it: '0755'"),
        ("at: 1:30:00\n", 1, 5, "base 60", "quote it: '1:30:00'"),
        ("on: 1\n", 1, 1, "on is not quoted", "quote it: 'on'"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "'a' is here twice; the first is on line 1", "keep one"),
        ("a: {b: 1, 'b': 2}\n", 1, 11, "'b' is here twice", "keep one"),
        ("5: x\n", 1, 1, "the key 5 is not text", "quote it: '5'"),
        ("? [a]\n: 1\n", 1, 3, "a key that is a list", "a plain word"),
        ("limit: {{ standby }}\n", 1, 8, "a template begins", "in quotes"),
        ("limit: {{ standby }}-x\n", 1, 8, "a template begins", "in quotes"),
        ("a: &x 1\n", 1, 4, "anchor &x", "take it out"),
        ("b: *x\n", 1, 4, "alias *x", "write the part out"),
        ("a: &x b\n*x : 1\n", 1, 4, "anchor &x", "take it out"),
        ("a: {<<: {b: 1}}\n", 1, 5, "merge key", "write the keys out"),
        ("a: <<\n", 1, 4, "<< is not quoted", "quote it: '<<'"),
        ("a: !vault x\n", 1, 4, "tag !vault", "env:NAME"),
        ("a: !!python/name:os.system x\n", 1, 4, "tags are not taken", "take the tag out"),
        ("a:\n\tb: 1\n", 2, 1, "tab character", "spaces"),
        ("a: 'x\u0000'\n", 1, 6, "U+0000", "take it out"),
        ("a: x\u2028y\n", 1, 5, "U+2028", "take it out"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second document", "file of its own"),
        ("%YAML 1.1\n---\na: 1\n", 1, 1, "directives", "take the directive out"),
        ("", 1, 1, "empty", "first key"),
        ("# nothing\n", 2, 1, "empty", "first key"),
        ("a: b: c\n", 1, 5, "not YAML: mapping values", "quote the text"),
        ("a: 'b\n", 1, 4, "unexpected end of stream", "close the quote"),
        ("a: @b\n", 1, 4, "cannot start any token", "quote the text"),
        ("a: [1, 2\nb: 3\n", 2, 2, "not YAML", "close the bracket"),
    ],
)
def test_refused_where_it_stands_with_the_mend(text: str, line: int, column: int, message: str, mend: str) -> None:
    problem = problems(text)[0]
    assert (problem.file, problem.line, problem.column) == ("f.yaml", line, column)
    assert message in problem.message
    assert mend in problem.mend


def test_all_problems_come_at_once_in_order() -> None:
    found = problems("a: no\nb: &x 1\nc: *x\na: 0755\n")
    assert [(p.line, p.column) for p in found] == [(1, 4), (2, 4), (3, 4), (4, 1), (4, 4)]


def test_reading_stops_after_many_problems() -> None:
    assert len(problems("\n".join(["- no"] * 5000))) == MAX_PROBLEMS


def test_what_is_not_utf8_is_refused_with_its_place() -> None:
    with pytest.raises(DocumentError) as caught:
        read_bytes("a: 1\nb: ä".encode("latin-1"), "f.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.mend) == (2, 4, "save it with encoding UTF-8")


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(),
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "[" + "a," * (MAX_BYTES // 2 - 2) + "]",
        "a: 1\n" * (MAX_BYTES // 5),
        "a: " + "9" * (MAX_BYTES - 10),
        '"' + "\\" * (MAX_BYTES - 10),
        "'" + "x" * (MAX_BYTES - 10),
        "\t" * (MAX_BYTES - 10),
        "x" * (MAX_BYTES + 1),
    ],
    ids=lambda text: f"{text[:8]!r}",
)
def test_a_bomb_is_refused_within_a_second(text: str) -> None:
    began = time.process_time()  # the machine may be busy with other things
    found = problems(text)
    assert time.process_time() - began < 1
    assert found[0].line >= 1 and found[0].column >= 1 and found[0].mend
    assert len(str(found[0])) < 500


def test_a_thousand_steps_are_read_quickly() -> None:
    step = "  - id: s{0}\n    title: {{en: a b, zh: 中文}}\n    fabric: {{host: a, argv: [a, b]}}\n    timeout: 3m\n"
    text = "runbook: big\nsteps:\n" + "".join(step.format(n) for n in range(1000))
    began = time.process_time()
    assert len(read_text(text, "f.yaml").data["steps"]) == 1000
    assert time.process_time() - began < 1


def test_the_pure_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = "a: [1, 'b', {c: ~}]\nd: |\n  text\n  more\ne: \"x\\ty\"\n"
    fast = read_text(text, "f.yaml")
    monkeypatch.setattr(reader, "_Loader", yaml.SafeLoader)
    slow = read_text(text, "f.yaml")
    assert slow.data == fast.data
    assert slow.positions == fast.positions


def plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(plain(inner) for inner in value)
    return value is None or isinstance(value, str | int | float | bool)


YAML_LIKE = st.text(
    alphabet=st.one_of(st.sampled_from("{}[]:,-?&*!|>'\"%@`#~<=. \n\t\r\\abc019_yn"), st.characters()), max_size=60
)


@settings(deadline=None, database=None, max_examples=50)
@given(YAML_LIKE)
def test_any_text_gives_plain_data_or_problems_with_places(text: str) -> None:
    try:
        source = read_text(text, "f.yaml")
    except DocumentError as error:
        assert error.problems
        assert all(p.line >= 1 and p.column >= 1 and p.mend for p in error.problems)
    else:
        assert plain(source.data)
        assert () in source.positions


@settings(deadline=None, database=None, max_examples=50)
@given(st.binary(max_size=60))
def test_any_bytes_give_plain_data_or_problems(raw: bytes) -> None:
    try:
        assert plain(read_bytes(raw, "f.yaml").data)
    except DocumentError as error:
        assert error.problems


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, database=None, max_examples=50)
@given(JSONISH)
def test_every_json_value_comes_back_as_it_was(value: Any) -> None:
    text = json.dumps(value)
    if any(f"\\ud{c}" in text for c in "89abcdef"):
        return  # JSON writes other planes as surrogate pairs, which YAML does not know
    if text.find("\\u007f") >= 0 or any(ord(c) == 0x7F for c in text):
        return  # DEL stands raw in JSON; a control character in a YAML file is refused
    assert read_text(text, "f.json").data == value
