from __future__ import annotations

from typing import Any

import pytest
from engine_kit import Told, failed, ok, plan, runbook, step

from orchestrator.documents.templates import TemplateRenderer
from orchestrator.engine.planner import Material, make_plan
from orchestrator.engine.runner import Halt
from orchestrator.errors import UsageError
from orchestrator.model.document import Mode
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate, ServiceLevel
from orchestrator.model.plan import Plan
from orchestrator.model.runbook import Runbook

LOOK = {"probe": {"tcp": "x:1"}}


def needs(made: Plan) -> dict[str, tuple[str, ...]]:
    return {one.id: one.needs for one in made.steps}


def made_of(material: Material, mode: Mode = Mode.LIVE, **inputs: Any) -> Plan:
    return make_plan(material, run_id="r1", mode=mode, inputs=inputs, renderer=TemplateRenderer())


# -- needs -----------------------------------------------------------------------------------------------------------


def test_a_step_needs_the_one_above_it_or_what_it_says():
    made = plan(runbook(step("a"), step("b"), step("c", needs=[]), step("d", needs=["a", "c"])))
    assert needs(made) == {"a": (), "b": ("a",), "c": (), "d": ("a", "c")}


def test_a_step_may_need_one_further_down():
    made = plan(runbook(step("a", needs=["c"]), step("b", needs=["a"]), step("c", needs=[])))
    run = Told(made)
    run.drive()
    assert run.world.done == ["c.action.1", "a.action.1", "b.action.1"]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([step("a", needs=["b"]), step("b", needs=["a"])], "steps wait for each other: a -> b -> a"),
        ([step("a", needs=["z"])], "step 'a' needs 'z', which runbook made-up does not have"),
        ([step("a"), step("a")], "has two steps 'a'"),
    ],
)
def test_steps_that_do_not_hang_together_are_refused(steps, told):
    with pytest.raises(UsageError, match=told):
        plan(runbook(*steps))


# -- nesting ---------------------------------------------------------------------------------------------------------

INNER = runbook(step("x"), step("y", needs=[]), step("z", needs=["x"]))


def nest(name: str = "in", file: str = "inner.yaml", **more: Any) -> dict[str, Any]:
    inputs = more.pop("inputs", {})
    return {"id": name, "runbook": {"file": file, "inputs": inputs}, **more}


def test_a_nested_runbook_stands_in_its_steps_place():
    made = plan(runbook(step("a"), nest(), step("b")), nested={"inner.yaml": INNER})
    assert needs(made) == {
        "a": (),
        "in/x": ("a",),
        "in/y": ("a",),
        "in/z": ("in/x",),
        "b": ("in/y", "in/z"),
    }


def test_nested_runbooks_nest_and_follow_each_other():
    outer = runbook(nest("first"), nest("second"))
    made = plan(runbook(nest("out", "outer.yaml")), nested={"outer.yaml": outer, "inner.yaml": INNER})
    assert needs(made)["out/second/x"] == ("out/first/y", "out/first/z")
    run = Told(made)
    run.drive()
    assert run.state.ended == "succeeded"
    assert len(run.world.done) == 6


def test_a_nested_runbook_that_is_left_out_is_left_out_whole_and_the_next_goes_on():
    made = plan(runbook(nest(when={"mode": ["drill"]}), step("b")), nested={"inner.yaml": INNER})
    run = Told(made)
    run.drive()
    assert {run.status(f"in/{name}") for name in "xyz"} == {"skipped"}
    assert run.world.done == ["b.action.1"]


def test_a_nested_runbook_sees_its_own_inputs_and_nothing_else():
    inner = runbook(
        step("x", fabric={"host": "{{ host }}", "argv": ["promote", "{{ inputs.host }}"]}), inputs={"host": {}}
    )
    book = runbook(nest(inputs={"host": "db-{{ cluster }}"}), inputs={"cluster": {}})
    made = plan(book, nested={"inner.yaml": inner}, renderer=TemplateRenderer(), cluster="c1")
    run = Told(made, renderer=TemplateRenderer())
    run.drive()
    assert run.world.jobs["in--x.action.1"].spec["argv"] == ["promote", "db-c1"]


def test_a_nested_runbook_without_inputs_does_not_see_the_outer_ones():
    inner = runbook(step("x", fabric={"host": "h", "argv": ["promote", "{{ cluster }}"]}))
    made = plan(
        runbook(nest(), inputs={"cluster": {}}),
        nested={"inner.yaml": inner},
        renderer=TemplateRenderer(),
        cluster="c1",
    )
    run = Told(made, renderer=TemplateRenderer())
    assert run.drive().halt is Halt.STOPPED
    assert run.world.done == []
    assert "cluster" in run.state.steps["in/x"].error


def test_a_nested_step_reads_the_outputs_of_its_own_runbook():
    inner = runbook(step("x"), step("y", fabric={"host": "h", "argv": ["at", "{{ steps.x.output.lsn }}"]}))
    made = plan(runbook(step("x"), nest()), nested={"inner.yaml": inner}, renderer=TemplateRenderer())
    run = Told(made, renderer=TemplateRenderer())
    run.tell("x", ok(lsn="outer"))
    run.tell("in/x", ok(lsn="0/42"))
    run.drive()
    assert run.world.jobs["in--y.action.1"].spec["argv"] == ["at", "0/42"]


def test_inputs_of_nested_runbooks_are_checked():
    inner = runbook(step("x"), inputs={"n": {"type": "integer"}})
    with pytest.raises(UsageError, match="'many' is not a whole number"):
        plan(runbook(nest(inputs={"n": "many"})), nested={"inner.yaml": inner})


def test_a_secret_goes_through_nesting_by_reference_only():
    inner = runbook(
        step("x", fabric={"host": "h", "argv": ["psql"], "stdin": "{{ password }}"}),
        inputs={"password": {"type": "secret"}},
    )
    book = runbook(nest(inputs={"password": "{{ db_password }}"}), inputs={"db_password": {"type": "secret"}})
    made = plan(
        book, nested={"inner.yaml": inner}, renderer=TemplateRenderer(), db_password="env:DB"
    )  # the reference, not the value
    assert made.secrets == ("env:DB",)
    assert made.by_id["in/x"].scope == {"password": {"$secret": "env:DB"}}
    run = Told(made, renderer=TemplateRenderer(), secrets={"env:DB": "hunter22"})
    run.drive()
    assert run.world.jobs["in--x.action.1"].spec["stdin"] == "hunter22"


def test_a_secret_that_is_not_to_be_had_fails_the_step_before_it_begins():
    book = runbook(
        step("x", fabric={"host": "h", "argv": ["psql"], "stdin": "{{ password }}"}, undo={"scripted": {}}),
        inputs={"password": {"type": "secret"}},
        on_failure="rollback",
    )
    run = Told(plan(book, renderer=TemplateRenderer(), password="env:DB"), renderer=TemplateRenderer())
    run.drive()
    assert run.state.ended == "rolled_back"
    assert run.world.done == [], "what never began is not undone either"


def test_locks_of_nested_runbooks_are_held_too_each_rendered_once():
    inner = runbook(step("x"), inputs={"name": {}}, locks=["host/{{ name }}"])
    book = runbook(nest(inputs={"name": "{{ cluster }}"}), inputs={"cluster": {}}, locks=["cluster/{{ cluster }}"])
    made = plan(book, nested={"inner.yaml": inner}, renderer=TemplateRenderer(), cluster="{{ 7 * 7 }}")
    assert made.locks == ("cluster/{{ 7 * 7 }}", "host/{{ 7 * 7 }}")


def test_a_runbook_that_nests_itself_is_refused():
    book = runbook(nest("again", "self.yaml"))
    with pytest.raises(UsageError, match=r"runbooks nest each other: self.yaml -> self.yaml"):
        plan(book, nested={"self.yaml": book})


def test_a_nested_runbook_that_is_missing_is_named():
    with pytest.raises(UsageError, match=r"there is no runbook gone.yaml"):
        plan(runbook(nest(file="gone.yaml")))


def test_two_steps_whose_jobs_would_have_one_name_are_refused():
    with pytest.raises(UsageError, match="would have jobs of the same name"):
        plan(runbook(nest(), step("in--x")), nested={"inner.yaml": INNER})
    with pytest.raises(UsageError, match="'steady-after-1'"):
        plan(runbook(step("steady-after-1"), steady_state=[LOOK]))


# -- when ------------------------------------------------------------------------------------------------------------


def test_a_condition_on_an_input_is_written_like_the_input():
    book = runbook(
        step("a", when={"inputs": {"wait": "30s", "on": True}}),
        inputs={"wait": {"type": "duration"}, "on": {"type": "boolean"}},
    )
    assert plan(book, wait="30s", on="true").steps[0].skip == ""
    assert plan(book, wait="31s", on="true").steps[0].skip == "only where wait is 30s"
    assert plan(book, wait="30s", on="false").steps[0].skip == "only where on is True"


# -- modes -----------------------------------------------------------------------------------------------------------


def book_with_steady_state() -> Runbook:
    return runbook(
        step("a", needs=[]),
        step("b", needs=[], undo={"scripted": {}}, verify=LOOK, marks="service_restored", expect={"x": 1}),
        step("go", approve={"question": "Go?"}, changes=False),
        step("d", when={"mode": ["drill"]}),
        steady_state=[LOOK, LOOK],
        locks=["cluster/x"],
        on_failure="rollback",
    )


def test_live_probes_the_steady_state_after_everything_and_after_a_rollback():
    made = plan(book_with_steady_state())
    assert [one.id for one in made.steps if one.id.startswith("steady")] == [
        "steady-after-1",
        "steady-after-2",
        "steady-rollback-1",
        "steady-rollback-2",
    ]
    assert made.by_id["steady-after-1"].needs == ("a", "d")
    assert made.by_id["steady-rollback-1"].role == "rollback-check"
    assert made.locks == ("cluster/x",)


def test_a_drill_begins_only_in_a_steady_state():
    made = plan(book_with_steady_state(), Mode.DRILL)
    assert made.by_id["a"].needs == made.by_id["b"].needs == ("steady-before-1", "steady-before-2")
    assert made.by_id["d"].skip == ""


def test_a_tabletop_asks_people_and_touches_nothing():
    made = plan(book_with_steady_state(), Mode.TABLETOP)
    assert {one.kind for one in made.steps} == {"manual", "approve", "scripted"}
    assert made.by_id["d"].skip, "what this mode leaves out is not talked through"
    assert not any(
        one.changes or one.verify or one.undo or one.marks or one.expect for one in made.steps if not one.skip
    )
    assert made.locks == ()
    assert made.on_failure == "stop"
    assert made.by_id["a"].spec["instructions"]["en"] == "Talk it through: a"


def test_a_check_looks_at_every_step_on_its_own():
    book = runbook(
        step("a", probe={"tcp": "x:1"}, changes=False),
        step("b", fabric={"host": "{{ steps.a.output.host }}", "argv": ["y"]}),
        step("c", manual={"instructions": "Do it"}),
        step("d", when={"mode": ["drill"]}),
        steady_state=[LOOK],
    )
    made = plan(book, Mode.CHECK)
    assert all(one.needs == () for one in made.steps)
    assert {one.id: bool(one.skip) for one in made.steps} == {
        "steady-before-1": False,
        "a": False,
        "b": True,
        "c": True,
        "d": False,
    }
    run = Told(made)
    run.drive()
    assert run.state.ended == "succeeded"


def test_a_failed_check_holds_no_other_back_and_rolls_nothing_back():
    run = Told(plan(runbook(step("a"), step("b"), on_failure="rollback"), Mode.CHECK))
    run.tell("a", failed("no such host"))
    assert run.drive().halt is Halt.STOPPED
    assert (run.status("a"), run.status("b")) == ("failed", "succeeded")


# -- objectives, severity, forecast ----------------------------------------------------------------------------------

ESTATE = Estate.model_validate(
    {
        "estate": "lab",
        "contacts": {"li": {"name": "Li", "reach": ["1"]}},
        "systems": {
            "orders": {
                "title": "Orders",
                "rto": "5m",
                "rpo": "10s",
                "severity": {"performance": 3},
                "owners": ["li"],
                "service_level": "a",
            }
        },
    }
)


def drill(**objectives: str) -> Drill:
    return Drill.model_validate(
        {"drill": "d", "title": "D", "type": "full", "runbook": "r.yaml", "scenario": "S", "objectives": objectives}
    )


@pytest.mark.parametrize(
    ("book", "exercise", "rto", "rpo"),
    [
        ({}, None, 300, 10),
        ({"rto": "2m"}, None, 120, 10),
        ({"rto": "1h", "rpo": "5s"}, None, 300, 5),
        ({"rto": "2m"}, drill(rto="1m"), 60, 10),
        ({"rto": "2m"}, drill(rto="1h"), 120, 10),
    ],
)
def test_the_tightest_objective_counts(book, exercise, rto, rpo):
    made = made_of(Material(runbook(step("a"), objectives=book, system="orders"), estate=ESTATE, drill=exercise))
    assert (made.rto, made.rpo) == (rto, rpo)


def test_nobody_set_an_objective():
    made = made_of(Material(runbook(step("a"))))
    assert (made.rto, made.rpo) == (None, None)


def test_a_system_the_estate_does_not_have_is_refused():
    with pytest.raises(UsageError, match="has no system 'billing'"):
        made_of(Material(runbook(step("a"), system="billing"), estate=ESTATE))


def test_severity_comes_from_the_runbook_else_the_estate_else_the_class():
    assert made_of(Material(runbook(step("a"), severity=2, system="orders"), estate=ESTATE)).severity == 2
    assert made_of(Material(runbook(step("a"), system="orders"), estate=ESTATE)).severity == 3
    assert made_of(Material(runbook(step("a")))).severity == 2
    assert made_of(Material(runbook(step("a"), fault_class="site-disaster"))).severity == 0
    assert made_of(Material(runbook(step("a"), purpose="change", fault_class=None))).severity is None


def test_the_critical_path_is_the_longest_chain_of_budgets_until_the_service_is_back():
    made = plan(
        runbook(
            step("a", needs=[], budget="10s"),
            step("b", needs=[], budget="30s"),
            step("c", needs=["a"], budget="25s"),
            step("d", needs=["b", "c"], budget="5s", marks="service_restored"),
            step("e", budget="1h"),
        )
    )
    assert made.critical_path == 40
    assert made.critical_steps == ("a", "c", "d")


def test_the_contract_and_the_drill_go_into_the_plan_as_data():
    level = ServiceLevel.model_validate({"service_level": "a", "title": "A", "targets": {1: {"restore": "2h"}}})
    made = made_of(Material(runbook(step("a")), service_level=level, drill=drill(rto="1m"), site="lab"))
    assert made.service_level is not None and made.service_level["targets"] == {"1": {"restore": 7200.0}}
    assert made.drill is not None and made.drill["drill"] == "d"
    assert made.site == "lab"


# -- the digest ------------------------------------------------------------------------------------------------------


def bound(
    mode: Mode = Mode.LIVE, book: dict[str, Any] | None = None, exercise: Drill | None = None, **more: Any
) -> str:
    digests = {"runbooks/r.yaml": "1", "playbooks": "2", "inventory": "3", **more.pop("digests", {})}
    spec = {"inputs": {"cluster": {}, "wait": {"type": "duration", "default": "30s"}}, **(book or {})}
    material = Material(runbook(step("a"), **spec), digests=digests, drill=exercise)
    return made_of(material, mode, **{"cluster": "c1", **more}).digest


def test_the_digest_is_the_same_for_the_drill_and_the_night():
    assert bound(Mode.DRILL) == bound(Mode.LIVE)
    assert bound(Mode.DRILL, {"objectives": {"rto": "5m"}}, drill(rto="1m")) == bound(
        Mode.LIVE, {"objectives": {"rto": "5m"}}
    ), "a drill that is stricter than the night drills the same thing"


@pytest.mark.parametrize(
    "change",
    [
        {"digests": {"playbooks": "x"}},
        {"digests": {"inventory": "x"}},
        {"digests": {"runbooks/r.yaml": "x"}},
        {"digests": {"another": "x"}},
        {"cluster": "c2"},
        {"wait": "31s"},
        {"book": {"objectives": {"rto": "5m"}}},
        {"book": {"objectives": {"rpo": "5m"}}},
    ],
    ids=str,
)
def test_the_digest_changes_with_any_part_and_any_parameter(change):
    assert bound(**change) != bound()


def test_the_digest_does_not_depend_on_order_or_on_how_a_value_is_written():
    assert bound(wait="30s") == bound(wait="0m30s") == bound()
    assert bound(digests={"a": "1", "b": "2"}) == bound(digests={"b": "2", "a": "1"})


def test_a_plan_says_nothing_that_the_runbook_does_not():
    spec = (
        plan(runbook(step("a", ansible={"playbook": "a.yml", "limit": "db", "vars": {"x": None, "t": "5m"}})))
        .steps[0]
        .spec
    )
    assert spec == {"playbook": "a.yml", "limit": "db", "vars": {"x": None, "t": "5m"}, "tags": []}


def test_an_expectation_of_null_survives():
    made = plan(runbook(step("a", expect={"x": {"equals": None}})))
    assert made.steps[0].expect == {"x": {"equals": None}}
