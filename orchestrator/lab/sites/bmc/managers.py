"""The BMC itself as a Manager."""

from __future__ import annotations

from orchestrator.lab.effects import now
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, only_known, resource
from orchestrator.lab.sites.bmc.messages import Denial
from orchestrator.lab.sites.bmc.root import service_uuid

RESET = "Manager.Reset"
_RESETS = ("ForceRestart", "GracefulRestart")


def members(_board: Board, request: Request) -> Answer:
    """The one manager."""
    return collection(request.path, "Manager", ["bmc"])


def read(board: Board, request: Request) -> Answer:
    """The BMC."""
    body = resource(request.path, "Manager.v1_18_0.Manager", f"BMC of {board.host}")
    body |= {
        "ManagerType": "BMC",
        "Manufacturer": "Holdfast",
        "Model": "Lab BMC",
        "FirmwareVersion": board.state().firmware["bmc"].version,
        "UUID": service_uuid(board),
        "ServiceEntryPointUUID": service_uuid(board),
        "DateTime": f"{now()[:19]}Z",
        "DateTimeLocalOffset": "+00:00",
        "PowerState": "On",
        "Status": {"State": "Enabled", "Health": "OK"},
        "NetworkProtocol": link(f"{request.path}/NetworkProtocol"),
        "Links": {
            "ManagerForServers": [link(f"{ROOT}/Systems/{board.host}")],
            "ManagerForChassis": [link(f"{ROOT}/Chassis/{board.host}")],
        },
        "Actions": {
            f"#{RESET}": {
                "target": f"{request.path}/Actions/{RESET}",
                "ResetType@Redfish.AllowableValues": list(_RESETS),
            }
        },
    }
    return Answer(body=body)


def protocols(board: Board, request: Request) -> Answer:
    """How the BMC is reached."""
    body = resource(request.path, "ManagerNetworkProtocol.v1_9_1.ManagerNetworkProtocol", "Protocols")
    body |= {
        "HostName": f"bmc-{board.host}",
        "FQDN": None,
        "HTTP": {"ProtocolEnabled": False, "Port": None},
        "HTTPS": {"ProtocolEnabled": True, "Port": board.bmc.port},
        "IPMI": {"ProtocolEnabled": board.bmc.ipmi, "Port": 623 if board.bmc.ipmi else None},
        "SSDP": {"ProtocolEnabled": False, "Port": None},
        "Status": {"State": "Enabled", "Health": "OK"},
    }
    return Answer(body=body)


def reset(board: Board, request: Request) -> Answer:
    """Restart the BMC: sessions are gone, and its own firmware that waits is applied. The host notices nothing."""
    document = request.document()
    only_known(document, RESET, "ResetType")
    kind = document.get("ResetType", "ForceRestart")
    if kind not in _RESETS:
        raise Denial(400, "ActionParameterValueFormatError", str(kind), "ResetType", RESET)
    board.updates.apply(("bmc",))
    for session in board.sessions.all():
        board.sessions.close(session.ident)
    return Answer(204)
