"""The tuned Fabric script: ``python tuned_fabric.py JSON``. One connection a host, made at once and kept; no delay
of small packets; no thread that waits for input; all hosts in parallel; host keys checked.

Run as a program, it imports nothing of this project.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fabric import Connection
from paramiko import RejectPolicy


def connected(host: dict[str, Any]) -> Any:
    """An open connection."""
    connection = Connection(
        "127.0.0.1",
        user=host["user"],
        port=host["port"],
        connect_kwargs={"key_filename": host["key"], "look_for_keys": False, "allow_agent": False},
    )
    connection.client.set_missing_host_key_policy(RejectPolicy())
    connection.client.load_host_keys(host["known_hosts"])
    connection.open()
    connection.transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def main(file: str) -> None:
    """Run each line on all hosts, one after the other; print when it was connected and when the last had ended."""
    with open(file, encoding="utf-8") as text:  # noqa: PTH123 - as such scripts are written
        plan = json.load(text)
    with ThreadPoolExecutor(len(plan["hosts"])) as together:
        connections = list(together.map(connected, plan["hosts"]))
        began = time.time()
        for line in plan["lines"]:
            list(together.map(lambda one, line=line: one.run(line, hide=True, in_stream=False), connections))
        print(began, time.time())
    for connection in connections:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
