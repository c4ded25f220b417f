"""What can go wrong on the simulated hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.errors import LabError
from orchestrator.lab.aix import hmc, world
from orchestrator.lab.aix.world import PRIMARY, STANDBY, State
from orchestrator.lab.effects import now
from orchestrator.plain import dataclass

BATCH = "orderbatch"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: where, and what it does in one sentence. ``lasting`` ones are only taken away by a reset."""

    host: str
    what: str
    begin: Callable[[State], None]
    end: Callable[[State], None] | None = None


def break_(state: State, name: str) -> tuple[str, bool]:
    """Make it happen; answers since when (ISO 8601, UTC) and whether it was not so before. Raises LabError."""
    fault = known(name)
    since = state.setdefault("since", {})
    if name in since:
        return since[name], False
    fault.begin(state)
    since[name] = now()
    return since[name], True


def heal(state: State, name: str) -> bool:
    """Take it away; answers whether it was there. Raises LabError where only a reset does."""
    fault = known(name)
    if name not in state.get("since", {}):
        return False
    if fault.end is None:
        raise LabError(f"{name} is not taken away by itself", mend="holdfast lab reset --aix")
    fault.end(state)
    del state["since"][name]
    return True


def known(name: str) -> Fault:
    """The fault of this name. Raises LabError."""
    if name not in FAULTS:
        raise LabError(f"there is no fault {name!r}", mend=f"known: {', '.join(FAULTS)}")
    return FAULTS[name]


def _dies(state: State) -> None:
    hmc.power_off(state, PRIMARY)
    # The fallover event did not come to its end, as it does where a resource hangs: a person has to move the group.
    state["cluster"]["group"] = {PRIMARY: "OFFLINE", STANDBY: "ERROR"}


def _hangs(state: State) -> None:
    _mark(PRIMARY, "frozen")(state)
    hmc.cut(state, PRIMARY)


def _thaws(state: State) -> None:
    _clear(PRIMARY, "frozen")(state)


def _behind(state: State) -> None:
    hadr = state["hadr"]
    hadr.update(in_peer_window=False, state="REMOTE_CATCHUP", gap_bytes=52_428_800)
    hadr["rows"][STANDBY] = hadr["rows"][PRIMARY] - 37


def _fills(state: State) -> None:
    host = state["hosts"][PRIMARY]
    batch = next(process for process in host["processes"] if process["subsystem"] == BATCH)
    batch["paged_mb"] = 2560
    world.note_error(host, "C5C09FFA", "PGSP_LOW", "S PERM", "SYSVMM", "PAGING SPACE LOW")


def _empties(state: State) -> None:
    for process in state["hosts"][PRIMARY]["processes"]:
        if process["subsystem"] == BATCH:
            process["paged_mb"] = 120


def _no_room(state: State) -> None:
    for vg in state["hosts"][PRIMARY]["vgs"].values():
        vg["free"] = 2


def _disk(state: State) -> None:
    world.note_error(state["hosts"][STANDBY], "1581762B", "DISK_ERR4", "H PERM", "hdisk3", "DISK OPERATION ERROR")


def _mark(host: str, word: str) -> Callable[[State], None]:
    return lambda state: state["faults"].setdefault(host, []).append(word)


def _clear(host: str, word: str) -> Callable[[State], None]:
    def clear(state: State) -> None:
        state["faults"][host] = [one for one in state["faults"].get(host, ()) if one != word]

    return clear


FAULTS: Mapping[str, Fault] = {
    "primary-dies": Fault(PRIMARY, "the partition is gone, and the cluster's fallover stops half way", _dies),
    "primary-hangs": Fault(PRIMARY, "the partition answers nobody and still holds its disks", _hangs, _thaws),
    "standby-behind": Fault(STANDBY, "the peer window has passed: a takeover loses transactions", _behind),
    "standby-disk-error": Fault(STANDBY, "the standby's error log has a lasting hardware fault", _disk),
    "fence-refused": Fault(
        PRIMARY, "the console refuses to power off", _mark(PRIMARY, "hmc-refuses"), _clear(PRIMARY, "hmc-refuses")
    ),
    "fence-lies": Fault(
        PRIMARY, "the console says done and does nothing", _mark(PRIMARY, "hmc-lies"), _clear(PRIMARY, "hmc-lies")
    ),
    "move-refused": Fault(
        STANDBY, "the cluster does not move resource groups", _mark(STANDBY, "clmgr"), _clear(STANDBY, "clmgr")
    ),
    "paging-full": Fault(PRIMARY, "the batch fills the paging space", _fills, _empties),
    "paging-no-room": Fault(PRIMARY, "the volume groups have no room for more paging space", _no_room),
    "mkps-fails": Fault(PRIMARY, "mkps ends with an error", _mark(PRIMARY, "mkps"), _clear(PRIMARY, "mkps")),
}
"""Every fault, by the name people type."""
