"""Where an http probe goes, by what it trusts the other side, and how it logs in."""

from __future__ import annotations

import base64
import stat
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.errors import ExecutorError
from orchestrator.executors.probe_tcp import address_of
from orchestrator.model.actions import HttpProbe
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.redaction import Redactor
from orchestrator.plain import dataclass

_LARGEST = 4096
"""Bytes of a password file."""


@dataclass(frozen=True, slots=True)
class Way:
    """One request's way. ``authority`` is the file of the CA (None: this machine's own list)."""

    secure: bool
    address: str
    port: int
    path: str
    authority: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    password: str = field(default="", repr=False)

    def blotted(self, body: bytes) -> bytes:
        """An answer without the password, should the server have sent it back."""
        if not self.password:
            return body
        credentials = self.headers["Authorization"].partition(" ")[2]
        return Redactor([self.password, credentials]).data(body)


def way_of(inventory: Inventory, probe: HttpProbe) -> Way:
    """The probe's way. Raises ExecutorError where it leads nowhere, or would show a password to strangers."""
    host = inventory.one(probe.target) if probe.target is not None else None
    secure, address, port, path = _from_host(host, probe) if host is not None else _from_url(probe)
    authority = _variable(host, probe.tls_ca) if probe.tls_ca is not None else None
    if authority is not None and not Path(authority).is_file():
        raise ExecutorError(f"there is no file {authority} with a certificate authority", mend="look at tls_ca")
    if probe.user is None:
        return Way(secure, address, port, path, authority)
    if not secure:
        raise ExecutorError("a password is sent by https only", mend="add tls: true, or write the url with https")
    password = probe.password if probe.password is not None else _read(_variable(host, probe.password_file or ""))
    login = base64.b64encode(f"{_variable(host, probe.user)}:{password}".encode()).decode()
    return Way(secure, address, port, path, authority, {"Authorization": f"Basic {login}"}, password)


def _from_host(host: Host, probe: HttpProbe) -> tuple[bool, str, int, str]:
    address = address_of(host) if probe.address is None else _variable(host, probe.address)
    path = probe.path if probe.path.startswith("/") else _variable(host, probe.path)
    if not path.startswith("/") or any(ord(letter) <= 32 for letter in path):
        raise ExecutorError(
            f"{path!r} is not a path (host {host.name})", mend="begin it with /, or name a host variable"
        )
    return probe.tls, address, host.port(probe.port or 80), path


def _from_url(probe: HttpProbe) -> tuple[bool, str, int, str]:
    assert probe.url is not None
    try:
        parts = urlsplit(probe.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ExecutorError(f"{probe.url!r} is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ExecutorError(f"{probe.url!r} is not an http or https URL", mend="write it like https://host:8443/health")
    if parts.username is not None or parts.password is not None:
        raise ExecutorError(
            "a URL with a user or password in it is not taken", mend="give user, and password as a secret input"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme == "https", parts.hostname, port, path


def _variable(host: Host | None, name: str) -> str:
    """The host's variable of this name; where it has none, the word itself."""
    return str(host.vars.get(name, name)) if host is not None else name


def _read(file: str) -> str:
    try:
        about = Path(file).stat()
        if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ExecutorError(f"others may read the password file {file}", mend=f"chmod 600 {file}")
        if about.st_size > _LARGEST:
            raise ExecutorError(f"the password file {file} is larger than {_LARGEST} bytes")
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError) as error:
        raise ExecutorError(f"the password file cannot be read: {error}", mend="look at password_file") from error
