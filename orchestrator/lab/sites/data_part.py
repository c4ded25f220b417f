"""The data layer as a part of the lab: what it adds to the inventory, and how it says that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab.order_service import QUERIES
from orchestrator.lab.settings import DATABASE
from orchestrator.lab.sites import backup, data, observing, orders, postgres, replication, service_address
from orchestrator.lab.sites.postgres import DATABASES, PRIMARY, REMOTE, STANDBY
from orchestrator.lab.sites.topology import HOSTS, ROUTER

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

GROUPS = {
    "old_primary": (PRIMARY,),
    "primary": (PRIMARY,),
    "standby": (STANDBY,),
    "remote_standby": (REMOTE,),
    "service": (orders.ACTIVE,),
    "remote_service": (orders.RESERVE,),
    "restore_target": (orders.RESERVE,),
}
"""Parts that hosts play in runbooks, by what they are in a fresh lab; the same words as in inventories/example."""


class DataPart:
    """PostgreSQL, backups, the order service, the service addresses, the observer."""

    name = "databases, backups and the order service"

    def lay(self, _lab: SitesLab) -> None:
        """Nothing: its files are made where the programs are, on hosts that are on."""

    def build(self, lab: SitesLab) -> None:
        """Make the servers, their data and the first backup, and stop them cleanly. Raises LabError."""
        data.build(lab.directory, lab.hosts)

    def begin(self, lab: SitesLab) -> None:
        """Start it, wait until it replicates and orders are taken, and let the observer begin. Raises LabError."""
        observing.end_all(lab.directory)
        data.begin(lab.hosts)
        orders.keep_baseline(lab.directory, lab.hosts)
        observing.start_observer(lab)

    def end(self, lab: SitesLab) -> None:
        """End observers and writer checks that still run."""
        observing.end_all(lab.directory)

    def states(self, lab: SitesLab) -> Mapping[str, str]:
        """Servers with roles and lag, addresses, who may write, the order service, backups."""
        hosts = lab.hosts
        said: dict[str, str] = {}
        for name in DATABASES:
            said[f"postgresql on {name}"] = _guarded(lambda name=name: _server(replication.server(hosts[name])))
        said["writer"] = _guarded(lambda: ", ".join(replication.writer(hosts)) or "nobody")
        for address in service_address.ADDRESSES:
            said[f"address {address}"] = _guarded(lambda address=address: _address(lab, address))
        for name in orders.APPS:
            said[f"orders on {name}"] = _guarded(lambda name=name: orders.says(hosts[name]))
        said["backups"] = _guarded(lambda: ", ".join(each["label"] for each in backup.backups(hosts[backup.VAULT])))
        said["observer"] = observing.says(lab.directory)
        return said

    def variables(self, lab: SitesLab) -> Mapping[str, Mapping[str, Any]]:
        """Where PostgreSQL is asked from the controller, and as whom; where the service and its receipts are."""
        keys = lab.directory / "keys"
        database = {
            "pg_port": postgres.PORT,
            "pg_user": postgres.PROBE,
            "pg_database": DATABASE,
            "pg_passfile": str(keys / "probe.pgpass"),
            "pg_bin": str(observing.psql_directory()),
        }
        found: dict[str, dict[str, Any]] = {
            name: {**database, "pg_host": HOSTS[name].address, "replication_name": postgres.MEMBER[name]}
            for name in DATABASES
        }
        for name in orders.APPS:
            found[name] = {"service_port": orders.PORT, "service_queries_file": str(QUERIES)}
        found["all"] = {
            "receipts_file": str(observing.receipts(lab.directory)),
            "backup_stanza": backup.STANZA,
            "node_exporter_port": data.NODE_EXPORTER_PORT,
        }
        # Where clients find the database, whoever holds the address: for probes and markers by way of a host that is
        # always there.
        found[ROUTER] = {**database, "pg_host": next(iter(service_address.ADDRESSES))}
        return found

    def groups(self, _lab: SitesLab) -> Mapping[str, tuple[str, ...]]:
        """The parts hosts play."""
        return GROUPS

    def systems(self, _lab: SitesLab) -> Mapping[str, Mapping[str, Any]]:
        """The order system as drills on these hosts judge it, and its data restored from backup."""
        people = {"owners": ["li-wei", "anna-berg"], "declarers": ["li-wei", "anna-berg", "chen-jun"]}
        common = {**people, "service_level": "contract-a", "production": False}
        return {
            "orders-hosts": {
                "title": {"en": "Order service on two sites", "zh": "双站点订单服务"},
                "rto": "5m",
                "rpo": "30s",
                "severity": {
                    "redundant-component": 1,
                    "shared-component": 1,
                    "paging-space": 2,
                    "performance": 2,
                    "site-disaster": 0,
                },
                "host_groups": ["old_primary", "standby", "remote_standby", "service", "remote_service", "routers"],
                **common,
            },
            "orders-hosts-from-backup": {
                "title": {"en": "Order data restored from the vault", "zh": "订单数据（由备份库恢复）"},
                "rto": "30m",
                "rpo": "2m",
                "host_groups": ["repository", "restore_target"],
                **common,
            },
        }


def _guarded(look: Any) -> str:
    try:
        return str(look())
    except LabError as error:
        return f"cannot be told: {error.message}"


def _server(seen: replication.Server | None) -> str:
    if seen is None:
        return "its host is off or frozen"
    if not seen.running:
        return f"stopped ({seen.role})"
    if seen.role == "standby":
        return f"standby of {seen.follows}, streaming" if seen.streaming else "standby, receives nothing"
    followed = ", ".join(f"{each.name} {each.sync_state}, {each.lag_bytes} bytes behind" for each in seen.followers)
    return f"{seen.role}, timeline {seen.timeline}; followed by {followed or 'nobody'}"


def _address(lab: SitesLab, address: str) -> str:
    held = ", ".join(service_address.holders(lab.hosts, address)) or "nobody"
    return f"held by {held}; the router sends it to {service_address.pointed(lab.host(ROUTER), address) or 'nobody'}"
