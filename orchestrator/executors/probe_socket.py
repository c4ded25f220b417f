"""A TCP connection in bounded time, name look-up included: getaddrinfo itself knows no deadline."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
import time


def connect(address: str, port: int, within: float) -> socket.socket:
    """A connected socket (TCP_NODELAY). Tries each address the name has.

    ``within`` seconds for everything. Raises TimeoutError or another OSError.
    """
    deadline = time.monotonic() + within
    last: OSError = OSError(f"{address} has no address")
    for family, endpoint in _resolve(address, port, within):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(left)
            made.connect(endpoint)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            made.close()
            last = error
        else:
            return made
    raise last


def has_way(address: str, port: int, within: float) -> bool:
    """Whether this machine itself knows a way to an address; nothing is sent. False where the name is not resolved."""
    try:
        for family, endpoint in _resolve(address, port, within):
            # A datagram socket asks this machine's routes alone.
            with socket.socket(family, socket.SOCK_DGRAM) as made, contextlib.suppress(OSError):
                made.connect(endpoint)
                return True
    except OSError:
        return False
    return False


def _resolve(address: str, port: int, within: float) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    with contextlib.suppress(ValueError):
        literal = ipaddress.ip_address(address)
        return [(socket.AF_INET6 if literal.version == 6 else socket.AF_INET, (address, port))]
    found: queue.SimpleQueue[list[tuple[socket.AddressFamily, tuple[object, ...]]] | OSError] = queue.SimpleQueue()

    def look() -> None:
        try:
            infos = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
            found.put([(info[0], info[4]) for info in infos])
        except OSError as error:
            found.put(error)
        except UnicodeError as error:
            found.put(OSError(f"{address!r} is not a host name: {error}"))

    # A thread of its own that may be left behind: a resolver that does not answer cannot be interrupted.
    threading.Thread(target=look, name=f"resolve {address}", daemon=True).start()
    try:
        answer = found.get(timeout=within)
    except queue.Empty:
        raise TimeoutError(f"the name {address} was not resolved within {within:g} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
