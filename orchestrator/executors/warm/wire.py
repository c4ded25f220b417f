"""Messages between the driver, the warm process and what it forks: an object and open descriptors.

They go through socket pairs that are inherited: there is no name in the file system that anybody else could reach.
The object itself is in memory only, as it may hold secrets, and of any size.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOST = 8
"""Descriptors of one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What came: the object, and the descriptors, which are now the receiver's to close."""

    body: dict[str, Any]
    descriptors: tuple[int, ...]


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends for messages; each message comes whole or not at all."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(to: socket.socket, body: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message. Raises OSError where nobody is at the other end any more."""
    memory = os.memfd_create("message")
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(json.dumps(body).encode())
        socket.send_fds(to, [b"m"], [memory, *descriptors], socket.MSG_NOSIGNAL)
    finally:
        os.close(memory)


def receive(of: socket.socket, seconds: float | None = None) -> Message | None:
    """The next message, waiting for at most so long; None where none came. Raises EOFError where none can any more."""
    if seconds is not None:
        poll = select.poll()
        poll.register(of, select.POLLIN)
        if not poll.poll(max(0.0, seconds) * 1000):
            return None
    try:
        now = 0 if seconds is None else socket.MSG_DONTWAIT  # another may have been quicker
        word, descriptors, _, _ = socket.recv_fds(of, 1, _MOST, socket.MSG_CMSG_CLOEXEC | now)
    except BlockingIOError:
        return None
    except ConnectionError as error:
        raise EOFError from error
    if not word or not descriptors:
        raise EOFError
    with os.fdopen(descriptors[0], "rb") as file:
        file.seek(0)
        return Message(json.load(file), tuple(descriptors[1:]))
