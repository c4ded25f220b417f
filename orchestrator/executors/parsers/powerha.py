"""PowerHA SystemMirror: where resource groups are, and what ``clmgr`` says."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.executors.parsers.reading import NotRead, lines_of, shown
from orchestrator.executors.parsers.words import unquoted

_RULE = re.compile(r"-{10,}\Z")
_ROW = re.compile(r"(?P<group>\S+)?\s{2,}(?P<state>[A-Z][A-Za-z]*(?: [A-Za-z]+)*)\s{2,}(?P<node>\S+)\s*\Z")
_NODE = re.compile(r"(\S+)\s{2,}([A-Z][A-Za-z]*(?: [A-Za-z]+)*)\s*\Z")
_POLICY = re.compile(r"([A-Z][A-Za-z ]*):\s*(.*)\Z")
_PAIR = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)\Z")


def clrginfo(text: str) -> dict[str, Any]:
    """``clRGinfo`` or ``clRGinfo -v``: ``groups`` by name, each with the state on every node and where it is ONLINE.

    ``-v`` adds the policies (``startup_policy``, ``fallover_policy``, ``fallback_policy``, ``site_policy``). What is
    said of the first group also stands at the top, so that asking about one group needs no name in the expectation.
    """
    lines = lines_of(text)
    groups = _verbose(lines) if any(line.startswith("Resource Group Name:") for line in lines) else _table(lines)
    if not groups:
        raise NotRead("it names no resource group")
    for group in groups.values():
        group["online_on"] = [node for node, state in group["nodes"].items() if state == "ONLINE"]
    first = next(iter(groups))
    return {**groups[first], "group": first, "groups": groups}


def _table(lines: list[str]) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    name = ""
    headed = False
    for line in lines:
        if _RULE.match(line.strip()) or line.startswith("Cluster Name:"):
            continue
        if line.split()[:2] in (["Group", "Name"], ["Resource", "Group"]):
            headed = True
            continue
        row = _ROW.match(line)
        name = (row["group"] if row else None) or name
        if row is None or not headed or not name:
            raise NotRead(f"{shown(line)} is no line of clRGinfo")
        groups.setdefault(name, {"nodes": {}})["nodes"][row["node"]] = row["state"]
    return groups


def _verbose(lines: list[str]) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    group: dict[str, Any] | None = None
    in_table = False
    for line in lines:
        policy = _POLICY.match(line)
        if policy is not None:
            in_table = False
            if policy[1] == "Resource Group Name":
                group = groups.setdefault(policy[2].strip(), {"nodes": {}})
            elif policy[1].endswith(" Policy") and group is not None:
                group[policy[1].lower().replace(" ", "_")] = policy[2].strip()
        elif line.split() == ["Node", "State"] or set(line) <= {"-", " "}:
            in_table = True
        else:
            node = _NODE.match(line.strip())
            if node is None or group is None or not in_table:
                raise NotRead(f"{shown(line)} is no line of clRGinfo -v")
            group["nodes"][node[1]] = node[2]
    return groups


def clmgr(text: str) -> dict[str, Any]:
    """``clmgr query ...``: its ``KEY="value"`` lines; several objects (a blank line between) are in ``objects``.

    The keys of the first object also stand at the top. Values stay texts, as ``clmgr`` quotes them all.
    """
    objects: list[dict[str, str]] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        found: dict[str, str] = {}
        for line in lines_of(block):
            pair = _PAIR.match(line.strip())
            if pair is None:
                raise NotRead(f"{shown(line)} is no line of clmgr query")
            found[pair[1]] = unquoted(pair[2].strip())
        if found:
            objects.append(found)
    if not objects:
        raise NotRead("it says nothing")
    return {**objects[0], "objects": objects}
