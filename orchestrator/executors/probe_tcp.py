"""The tcp probe: is the port open? Closed is a sight; a name nobody knows, or no network here, is not."""

from __future__ import annotations

import errno
import socket

from orchestrator.errors import ExecutorError
from orchestrator.executors.contract import Control
from orchestrator.executors.probe_look import Sight, blind
from orchestrator.executors.probe_socket import connect, has_way
from orchestrator.model.actions import TcpProbe
from orchestrator.model.inventory import Host, Inventory

_OURS = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENOMEM})
"""Failures of this machine. That nothing was seen from here is no evidence of a closed port: a fence's proof
rests on it."""


def address_of(host: Host) -> str:
    """Where the controller reaches the host's services."""
    return "127.0.0.1" if host.is_local and "ansible_host" not in host.vars else host.address


def endpoint(inventory: Inventory, address: str) -> tuple[str, int]:
    """``host:port`` as an address and a number. Raises ExecutorError.

    The host is one of the inventory (or a group of one), else taken as it is; the port may be a variable of the former.
    """
    name, colon, port = address.rpartition(":")
    if not colon or not name or not port:
        raise ExecutorError(f"{address!r} is not host:port", mend="write it like db1:5432 or standby:pg_port")
    name = name.removeprefix("[").removesuffix("]")
    if name in inventory.hosts or name in inventory.groups:
        host = inventory.one(name)
        return address_of(host), host.port(port)
    return name, Host(name).port(port)


def look_tcp(inventory: Inventory, probe: TcpProbe, control: Control) -> Sight:
    """Connect, and hang up."""
    try:
        address, port = endpoint(inventory, probe.address)
    except ExecutorError as error:
        return blind(error.message, error.mend)
    try:
        connect(address, port, max(0.01, min(probe.timeout, control.remaining()))).close()
    except socket.gaierror as error:
        return blind(
            f"{address} has no address: {error.strerror}", "look at the name and at this machine's name service"
        )
    except OSError as error:
        # A router on the way says the same of a network that it does not reach any more: then a site is gone, and this
        # machine has looked.
        from_router = error.errno == errno.ENETUNREACH and has_way(address, port, 1.0)
        if error.errno in _OURS and not from_router:
            return blind(f"this machine cannot look: {error.strerror or error}")
        told = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        return Sight({"open": False, "error": told}, f"{address}:{port} {told}\n".encode())
    return Sight({"open": True}, f"{address}:{port} open\n".encode())
