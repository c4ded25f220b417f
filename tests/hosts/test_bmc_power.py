"""BMCs and real hosts: power over Redfish (with sushy) and IPMI (with ipmitool), and the playbooks that fence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from executors_kit import missing
from lab_kit import wait_until

from orchestrator.lab import processes
from orchestrator.lab.sites.bmc import faults, part
from orchestrator.lab.sites.bmc.part import Controllers
from orchestrator.lab.sites.lab import SitesLab

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
HOST = "db-a"
SUSHY = """
import json, sys, sushy, sushy.auth
url, ca, password, *orders = sys.argv[1:]
login = sushy.auth.BasicAuth("operator", open(password).read())
system = sushy.Sushy(url, verify=ca, auth=login).get_system()
for order in orders:
    system.reset_system(sushy.ResetType(order))
system.refresh(force=True)
print(system.power_state.value)
"""


@pytest.fixture
def hosts(bare: SitesLab) -> Iterator[SitesLab]:
    controllers = Controllers()
    controllers.begin(bare)
    yield bare
    controllers.end(bare)


Ask = Callable[..., str]


@pytest.fixture
def redfish(hosts: SitesLab) -> Ask:
    """Give orders with sushy from the control host; answers the PowerState read afterwards."""

    def ask(*orders: str, host: str = HOST) -> str:
        place = part.place_of(hosts)
        words = [place.bmc(host).url, str(place.ca), str(place.password), *orders]
        environment = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""}
        return hosts.control([sys.executable, "-c", SUSHY, *words], env=environment).stdout.strip()

    return ask


@pytest.fixture
def ipmi(hosts: SitesLab) -> Ask:
    """ipmitool's ``chassis power`` from the control host; answers what it prints."""
    for program in ("ipmitool", "ipmi_sim"):
        if shutil.which(program) is None:
            missing("hosts", program)

    def ask(order: str) -> str:
        place = part.place_of(hosts)
        words = ["ipmitool", "-I", "lanplus", "-C", "3", "-H", place.bmc(HOST).address, "-U", "operator"]
        return hosts.control([*words, "-f", str(place.ipmi_password), "chassis", "power", order]).stdout

    return ask


@pytest.fixture
def play(hosts: SitesLab, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(playbook: str, **given: object) -> subprocess.CompletedProcess[str]:
        hosts.write_inventory()
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        words = ["-i", str(hosts.inventory / "hosts.yml"), "-e", json.dumps(given), "--limit", HOST, playbook]
        environment = {"ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
        return hosts.control([program, *words], env=environment, cwd=PLAYBOOKS, check=False, seconds=200)

    return run


def test_force_off_ends_every_process_of_the_host_and_on_starts_it_again(hosts: SitesLab, redfish: Ask) -> None:
    first = hosts.host(HOST).first_process()
    assert first is not None
    assert redfish() == "On"
    assert redfish("ForceOff") == "Off"
    assert not processes.alive(first)
    assert hosts.host(HOST).group.processes() == []
    assert redfish("On") == "On"
    assert hosts.host(HOST).run(["hostname"]).stdout.strip() == HOST


def test_a_restart_gives_the_host_another_first_process(hosts: SitesLab, redfish: Ask) -> None:
    before = hosts.host(HOST).first_process()
    assert redfish("ForceRestart") == "On"
    assert hosts.host(HOST).first_process() not in (None, before)


def test_a_frozen_host_has_power_and_loses_it(hosts: SitesLab, redfish: Ask) -> None:
    hosts.host(HOST).freeze()
    assert redfish() == "On"
    assert redfish("ForceOff") == "Off"
    assert hosts.host(HOST).state == "off"


def test_a_graceful_shutdown_takes_its_time_and_is_seen(hosts: SitesLab, redfish: Ask) -> None:
    redfish("GracefulShutdown")
    wait_until(lambda: hosts.host(HOST).state == "off")
    assert redfish() == "Off"


def test_a_host_that_lost_its_power_otherwise_reads_off(hosts: SitesLab, redfish: Ask) -> None:
    hosts.host("app-w").power_off()
    assert redfish(host="app-w") == "Off"
    assert redfish(host="db-w") == "On"


def test_ipmitool_switches_the_same_power(hosts: SitesLab, ipmi: Ask, redfish: Ask) -> None:
    assert "is on" in ipmi("status")
    before = hosts.host(HOST).first_process()
    ipmi("off")
    wait_until(lambda: hosts.host(HOST).state == "off")
    assert "is off" in ipmi("status")
    assert redfish() == "Off"
    ipmi("on")
    wait_until(lambda: hosts.host(HOST).state == "on")
    assert "is on" in ipmi("status")
    assert hosts.host(HOST).first_process() != before


def test_the_fence_proves_that_the_host_is_off(
    hosts: SitesLab, play: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = play("fence/bmc-power-off.yml", fence_hosts=HOST)
    assert done.returncode == 0, done.stdout
    assert hosts.host(HOST).state == "off"
    assert play("power/bmc-power-on.yml", power_hosts=HOST).returncode == 0
    assert hosts.host(HOST).state == "on"


@pytest.mark.parametrize(
    ("how", "told"), [("denied", "refused (HTTP 403)"), ("lies", "does not tell the truth"), ("hangs", "no answer")]
)
def test_a_fence_that_does_not_work_fails_and_says_why(
    hosts: SitesLab, play: Callable[..., subprocess.CompletedProcess[str]], how: str, told: str
) -> None:
    faults.refuse_power(part.place_of(hosts), HOST, how)
    done = play("fence/bmc-power-off.yml", fence_hosts=HOST)
    assert done.returncode != 0
    assert told in " ".join(done.stdout.split()), done.stdout
    assert hosts.host(HOST).state == "on"


@pytest.mark.parametrize("how", ["denied", "lies", "hangs"])
def test_an_ipmi_fence_that_does_not_work_fails(
    hosts: SitesLab, ipmi: Ask, play: Callable[..., subprocess.CompletedProcess[str]], how: str
) -> None:
    faults.refuse_power(part.place_of(hosts), HOST, how)
    done = play("fence/ipmi-power-off.yml", fence_hosts=HOST)
    assert done.returncode != 0
    assert hosts.host(HOST).state == "on"


def test_the_ipmi_fence_proves_that_the_host_is_off(
    hosts: SitesLab, ipmi: Ask, play: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = play("fence/ipmi-power-off.yml", fence_hosts=HOST)
    assert done.returncode == 0, done.stdout
    assert hosts.host(HOST).state == "off"


def test_no_secret_is_in_the_inventory_and_files_are_private(hosts: SitesLab) -> None:
    place = part.place_of(hosts)
    text = (hosts.inventory / "hosts.yml").read_text()
    for file in (place.password, place.ipmi_password):
        assert file.read_text() not in text
    private = [place.password, place.ipmi_password, *place.root.glob("*.key"), *place.root.glob("*/lan.conf")]
    assert {oct(os.stat(file).st_mode & 0o777) for file in private} == {"0o600"}
    assert oct(place.root.stat().st_mode & 0o777) == "0o700"
