"""Conditions over what was seen, and what a diagnosis may say of it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from orchestrator.model.diagnosis import Diagnosis, Evidence, Finding, LeftOut, Sighting, Verdict, holds, in_order
from orchestrator.model.document import FaultClass, Text
from orchestrator.model.signs import RANK, Condition, ConditionBody, Signs

HOLDS, SHORT, UNSEEN = Sighting.HOLDS, Sighting.FALLS_SHORT, Sighting.UNSEEN
READ: TypeAdapter[ConditionBody] = TypeAdapter(Condition)


def condition(written: Any) -> ConditionBody:
    return READ.validate_python(written)


@pytest.mark.parametrize(
    ("written", "by_sighting"),
    [
        ("a", (True, False, None)),
        ({"holds": "a"}, (True, False, None)),
        ({"not": "a"}, (False, True, None)),
        ({"unseen": "a"}, (False, False, True)),
        ({"not": {"unseen": "a"}}, (True, True, False)),
        ({"any": [{"not": "a"}, {"unseen": "a"}]}, (False, True, True)),
        ({"all": ["a", {"not": "a"}]}, (False, False, None)),
    ],
)
def test_one_look_in_its_three_ways(written: Any, by_sighting: tuple[bool | None, ...]) -> None:
    assert tuple(holds(condition(written), {"a": one}) for one in (HOLDS, SHORT, UNSEEN)) == by_sighting


def test_all_and_any_are_left_open_only_where_what_was_not_seen_could_decide() -> None:
    value = {HOLDS: True, SHORT: False, UNSEEN: None}
    for a, b in product(value, repeat=2):
        pair = {"a": a, "b": b}
        both, either = holds(condition({"all": ["a", "b"]}), pair), holds(condition({"any": ["a", "b"]}), pair)
        # Whatever the unseen ones would have been: where every possibility agrees, and only there, it is known.
        possible = list(product(*[[value[one]] if value[one] is not None else [True, False] for one in (a, b)]))
        assert both == (all(possible[0]) if len({all(p) for p in possible}) == 1 else None)
        assert either == (any(possible[0]) if len({any(p) for p in possible}) == 1 else None)
        negated = holds(condition({"not": {"all": ["a", "b"]}}), pair)
        assert negated == (None if both is None else not both)


def test_a_look_nobody_took_is_unseen() -> None:
    assert holds(condition("a"), {}) is None
    assert holds(condition({"unseen": "a"}), {}) is True


@pytest.mark.parametrize(
    "written", [{}, {"not": "a", "holds": "b"}, {"all": []}, {"any": []}, {"maybe": "a"}, 1, ["a"]]
)
def test_a_condition_has_exactly_one_key(written: Any) -> None:
    with pytest.raises(ValidationError):
        condition(written)


def evidence(look: str, sighting: Sighting) -> Evidence:
    return Evidence(look, Text(en=look), "probe", sighting, {}, {}, "", "2026-01-05T03:00:00Z", 0.1)


def finding(
    recognised: bool | None, *sightings: Sighting, fault_class: str = "performance", rank: int | None = None
) -> Finding:
    one = FaultClass(fault_class)
    seen = tuple(evidence(f"look-{number}", sighting) for number, sighting in enumerate(sightings or (HOLDS,)))
    order = RANK[one] if rank is None else rank
    return Finding("s", one, Text(en="t"), "orders", order, recognised, seen, "r.yaml", {})


def diagnosis(*findings: Finding, left_out: tuple[LeftOut, ...] = ()) -> Diagnosis:
    return Diagnosis("orders", "site", "2026-01-05T03:00:00Z", 1.0, in_order(findings), left_out)


def test_healthy_is_said_only_where_everything_was_seen_and_is_well() -> None:
    assert diagnosis(finding(False), finding(False, HOLDS, HOLDS)).verdict is Verdict.HEALTHY
    for other in (finding(False, UNSEEN), finding(False, SHORT), finding(None, HOLDS), finding(None, UNSEEN)):
        assert diagnosis(finding(False), other).verdict is Verdict.UNCLEAR
    assert diagnosis().verdict is Verdict.UNCLEAR


def test_signs_that_cannot_be_read_keep_it_from_being_healthy() -> None:
    assert diagnosis(finding(False), left_out=(LeftOut("x", "wrong", broken=True),)).verdict is Verdict.UNCLEAR
    assert diagnosis(finding(False), left_out=(LeftOut("x", "elsewhere", broken=False),)).verdict is Verdict.HEALTHY


def test_the_class_that_explains_the_others_is_named_first() -> None:
    found = diagnosis(
        finding(None, fault_class="site-disaster"),
        finding(True, SHORT, fault_class="performance"),
        finding(True, SHORT, fault_class="shared-component"),
        finding(False, fault_class="paging-space"),
    )
    assert found.verdict is Verdict.RECOGNISED
    assert [one.fault_class for one in found.findings] == [
        "shared-component", "performance", "site-disaster", "paging-space",
    ]  # fmt: skip
    assert [one.fault_class for one in found.open] == ["site-disaster"]
    first = diagnosis(finding(True, fault_class="performance", rank=1), finding(True, fault_class="shared-component"))
    assert first.recognised[0].fault_class == "performance"


def test_every_class_has_its_own_rank() -> None:
    assert set(RANK) == set(FaultClass) and len(set(RANK.values())) == len(FaultClass)
    assert list(RANK)[:2] == [FaultClass.SITE_DISASTER, FaultClass.SHARED_COMPONENT]


SIGNS: dict[str, Any] = {
    "signs": "slow",
    "fault_class": "performance",
    "title": "slow",
    "start": {"runbook": "performance/slow.yaml"},
    "looks": [{"id": "a", "title": "A", "probe": {"tcp": "db:1"}}],
    "recognised": {"not": "a"},
}


def test_groups_are_about_hosts() -> None:
    assert Signs.model_validate({**SIGNS, "about": "host", "groups": ["databases"]}).groups == ("databases",)
    with pytest.raises(ValidationError, match="say about: host"):
        Signs.model_validate({**SIGNS, "groups": ["databases"]})


def test_a_look_is_a_probe_or_a_command_that_looks() -> None:
    for wrong in ({}, {"probe": {"tcp": "a:1"}, "fabric": {"host": "a", "argv": ["b"]}}):
        with pytest.raises(ValidationError, match="give either probe, or fabric"):
            Signs.model_validate({**SIGNS, "looks": [{"id": "a", "title": "A", **wrong}]})
