"""The service root and what describes the service itself: versions, OData, metadata, registries, schemas."""

from __future__ import annotations

import uuid

from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, resource

VERSION = "1.15.0"
"""The version of DSP0266 that the service keeps to."""
SCHEMAS = "http://redfish.dmtf.org/schemas/v1"

_SERVICES = {
    "Systems": "Systems",
    "Chassis": "Chassis",
    "Managers": "Managers",
    "UpdateService": "UpdateService",
    "Tasks": "TaskService",
    "SessionService": "SessionService",
    "AccountService": "AccountService",
    "Registries": "Registries",
    "JsonSchemas": "JsonSchemas",
}
_DESCRIBED = (
    "ServiceRoot", "ComputerSystem", "ComputerSystemCollection", "Chassis", "ChassisCollection", "Power", "Thermal",
    "PowerSubsystem", "PowerSupply", "PowerSupplyCollection", "ThermalSubsystem", "Fan", "FanCollection", "Storage",
    "StorageCollection", "Drive", "Manager", "ManagerCollection", "ManagerNetworkProtocol", "UpdateService",
    "SoftwareInventory", "SoftwareInventoryCollection", "TaskService", "Task", "TaskCollection", "SessionService",
    "Session", "SessionCollection", "AccountService", "ManagerAccount", "ManagerAccountCollection", "Role",
    "RoleCollection", "Message", "MessageRegistryFileCollection", "JsonSchemaFileCollection", "Redundancy", "Resource",
)  # fmt: skip


def versions(_board: Board, _request: Request) -> Answer:
    """/redfish"""
    return Answer(body={"v1": f"{ROOT}/"})


def read(board: Board, _request: Request) -> Answer:
    """The service root."""
    body = resource(f"{ROOT}/", "ServiceRoot.v1_15_0.ServiceRoot", f"BMC of {board.host}")
    body |= {
        "Id": "RootService",
        "RedfishVersion": VERSION,
        "UUID": service_uuid(board),
        "Vendor": "Holdfast",
        "Product": "Holdfast hosts lab BMC",
        "ProtocolFeaturesSupported": {
            "ExcerptQuery": False,
            "FilterQuery": False,
            "OnlyMemberQuery": False,
            "SelectQuery": False,
            "ExpandQuery": {"ExpandAll": False, "Levels": False, "Links": False, "NoLinks": False},
        },
        "Links": {"Sessions": link(f"{ROOT}/SessionService/Sessions")},
    }
    return Answer(body=body | {name: link(f"{ROOT}/{path}") for name, path in _SERVICES.items()})


def service_uuid(board: Board) -> str:
    """The service's UUID: the same one as long as the lab lives."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"bmc-{board.state().serial}"))


def odata(_board: Board, _request: Request) -> Answer:
    """The OData service document."""
    entries = [{"name": "Service", "kind": "Singleton", "url": f"{ROOT}/"}]
    entries += [{"name": name, "kind": "Singleton", "url": f"{ROOT}/{path}"} for name, path in _SERVICES.items()]
    return Answer(body={"@odata.context": f"{ROOT}/$metadata", "value": entries})


def metadata(_board: Board, _request: Request) -> Answer:
    """The OData metadata document: where DMTF publishes the schemas of what is here."""
    references = "".join(
        f'<edmx:Reference Uri="{SCHEMAS}/{name}_v1.xml"><edmx:Include Namespace="{name}"/></edmx:Reference>'
        for name in _DESCRIBED
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">'
        f"{references}<edmx:DataServices>"
        '<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">'
        '<EntityContainer Name="Service" Extends="ServiceRoot.v1_15_0.ServiceContainer"/>'
        "</Schema></edmx:DataServices></edmx:Edmx>\n"
    )
    return Answer(body=text, kind="application/xml")


def registries(_board: Board, request: Request) -> Answer:
    """No registry of its own: messages are the Base registry's, which clients carry."""
    return collection(request.path, "MessageRegistryFile", [])


def schemas(_board: Board, request: Request) -> Answer:
    """No schema of its own: all resources are DMTF's."""
    return collection(request.path, "JsonSchemaFile", [])
