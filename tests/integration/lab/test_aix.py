"""The simulated AIX hosts: they print what the parsers read, keep their state, and refuse what the real ones refuse."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.documents.inventory import load_inventory
from orchestrator.documents.signs import survey
from orchestrator.documents.workspace import Workspace
from orchestrator.errors import LabError
from orchestrator.executors.parsers import parsed
from orchestrator.executors.simulated import is_simulated
from orchestrator.lab.aix.faults import FAULTS
from orchestrator.lab.aix.lab import AixLab
from orchestrator.wiring.diagnosing import diagnose

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def aix(tmp_path: Path) -> AixLab:
    return AixLab.up(tmp_path / "a lab")


@pytest.fixture
def run(aix: AixLab) -> Run:
    def call(host: str, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(aix.root / "bin" / host / program), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    return call


def test_every_host_is_called_simulated(aix: AixLab) -> None:
    hosts = load_inventory(aix.inventory).hosts
    assert set(hosts) == {"nodea", "nodeb", "app1", "hmc1"} and all(is_simulated(host) for host in hosts.values())


def test_what_the_programs_print_is_what_the_parsers_read(aix: AixLab, run: Run) -> None:
    aix.break_("paging-full")
    assert parsed("lsps", run("nodea", "lsps", "-a").stdout)["paging"][0]["used_percent"] == 94
    assert parsed("lsps", run("nodea", "lsps", "-s").stdout) == {"total_mb": 3072, "used_percent": 94}
    assert parsed("lsvg", run("nodea", "lsvg", "datavg").stdout)["free_pps"] == 100
    assert parsed("lssrc", run("nodea", "lssrc", "-a").stdout)["all_active"]
    for detailed in ((), ("-a",)):
        entry = parsed("errpt", run("nodea", "errpt", *detailed).stdout)["entries"][0]
        assert (entry["identifier"], entry["description"]) == ("C5C09FFA", "PAGING SPACE LOW")
    assert parsed("errpt", run("nodea", "errpt", "-d", "H").stdout)["count"] == 0
    for verbose in ((), ("-v",)):
        groups = parsed("clrginfo", run("nodeb", "clRGinfo", *verbose).stdout)["groups"]
        assert groups["rg_orders"]["online_on"] == ["nodea"]
    assert parsed("clmgr", run("nodeb", "clmgr", "query", "resource_group", "rg_orders").stdout)["STATE"] == "ONLINE"
    hadr = parsed("db2pd_hadr", run("nodeb", "db2pd", "-db", "ORDERS", "-hadr").stdout)
    assert (hadr["hadr_role"], hadr["hadr_state"], hadr["replay_behind_s"]) == ("STANDBY", "PEER", 0.0)
    assert parsed("db2pd_hadr", run("nodeb", "db2pd", "-db", "OTHER", "-hadr").stdout) == {
        "activated": False,
        "database": "OTHER",
    }


def test_paging_spaces_refuse_what_aix_refuses(aix: AixLab, run: Run) -> None:
    assert run("nodea", "mkps", "-n", "-s", "1", "nosuchvg").returncode == 1
    assert "0516-404" in run("nodea", "mkps", "-n", "-s", "101", "datavg").stderr
    assert run("nodea", "mkps", "-n", "-s", "16", "datavg").stdout == "paging01\n"
    assert "is active" in run("nodea", "rmps", "paging01").stderr
    assert run("nodea", "swapoff", "/dev/paging01").returncode == 0
    assert run("nodea", "rmps", "paging01").returncode == 0
    assert parsed("lsvg", run("nodea", "lsvg", "datavg").stdout)["free_pps"] == 100
    aix.break_("paging-full")
    assert "not enough space" in run("nodea", "swapoff", "/dev/paging00").stderr
    assert run("nodea", "chps", "-d", "8", "paging00").returncode == 1
    assert run("nodea", "chps", "-s", "8", "paging00").returncode == 0
    assert run("nodea", "chps", "-d", "8", "paging00").returncode == 0


def test_restarting_the_consumer_gives_its_paging_space_back(aix: AixLab, run: Run) -> None:
    aix.break_("paging-full")
    assert run("nodea", "stopsrc", "-s", "orderbatch").returncode == 0
    assert "inoperative" in run("nodea", "lssrc", "-s", "orderbatch").stdout
    assert run("nodea", "startsrc", "-s", "orderbatch").returncode == 0
    assert run("nodea", "startsrc", "-s", "orderbatch").returncode == 1
    assert aix.status().paging["nodea"] < 20


def test_a_takeover_without_force_needs_the_primary(aix: AixLab, run: Run) -> None:
    takeover = ("takeover", "hadr", "on", "db", "ORDERS")
    aix.break_("primary-dies")
    refused = run("nodeb", "db2", *takeover)
    assert refused.returncode == 4 and "SQL1770N" in refused.stdout
    assert run("nodeb", "db2", *takeover, "by", "force", "peer", "window", "only").returncode == 0
    assert aix.status().roles["nodeb"] == "PRIMARY"


def test_a_planned_takeover_changes_the_roles_of_both(aix: AixLab, run: Run) -> None:
    assert run("nodeb", "db2", "takeover", "hadr", "on", "db", "ORDERS").returncode == 0
    assert aix.status().roles == {"nodea": "STANDBY", "nodeb": "PRIMARY"}


def test_past_the_peer_window_only_plain_force_goes_and_loses_rows(aix: AixLab, run: Run) -> None:
    aix.break_("standby-behind")
    aix.break_("primary-dies")
    takeover = ("takeover", "hadr", "on", "db", "ORDERS", "by", "force")
    assert run("nodeb", "db2", *takeover, "peer", "window", "only").returncode == 4
    assert run("nodeb", "db2", *takeover).returncode == 0
    assert run("nodeb", "clmgr", "move", "resource_group", "rg_orders", "NODE=nodeb").returncode == 0
    assert int(run("app1", "db2", "-x", "select count(*) from orders").stdout) == 1163


def test_a_node_that_hangs_keeps_the_resource_group_until_it_is_off(aix: AixLab, run: Run) -> None:
    aix.break_("primary-hangs")
    assert run("nodea", "lsps", "-a").returncode == 255
    move = ("move", "resource_group", "rg_orders", "NODE=nodeb")
    assert "does not release" in run("nodeb", "clmgr", *move).stderr
    assert (
        run("hmc1", "chsysstate", "-m", "power-a", "-r", "lpar", "-o", "shutdown", "--immed", "-n", "nodea").returncode
        == 0
    )
    assert run("nodeb", "clmgr", *move).returncode == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_breaks_once_and_is_gone_after_a_reset(aix: AixLab, fault: str) -> None:
    fresh = aix.status()
    at, changed = aix.break_(fault)
    assert changed and aix.break_(fault) == (at, False)
    assert aix.status().faults == {fault: at}
    aix.reset()
    assert aix.status() == fresh


def test_the_lab_never_takes_somebodys_files_away(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(LabError, match="other things"):
        AixLab.up(tmp_path)
    with pytest.raises(LabError, match="no simulated"):
        AixLab.open(tmp_path).down()
    assert (tmp_path / "mine").read_text() == "mine"


def test_it_is_left_as_it_is_where_it_is_up(aix: AixLab) -> None:
    aix.break_("paging-full")
    assert "paging-full" in AixLab.up(aix.root).status().faults
    aix.down()
    assert not aix.root.exists()


@pytest.mark.parametrize(
    ("fault", "verdict", "signs"),
    [
        (None, "healthy", []),
        ("primary-dies", "recognised", ["powerha-primary-lost"]),
        ("primary-hangs", "recognised", ["powerha-primary-lost"]),
        ("paging-full", "recognised", ["aix-paging-space"]),
    ],
)
def test_the_shipped_signs_recognise_the_faults(
    aix: AixLab, request: pytest.FixtureRequest, fault: str | None, verdict: str, signs: list[str]
) -> None:
    if fault is not None:
        aix.break_(fault)
    found = diagnose(survey(Workspace(request.config.rootpath), inventory=aix.inventory), "orders-db2")
    assert (found.verdict, [one.signs for one in found.recognised]) == (verdict, signs), found
    assert all(one.simulated for finding in found.findings for one in finding.evidence)
