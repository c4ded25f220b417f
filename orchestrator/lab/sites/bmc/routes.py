"""Which resource answers which path and method, and the privilege it needs (Redfish's own privilege registry)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from orchestrator.lab.sites.bmc import (
    accounts,
    chassis,
    managers,
    power,
    root,
    session_service,
    systems,
    tasks,
    thermal,
    update,
)
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer
from orchestrator.lab.sites.bmc.state import DRIVES, FANS, POWER_SUPPLIES

Work = Callable[..., Answer]
"""Called with the board, the request, and the named parts of the path."""

NOBODY = ""
"""The privilege that also a caller without login has."""
LOGIN, COMPONENTS, MANAGER, USERS, SELF = (
    "Login", "ConfigureComponents", "ConfigureManager", "ConfigureUsers", "ConfigureSelf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """A path with ``{names}`` in it, and what each method does and needs."""

    path: str
    methods: Mapping[str, tuple[Work, str]]


def _get(path: str, work: Work, privilege: str = LOGIN, **more: tuple[Work, str]) -> Route:
    return Route(f"{ROOT}/{path}" if path else ROOT, {"GET": (work, privilege), **more})


_SYSTEM, _CHASSIS, _MANAGER = "Systems/{host}", "Chassis/{host}", "Managers/bmc"

ROUTES = (
    Route("/redfish", {"GET": (root.versions, NOBODY)}),
    _get("", root.read, NOBODY),
    _get("odata", root.odata, NOBODY),
    _get("$metadata", root.metadata, NOBODY),
    _get("Registries", root.registries),
    _get("JsonSchemas", root.schemas),
    _get("Systems", systems.members),
    _get(_SYSTEM, systems.read),
    Route(f"{ROOT}/{_SYSTEM}/Actions/{systems.RESET}", {"POST": (systems.reset, COMPONENTS)}),
    _get(f"{_SYSTEM}/Storage", systems.storages),
    _get(f"{_SYSTEM}/Storage/disks", systems.storage),
    _get(f"{_SYSTEM}/Storage/disks/Drives/{{drive}}", systems.drive),
    _get("Chassis", chassis.members),
    _get(_CHASSIS, chassis.read),
    _get(f"{_CHASSIS}/Power", power.read),
    _get(f"{_CHASSIS}/PowerSubsystem", power.subsystem),
    _get(f"{_CHASSIS}/PowerSubsystem/PowerSupplies", power.supplies),
    _get(f"{_CHASSIS}/PowerSubsystem/PowerSupplies/{{supply}}", power.supply),
    _get(f"{_CHASSIS}/Thermal", thermal.read),
    _get(f"{_CHASSIS}/ThermalSubsystem", thermal.subsystem),
    _get(f"{_CHASSIS}/ThermalSubsystem/Fans", thermal.fans),
    _get(f"{_CHASSIS}/ThermalSubsystem/Fans/{{fan}}", thermal.fan),
    _get("Managers", managers.members),
    _get(_MANAGER, managers.read),
    _get(f"{_MANAGER}/NetworkProtocol", managers.protocols),
    Route(f"{ROOT}/{_MANAGER}/Actions/{managers.RESET}", {"POST": (managers.reset, MANAGER)}),
    _get("UpdateService", update.read),
    Route(f"{ROOT}/UpdateService/Actions/{update.ACTION}", {"POST": (update.simple_update, COMPONENTS)}),
    _get("UpdateService/FirmwareInventory", update.inventory),
    _get("UpdateService/FirmwareInventory/{name}", update.item),
    _get("TaskService", tasks.read),
    _get("TaskService/Tasks", tasks.members),
    _get("TaskService/Tasks/{ident}", tasks.task),
    _get("TaskService/TaskMonitors/{ident}", tasks.monitor),
    _get("SessionService", session_service.read),
    _get("SessionService/Sessions", session_service.members, POST=(session_service.create, NOBODY)),
    # DSP0266 6.2: logging in may also be asked for at this path.
    Route(f"{ROOT}/SessionService/Sessions/Members", {"POST": (session_service.create, NOBODY)}),
    _get("SessionService/Sessions/{ident}", session_service.session, DELETE=(session_service.delete, LOGIN)),
    _get("AccountService", accounts.read),
    _get("AccountService/Roles", accounts.roles),
    _get("AccountService/Roles/{role}", accounts.role),
    _get("AccountService/Accounts", accounts.members, POST=(accounts.create, USERS)),
    _get(
        "AccountService/Accounts/{name}",
        accounts.account,
        SELF,
        PATCH=(accounts.patch, SELF),
        DELETE=(accounts.delete, USERS),
    ),
)

_PARTS: dict[str, Collection[str]] = {
    "drive": DRIVES,
    "supply": POWER_SUPPLIES,
    "fan": FANS,
    "role": accounts.ROLES,
}
"""Names in paths that stand for one of a few; resources get the first three as ``part``."""


def find(board: Board, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a path and the values in it; None where there is no such resource."""
    words = path.rstrip("/").split("/")
    for route in ROUTES:
        values = _match(route.path.split("/"), words)
        if values is None or values.pop("host", board.host) != board.host:
            continue
        if any(values[name] not in _PARTS[name] for name in values if name in _PARTS):
            continue
        return route, {_argument(name): value for name, value in values.items()}
    return None


def _argument(name: str) -> str:
    return "name" if name == "role" else "part" if name in _PARTS else name


def _match(pattern: list[str], words: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(words):
        return None
    values = {}
    for part, word in zip(pattern, words, strict=True):
        if part.startswith("{"):
            values[part[1:-1]] = word
        elif part != word:
            return None
    return values
