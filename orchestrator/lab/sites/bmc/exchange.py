"""One request and its answer, as the resources see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.lab.sites.bmc.messages import Denial

ROOT = "/redfish/v1"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the account's name, its role's privileges, and the session it came with (empty: Basic)."""

    name: str
    role: str
    privileges: frozenset[str]
    session: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose caller is known already. ``caller`` is None where nobody needs to log in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    caller: Caller | None = None

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Denial."""
        kind = self.headers.get("content-type", "application/json").split(";")[0].strip().lower()
        if kind != "application/json":
            raise Denial(415, "UnrecognizedRequestBody")
        try:
            body = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise Denial(400, "MalformedJSON") from error
        if not isinstance(body, dict):
            raise Denial(400, "UnrecognizedRequestBody")
        return body


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``body`` is JSON, or ready text of ``kind``."""

    status: int = 200
    body: Mapping[str, Any] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    revision: int = 0
    """Counts changes of the resource that its body does not show."""

    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None:
            return b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def etag(self) -> str:
        """The resource's entity tag: the same content has the same one."""
        return f'"{hashlib.sha256(self.content()).hexdigest()[:16]}{self.revision or ""}"'


def link(path: str) -> dict[str, str]:
    """A reference to another resource."""
    return {"@odata.id": path}


def resource(path: str, kind: str, name: str, **properties: Any) -> dict[str, Any]:
    """A resource's body: the four properties every one has, and its own. ``kind`` like ``Drive.v1_11_0.Drive``."""
    ident = path.rstrip("/").rsplit("/", 1)[-1]
    return {"@odata.id": path, "@odata.type": f"#{kind}", "Id": ident, "Name": name, **properties}


def collection(path: str, kind: str, members: list[str]) -> Answer:
    """A collection's answer; ``kind`` like ``Drive``."""
    return Answer(body={
        "@odata.id": path,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": f"{kind} collection",
        "Members@odata.count": len(members),
        "Members": [link(f"{path}/{member}") for member in members],
    })  # fmt: skip


def only_known(document: Mapping[str, Any], action: str, *known: str) -> None:
    """Raises Denial for a parameter that the action does not have."""
    for name in document:
        if name not in known and not name.startswith("@Redfish."):
            raise Denial(400, "ActionParameterUnknown", action, name)


def text_of(document: Mapping[str, Any], action: str, name: str) -> str:
    """A parameter that must be there and be text. Raises Denial."""
    value = document.get(name)
    if value is None:
        raise Denial(400, "ActionParameterMissing", action, name)
    if not isinstance(value, str):
        raise Denial(400, "ActionParameterValueTypeError", json.dumps(value), name, action)
    return value
