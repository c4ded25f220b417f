"""AIX: paging spaces, volume groups, subsystems and the error log, as its commands' reference describes them."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.executors.parsers.reading import NotRead, lines_of, percent, shown

_SUMMARY = re.compile(r"([0-9A-F]{8})\s+([0-9]{10})\s+([PTIU])\s+([HSOU])\s+(\S+)\s+(.*)\Z")
_TYPES = {"P": "PERM", "T": "TEMP", "I": "INFO", "U": "UNKN"}
_YES = {"yes": True, "no": False}


def lsps(text: str) -> dict[str, Any]:
    """``lsps -a`` (``paging``: each paging space) or ``lsps -s`` (the totals alone). Sizes in MB.

    ``used_percent`` counts the active ones; AIX rounds each to a whole percent, so it is as exact as that.
    """
    lines = lines_of(text)
    heading = lines[0].split() if lines else []
    if heading[:3] == ["Total", "Paging", "Space"]:
        return _lsps_summary(lines)
    if heading[:2] != ["Page", "Space"]:
        raise NotRead("it does not begin with the heading of lsps -a or lsps -s")
    paging = [_paging_space(line) for line in lines[1:]]
    active = [space for space in paging if space["active"]]
    total = sum(space["size_mb"] for space in active)
    used = sum(space["size_mb"] * space["used_percent"] / 100 for space in active)
    return {"paging": paging, "count": len(paging), "total_mb": total, "used_percent": percent(used, total)}


def _lsps_summary(lines: list[str]) -> dict[str, Any]:
    numbers = re.fullmatch(r"\s*([0-9]+)MB\s+([0-9]+)%", lines[1]) if len(lines) == 2 else None
    if numbers is None:
        raise NotRead(f"{shown(lines[-1])} is not the line of lsps -s")
    return {"total_mb": int(numbers[1]), "used_percent": int(numbers[2])}


def _paging_space(line: str) -> dict[str, Any]:
    parts = line.split()
    # Releases before 7.1 have no checksum size as the last column.
    size = re.fullmatch("([0-9]+)MB", parts[3]) if len(parts) in (8, 9) else None
    if size is None or not parts[4].isdigit() or parts[5] not in _YES or parts[6] not in _YES:
        raise NotRead(f"{shown(line)} is no line of lsps -a")
    return {
        "name": parts[0],
        "physical_volume": parts[1],
        "volume_group": parts[2],
        "size_mb": int(size[1]),
        "used_percent": int(parts[4]),
        "active": _YES[parts[5]],
        "auto": _YES[parts[6]],
        "type": parts[7],
    }


def lsvg(text: str) -> dict[str, Any]:
    """``lsvg NAME``: ``name``, ``state``, the size of a physical partition, and all and free ones, in MB too."""
    name = re.search(r"VOLUME GROUP:\s+(\S+)", text)
    state = re.search(r"VG STATE:\s+(\S+)", text)
    size = re.search(r"PP SIZE:\s+([0-9]+) megabyte", text)
    parts = {
        key: re.search(rf"{word} PPs:\s+([0-9]+) \(([0-9]+) megabytes\)", text)
        for key, word in (("total", "TOTAL"), ("free", "FREE"))
    }
    if name is None or state is None or size is None:
        raise NotRead("it is not what lsvg prints about one volume group")
    found: dict[str, Any] = {"name": name[1], "state": state[1], "pp_size_mb": int(size[1])}
    for key, numbers in parts.items():
        if numbers is None:
            raise NotRead(f"it does not say how many physical partitions are {key}")
        found[f"{key}_pps"], found[f"{key}_mb"] = int(numbers[1]), int(numbers[2])
    return found


def lssrc(text: str) -> dict[str, Any]:
    """``lssrc -s``, ``-g`` or ``-a``: ``subsystems`` by name, each with group, process id (null where it does not run)
    and status."""
    lines = lines_of(text)
    if not lines or lines[0].split() != ["Subsystem", "Group", "PID", "Status"]:
        raise NotRead("it does not begin with the heading of lssrc")
    subsystems: dict[str, dict[str, Any]] = {}
    for line in lines[1:]:
        parts = line.split()
        if len(parts) < 2:
            raise NotRead(f"{shown(line)} is no line of lssrc")
        pid = int(parts[-2]) if parts[-2].isdigit() else None
        between = parts[1 : -1 if pid is None else -2]
        subsystems[parts[0]] = {"group": " ".join(between), "pid": pid, "status": parts[-1]}
    inactive = [name for name, one in subsystems.items() if one["pid"] is None]
    return {"subsystems": subsystems, "inactive": inactive, "all_active": not inactive}


def errpt(text: str) -> dict[str, Any]:
    """``errpt`` or ``errpt -a``: ``entries``, newest first as printed, and how many are lasting hardware faults.

    The summary's ``at`` is local time to the minute without a zone; the detailed report's is as it is printed.
    """
    lines = lines_of(text)
    if not lines:
        return _counted([])
    if lines[0].split()[:2] == ["IDENTIFIER", "TIMESTAMP"]:
        return _counted([_summary(line) for line in lines[1:]])
    blocks = [block for block in re.split(r"^-{20,}\s*$", text, flags=re.MULTILINE) if block.strip()]
    if not blocks or not blocks[0].lstrip().startswith("LABEL:"):
        raise NotRead("it is neither the summary of errpt nor the report of errpt -a")
    return _counted([_detailed(block) for block in blocks])


def _counted(entries: list[dict[str, Any]]) -> dict[str, Any]:
    lasting = [entry for entry in entries if entry["class"] == "H" and entry["type"] == "PERM"]
    return {
        "entries": entries,
        "count": len(entries),
        "hardware_permanent": len(lasting),
        "resources": sorted({entry["resource"] for entry in lasting}),
    }


def _summary(line: str) -> dict[str, Any]:
    parts = _SUMMARY.match(line)
    if parts is None:
        raise NotRead(f"{shown(line)} is no line of errpt")
    month, day, hour, minute, year = re.findall("..", parts[2])
    return {
        "identifier": parts[1],
        "at": f"20{year}-{month}-{day}T{hour}:{minute}",
        "type": _TYPES[parts[3]],
        "class": parts[4],
        "resource": parts[5],
        "description": parts[6].strip(),
    }


_FIELDS = {
    "LABEL": "label",
    "IDENTIFIER": "identifier",
    "Date/Time": "at",
    "Sequence Number": "sequence",
    "Node Id": "node",
    "Class": "class",
    "Type": "type",
    "Resource Name": "resource",
}


def _detailed(block: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for label, name in _FIELDS.items():
        found = re.search(rf"^{label}:[ \t]*(.*?)[ \t]*$", block, re.MULTILINE)
        if found is None:
            raise NotRead(f"an entry of errpt -a has no {label}")
        entry[name] = found[1]
    told = re.search(r"^Description\n(.+)$", block, re.MULTILINE)
    entry["description"] = told[1].strip() if told else ""
    entry["sequence"] = int(entry["sequence"])
    return entry
