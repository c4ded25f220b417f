"""clRGinfo and clmgr."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.lab.aix import world
from orchestrator.lab.aix.reply import Reply, refused, usage
from orchestrator.lab.aix.world import CLUSTER, GROUP, NODES, State

_RULE = "-" * 77


def clrginfo(state: State, node: str, argv: Sequence[str]) -> Reply:
    """``clRGinfo [-v] [GROUP]``."""
    verbose = "-v" in argv
    names = [word for word in argv if word != "-v"]
    if names not in ([], [GROUP]):
        return refused(f"clRGinfo: resource group {names[-1]} is not configured in the cluster.")
    if state["cluster"]["nodes"][node] != "NORMAL":
        return refused("Cluster services are not running on this node.")
    where = state["cluster"]["group"]
    if verbose:
        rows = "".join(f"{name:<28} {where[name]}\n" for name in NODES)
        return Reply(
            out=f"Cluster Name: {CLUSTER}\n\nResource Group Name: {GROUP}\n"
            "Startup Policy: Online On Home Node Only\n"
            "Fallover Policy: Fallover To Next Priority Node In The List\n"
            "Fallback Policy: Never Fallback\nSite Policy: ignore\n"
            f"Node                         State\n{'-' * 28} {'-' * 15}\n{rows}"
        )
    lines = [_RULE, f"{'Group Name':<28} {'State':<16} Node", _RULE]
    for number, name in enumerate(NODES):
        lines.append(f"{GROUP if number == 0 else '':<28} {where[name]:<16} {name}")
    return Reply(out="\n".join(lines) + "\n")


def clmgr(state: State, node: str, argv: Sequence[str]) -> Reply:
    """``clmgr query cluster``, ``clmgr query node NAME``, ``clmgr query resource_group NAME`` and
    ``clmgr move resource_group NAME NODE=NODE``."""
    cluster = state["cluster"]
    if cluster["nodes"][node] != "NORMAL":
        return refused("ERROR: cluster services are not active on this node.")
    match list(argv):
        case ["query", "cluster"]:
            well = set(cluster["nodes"].values()) == {"NORMAL"}
            return _pairs(CLUSTER_NAME=CLUSTER, STATE="STABLE" if well else "WARNING")
        case ["query", "node", name] if name in NODES:
            return _pairs(NAME=name, STATE=cluster["nodes"][name])
        case ["query", "resource_group", name] if name == GROUP:
            online = [one for one in NODES if cluster["group"][one] == "ONLINE"]
            return _pairs(
                NAME=GROUP,
                CURRENT_NODE=" ".join(online),
                NODES=" ".join(NODES),
                STATE="ONLINE" if online else "OFFLINE",
            )
        case ["query", _, name]:
            return refused(f'ERROR: the specified object does not exist: "{name}"')
        case ["move", "resource_group", name, target] if target.startswith("NODE="):
            return _move(state, name, target.removeprefix("NODE="))
    return usage("clmgr {query | move} CLASS [NAME] [ATTR=VALUE]")


def _move(state: State, name: str, node: str) -> Reply:
    cluster = state["cluster"]
    if name != GROUP:
        return refused(f'ERROR: the specified object does not exist: "{name}"')
    if node not in NODES:
        return refused(f'ERROR: "{node}" is not a node of resource group {GROUP}.')
    if cluster["nodes"][node] != "NORMAL" or not world.reachable(state, node):
        return refused(f"ERROR: node {node} is not active: the resource group cannot be brought online there.")
    if cluster["group"][node] == "ONLINE":
        return refused(f"ERROR: resource group {GROUP} is already online on node {node}.")
    holder = next((one for one in NODES if cluster["group"][one] == "ONLINE"), "")
    if holder and state["lpars"][holder] == "Running" and not world.reachable(state, holder):
        # It answers nobody, so nobody can say that it has let go of disks and addresses.
        return refused(f"ERROR: node {holder} does not release resource group {GROUP}.")
    for one in NODES:
        cluster["group"][one] = "ONLINE" if one == node else "OFFLINE"
    return Reply(
        out=f"Attempting to move resource group {GROUP} to node {node}.\n\n"
        "Waiting for the cluster to process the resource group movement request....\n\n"
        f"Resource group movement successful.\nResource group {GROUP} is online on node {node}.\n"
    )


def _pairs(**values: str) -> Reply:
    return Reply(out="".join(f'{name}="{value}"\n' for name, value in values.items()))
