"""Linux: swap areas, memory, and the error counters of btrfs."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.executors.parsers.reading import NotRead, lines_of, percent, shown

_UNITS = {"B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([BKMGT]?)\Z")
_STAT = re.compile(r"\[(.+)\]\.([a-z_]+)\s+([0-9]+)\Z")
_MEMORY = re.compile(r"([A-Za-z0-9_()]+):\s+([0-9]+)( kB)?\Z")


def swapon(text: str) -> dict[str, Any]:
    """``swapon --show --bytes --noheadings`` (its usual columns: NAME TYPE SIZE USED PRIO; a heading is passed over).

    ``areas`` in the order printed; ``used_percent`` is null where there is no swap at all, ``filled_percent`` then 0:
    what is not there is not full.
    """
    areas: list[dict[str, Any]] = []
    for line in lines_of(text):
        parts = line.rsplit(None, 4)
        if parts[0] == "NAME" and parts[-1] == "PRIO":
            continue
        if len(parts) != 5 or not _SIZE.match(parts[2]) or not _SIZE.match(parts[3]):
            raise NotRead(f"{shown(line)} is no line of swapon --show")
        size, used = _bytes(parts[2]), _bytes(parts[3])
        areas.append(
            {
                "name": parts[0].strip(),
                "type": parts[1],
                "size_bytes": size,
                "used_bytes": used,
                "used_percent": percent(used, size),
                "priority": int(parts[4]),
            }
        )
    total, used = sum(area["size_bytes"] for area in areas), sum(area["used_bytes"] for area in areas)
    return {
        "areas": areas,
        "count": len(areas),
        "total_bytes": total,
        "used_bytes": used,
        "used_percent": percent(used, total),
        "filled_percent": percent(used, total) or 0,
    }


def _bytes(text: str) -> int:
    size = _SIZE.match(text)
    assert size is not None
    return int(float(size[1]) * _UNITS[size[2] or "B"])


def meminfo(text: str) -> dict[str, Any]:
    """``/proc/meminfo``: the kernel's names, in bytes; with ``available_percent``, ``swap_used_bytes`` and
    ``swap_used_percent`` (null without swap)."""
    found: dict[str, Any] = {}
    for line in lines_of(text):
        pair = _MEMORY.match(line)
        if pair is None:
            raise NotRead(f"{shown(line)} is no line of /proc/meminfo")
        found[pair[1]] = int(pair[2]) * (1024 if pair[3] else 1)
    missing = [name for name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree") if name not in found]
    if missing:
        raise NotRead(f"it has no {', '.join(missing)}")
    used = found["SwapTotal"] - found["SwapFree"]
    found["available_percent"] = percent(found["MemAvailable"], found["MemTotal"])
    found["swap_used_bytes"] = used
    found["swap_used_percent"] = percent(used, found["SwapTotal"])
    return found


def btrfs_device_stats(text: str) -> dict[str, Any]:
    """``btrfs device stats MOUNT``: the counters of each device, ``errors`` all together, and the ``failing`` devices.

    A missing device stands there under the name btrfs gives it, e.g. ``devid:2`` or ``<missing disk>``.
    """
    devices: dict[str, dict[str, int]] = {}
    for line in lines_of(text):
        stat = _STAT.match(line)
        if stat is None:
            raise NotRead(f"{shown(line)} is no line of btrfs device stats")
        devices.setdefault(stat[1], {})[stat[2]] = int(stat[3])
    if not devices:
        raise NotRead("it names no device")
    return {
        "devices": devices,
        "count": len(devices),
        "errors": sum(sum(counters.values()) for counters in devices.values()),
        "failing": [name for name, counters in devices.items() if any(counters.values())],
    }
