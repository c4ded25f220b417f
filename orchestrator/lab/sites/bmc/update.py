"""UpdateService: the firmware inventory, and SimpleUpdate."""

from __future__ import annotations

from urllib.parse import urlsplit

from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, only_known, resource, text_of
from orchestrator.lab.sites.bmc.fetch import allowed
from orchestrator.lab.sites.bmc.firmware import LARGEST
from orchestrator.lab.sites.bmc.messages import Denial
from orchestrator.lab.sites.bmc.tasks import MONITORS, task_body

ACTION = "UpdateService.SimpleUpdate"
INVENTORY = f"{ROOT}/UpdateService/FirmwareInventory"
_PROTOCOLS = ("HTTP", "HTTPS")


def read(_board: Board, request: Request) -> Answer:
    """The service."""
    body = resource(request.path, "UpdateService.v1_11_3.UpdateService", "Firmware updates")
    body |= {
        "ServiceEnabled": True,
        "Status": {"State": "Enabled", "Health": "OK"},
        "MaxImageSizeBytes": LARGEST,
        "FirmwareInventory": link(INVENTORY),
        "Actions": {
            f"#{ACTION}": {
                "target": f"{request.path}/Actions/{ACTION}",
                "TransferProtocol@Redfish.AllowableValues": list(_PROTOCOLS),
                "@Redfish.OperationApplyTimeSupport": {
                    "@odata.type": "#Settings.v1_3_3.OperationApplyTimeSupport",
                    "SupportedValues": ["OnReset"],
                },
            }
        },
    }
    return Answer(body=body)


def inventory(board: Board, request: Request) -> Answer:
    """What runs, and what ran before it."""
    state = board.state()
    kept = [f"{name}-previous" for name, firmware in state.firmware.items() if firmware.previous]
    return collection(request.path, "SoftwareInventory", [*state.firmware, *kept])


def item(board: Board, request: Request, name: str) -> Answer:
    """One component's firmware."""
    component, _, kept = name.partition("-")
    firmware = board.state().firmware.get(component)
    if firmware is None or kept not in ("", "previous") or (kept and not firmware.previous):
        raise Denial(404, "ResourceMissingAtURI", request.path)
    title = f"{component.upper()} firmware" + (" before the last update" if kept else "")
    body = resource(request.path, "SoftwareInventory.v1_10_2.SoftwareInventory", title)
    state = "StandbyOffline" if kept else "Updating" if firmware.staged else "Enabled"
    body |= {
        "Version": firmware.previous if kept else firmware.version,
        "Updateable": not kept,
        "Manufacturer": "Holdfast",
        "SoftwareId": component,
        "Status": {"State": state, "Health": "OK"},
    }
    return Answer(body=body)


def simple_update(board: Board, request: Request) -> Answer:
    """Begin an update: 202 with the task, to be polled at its monitor."""
    document = request.document()
    only_known(document, ACTION, "ImageURI", "TransferProtocol", "Targets", "ForceUpdate")
    url = text_of(document, ACTION, "ImageURI")
    try:
        parts = urlsplit(url)
        fits = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise Denial(400, "ActionParameterValueFormatError", url, "ImageURI", ACTION)
    scheme = str(document.get("TransferProtocol") or parts.scheme).upper()
    if scheme not in _PROTOCOLS or parts.scheme.upper() != scheme:
        raise Denial(400, "SourceDoesNotSupportProtocol", url, scheme)
    if document.get("@Redfish.OperationApplyTime", "OnReset") != "OnReset":
        raise Denial(400, "ActionParameterNotSupported", "@Redfish.OperationApplyTime", ACTION)
    targets = _targets(board, document.get("Targets") or [])
    if not allowed(url, board.state().sources):
        raise Denial(400, "AccessDenied", url, resolution="Firmware is taken from the lab's own places only.")
    job = board.updates.begin(url, targets)
    return Answer(202, task_body(job), {"Location": f"{MONITORS}/{job.ident}"})


def _targets(board: Board, given: object) -> list[str]:
    if not isinstance(given, list):
        raise Denial(400, "ActionParameterValueTypeError", str(given), "Targets", ACTION)
    found = []
    for one in given:
        name = one.removeprefix(f"{INVENTORY}/") if isinstance(one, str) else ""
        if name not in board.state().firmware:
            raise Denial(400, "ActionParameterValueFormatError", str(one), "Targets", ACTION)
        found.append(name)
    return found
