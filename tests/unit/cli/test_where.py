"""Where a step works and what it does, in a few words."""

from __future__ import annotations

from typing import Any

import pytest
from example_runs import step

from orchestrator.cli.where import deed, place, way_back
from orchestrator.model.actions import ACTIONS
from orchestrator.model.plan import PlannedUndo


@pytest.mark.parametrize(
    ("kind", "spec", "where", "what"),
    [
        ("ansible", {"playbook": "fence/off.yml", "limit": "old_primary"}, "old_primary", "ansible fence/off.yml"),
        ("fabric", {"host": "standby", "argv": ["a b", "c"]}, "standby", "run 'a b' c"),
        ("probe", {"tcp": {"address": "db:5432"}}, "db:5432", "look: tcp db:5432"),
        ("probe", {"http": {"target": "app", "path": "/healthz"}}, "app", "look: http /healthz"),
        ("probe", {"sql": {"query": "select 1"}, "target": "standby"}, "standby", "look: sql select 1"),
        ("wait", {"duration": 2.0}, "", "wait 2s"),
        ("wait", {"until": {"probe": {"command": ["true"], "target": "x"}}}, "x", "wait until: true"),
        ("marker", {"start": {"target": "primary"}}, "primary", "markers: start"),
        ("marker", {"stop": True}, "", "markers: stop"),
        ("approve", {"question": {"en": "May we?"}, "of": ["li", "wu"]}, "li, wu", "ask: May we?"),
        ("manual", {"instructions": {"en": "Pull\nit"}}, "a person", "by hand: Pull it"),
        ("scripted", {}, "", "scripted, does nothing"),
    ],
)
def test_kinds_are_told(kind: str, spec: dict[str, Any], where: str, what: str) -> None:
    assert place(kind, spec) == where
    assert deed(kind, spec) == what


@pytest.mark.parametrize("kind", ACTIONS)
def test_no_kind_is_without_words(kind: str) -> None:
    assert deed(kind, {})


def test_the_way_back_is_an_undo_a_reason_or_nothing_to_undo() -> None:
    undo = PlannedUndo("ansible", {"playbook": "x.yml", "limit": "y"}, 60.0, ())
    assert way_back(step("a", undo=undo)) == "ansible x.yml"
    assert way_back(step("a", irreversible="it is off")) == "IRREVERSIBLE: it is off"
    assert way_back(step("a", "probe")) == "changes nothing"
