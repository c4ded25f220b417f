"""Ports that are free on loopback, and are likely to stay so."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from pathlib import Path

from orchestrator.errors import LabError

ADDRESS = "127.0.0.1"
_LOWEST = 15000
_TRIES = 500


def free_ports(count: int, taken: Collection[int] = ()) -> list[int]:
    """``count`` different free ports, none of them in ``taken``. Raises LabError where there are none.

    They are asked of the kernel one by one, below the range it hands out by itself for outgoing connections: the
    port of a lab host that is down must not become somebody's client port.
    """
    top = _lowest_outgoing()
    found: list[int] = []
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, top)  # noqa: S311  nothing is protected by it
        if port not in taken and port not in found and is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise LabError(
        f"no free ports between {_LOWEST} and {top}", mend="end what listens there, or lower the number of labs"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # As servers do: a connection that ended a moment ago does not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def listens(port: int, seconds: float = 1.0) -> bool:
    """Whether somebody accepts connections on ``port``."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=seconds):
            return True
    except OSError:
        return False


def _lowest_outgoing() -> int:
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        low = 32768
    return low if low > _LOWEST + 1000 else 32768
