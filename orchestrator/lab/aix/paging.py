"""lsps, lsvg, mkps, chps, swapon, swapoff, rmps."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.lab.aix import world
from orchestrator.lab.aix.reply import Reply, refused, usage
from orchestrator.lab.aix.world import State

_NO_ROOM = (
    "0516-404 allocp: This system cannot fulfill the allocation request.\n"
    "        There are not enough free partitions or not enough physical volumes.\n"
    "0516-822 mklv: Unable to create logical volume."
)


def lsps(host: State, argv: Sequence[str]) -> Reply:
    """``lsps -a`` and ``lsps -s``."""
    used = world.used_mb(host)
    if list(argv) == ["-s"]:
        total = sum(world.size_mb(host, space) for space in host["paging"] if space["active"])
        percent = round(100 * sum(used.values()) / total) if total else 0
        return Reply(out=f"Total Paging Space   Percent Used\n{f'{total}MB':>13}{f'{percent}%':>18}\n")
    if list(argv) != ["-a"]:
        return usage("lsps {-s | -a}")
    lines = ["Page Space      Physical Volume   Volume Group    Size %Used   Active    Auto    Type   Chksum"]
    for space in host["paging"]:
        size = world.size_mb(host, space)
        percent = round(100 * used.get(space["name"], 0.0) / size)
        active, auto = ("yes" if space[key] else "no" for key in ("active", "auto"))
        lines.append(
            f"{space['name']:<15} {space['pv']:<17} {space['vg']:<10} {f'{size}MB':>9} {percent:>5} "
            f"{active:>8} {auto:>7} {'lv':>7} {0:>8}"
        )
    return Reply(out="\n".join(lines) + "\n")


def lsvg(host: State, argv: Sequence[str]) -> Reply:
    """``lsvg NAME``."""
    if len(argv) != 1:
        return usage("lsvg VGname")
    vg = host["vgs"].get(argv[0])
    if vg is None:
        return refused(f"0516-306 lsvg: Unable to find volume group {argv[0]} in the Device\n\tConfiguration Database.")
    size, total, free = vg["pp_mb"], vg["total"], vg["free"]
    rows = [
        (f"VOLUME GROUP:       {argv[0]}", "VG IDENTIFIER:  00c8d2a400004c000000018f2b6c7d11"),
        ("VG STATE:           active", f"PP SIZE:        {size} megabyte(s)"),
        ("VG PERMISSION:      read/write", f"TOTAL PPs:      {total} ({total * size} megabytes)"),
        ("MAX LVs:            256", f"FREE PPs:       {free} ({free * size} megabytes)"),
        ("QUORUM:             2 (Enabled)", f"USED PPs:       {total - free} ({(total - free) * size} megabytes)"),
    ]
    return Reply(out="".join(f"{left:<45}{right}\n" for left, right in rows))


def mkps(host: State, argv: Sequence[str]) -> Reply:
    """``mkps [-a] [-n] -s LogicalPartitions VolumeGroup [PhysicalVolume]``: prints the new paging space's name."""
    words = [word for word in argv if word not in ("-a", "-n")]
    if len(words) not in (3, 4) or words[0] != "-s" or not words[1].isdigit() or int(words[1]) < 1:
        return usage("mkps [-a] [-n] -s LogicalPartitions VolumeGroup [PhysicalVolume]")
    vg = host["vgs"].get(words[2])
    if vg is None:
        return refused(
            f"0516-306 mklv: Unable to find volume group {words[2]} in the Device\n\tConfiguration Database."
        )
    lps = int(words[1])
    if lps > vg["free"]:
        return refused(_NO_ROOM)
    taken = {space["name"] for space in host["paging"]}
    name = next(name for name in (f"paging{number:02}" for number in range(100)) if name not in taken)
    vg["free"] -= lps
    host["paging"].append(
        {"name": name, "pv": vg["pv"], "vg": words[2], "lps": lps, "active": "-n" in argv, "auto": "-a" in argv}
    )
    return Reply(out=f"{name}\n")


def chps(host: State, argv: Sequence[str]) -> Reply:
    """``chps {-s LPs | -d LPs | -a y|n} PagingSpace``: larger, smaller, or whether it is used after a restart."""
    if len(argv) != 3 or argv[0] not in ("-s", "-d", "-a"):
        return usage("chps [-s LogicalPartitions | -d LogicalPartitions] [-a {y | n}] PagingSpace")
    option, value, name = argv
    space = _space(host, name)
    if space is None:
        return _unknown("chps", name)
    if option == "-a":
        if value not in ("y", "n"):
            return usage("chps -a {y | n} PagingSpace")
        space["auto"] = value == "y"
        return Reply()
    if not value.isdigit() or int(value) < 1:
        return usage("chps -s LogicalPartitions PagingSpace")
    vg, lps = host["vgs"][space["vg"]], int(value)
    if option == "-s":
        if lps > vg["free"]:
            return refused(_NO_ROOM.replace("0516-822 mklv: Unable to create", "0516-788 extendlv: Unable to extend"))
        vg["free"], space["lps"] = vg["free"] - lps, space["lps"] + lps
        return Reply()
    if lps >= space["lps"] or not _fits_without(host, lps * vg["pp_mb"] if space["active"] else 0):
        return refused(f"chps: {name} cannot be made smaller by {lps} logical partitions: the space is needed.")
    vg["free"], space["lps"] = vg["free"] + lps, space["lps"] - lps
    return Reply()


def swapon(host: State, argv: Sequence[str]) -> Reply:
    """``swapon /dev/NAME``."""
    return _switch(host, argv, on=True)


def swapoff(host: State, argv: Sequence[str]) -> Reply:
    """``swapoff /dev/NAME``: its pages must fit into the others."""
    return _switch(host, argv, on=False)


def rmps(host: State, argv: Sequence[str]) -> Reply:
    """``rmps NAME``: an inactive one only."""
    if len(argv) != 1:
        return usage("rmps PagingSpace")
    space = _space(host, argv[0])
    if space is None:
        return _unknown("rmps", argv[0])
    if space["active"]:
        return refused(f"0517-062 rmps: Paging space {argv[0]} is active.")
    host["vgs"][space["vg"]]["free"] += space["lps"]
    host["paging"].remove(space)
    return Reply(out=f"rmlv: Logical volume {argv[0]} is removed.\n")


def _switch(host: State, argv: Sequence[str], *, on: bool) -> Reply:
    program = "swapon" if on else "swapoff"
    name = argv[0].removeprefix("/dev/") if len(argv) == 1 else ""
    space = _space(host, name)
    if not name:
        return usage(f"{program} device")
    if space is None:
        return _unknown(program, name)
    if not on and space["active"] and not _fits_without(host, world.size_mb(host, space)):
        return refused(f"swapoff: {name}: there is not enough space in the other paging spaces.")
    space["active"] = on
    return Reply()


def _space(host: State, name: str) -> State | None:
    return next((space for space in host["paging"] if space["name"] == name), None)


def _unknown(program: str, name: str) -> Reply:
    return refused(f"{program}: {name} is not a paging space.")


def _fits_without(host: State, mb: int) -> bool:
    room = sum(world.size_mb(host, space) for space in host["paging"] if space["active"])
    return world.paged_mb(host) <= room - mb
