"""db2 and db2pd, as far as high availability disaster recovery (HADR) goes.

The numbers of messages are Db2's; the reason codes inside them are not asserted to be.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

from orchestrator.lab.aix import world
from orchestrator.lab.aix.reply import Reply, refused
from orchestrator.lab.aix.world import CLIENT, DATABASE, NODES, State

TAKEOVER = ["takeover", "hadr", "on", "db", DATABASE.lower()]


def db2pd(state: State, node: str, argv: Sequence[str]) -> Reply:
    """``db2pd -db NAME -hadr``."""
    words = [word.lower() for word in argv]
    if words not in (["-db", DATABASE.lower(), "-hadr"], ["-hadr", "-db", DATABASE.lower()]):
        name = next((word for before, word in pairwise(argv) if before == "-db"), "")
        return Reply(
            out=f"Database {name} not activated on database member 0 or this database name cannot be found in the "
            "local database directory.\n"
        )
    hadr, other = state["hadr"], next(one for one in NODES if one != node)
    primary = node if hadr["roles"][node] == "PRIMARY" else other
    standby = next(one for one in NODES if one != primary)
    moment = int(time.time())
    behind = 0 if hadr["gap_bytes"] == 0 else max(1, hadr["gap_bytes"] // 100_000)
    values = {
        "HADR_ROLE": hadr["roles"][node],
        "REPLAY_TYPE": "PHYSICAL",
        "HADR_SYNCMODE": "NEARSYNC",
        "STANDBY_ID": 1,
        "LOG_STREAM_ID": 0,
        "HADR_STATE": hadr["state"],
        "PRIMARY_MEMBER_HOST": primary,
        "STANDBY_MEMBER_HOST": standby,
        "HADR_CONNECT_STATUS": "CONNECTED" if hadr["connected"] else "DISCONNECTED",
        "HEARTBEAT_INTERVAL(seconds)": 30,
        "HADR_TIMEOUT(seconds)": 120,
        "HADR_LOG_GAP(bytes)": hadr["gap_bytes"],
        "PRIMARY_LOG_TIME": _moment(moment),
        "STANDBY_LOG_TIME": _moment(moment - behind),
        "STANDBY_REPLAY_LOG_TIME": _moment(moment - behind),
        "PEER_WINDOW(seconds)": 120,
        "READS_ON_STANDBY_ENABLED": "N",
    }
    body = "".join(f"{name:>37} = {value}\n" for name, value in values.items())
    stamp = time.strftime("%Y-%m-%d-%H.%M.%S", time.gmtime(moment))
    head = f"Database Member 0 -- Database {DATABASE} -- Active -- Up 3 days 02:11:05 -- Date {stamp}.000000"
    return Reply(out=f"\n{head}\n\n{body}")


def _moment(epoch: int) -> str:
    return f"{time.strftime('%m/%d/%Y %H:%M:%S', time.gmtime(epoch))}.000000 ({epoch})"


def db2(state: State, node: str, argv: Sequence[str]) -> Reply:
    """``db2 takeover hadr on db NAME [by force [peer window only]]``, ``db2 connect to NAME`` and, on the client,
    ``db2 -x 'select count(*) from orders'``."""
    words = [word.lower() for word in argv]
    if words == ["connect", "to", DATABASE.lower()]:
        return _connect(state, node)
    if words[:5] == TAKEOVER and node != CLIENT:
        force = {"": "no", "by force": "force", "by force peer window only": "window"}.get(" ".join(words[5:]))
        if force is not None:
            return _takeover(state, node, force)
    if words == ["-x", "select count(*) from orders"] and node == CLIENT:
        where = world.serving(state)
        return Reply(out=f"{state['hadr']['rows'][where]:>11}\n") if where else _no_server()
    return refused('SQL0104N  An unexpected token was found following "BEGIN-OF-STATEMENT".  SQLSTATE=42601', 4)


def _no_server() -> Reply:
    return Reply(4, out='SQL30081N  A communication error has been detected. Protocol: "TCP/IP".  SQLSTATE=08001\n')


def _connect(state: State, node: str) -> Reply:
    where = world.serving(state) if node == CLIENT else node
    if not where:
        return _no_server()
    if state["hadr"]["roles"][where] != "PRIMARY":
        return Reply(4, out='SQL1776N  The command cannot be issued on an HADR database. Reason code = "1".\n')
    return Reply(
        out="\n   Database Connection Information\n\n Database server        = DB2/AIX64 11.5.9.0\n"
        f" SQL authorization ID   = DB2INST1\n Local database alias   = {DATABASE}\n"
    )


def _takeover(state: State, node: str, force: str) -> Reply:
    hadr = state["hadr"]
    if hadr["roles"][node] == "PRIMARY":
        return Reply(4, out='SQL1768N  Unable to start HADR. Reason code = "9": the database is the primary already.\n')
    if force == "no" and not (hadr["state"] == "PEER" and hadr["connected"]):
        return _cannot("the standby is not in peer state")
    if force == "window" and not hadr["in_peer_window"]:
        return _cannot("the peer window has passed")
    other = next(one for one in NODES if one != node)
    hadr["roles"][node] = "PRIMARY"
    if force == "no":
        hadr["roles"][other] = "STANDBY"
    hadr["state"], hadr["connected"] = ("PEER", True) if force == "no" else ("REMOTE_CATCHUP_PENDING", False)
    return Reply(out="DB20000I  The TAKEOVER HADR ON DATABASE command completed successfully.\n")


def _cannot(why: str) -> Reply:
    return Reply(4, out=f"SQL1770N  Takeover HADR cannot complete: {why}.\n")
