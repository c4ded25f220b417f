"""A drill keeps its hands off production: by the system's own word, and by address, whatever names say."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from orchestrator.errors import Refused
from orchestrator.model.document import Mode

if TYPE_CHECKING:
    from orchestrator.documents.loading import Loaded


def refuse_production(loaded: Loaded, mode: Mode) -> None:
    """Raises Refused where a drill would touch production and no live exercise was approved."""
    if mode is not Mode.DRILL or loaded.estate is None:
        return
    drill = loaded.drill
    if drill is not None and drill.type == "live" and drill.live_exercise_approved_by:
        return
    mend = (
        "drill on the standby or the lab; or declare a live exercise in the drill file (type: live) with its approvals"
    )
    system = loaded.estate.systems.get(loaded.runbook.system or "")
    if system is not None and system.production:
        raise Refused(f"system {loaded.runbook.system} is production; a drill does not touch it", mend=mend)
    touched = _production_hosts(loaded)
    if touched:
        raise Refused(f"production addresses in the inventory of a drill: {', '.join(touched)}", mend=mend)


def _production_hosts(loaded: Loaded) -> list[str]:
    if loaded.estate is None or loaded.inventory is None:
        return []
    forbidden = loaded.estate.production_addresses
    networks = [ip_network(item, strict=False) for item in forbidden if _is_network(item)]
    found: list[str] = []
    for host in loaded.inventory.hosts.values():
        for address in {host.address, str(host.vars.get("pg_host", host.address))}:
            named = address in forbidden
            if named or (_is_address(address) and any(ip_address(address) in network for network in networks)):
                found.append(f"{host.name} ({address})")
    return found


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
