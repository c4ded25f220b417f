"""Power supplies and what the host draws: Power (older) and PowerSubsystem (newer)."""

from __future__ import annotations

from typing import Any

from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import Answer, Request, collection, link, resource
from orchestrator.lab.sites.bmc.health import present, redundancy, status_of
from orchestrator.lab.sites.bmc.state import POWER_SUPPLIES, State
from orchestrator.lab.sites.bmc.switch import WATTS_ON

CAPACITY = 800.0
"""Watts one supply gives; one alone carries the host."""
_VOLTS = 230.0


def read(board: Board, request: Request) -> Answer:
    """The older resource. PowerConsumedWatts is the meter's word, not the switch's."""
    state, watts = board.state(), board.switch.watts()
    path = request.path
    body = resource(path, "Power.v1_7_1.Power", f"Power of {board.host}")
    group = [link(f"{path}#/PowerSupplies/{number}") for number in range(len(POWER_SUPPLIES))]
    body |= {
        "PowerControl": [
            {
                "@odata.id": f"{path}#/PowerControl/0",
                "MemberId": "0",
                "Name": "Whole host",
                "PowerConsumedWatts": watts,
                "PowerCapacityWatts": CAPACITY * len(POWER_SUPPLIES),
                "Status": {"State": "Enabled", "Health": "OK"},
            }
        ],
        "PowerSupplies": [
            {
                "@odata.id": f"{path}#/PowerSupplies/{number}",
                "MemberId": part,
                "Name": _name(part),
                "Status": status_of(state, part),
                "Manufacturer": "Holdfast",
                "Model": "Lab supply",
                "SerialNumber": f"{state.serial}-{part}",
                "PowerSupplyType": "AC",
                "LineInputVoltage": _VOLTS if present(state, part) else 0.0,
                "LastPowerOutputWatts": _share(state, part, watts),
                "PowerCapacityWatts": CAPACITY,
                "HotPluggable": True,
                "Redundancy": [link(f"{path}#/Redundancy/0")],
            }
            for number, part in enumerate(POWER_SUPPLIES)
        ],
        "Redundancy": [
            {
                "@odata.id": f"{path}#/Redundancy/0",
                "MemberId": "0",
                "Name": "Supplies",
                "Mode": "N+m",
                "MinNumNeeded": 1,
                "MaxNumSupported": len(POWER_SUPPLIES),
                "RedundancySet": group,
                "Status": redundancy(state, POWER_SUPPLIES, 1),
            }
        ],
    }
    return Answer(body=body)


def subsystem(board: Board, request: Request) -> Answer:
    """The newer resource."""
    state, path = board.state(), request.path
    health = redundancy(state, POWER_SUPPLIES, 1)
    body = resource(path, "PowerSubsystem.v1_1_0.PowerSubsystem", f"Power of {board.host}")
    body |= {
        "CapacityWatts": CAPACITY * len(POWER_SUPPLIES),
        "Status": health,
        "PowerSupplies": link(f"{path}/PowerSupplies"),
        "PowerSupplyRedundancy": [
            {
                "RedundancyType": "NPlusM",
                "MinNeededInGroup": 1,
                "MaxSupportedInGroup": len(POWER_SUPPLIES),
                "RedundancyGroup": [link(f"{path}/PowerSupplies/{part}") for part in POWER_SUPPLIES],
                "Status": health,
            }
        ],
    }
    return Answer(body=body)


def supplies(_board: Board, request: Request) -> Answer:
    """All supplies, also those that were taken out: their bays stay."""
    return collection(request.path, "PowerSupply", list(POWER_SUPPLIES))


def supply(board: Board, request: Request, part: str) -> Answer:
    """One supply."""
    state = board.state()
    body: dict[str, Any] = resource(request.path, "PowerSupply.v1_5_1.PowerSupply", _name(part))
    body |= {
        "Status": status_of(state, part),
        "LineInputStatus": "Normal" if present(state, part) else "LossOfInput",
        "Manufacturer": "Holdfast",
        "Model": "Lab supply",
        "SerialNumber": f"{state.serial}-{part}",
        "PowerSupplyType": "AC",
        "PowerCapacityWatts": CAPACITY,
        "HotPluggable": True,
    }
    return Answer(body=body)


def _name(part: str) -> str:
    return f"Power supply {part.rsplit('-', 1)[1]}"


def _share(state: State, part: str, watts: float) -> float:
    working = sum(present(state, one) for one in POWER_SUPPLIES)
    # The meter shows the host running: where no supply works, the health that was set is no more than a story.
    return round(min(watts, WATTS_ON) / working, 1) if working and present(state, part) else 0.0
