"""AccountService: logins and their roles."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from orchestrator.lab.sites.bmc import passwords
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, resource
from orchestrator.lab.sites.bmc.messages import Denial, extended
from orchestrator.lab.sites.bmc.place import USER
from orchestrator.lab.sites.bmc.state import AccountRecord

ACCOUNTS = f"{ROOT}/AccountService/Accounts"
ROLES = {
    "Administrator": ("Login", "ConfigureManager", "ConfigureUsers", "ConfigureSelf", "ConfigureComponents"),
    "Operator": ("Login", "ConfigureComponents", "ConfigureSelf"),
    "ReadOnly": ("Login", "ConfigureSelf"),
}
"""Redfish's standard roles and their privileges."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_MOST = 16
_WRITABLE = ("Password", "RoleId", "Enabled")


def read(_board: Board, request: Request) -> Answer:
    """The service."""
    body = resource(request.path, "AccountService.v1_13_0.AccountService", "Accounts")
    body |= {
        "ServiceEnabled": True,
        "Status": {"State": "Enabled", "Health": "OK"},
        "MinPasswordLength": passwords.SHORTEST,
        "MaxPasswordLength": passwords.LONGEST,
        "Accounts": link(ACCOUNTS),
        "Roles": link(f"{request.path}/Roles"),
    }
    return Answer(body=body)


def roles(_board: Board, request: Request) -> Answer:
    """The standard roles."""
    return collection(request.path, "Role", list(ROLES))


def role(_board: Board, request: Request, name: str) -> Answer:
    """One role."""
    body = resource(request.path, "Role.v1_3_1.Role", f"Role {name}")
    return Answer(body=body | {"RoleId": name, "IsPredefined": True, "AssignedPrivileges": list(ROLES[name])})


def members(board: Board, request: Request) -> Answer:
    """All accounts."""
    return collection(request.path, "ManagerAccount", list(board.state().accounts))


def account(board: Board, request: Request, name: str) -> Answer:
    """One account; without ConfigureUsers only one's own."""
    caller = request.caller
    assert caller is not None
    if caller.name != name and "ConfigureUsers" not in caller.privileges:
        raise Denial(403, "InsufficientPrivilege")
    found = board.state().accounts.get(name)
    if found is None:
        raise Denial(404, "ResourceMissingAtURI", request.path)
    return _answer(name, found)


def create(board: Board, request: Request) -> Answer:
    """A new account: 201."""
    document = request.document()
    for key in ("UserName", "Password", "RoleId"):
        if key not in document:
            raise Denial(400, "PropertyMissing", key)
    for key in document:
        if key != "UserName" and key not in _WRITABLE:
            raise Denial(400, "PropertyUnknown", key)
    name = document["UserName"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Denial(400, "PropertyValueFormatError", str(name), "UserName")
    with board.store.change() as state:
        if name in state.accounts:
            raise Denial(400, "ResourceAlreadyExists", "ManagerAccount", "UserName", name)
        if len(state.accounts) >= _MOST:
            raise Denial(400, "CreateLimitReachedForResource")
        made = passwords.record_of(_password(document["Password"]), _role(document["RoleId"]))
        made.enabled = _enabled(document.get("Enabled", True))
        state.accounts[name] = made
    return replace(_answer(name, made), status=201, headers={"Location": f"{ACCOUNTS}/{name}"})


def patch(board: Board, request: Request, name: str) -> Answer:
    """Change an account; without ConfigureUsers only one's own password."""
    caller = request.caller
    assert caller is not None
    document = request.document()
    if not document:
        raise Denial(400, "EmptyJSON")
    if "ConfigureUsers" not in caller.privileges and (caller.name != name or set(document) - {"Password"}):
        raise Denial(403, "InsufficientPrivilege")
    if all(key.startswith("@odata.") for key in document):
        raise Denial(400, "NoOperation")
    with board.store.change() as state:
        # The look and the change under one lock: of two writers who saw the same account, the second is told so.
        if (changed := state.accounts.get(name)) is None:
            raise Denial(404, "ResourceMissingAtURI", request.path)
        shown = _body(name, changed)
        if request.headers.get("if-match", "*") not in ("*", _answer(name, changed).etag()):
            raise Denial(412, "GeneralError", resolution="The account was changed by somebody else: read it again.")
        strange = {key: "PropertyNotWritable" if key in shown else "PropertyUnknown" for key in document}
        strange = {key: message for key, message in strange.items() if key not in _WRITABLE}
        if len(strange) == len(document):
            key, message = next(iter(strange.items()))
            raise Denial(400, message, key)
        _change(changed, document)
    answer = _answer(name, changed)
    notes = [extended(message, key) for key, message in strange.items()]
    return replace(answer, body=_body(name, changed) | {"@Message.ExtendedInfo": notes}) if notes else answer


def delete(board: Board, request: Request, name: str) -> Answer:
    """Remove an account. The lab's own stays: the runbooks' last way to the switch."""
    with board.store.change() as state:
        if name not in state.accounts:
            raise Denial(404, "ResourceMissingAtURI", request.path)
        if name == USER:
            raise Denial(403, "ResourceCannotBeDeleted")
        del state.accounts[name]
    board.sessions.close_of(name)
    return Answer(204)


def _answer(name: str, one: AccountRecord) -> Answer:
    return Answer(body=_body(name, one), revision=one.revision)


def _change(one: AccountRecord, document: dict[str, Any]) -> None:
    if "RoleId" in document:
        one.role = _role(document["RoleId"])
    if "Enabled" in document:
        one.enabled = _enabled(document["Enabled"])
    if "Password" in document:
        fresh = passwords.record_of(_password(document["Password"]), one.role)
        one.salt, one.digest = fresh.salt, fresh.digest
    one.revision += 1


def _body(name: str, one: AccountRecord) -> dict[str, Any]:
    body = resource(f"{ACCOUNTS}/{name}", "ManagerAccount.v1_11_0.ManagerAccount", f"Account {name}")
    return body | {
        "UserName": name,
        "Password": None,
        "RoleId": one.role,
        "Enabled": one.enabled,
        "Locked": False,
        "AccountTypes": ["Redfish"],
        "Links": {"Role": link(f"{ROOT}/AccountService/Roles/{one.role}")},
    }


def _password(value: object) -> str:
    # The value is not shown: it may be somebody's password somewhere else.
    if not isinstance(value, str) or not passwords.SHORTEST <= len(value) <= passwords.LONGEST:
        raise Denial(400, "PropertyValueFormatError", "(not shown)", "Password")
    return value


def _role(value: object) -> str:
    if value not in ROLES or not isinstance(value, str):
        raise Denial(400, "PropertyValueNotInList", str(value), "RoleId")
    return value


def _enabled(value: object) -> bool:
    if not isinstance(value, bool):
        raise Denial(400, "PropertyValueTypeError", str(value), "Enabled")
    return value
