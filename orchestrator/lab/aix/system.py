"""errpt, lssrc, stopsrc, startsrc, ps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orchestrator.lab.aix.reply import Reply, refused, usage
from orchestrator.lab.aix.world import State

USUAL_MB = 120
"""What the batch has in paging space just after it was started."""


def errpt(host: State, argv: Sequence[str]) -> Reply:
    """``errpt [-a] [-d CLASS] [-T TYPE]``."""
    detailed = "-a" in argv
    words = [word for word in argv if word != "-a"]
    chosen = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or not chosen.keys() <= {"-d", "-T"}:
        return usage("errpt [-a] [-d ErrorClassList] [-T ErrorTypeList]")
    entries = [
        entry
        for entry in host["errors"]
        if entry["class"] in chosen.get("-d", entry["class"]) and entry["type"] in chosen.get("-T", entry["type"])
    ]
    if not entries:
        return Reply()
    if detailed:
        return Reply(out="".join(_detailed(host, entry) for entry in entries))
    lines = ["IDENTIFIER TIMESTAMP  T C RESOURCE_NAME  DESCRIPTION"]
    for entry in entries:
        at = datetime.fromisoformat(entry["at"])
        lines.append(
            f"{entry['id']:<10} {at:%m%d%H%M%y} {entry['type'][0]} {entry['class']} {entry['resource']:<14} "
            f"{entry['description']}"
        )
    return Reply(out="\n".join(lines) + "\n")


def _detailed(host: State, entry: State) -> str:
    at = datetime.fromisoformat(entry["at"])
    return (
        f"{'-' * 75}\nLABEL:          {entry['label']}\nIDENTIFIER:     {entry['id']}\n\n"
        f"Date/Time:       {at:%a %b %e %H:%M:%S UTC %Y}\nSequence Number: {entry['sequence']}\n"
        f"Machine Id:      00C8D2A44C00\nNode Id:         {host['node']}\nClass:           {entry['class']}\n"
        f"Type:            {entry['type']}\nWPAR:            Global\nResource Name:   {entry['resource']}\n\n"
        f"Description\n{entry['description']}\n\n"
    )


def lssrc(host: State, argv: Sequence[str]) -> Reply:
    """``lssrc {-a | -g GROUP | -s SUBSYSTEM}``."""
    subsystems = host["subsystems"]
    if list(argv) == ["-a"]:
        names = list(subsystems)
    elif len(argv) == 2 and argv[0] == "-s":
        names = [name for name in subsystems if name == argv[1]]
    elif len(argv) == 2 and argv[0] == "-g":
        names = [name for name, one in subsystems.items() if one["group"] == argv[1]]
    else:
        return usage("lssrc {-a | -g GroupName | -s Subsystem}")
    if not names:
        return refused(f"0513-085 The {argv[-1]} Subsystem is not on file.")
    lines = ["Subsystem         Group            PID          Status"]
    for name in names:
        one = subsystems[name]
        pid = str(_pid(host, name)) if one["active"] else ""
        lines.append(f" {name:<16} {one['group']:<16} {pid:<12} {'active' if one['active'] else 'inoperative'}")
    return Reply(out="\n".join(lines) + "\n")


def _pid(host: State, subsystem: str) -> int:
    return next((one["pid"] for one in host["processes"] if one["subsystem"] == subsystem), 9437300)


def stopsrc(host: State, argv: Sequence[str]) -> Reply:
    """``stopsrc -s SUBSYSTEM``: its process goes, and what it had in paging space."""
    return _switch(host, argv, on=False)


def startsrc(host: State, argv: Sequence[str]) -> Reply:
    """``startsrc -s SUBSYSTEM``."""
    return _switch(host, argv, on=True)


def _switch(host: State, argv: Sequence[str], *, on: bool) -> Reply:
    program = "startsrc" if on else "stopsrc"
    if len(argv) != 2 or argv[0] != "-s":
        return usage(f"{program} -s Subsystem")
    name = argv[1]
    one = host["subsystems"].get(name)
    if one is None:
        return refused(f"0513-085 The {name} Subsystem is not on file.")
    if one["active"] is on:
        if on:
            return refused(f"0513-029 The {name} Subsystem is already active.\nMultiple instances are not supported.")
        return refused(f"0513-004 The Subsystem or Group, {name}, is currently inoperative.")
    one["active"] = on
    if on:
        pid = max(process["pid"] for process in host["processes"]) + 2
        host["processes"].append(
            {"pid": pid, "user": one["group"], "paged_mb": USUAL_MB, "command": name, "subsystem": name}
        )
        return Reply(out=f"0513-059 The {name} Subsystem has been started. Subsystem PID is {pid}.\n")
    host["processes"] = [process for process in host["processes"] if process["subsystem"] != name]
    return Reply(out=f"0513-044 The {name} Subsystem was requested to stop.\n")


def ps(host: State, argv: Sequence[str]) -> Reply:
    """``ps -A -o pid,user,vsz,comm``: the largest first here, so that the record shows the consumer at its top."""
    if list(argv) != ["-A", "-o", "pid,user,vsz,comm"]:
        return usage("ps -A -o pid,user,vsz,comm")
    rows = sorted(host["processes"], key=lambda one: -int(one["paged_mb"]))
    lines = [f"{one['pid']:>9} {one['user']:>8} {one['paged_mb'] * 1024:>8} {one['command']}" for one in rows]
    return Reply(out="\n".join([f"{'PID':>9} {'USER':>8} {'VSZ':>8} COMMAND", *lines]) + "\n")
