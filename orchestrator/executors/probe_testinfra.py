"""The testinfra probe: named attributes of a file, service, process and so on, read with pytest-testinfra's modules.

Only the attributes listed here are read: others run whatever they like. testinfra's commands go over the same
connections as Fabric's, with the same host keys and deadlines, instead of over its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.executors import fabric_output
from orchestrator.executors.contract import Control
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.probe_command import LARGEST, looking
from orchestrator.executors.probe_look import Sight, blind
from orchestrator.model.actions import TestinfraProbe
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job

_FILE = ("exists", "is_file", "is_directory", "is_symlink", "is_socket", "is_pipe", "is_executable", "linked_to")
_FILE_FACTS = ("user", "uid", "group", "gid", "mode", "size", "mtime", "md5sum", "sha256sum", "content_string")
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "file": frozenset((*_FILE, *_FILE_FACTS)),
    "service": frozenset(("exists", "is_running", "is_enabled", "is_valid", "is_masked")),
    "process": frozenset(("exists", "count", "pid", "ppid", "user", "comm", "args")),
    "package": frozenset(("is_installed", "version", "release")),
    "user": frozenset(("exists", "name", "uid", "gid", "group", "groups", "home", "shell")),
    "group": frozenset(("exists", "gid", "members")),
    "socket": frozenset(("is_listening",)),
    "mount_point": frozenset(("exists", "device", "filesystem", "options")),
    "sysctl": frozenset(("value",)),
    "command": frozenset(("exists",)),
}
"""What may be read, by module. ``process`` is found by its short name (comm), ``command`` is a program's name."""


class _NotSeen(ExecutorError):
    """A command of testinfra's did not get through."""


def look_testinfra(
    inventory: Inventory,
    connections: Connections,
    target: str,
    probe: TestinfraProbe,
    job: Job,
    control: Control,
) -> Sight:
    """Read the attributes; what does not exist is a sight, what cannot be asked is none."""
    allowed = ATTRIBUTES[probe.module]
    unknown = [name for name in probe.read if name not in allowed]
    if unknown:
        return blind(f"{probe.module} has no {', '.join(unknown)} to read", f"it has: {', '.join(sorted(allowed))}")
    try:
        host = _host(connections, inventory.one(target), job, control)
        output = {name: _plain(_read(host, probe.module, probe.name, name)) for name in probe.read}
    except ExecutorError as error:
        return blind(error.message, error.mend)
    except (RuntimeError, AssertionError, ValueError, NotImplementedError, OSError, KeyError) as error:
        return blind(f"{probe.module} {probe.name!r} could not be looked at: {str(error) or type(error).__name__}")
    return Sight(output, f"{output}\n".encode())


def _read(host: Any, module: str, name: str, attribute: str) -> Any:
    special: dict[str, Callable[[], Any]] = {
        "command": lambda: host.exists(name),
        "sysctl": lambda: host.sysctl(name),
        "process": lambda: _process(host, name, attribute),
    }
    if module in special:
        return special[module]()
    return getattr(getattr(host, module)(name), attribute)


def _process(host: Any, name: str, attribute: str) -> Any:
    found = host.process.filter(comm=name)
    if attribute in ("exists", "count"):
        return bool(found) if attribute == "exists" else len(found)
    return getattr(found[0], attribute) if found else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone().isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value[: fabric_output.SHOWN]
    return value if isinstance(value, bool | int | float | type(None)) else str(value)


def _host(connections: Connections, host: Host, job: Job, control: Control) -> Any:
    import testinfra.backend.base
    import testinfra.host

    class OverFabric(testinfra.backend.base.BaseBackend):  # type: ignore[misc]  # testinfra is untyped here
        """testinfra's commands, which it has quoted itself for a POSIX shell, in our own hands."""

        NAME = "holdfast"

        def run(self, command: str, *args: str, **_: Any) -> Any:
            line = self.get_command(command, *args)
            with looking(connections, host, job, ("sh", "-c", line), control) as (directory, end):
                if end.rc is None:
                    raise _NotSeen(end.error, mend=end.mend)
                # What nothing was written to need not be there.
                files = (directory / "out", directory / "err")
                parts = [file.read_bytes()[:LARGEST] if file.exists() else b"" for file in files]
            return self.result(end.rc, line.encode("utf-8", "surrogateescape"), *parts)

        def get_encoding(self) -> str:
            return "utf-8"

    backend = OverFabric(host.name)
    made = testinfra.host.Host(backend)
    backend.set_host(made)
    return made
