"""Templates: what the author wrote is rendered once, strictly and within bounds; values stay data."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.templates import TemplateRenderer, references
from orchestrator.engine.ports import Renderer
from orchestrator.errors import ExecutorError

RENDERER: Renderer = TemplateRenderer()
INPUTS = {"cluster": "pg-1", "n": 3, "evil": "{{ 7 * 7 }}", "flag": True, "none": None, "old-primary": "db1"}
SCOPE: dict[str, Any] = {
    **INPUTS,
    "inputs": INPUTS,
    "steps": {"lag": {"output": {"lag_s": 1.5, "items": [1, 2], "big": "x" * 200_000, "keys": "k"}, "status": "ok"}},
    "run": {"id": "r-1", "mode": "drill"},
}


def render(spec: Any) -> Any:
    return RENDERER.render(spec, SCOPE)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("{{ cluster }}", "pg-1"),
        ("{{ inputs.cluster }}", "pg-1"),
        ("{{ inputs['old-primary'] }}", "db1"),
        ("cluster/{{ cluster }}", "cluster/pg-1"),
        ("{{ n }}", 3),
        ("{{ n + 1 }}", 4),
        ("{{ -n }}", -3),
        ("{{ n }}0", "30"),
        ("{{ flag }}", True),
        ("is {{ flag }}", "is true"),
        ("{{ none }}", None),
        ("{{ steps.lag.output.lag_s }}", 1.5),
        ("{{ steps.lag.output.items }}", [1, 2]),
        ("{{ steps.lag.output.items[1] }}", 2),
        ("{{ steps.lag.output.keys }}", "k"),
        ("all: {{ steps.lag.output.items }}", "all: [1, 2]"),
        ("{{ steps.lag.output.nothing | default(0) }}", 0),
        ("{{ none | default('-') }}", "-"),
        ("{{ 'a' if n > 2 else 'b' }}", "a"),
        ("{{ cluster ~ '-' ~ n ~ flag }}", "pg-1-3true"),
        ("{{ cluster | upper }}", "PG-1"),
        ("{{ [cluster, n] | join(',') }}", "pg-1,3"),
        ("{{ {'a': n} | to_json }}", '{"a": 3}'),
        ("{{ '3' | int + 1 }}", 4),
        ("line\n{{ n }}\n", "line\n3\n"),
        ("${#name} {# why #}", "${#name} {# why #}"),
        ("${#name} {{ n }}", "${#name} 3"),
        ("{% raw %}{{ n }}{% endraw %}", "{{ n }}"),
        ("{{ '{{' }}", "{{"),
    ],
)
def test_what_a_template_becomes(template: str, value: Any) -> None:
    got = render(template)
    assert got == value and type(got) is type(value)


def test_a_value_with_braces_in_it_stays_literal() -> None:
    assert render("{{ evil }}") == "{{ 7 * 7 }}"
    assert render("say {{ evil }}") == "say {{ 7 * 7 }}"
    assert render({"vars": {"x": "{{ inputs }}"}})["vars"]["x"]["evil"] == "{{ 7 * 7 }}"


def test_specs_keep_their_shape_and_keys_are_left_alone() -> None:
    spec = {"argv": ("tool", "{{ n }}"), "env": {"{{ n }}": "{{ cluster }}"}, "x": [None, True, 1.5]}
    assert render(spec) == {"argv": ["tool", 3], "env": {"{{ n }}": "pg-1"}, "x": [None, True, 1.5]}


@pytest.mark.parametrize(
    ("template", "message", "mend"),
    [
        ("{{ clustr }}", "'clustr' is undefined", "did you mean 'cluster'?"),
        ("{{ steps.lg.output.x }}", "there is no 'lg'", "as it stands in the output"),
        ("{{ steps.lag.output.lags }}", "there is no 'lags' in a mapping; there are: big, items", "default"),
        ("{{ n", "not a template", "check the braces"),
        ("x {{ none }}", "is null", "default"),
        ("{{ 9 ** 9 }}", "powers", "write the number"),
        ("{{ 'a' * 1000000000 }}", "* needs numbers", "~"),
        ("{{ '%999999999d' % n }}", "% needs numbers", "~"),
        ("{{ range(1000000000) }}", "calls are not taken", "read values by name"),
        ("{{ cluster.upper() }}", "calls are not taken", "read values by name"),
        ("{% for x in inputs %}a{% endfor %}", "statements", "when"),
        ("{% set x = 1 %}", "statements", "when"),
        ("{{ cluster.__class__ }}", "there is no '__class__' in text", "default"),
        ("{{ ''['__class__'] }}", "there is no '__class__' in text", "default"),
        ("{{ cluster | attr('__class__') }}", "there is no filter 'attr'", "known"),
        ("{{ cluster | replace('a', 'b') }}", "there is no filter 'replace'", "known"),
        ("{{ n is divisibleby 3 }}", "there is no test 'divisibleby'", "known"),
        ("{{ cluster[0:2] }}", "slice is not taken", "by name"),
        ("{{ self }}", "word of Jinja's own", "inputs['self']"),
        ("{{ lipsum }}", "'lipsum' is undefined", "known here"),
        ("{{ 1 / 0 }}", "division by zero", "mend the calculation"),
        ("{{ 9223372036854775807 + 9223372036854775807 }}", "too large", "2**63"),
        ("{{ n > 'a' }}", "not supported", "check the expression"),
        ("{{ 'abc' | int }}", "cannot be read as a whole number", "give it a number"),
        ("{{ [missing_one] }}", "'missing_one' is undefined", "known here"),
        ("{{ steps.lag.output.big ~ steps.lag.output.big }}", "longer than", "put in less"),
        ("{{ steps.lag.output.big }}{{ steps.lag.output.big }}", "longer than", "put in less"),
        ("{{ [steps.lag.output.big, steps.lag.output.big] }}", "longer than", "put in less"),
        ("{{ [steps.lag.output.big, steps.lag.output.big] | to_json }}", "longer than", "put in less"),
        ("{{ [steps.lag.output.big, steps.lag.output.big] | join }}", "longer than", "put in less"),
        ("{{ cluster }}" + "x" * 20_000, "longer than", "file"),
    ],
)
def test_what_is_not_taken_is_said_with_the_mend(template: str, message: str, mend: str) -> None:
    with pytest.raises(ExecutorError) as caught:
        render(template)
    assert message in caught.value.message
    assert mend in caught.value.mend


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "[" * 5000 + "1" + "]" * 5000 + " }}",
        "{{ " + "not " * 4000 + "1 }}",
        "{{ " + "-" * 15_000 + "1 }}",
        "{{ 1" + "|string" * 2000 + " }}",
        "{{ x" + ".a" * 7000 + " }}",
        "{{ 'a'" + "|to_json" * 1500 + " }}",
        "{{ steps.lag.output.big" + " ~ steps.lag.output.big" * 600 + " }}",
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_a_template_bomb_is_refused_quickly(template: str) -> None:
    began = time.process_time()
    with pytest.raises(ExecutorError):
        render(template)
    assert time.process_time() - began < 2


def test_references_name_what_is_read_as_far_as_it_is_fixed() -> None:
    spec = {
        "a": ["{{ steps.lag.output.lag_s + inputs['old-primary'] }}", "no template"],
        "b": {"c": "{{ x | default(y) }} {{ a.b['c'].d[e.f].g }} {{ run.id if flag is defined else 1 }}"},
    }
    assert references(spec) == {
        *("steps.lag.output.lag_s", "inputs.old-primary", "x", "y", "a.b.c.d", "e.f", "run.id", "flag"),
    }


def test_references_of_what_is_no_template_are_refused_with_the_mend() -> None:
    with pytest.raises(ExecutorError, match="powers"):
        references("{{ 2 ** 3 }}")


def test_a_spec_without_templates_costs_next_to_nothing() -> None:
    spec = {"playbook": "a.yml", "limit": "x", "vars": {"a": 1, "b": "cccc", "d": ["e", "f"]}, "tags": []}
    began = time.process_time()
    for _ in range(1000):
        render(spec)
    assert time.process_time() - began < 0.1


def test_several_threads_may_render_at_once() -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(200):
            got = RENDERER.render("{{ a }}-{{ b }}", {"a": number, "b": turn})
            if got != f"{number}-{turn}":
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(alphabet=st.one_of(st.sampled_from("{}%#|~.[]()'\"+-*/ abcn019"), st.characters()), max_size=40))
def test_any_template_gives_a_value_or_an_error_of_the_tree(text: str) -> None:
    for template in (text, "{{ " + text + " }}", "x {{ " + text + " }}"):
        try:
            render(template)
        except ExecutorError as error:
            assert error.mend


@settings(deadline=None, database=None, max_examples=50)
@given(st.text(max_size=30))
def test_any_value_comes_through_unchanged(value: str) -> None:
    assert RENDERER.render("{{ v }}", {"v": value}) == value
    assert RENDERER.render("<{{ v }}>", {"v": value}) == f"<{value}>"
