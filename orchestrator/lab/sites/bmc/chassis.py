"""The host's case: supplies and fans, in the older resources (Power, Thermal) and the newer ones (subsystems)."""

from __future__ import annotations

from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, resource
from orchestrator.lab.sites.bmc.health import worst_of
from orchestrator.lab.sites.bmc.state import FANS, PARTS, POWER_SUPPLIES


def members(board: Board, request: Request) -> Answer:
    """The one case."""
    return collection(request.path, "Chassis", [board.host])


def read(board: Board, request: Request) -> Answer:
    """The case, with the worst health of what is in it."""
    state = board.state()
    body = resource(request.path, "Chassis.v1_23_0.Chassis", f"Case of {board.host}")
    body |= {
        "ChassisType": "RackMount",
        "Manufacturer": "Holdfast",
        "Model": "Lab case",
        "SerialNumber": state.serial,
        "PowerState": "On" if board.switch.is_on() else "Off",
        "Status": {
            "State": "Enabled",
            "Health": worst_of(state, (*POWER_SUPPLIES, *FANS)),
            "HealthRollup": worst_of(state, PARTS),
        },
        "Links": {
            "ComputerSystems": [link(f"{ROOT}/Systems/{board.host}")],
            "ManagedBy": [link(f"{ROOT}/Managers/bmc")],
        },
    }
    parts = ("Power", "Thermal", "PowerSubsystem", "ThermalSubsystem")
    return Answer(body=body | {name: link(f"{request.path}/{name}") for name in parts})
