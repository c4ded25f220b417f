"""Fans and the inlet's temperature: Thermal (older) and ThermalSubsystem (newer)."""

from __future__ import annotations

from typing import Any

from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import Answer, Request, collection, link, resource
from orchestrator.lab.sites.bmc.health import redundancy, status_of
from orchestrator.lab.sites.bmc.state import FANS, State

NEEDED = len(FANS) - 1
"""Fans that keep the host cool enough."""
_SPEED = {"OK": 6000, "Warning": 3500}
"""Revolutions a minute of a fan that turns, by its health."""


def read(board: Board, request: Request) -> Answer:
    """The older resource."""
    state, on, path = board.state(), board.switch.really_on(), request.path
    body = resource(path, "Thermal.v1_7_1.Thermal", f"Cooling of {board.host}")
    body |= {
        "Fans": [
            {
                "@odata.id": f"{path}#/Fans/{number}",
                "MemberId": part,
                "Name": _name(part),
                "Status": status_of(state, part),
                "Reading": _speed(state, part, on),
                "ReadingUnits": "RPM",
                "LowerThresholdCritical": 1000,
                "HotPluggable": True,
                "Redundancy": [link(f"{path}#/Redundancy/0")],
            }
            for number, part in enumerate(FANS)
        ],
        "Temperatures": [
            {
                "@odata.id": f"{path}#/Temperatures/0",
                "MemberId": "inlet",
                "Name": "Inlet",
                "PhysicalContext": "Intake",
                "ReadingCelsius": 23.0,
                "UpperThresholdCritical": 42.0,
                "Status": {"State": "Enabled", "Health": "OK"},
            }
        ],
        "Redundancy": [
            {
                "@odata.id": f"{path}#/Redundancy/0",
                "MemberId": "0",
                "Name": "Fans",
                "Mode": "N+m",
                "MinNumNeeded": NEEDED,
                "MaxNumSupported": len(FANS),
                "RedundancySet": [link(f"{path}#/Fans/{number}") for number in range(len(FANS))],
                "Status": redundancy(state, FANS, NEEDED),
            }
        ],
    }
    return Answer(body=body)


def subsystem(board: Board, request: Request) -> Answer:
    """The newer resource."""
    path = request.path
    health = redundancy(board.state(), FANS, NEEDED)
    body = resource(path, "ThermalSubsystem.v1_3_0.ThermalSubsystem", f"Cooling of {board.host}")
    body |= {
        "Status": health,
        "Fans": link(f"{path}/Fans"),
        "FanRedundancy": [
            {
                "RedundancyType": "NPlusM",
                "MinNeededInGroup": NEEDED,
                "MaxSupportedInGroup": len(FANS),
                "RedundancyGroup": [link(f"{path}/Fans/{part}") for part in FANS],
                "Status": health,
            }
        ],
    }
    return Answer(body=body)


def fans(_board: Board, request: Request) -> Answer:
    """All fans."""
    return collection(request.path, "Fan", list(FANS))


def fan(board: Board, request: Request, part: str) -> Answer:
    """One fan."""
    state = board.state()
    speed = _speed(state, part, board.switch.really_on())
    body: dict[str, Any] = resource(request.path, "Fan.v1_5_0.Fan", _name(part))
    body |= {
        "Status": status_of(state, part),
        "Manufacturer": "Holdfast",
        "Model": "Lab fan",
        "PhysicalContext": "Chassis",
        "SpeedPercent": {"Reading": round(speed / 60), "SpeedRPM": speed},
        "HotPluggable": True,
    }
    return Answer(body=body)


def _name(part: str) -> str:
    return f"Fan {part.rsplit('-', 1)[1]}"


def _speed(state: State, part: str, on: bool) -> int:
    return _SPEED.get(state.health[part], 0) if on else 0
