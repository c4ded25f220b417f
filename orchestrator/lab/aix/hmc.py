"""lssyscfg and chsysstate: the partitions' power, as the Hardware Management Console has it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.lab.aix.reply import Reply, refused, usage
from orchestrator.lab.aix.world import NODES, SYSTEM, State


def lssyscfg(state: State, argv: Sequence[str]) -> Reply:
    """``lssyscfg -m SYSTEM -r lpar --filter lpar_names=NAME -F name,state``."""
    options = dict(zip(argv[::2], argv[1::2], strict=False))
    name = options.get("--filter", "").removeprefix("lpar_names=")
    if len(argv) != 8 or options.get("-r") != "lpar" or options.get("-F") != "name,state":
        return usage("lssyscfg -m system -r lpar --filter lpar_names=name -F name,state")
    if options.get("-m") != SYSTEM:
        return _unknown_system(options.get("-m", ""))
    return Reply(out=f"{name},{state['lpars'][name]}\n") if name in NODES else Reply(out="No results were found.\n")


def chsysstate(state: State, argv: Sequence[str]) -> Reply:
    """``chsysstate -m SYSTEM -r lpar -o shutdown --immed -n NAME`` and ``... -o on -n NAME``."""
    words = [word for word in argv if word != "--immed"]
    options = dict(zip(words[::2], words[1::2], strict=False))
    name = options.get("-n", "")
    if len(words) != 8 or options.get("-r") != "lpar" or options.get("-o") not in ("on", "shutdown"):
        return usage("chsysstate -m system -r lpar -o {on | shutdown} [--immed] -n name")
    if options.get("-m") != SYSTEM:
        return _unknown_system(options.get("-m", ""))
    if name not in NODES:
        return refused(f"HSCL8012 The partition named {name} was not found.")
    if "hmc-refuses" in state["faults"].get(name, ()):
        return refused("HSCL05A8 The operation is not allowed: the console has no connection to the managed system.")
    running = state["lpars"][name] == "Running"
    if options["-o"] == "shutdown":
        if not running:
            return refused(f"HSCL1558 Partition {name} is not running.")
        if "hmc-lies" not in state["faults"].get(name, ()):
            power_off(state, name)
        return Reply()
    if running:
        return refused(f"HSCL1550 Partition {name} is running already.")
    state["lpars"][name] = "Running"
    state["faults"][name] = [fault for fault in state["faults"].get(name, ()) if fault != "frozen"]
    return Reply()


def power_off(state: State, node: str) -> None:
    """The partition is gone at once: its cluster services with it, and the other side sees it."""
    state["lpars"][node] = "Not Activated"
    state["cluster"]["nodes"][node] = "OFFLINE"
    cut(state, node)


def cut(state: State, node: str) -> None:
    """The other side hears nothing of the node any more."""
    hadr = state["hadr"]
    if hadr["roles"][node] == "PRIMARY" and hadr["connected"]:
        hadr["connected"] = False
        hadr["state"] = (
            "DISCONNECTED_PEER" if hadr["state"] == "PEER" and hadr["in_peer_window"] else "REMOTE_CATCHUP_PENDING"
        )


def _unknown_system(name: str) -> Reply:
    return refused(f"HSCL8018 The managed system {name} was not found.")
