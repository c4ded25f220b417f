"""The BMCs with clients nobody here wrote: OpenStack's sushy, DMTF's redfish library and DMTF's protocol validator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redfish
import sushy
import sushy.auth
from bmc_kit import HOST, Rig, rig
from lab_kit import wait_until

from orchestrator.lab.sites.bmc import faults
from orchestrator.lab.sites.bmc.firmware import make_image

USER = "operator"


@pytest.fixture
def bmc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    # Where these are set, requests takes them before the file it is given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with rig(tmp_path) as made:
        yield made


@pytest.fixture(params=["session", "basic"])
def client(request: pytest.FixtureRequest, bmc: Rig) -> Iterator[sushy.Sushy]:
    kind = {"session": sushy.auth.SessionAuth, "basic": sushy.auth.BasicAuth}[request.param]
    login = kind(USER, bmc.password)
    yield sushy.Sushy(bmc.url, verify=bmc.ca, auth=login)
    # Else it logs out when it is collected, and tries for half a minute where the service is gone by then.
    login.close()


def test_sushy_switches_the_power_off_and_on_and_reads_it_back(bmc: Rig, client: sushy.Sushy) -> None:
    system = client.get_system()
    assert system.power_state is sushy.PowerState.ON
    assert {kind.value for kind in system.get_allowed_reset_system_values()} == {
        "On", "ForceOff", "GracefulShutdown", "ForceRestart", "PowerCycle",
    }  # fmt: skip
    system.reset_system(sushy.ResetType.FORCE_OFF)
    system.refresh(force=True)
    assert system.power_state is sushy.PowerState.OFF
    system.reset_system(sushy.ResetType.ON)
    system.reset_system(sushy.ResetType.POWER_CYCLE)
    system.refresh(force=True)
    assert system.power_state is sushy.PowerState.ON
    assert bmc.power.orders == ["off", "on", "off", "on"]


def test_sushy_sees_which_part_is_critical(bmc: Rig, client: sushy.Sushy) -> None:
    faults.set_health(bmc.place, HOST, "psu-2", "Critical")
    faults.set_health(bmc.place, HOST, "fan-3", "Warning")
    faults.set_health(bmc.place, HOST, "drive-1", "Critical")
    chassis = client.get_chassis()
    assert {one.identity: one.status.health for one in chassis.power.power_supplies} == {
        "psu-1": sushy.Health.OK, "psu-2": sushy.Health.CRITICAL,
    }  # fmt: skip
    assert [one.status.health for one in chassis.thermal.fans].count(sushy.Health.WARNING) == 1
    drives = client.get_system().storage.get_members()[0].drives
    assert {one.identity: one.status.health for one in drives}["drive-1"] is sushy.Health.CRITICAL
    assert chassis.status.health is sushy.Health.CRITICAL


def test_sushy_updates_firmware_which_runs_after_the_next_reset(bmc: Rig, client: sushy.Sushy) -> None:
    (bmc.images / "bios.img").write_bytes(make_image("bios", "2.1.0", b"new bios" * 1000))
    service = client.get_update_service()
    monitor = service.simple_update(f"{bmc.images_url}/bios.img", targets=[], transfer_protocol="HTTP")
    assert monitor.is_processing

    def versions() -> dict[str, str]:
        listed = client.get_update_service().firmware_inventory.get_members()
        return {one.identity: one.version for one in listed}

    wait_until(lambda: monitor.get_task().task_state is sushy.TASK_STATE_PENDING)
    assert versions()["bios"] == "2.0.0"
    client.get_system().reset_system(sushy.ResetType.FORCE_RESTART)
    assert monitor.get_task().task_state is sushy.TASK_STATE_COMPLETED
    assert versions()["bios"] == "2.1.0"
    assert versions()["bios-previous"] == "2.0.0"


def test_sushy_is_refused_with_a_wrong_password(bmc: Rig) -> None:
    with pytest.raises(sushy.exceptions.AccessError):
        sushy.Sushy(bmc.url, verify=bmc.ca, auth=sushy.auth.SessionAuth(USER, "not the password"))


def test_sushy_is_told_that_the_switch_refuses(bmc: Rig, client: sushy.Sushy) -> None:
    faults.refuse_power(bmc.place, HOST, faults.DENIED)
    with pytest.raises(sushy.exceptions.AccessError):
        client.get_system().reset_system(sushy.ResetType.FORCE_OFF)
    assert bmc.power.orders == []


def test_dmtfs_library_logs_in_switches_and_logs_out(bmc: Rig) -> None:
    library = redfish.redfish_client(
        base_url=bmc.url, username=USER, password=bmc.password, cafile=bmc.ca, default_prefix="/redfish/v1"
    )
    library.login(auth="session")
    assert len(bmc.service.servers[HOST].board.sessions.all()) == 1
    path = library.get("/redfish/v1/Systems").dict["Members"][0]["@odata.id"]
    target = library.get(path).dict["Actions"]["#ComputerSystem.Reset"]["target"]
    assert library.post(target, body={"ResetType": "ForceOff"}).status == 204
    assert library.get(path).dict["PowerState"] == "Off"
    assert library.post(target, body={"ResetType": "Nonsense"}).status == 400
    library.logout()
    assert bmc.service.servers[HOST].board.sessions.all() == []


def test_dmtfs_protocol_validator_finds_nothing_to_complain_about(bmc: Rig, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("rf_protocol_validator")
    reports = tmp_path / "reports"
    words = ["-r", bmc.url, "-u", USER, "-p", bmc.password, "--ca-bundle", bmc.ca, "--avoid-http-redirect"]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_CA_BUNDLE")}
    done = subprocess.run(
        [str(program), *words, "--report-dir", str(reports)],
        capture_output=True, text=True, timeout=240, env=environment, check=False,
    )  # fmt: skip
    told = re.search(r"PASS: (\d+), WARN: (\d+), FAIL: (\d+)", done.stdout + done.stderr)
    assert told is not None, done.stdout + done.stderr
    lines = next(reports.glob("*.tsv")).read_text().splitlines()
    complaints = [line for line in lines if "\tFAIL" in line or "\tWARN" in line]
    assert complaints == []
    assert int(told[1]) > 300
