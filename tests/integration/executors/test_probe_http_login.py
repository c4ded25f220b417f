"""The http probe with a login and an authority of its own, against a real BMC service."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bmc_kit import HOST, Rig, rig
from executors_kit import Reins, inventory_of

from orchestrator.executors.probe import ProbeExecutor
from orchestrator.lab.sites.bmc import faults
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Outcome
from orchestrator.wiring.clock import SystemClock

PROBE = {
    "target": HOST, "address": "bmc_address", "port": "bmc_port", "path": "bmc_system", "tls": True, "tls_ca": "bmc_ca",
    "user": "bmc_user", "password_file": "bmc_password_file",
}  # fmt: skip


@pytest.fixture
def bmc(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


@pytest.fixture
def host(bmc: Rig) -> Host:
    return Host(
        HOST,
        {
            "ansible_host": "192.0.2.1",
            "bmc_address": bmc.bmc.address,
            "bmc_port": bmc.bmc.port,
            "bmc_system": bmc.bmc.system,
            "bmc_ca": bmc.ca,
            "bmc_user": "operator",
            "bmc_password_file": str(bmc.place.password),
        },
    )


@pytest.fixture
def look(make_job: Callable[..., Job], host: Host) -> Callable[..., Outcome]:
    def do(probe: dict[str, Any], on: Host = host, **more: Any) -> Outcome:
        executor = ProbeExecutor(inventory_of(on), SystemClock())
        return executor.run(make_job("probe", {"http": probe}, **more), Reins())

    return do


def test_the_power_state_of_a_host_is_read_from_its_bmc(bmc: Rig, look: Callable[..., Outcome]) -> None:
    assert look(PROBE, expect={"output.json.PowerState": "On"}).ok
    bmc.power.force_off(HOST)
    assert look(PROBE, expect={"output.json.PowerState": "Off", "output.json.HostName": HOST}).ok


def test_a_password_given_as_a_secret_logs_in_too(bmc: Rig, look: Callable[..., Outcome]) -> None:
    given = {"url": f"{bmc.url}{bmc.bmc.system}", "tls_ca": bmc.ca, "user": "operator", "password": bmc.password}
    assert look(given).output["status"] == 200
    assert look({**given, "password": "another one"}).output["status"] == 401


def test_a_switch_that_lies_is_seen_at_the_meter(bmc: Rig, look: Callable[..., Outcome]) -> None:
    faults.refuse_power(bmc.place, HOST, faults.LIES)
    assert look(PROBE, expect={"output.json.PowerState": "Off"}).ok
    meter = {**PROBE, "path": f"/redfish/v1/Chassis/{HOST}/Power"}
    assert look(meter).output["json"]["PowerControl"][0]["PowerConsumedWatts"] > 0


def test_a_bmc_of_another_authority_gets_no_password(
    bmc: Rig, look: Callable[..., Outcome], host: Host, tmp_path: Path
) -> None:
    from orchestrator.lab.sites.bmc.certificates import Authority

    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(Authority("somebody else").pem)
    outcome = look(PROBE, dataclasses.replace(host, vars={**host.vars, "bmc_ca": str(stranger)}))
    assert not outcome.ok
    assert "certificate" in outcome.error


def test_a_password_file_that_others_may_read_is_refused(bmc: Rig, look: Callable[..., Outcome]) -> None:
    bmc.place.password.chmod(0o644)
    outcome = look(PROBE)
    assert not outcome.ok
    assert "chmod 600" in outcome.mend


@pytest.mark.parametrize(
    "change",
    [
        {"tls": False},
        {"tls_ca": "/no/such/file.pem"},
        {"path": "no-path"},
        {"path": "/with a blank"},
        {"password_file": "/no/such/file"},
    ],
)
def test_a_way_that_leads_nowhere_is_said_and_not_gone(look: Callable[..., Outcome], change: dict[str, Any]) -> None:
    assert not look({**PROBE, **change}).ok


@pytest.mark.parametrize(
    "change",
    [{"password": "x" * 12}, {"user": None}, {"password_file": None}, {"tls_verify": False}, {"target": None}],
)
def test_half_a_login_is_refused_by_the_document(look: Callable[..., Outcome], change: dict[str, Any]) -> None:
    given = {name: value for name, value in {**PROBE, **change}.items() if value is not None}
    outcome = look(given)
    assert not outcome.ok
    assert "cannot be read" in outcome.error


def test_an_answer_that_repeats_the_password_is_blotted() -> None:
    from orchestrator.executors.probe_http_way import Way

    way = Way(True, "192.0.2.1", 443, "/", None, {"Authorization": "Basic b3A6c2VjcmV0LTEyMzQ1"}, "secret-12345")
    assert b"secret-12345" not in way.blotted(b"you said secret-12345")
    assert b"b3A6c2VjcmV0LTEyMzQ1" not in way.blotted(b"Authorization: Basic b3A6c2VjcmV0LTEyMzQ1")
