"""The shipped signs of the embedded lab, looked for on the real thing."""

from __future__ import annotations

import pytest
from lab_kit import wait_until

from orchestrator.documents.signs import Ground, survey
from orchestrator.documents.workspace import Workspace
from orchestrator.lab.faults import FROZEN, KILLED, UNREACHABLE
from orchestrator.lab.lab import Lab
from orchestrator.model.diagnosis import Sighting, Verdict
from orchestrator.model.document import FaultClass
from orchestrator.wiring.diagnosing import diagnose


@pytest.fixture
def ground(lab: Lab, request: pytest.FixtureRequest) -> Ground:
    return survey(Workspace(request.config.rootpath), inventory=lab.inventory)


def test_a_fresh_lab_is_healthy(ground: Ground) -> None:
    found = diagnose(ground, "orders")
    assert found.verdict is Verdict.HEALTHY, found


@pytest.mark.parametrize("fault", [KILLED, FROZEN])
def test_a_lost_primary_is_a_shared_component(lab: Lab, ground: Ground, fault: str) -> None:
    lab.break_(fault)
    found = diagnose(ground, "orders")
    assert found.verdict is Verdict.RECOGNISED, found
    first = found.recognised[0]
    assert (first.fault_class, first.runbook, first.inputs) == (
        FaultClass.SHARED_COMPONENT,
        "shared-component/postgres-standby-takeover.yaml",
        {"cluster": "orders"},
    )
    seen = {one.look: one.sighting for one in first.evidence}
    port = Sighting.HOLDS if fault == FROZEN else Sighting.FALLS_SHORT
    assert seen == {
        "service": Sighting.FALLS_SHORT,
        "primary": Sighting.UNSEEN,
        "primary-port": port,
        "standby": Sighting.HOLDS,
    }


def test_a_primary_that_still_serves_others_is_not_called_lost(lab: Lab, ground: Ground) -> None:
    lab.break_(UNREACHABLE)
    wait_until(lambda: not lab.status().ready)
    found = diagnose(ground, "orders")
    assert found.verdict is Verdict.UNCLEAR and not found.recognised, found


def test_a_standby_that_is_gone_leaves_it_unclear(lab: Lab, ground: Ground) -> None:
    from orchestrator.lab import members
    from orchestrator.lab.layout import STANDBY

    lab.break_(KILLED)
    members.end_host(lab.layout, STANDBY)
    found = diagnose(ground, "orders")
    assert found.verdict is Verdict.UNCLEAR and found.open, found
