"""The lab as a site: inventory, estate and contract, as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LabError
from orchestrator.lab import places, site
from orchestrator.lab.faults import FAULTS
from orchestrator.lab.layout import DATABASES, DESK, HOSTS, Layout
from orchestrator.model.estate import Estate, ServiceLevel


@pytest.fixture
def layout() -> Layout:
    return Layout(
        root=Path("/srv/lab"), programs=Path("/opt/pg/bin"), python="/usr/bin/python3", uid=1000, gid=1000, drops=False,
        ports={"db-a": 15001, "db-b": 15002, "db-r": 15003, "app": 15004},
    )  # fmt: skip


def _hosts(layout: Layout) -> dict[str, dict[str, object]]:
    children = site.inventory(layout)["all"]["children"]
    return {host: given for group in children.values() for host, given in group["hosts"].items()}


def test_every_host_is_in_the_inventory_and_local(layout: Layout) -> None:
    assert set(_hosts(layout)) == {*HOSTS, DESK}
    assert site.inventory(layout)["all"]["vars"]["ansible_connection"] == "local"


def test_no_group_has_a_hosts_name(layout: Layout) -> None:
    assert not set(site.inventory(layout)["all"]["children"]) & {*HOSTS, DESK}


def test_a_database_host_says_all_that_playbooks_and_probes_need(layout: Layout) -> None:
    needed = {
        "pg_host", "pg_port", "pg_user", "pg_database", "pg_passfile", "pg_bin", "pg_conf_dir", "pg_log", "data_dir",
        "replication_user", "replication_name", "power_off_argv", "power_on_argv", "holdfast_environment", "backup_dir",
    }  # fmt: skip
    for name in DATABASES:
        assert needed <= set(_hosts(layout)[name])


def test_the_inventory_holds_no_password(layout: Layout) -> None:
    assert not [key for given in _hosts(layout).values() for key in given if "password" in key]


def test_the_estate_is_a_valid_document_with_deputies_and_not_production() -> None:
    estate = Estate.model_validate(site.estate())
    assert all(contact.deputy in estate.contacts for contact in estate.contacts.values())
    assert not any(system.production for system in estate.systems.values())


def test_the_labs_contract_is_a_valid_document() -> None:
    level = ServiceLevel.model_validate(site.service_level())
    assert level.targets[1].resolve == 7200.0


def test_a_labs_name_cannot_lead_out_of_its_place() -> None:
    for name in ("..", "", "A", "-x", "a" * 40):
        with pytest.raises(LabError, match="not a lab's name"):
            places.place_of(name)


def test_every_fault_says_what_it_does_and_where() -> None:
    assert {fault.host for fault in FAULTS.values()} <= set(HOSTS)
    assert all(len(fault.what) > 10 for fault in FAULTS.values())
