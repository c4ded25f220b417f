"""The host as a ComputerSystem, and its power switch as the action ComputerSystem.Reset."""

from __future__ import annotations

import uuid
from typing import Any

from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, only_known, resource, text_of
from orchestrator.lab.sites.bmc.health import status_of, worst_of
from orchestrator.lab.sites.bmc.messages import Denial
from orchestrator.lab.sites.bmc.state import DRIVES, PARTS
from orchestrator.lab.sites.bmc.switch import RESETS, SwitchBroken, SwitchConflict, SwitchDenied

RESET = "ComputerSystem.Reset"


def members(board: Board, request: Request) -> Answer:
    """The one system."""
    return collection(request.path, "ComputerSystem", [board.host])


def read(board: Board, request: Request) -> Answer:
    """The system. PowerState is looked up in the host's processes, unless the switch lies."""
    state = board.state()
    on = board.switch.is_on()
    body = resource(request.path, "ComputerSystem.v1_20_0.ComputerSystem", board.host)
    body |= {
        "SystemType": "Physical",
        "Manufacturer": "Holdfast",
        "Model": "Lab host",
        "SerialNumber": state.serial,
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, state.serial)),
        "HostName": board.host,
        "BiosVersion": state.firmware["bios"].version,
        "PowerState": "On" if on else "Off",
        "Status": {
            "State": "Enabled" if on else "Disabled",
            "Health": "OK",
            "HealthRollup": worst_of(state, PARTS),
        },
        "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None"},
        "Storage": link(f"{request.path}/Storage"),
        "Links": {"Chassis": [link(f"{ROOT}/Chassis/{board.host}")], "ManagedBy": [link(f"{ROOT}/Managers/bmc")]},
        "Actions": {
            f"#{RESET}": {
                "target": f"{request.path}/Actions/{RESET}",
                "ResetType@Redfish.AllowableValues": list(RESETS),
            }
        },
    }
    return Answer(body=body)


def reset(board: Board, request: Request) -> Answer:
    """Switch; 204 when it is done (asked for, when graceful)."""
    document = request.document()
    only_known(document, RESET, "ResetType")
    kind = text_of(document, RESET, "ResetType")
    if kind not in RESETS:
        raise Denial(400, "ActionParameterValueFormatError", kind, "ResetType", RESET)
    try:
        board.switch.reset(kind)
    except SwitchDenied as error:
        raise Denial(403, "InsufficientPrivilege", resolution="The power switch refused.") from error
    except SwitchBroken as error:
        raise Denial(500, "InternalError", resolution="The power switch did not react; nothing was done.") from error
    except SwitchConflict as error:
        raise Denial(409, "ResourceInUse", resolution="The system is off: send On.") from error
    return Answer(204)


def storages(_board: Board, request: Request) -> Answer:
    """The one storage."""
    return collection(request.path, "Storage", ["disks"])


def storage(board: Board, request: Request) -> Answer:
    """The host's disks as one storage."""
    state = board.state()
    body: dict[str, Any] = resource(request.path, "Storage.v1_13_0.Storage", f"Disks of {board.host}")
    body |= {
        "Status": {"State": "Enabled", "Health": worst_of(state, DRIVES), "HealthRollup": worst_of(state, DRIVES)},
        "Drives": [link(f"{request.path}/Drives/{drive}") for drive in DRIVES],
        "Drives@odata.count": len(DRIVES),
        "StorageControllers": [],
    }
    return Answer(body=body)


def drive(board: Board, request: Request, part: str) -> Answer:
    """One disk."""
    state = board.state()
    body = resource(request.path, "Drive.v1_18_0.Drive", f"Disk {part}")
    body |= {
        "Status": status_of(state, part),
        "Manufacturer": "Holdfast",
        "Model": "Lab disk",
        "SerialNumber": f"{state.serial}-{part}",
        "Protocol": "SAS",
        "MediaType": "SSD",
        "CapacityBytes": 1_000_000_000_000,
        "FailurePredicted": state.health[part] == "Warning",
        "HotspareType": "None",
        "Links": {"Chassis": link(f"{ROOT}/Chassis/{board.host}")},
    }
    return Answer(body=body)
