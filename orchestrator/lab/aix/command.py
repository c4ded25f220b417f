"""What the simulated programs run: ``python -m orchestrator.lab.aix.command ROOT HOST PROGRAM WORDS...``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import effects
from orchestrator.lab.aix import cluster, database, faults, hmc, paging, system, world
from orchestrator.lab.aix.reply import Reply, refused
from orchestrator.lab.aix.world import CLIENT, HMC, NODES, State

OnHost = Callable[[State, Sequence[str]], Reply]
OnNode = Callable[[State, str, Sequence[str]], Reply]

_OF_A_HOST: dict[str, OnHost] = {
    "lsps": paging.lsps, "lsvg": paging.lsvg, "mkps": paging.mkps, "chps": paging.chps, "rmps": paging.rmps,
    "swapon": paging.swapon, "swapoff": paging.swapoff, "errpt": system.errpt, "lssrc": system.lssrc,
    "stopsrc": system.stopsrc, "startsrc": system.startsrc, "ps": system.ps,
}  # fmt: skip
_OF_A_NODE: dict[str, OnNode] = {
    "clRGinfo": cluster.clrginfo, "clmgr": cluster.clmgr, "db2": database.db2, "db2pd": database.db2pd,
}  # fmt: skip
_OF_THE_CONSOLE: dict[str, OnHost] = {"lssyscfg": hmc.lssyscfg, "chsysstate": hmc.chsysstate}
BREAK = "lab-break"

PROGRAMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NODES, (*_OF_A_HOST, *_OF_A_NODE, BREAK)),
    CLIENT: ("db2",),
    HMC: (*_OF_THE_CONSOLE, BREAK),
}
"""Host to the programs it has."""

_CHANGING = frozenset({"mkps", "chps", "rmps", "swapon", "swapoff", "stopsrc", "startsrc", "chsysstate"})


def answer(state: State, host: str, program: str, argv: Sequence[str]) -> Reply:
    """What the program says on that host; ``state`` is changed where it did something."""
    if program == BREAK:
        return _break(state, argv)
    if host in NODES and not world.reachable(state, host):
        return refused(f"ssh: connect to host {host} port 22: Connection timed out", 255)
    if program in state["faults"].get(host, ()):
        return refused(f"{program}: the simulation was told to fail here")
    if program in _OF_THE_CONSOLE:
        return _OF_THE_CONSOLE[program](state, argv)
    if program in _OF_A_NODE:
        return _OF_A_NODE[program](state, host, argv)
    return _OF_A_HOST[program](state["hosts"][host], argv)


def _break(state: State, argv: Sequence[str]) -> Reply:
    try:
        at, changed = faults.break_(state, argv[0] if argv else "")
    except LabError as error:
        return refused(str(error))
    body = {"fault": argv[0], "host": faults.FAULTS[argv[0]].host, "at": at, "changed": changed}
    return Reply(out=json.dumps({**body, "milestones": {"onset": at}}) + "\n")


def main(words: Sequence[str] | None = None) -> int:
    """Run one program."""
    root, host, program, *argv = sys.argv[1:] if words is None else words
    with world.changing(Path(root)) as state:
        reply = answer(state, host, program, argv)
    if reply.rc == 0 and (program in _CHANGING or "move" in argv[:1] or "takeover" in argv[:1] or program == BREAK):
        effects.record(Path(root) / "effects.log", " ".join([program, *argv]).replace("\n", " "), host)
    sys.stdout.write(reply.out)
    sys.stderr.write(reply.err)
    return reply.rc


if __name__ == "__main__":
    sys.exit(main())
