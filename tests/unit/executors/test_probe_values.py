"""What probes make of addresses and of psql's answers."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from executors_kit import Reins

from orchestrator.errors import ExecutorError
from orchestrator.executors import probe_tcp
from orchestrator.executors.probe_psql import arguments, environment
from orchestrator.executors.probe_sql import seen, typed
from orchestrator.executors.probe_tcp import endpoint
from orchestrator.model.actions import TcpProbe
from orchestrator.model.inventory import Host, Inventory

INVENTORY = Inventory(
    "inventory",
    {
        "db1": Host("db1", {"ansible_host": "10.0.0.1", "pg_port": 5433}),
        "db2": Host("db2"),
        "here": Host("here", {"ansible_connection": "local"}),
    },
    {"primary": ("db1",), "all_databases": ("db1", "db2")},
)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("db1:5432", ("10.0.0.1", 5432)),
        ("db1:pg_port", ("10.0.0.1", 5433)),
        ("primary:pg_port", ("10.0.0.1", 5433)),
        ("db2:80", ("db2", 80)),
        ("here:80", ("127.0.0.1", 80)),
        ("elsewhere.example:80", ("elsewhere.example", 80)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
    ],
)
def test_addresses(address: str, found: tuple[str, int]) -> None:
    assert endpoint(INVENTORY, address) == found


@pytest.mark.parametrize("address", ["all_databases:80", "db1:none_such", "db1", "db1:", ":80", "db1:0", "x:65536"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ExecutorError):
        endpoint(INVENTORY, address)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("t", True),
        ("f", False),
        ("0", 0),
        ("-12", -12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("0/3000060", "0/3000060"),
        ("NaN", "NaN"),
        ("", ""),
        ("none", None),
        ("1 ", "1 "),
    ],
)
def test_cells(cell: str, value: Any) -> None:
    found = typed(cell, "none")
    assert found == value and type(found) is type(value)


def test_many_rows_are_counted_and_few_shown() -> None:
    sight = seen("".join(f"{number}\n" for number in range(250)), "none")
    assert sight.output["rowcount"] == 250
    assert len(sight.output["rows"]) == 100 and sight.output["value"] == 0


def test_no_rows_have_no_value() -> None:
    assert seen("", "none").output == {"rows": [], "value": None, "rowcount": 0}


def test_the_connection_is_in_the_environment_and_not_in_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    monkeypatch.setenv("PGHOST", "elsewhere")
    host = Host("db1", {"ansible_host": "10.0.0.1", "pg_port": 5433, "pg_user": "ops", "pg_password": "pw"})
    env = environment(host, connect_timeout=0.5, options=("statement_timeout=10",))
    assert env["PGHOST"] == "10.0.0.1" and env["PGPORT"] == "5433" and env["PGPASSWORD"] == "pw"
    assert env["PGCONNECT_TIMEOUT"] == "2" and env["PGOPTIONS"] == "-c statement_timeout=10"
    assert "PGSERVICE" not in env
    words = arguments("psql")
    assert {"-X", "-w", "-q"} <= set(words) and not {"pw", "10.0.0.1"} & set(words)


@pytest.mark.parametrize(
    ("address", "blind"),
    [
        pytest.param("127.0.0.1", False, id="there is a way: a router said it"),
        pytest.param("fe80::1", True, id="this machine knows no way itself"),
    ],
)
def test_a_network_that_a_router_does_not_reach_is_a_sight_and_no_way_from_here_is_none(
    address: str, blind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(probe_tcp, "connect", unreachable)
    sight = probe_tcp.look_tcp(INVENTORY, TcpProbe(address=f"[{address}]:5432"), Reins())
    assert sight.blind is blind
    assert sight.output.get("open") is (None if blind else False)
