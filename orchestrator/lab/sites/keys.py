"""Keys of a lab: the operator's key, one host key for each host, and the pinned list of them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.topology import HOSTS

OPERATOR = "operator"


def operator_key(directory: Path) -> Path:
    """The private key that logs in everywhere as ``ops`` and ``root``; made where it is missing."""
    return _key(directory / OPERATOR, "holdfast lab operator")


def host_key(directory: Path, name: str) -> Path:
    """The host's private key; made where it is missing."""
    return _key(directory / f"host-{name}", name)


def public(private: Path) -> str:
    """The public half, one line."""
    return private.with_name(f"{private.name}.pub").read_text()


def pin(directory: Path, known_hosts: Path) -> None:
    """Write the list of host keys, by name and by address."""
    lines = []
    for name, plan in HOSTS.items():
        kind, key, *_ = public(host_key(directory, name)).split()
        lines.append(f"{name},{plan.address} {kind} {key}\n")
    fresh = known_hosts.with_name(f"{known_hosts.name}.new")
    fresh.write_text("".join(lines))
    fresh.chmod(0o600)
    fresh.replace(known_hosts)


def _key(private: Path, comment: str) -> Path:
    if not private.with_name(f"{private.name}.pub").exists():
        private.unlink(missing_ok=True)
        call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private)])
    return private
