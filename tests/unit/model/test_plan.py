from __future__ import annotations

import json
from dataclasses import fields, replace

from orchestrator.model.document import FaultClass, Milestone, Mode, Text
from orchestrator.model.plan import Plan, PlannedCheck, PlannedStep, PlannedUndo, plan_from_body, plan_to_body

CHECK = PlannedCheck({"tcp": {"address": "x:1"}}, {"open": {"equals": False}}, 5.0, 0.5)
PLAIN = PlannedStep("a", Text(en="A"), "scripted", {}, (), False, 60.0)
FULL = PlannedStep(
    id="in/b",
    title=Text(en="B", zh="乙"),
    kind="ansible",
    spec={"playbook": "b.yml", "limit": "db", "vars": {"n": None, "list": [1, {"x": True}]}},
    needs=("a",),
    changes=True,
    timeout=60.0,
    budget=5.0,
    expect={"hosts.db1.ok": {"min": 1}, "x": {"equals": None}},
    verify=(CHECK, CHECK),
    retries=2,
    retry_delay=1.5,
    idempotent=True,
    on_doubt="probe",
    undo=PlannedUndo("manual", {"instructions": {"en": "Undo"}}, 600.0, (CHECK,)),
    irreversible="",
    role="fence",
    marks=(Milestone.ONSET, Milestone.RESTORED),
    skip="only in mode drill",
    scope={"cluster": "c", "password": {"$secret": "env:X"}},
    prefix="in/",
)
PLAN = Plan(
    run_id="r",
    runbook="book",
    title=Text(en="Book"),
    purpose="recovery",
    fault_class=FaultClass.SHARED_COMPONENT,
    mode=Mode.DRILL,
    digest="d",
    digests={"runbook": "e"},
    inputs={"cluster": "c"},
    secrets=("env:X",),
    steps=(PLAIN, FULL),
    steady_state=(CHECK,),
    locks=("cluster/c",),
    rto=300.0,
    rpo=None,
    critical_path=65.0,
    critical_steps=("a", "in/b"),
    severity=1,
    service_level={"service_level": "a"},
    system="orders",
    site="lab",
    on_failure="rollback",
    self_approval=True,
    drill={"drill": "half-yearly"},
)


def test_a_plan_comes_back_from_json_as_it_was() -> None:
    assert plan_from_body(json.loads(json.dumps(plan_to_body(PLAN)))) == PLAN


def test_a_plan_of_a_change_without_a_fault_class_comes_back_too() -> None:
    change = replace(PLAN, fault_class=None, purpose="change", drill=None)
    assert plan_from_body(json.loads(json.dumps(plan_to_body(change)))) == change


def test_every_part_of_a_step_is_given_in_this_test() -> None:
    left_at_default = {one.name for one in fields(PlannedStep) if getattr(FULL, one.name) == one.default}
    assert left_at_default == {"irreversible"}, "a new part would silently be lost on the way through the journal"


def test_what_a_step_does_not_say_is_not_written() -> None:
    body = plan_to_body(PLAN)["steps"][0]
    assert set(body) == {"id", "title", "kind", "spec", "needs", "changes", "timeout"}


def test_dependents_are_the_needs_the_other_way_round() -> None:
    assert PLAN.dependents == {"a": ("in/b",), "in/b": ()}
    assert PLAN.by_id["in/b"] is FULL


def test_doing_twice_is_harmless_where_nothing_changes_or_it_is_said_so() -> None:
    assert PLAIN.repeatable
    assert not replace(PLAIN, changes=True).repeatable
    assert replace(PLAIN, changes=True, idempotent=True).repeatable
