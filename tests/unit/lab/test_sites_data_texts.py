"""What the lab's hosts are configured with."""

from __future__ import annotations

from orchestrator.lab.settings import ORDERS, REPLICATOR
from orchestrator.lab.sites import backup, orders, postgres
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, HOSTS


def test_every_role_comes_from_where_it_works_and_shows_a_password() -> None:
    lines = postgres.hba().splitlines()
    assert lines[0] == "local all postgres peer"
    assert all(line.endswith("scram-sha-256") for line in lines[1:])
    orders_from = {fields[3] for fields in map(str.split, lines) if fields[2] == ORDERS}
    assert orders_from == {f"{HOSTS[name].address}/32" for name in orders.APPS}
    replicators = {line.split()[3] for line in lines if line.startswith(f"host replication {REPLICATOR}")}
    assert replicators == {f"{HOSTS[name].address}/32" for name in postgres.DATABASES}
    assert not any("0.0.0.0" in line or " all all" in line for line in lines)


def test_the_pair_in_one_site_follows_each_other_and_the_remote_one_the_service_address() -> None:
    assert f"host={HOSTS['db-a'].address} " in postgres.follow_conf("db-b")
    assert f"host={HOSTS['db-b'].address} " in postgres.follow_conf("db-a")
    assert f"host={DATABASE_ADDRESS} " in postgres.follow_conf("db-w")
    assert "primary_slot_name = 'db_w'" in postgres.follow_conf("db-w")


def test_no_password_stands_in_a_server_s_settings() -> None:
    texts = postgres.lab_conf() + postgres.postgresql_conf("15") + postgres.follow_conf("db-b")
    assert "password" not in texts


def test_the_newest_version_counts_by_number() -> None:
    assert postgres.newest(["9.6", "15", "7"]) == "15"
    assert postgres.newest([]) is None


def test_the_vault_knows_every_client_by_its_certificate_and_all_servers_as_one_stanza() -> None:
    text = backup.vault_conf("15")
    for client in backup.CLIENTS:
        assert f"tls-server-auth={client}={backup.STANZA}" in text
    assert [line for line in text.splitlines() if "-host=" in line] == [
        "pg1-host=db-a",
        "pg2-host=db-b",
        "pg3-host=db-w",
    ]
    assert "tls-server-auth=vault=orders" in backup.client_conf("db-a", "15")


def test_the_order_service_s_target_holds_no_password() -> None:
    assert DATABASE_ADDRESS in orders.target()
    assert "password" not in orders.target()
