"""Connections over ssh, made by Fabric: host keys always checked, everything bounded, used again while alive."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ExecutorError, HostKeyRefused
from orchestrator.executors.fabric_library import load
from orchestrator.executors.fabric_login import Login, SshSettings, login_of
from orchestrator.executors.fabric_watch import Watch
from orchestrator.executors.probe_socket import connect
from orchestrator.model.inventory import Host
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from orchestrator.executors.fabric_resident import Shells

_SESSION = 5.0
"""Seconds for one channel on a connection that is open. A dead link is noticed by it and replaced."""

# Paramiko reports what it raises a second time, with a traceback, to a logger that nobody configured.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Unreachable(ExecutorError):
    """No connection: certainly nothing was begun over it."""


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: Any = None
    retired: list[Any] = field(default_factory=list)


class Connections:
    """One connection per host, used by many threads at once, opened again when it is dead."""

    def __init__(self, settings: SshSettings) -> None:
        self.settings = settings
        self._slots: dict[Login, _Slot] = {}
        self._logins: dict[str, tuple[Host, Login]] = {}
        self._guard = threading.Lock()
        self.watch = Watch()

    @cached_property
    def shells(self) -> Shells:
        """The shells that serve over these connections, and on this machine."""
        from orchestrator.executors.fabric_resident import Shells  # which itself needs connections

        return Shells(self)

    def login(self, host: Host) -> Login:
        """Where and as whom; read once for a host that is asked for again and again. Raises ExecutorError."""
        known = self._logins.get(host.name)
        if known is None or known[0] is not host:
            known = self._logins[host.name] = (host, login_of(host, self.settings))
        return known[1]

    def session(self, host: Host, within: float) -> Any:
        """A fresh channel (paramiko's) to ``host``. Raises Unreachable, HostKeyRefused or ExecutorError."""
        load()
        import paramiko

        login = self.login(host)
        deadline = time.monotonic() + within
        with self._guard:
            slot = self._slots.setdefault(login, _Slot())
        for final in (False, True):
            connection = self._connected(slot, host, login, deadline)
            try:
                with _watched(connection, self.settings.silence):
                    return connection.transport.open_session(timeout=min(_SESSION, max(0.5, _left(deadline))))
            except (paramiko.SSHException, OSError, EOFError) as error:
                if _refused(connection, error):
                    # The server allows no more sessions on this connection (MaxSessions): this one gets its own.
                    return self._alone(host, login, deadline)
                self._retire(slot, connection)
                if final or _left(deadline) <= 0:
                    raise Unreachable(f"{host.name} opens no session: {_text(error)}") from error
        raise AssertionError("unreachable")

    def leave(self) -> None:
        """Have the hosts take away what may go, without waiting: ``close``, which must follow, waits for it."""
        if "shells" in vars(self):
            self.shells.leave()

    def close(self) -> None:
        """Close them all."""
        if "shells" in vars(self):
            self.shells.close()
        with self._guard:
            slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            for connection in (slot.connection, *slot.retired):
                if connection is not None:
                    _close(connection)

    def _connected(self, slot: _Slot, host: Host, login: Login, deadline: float) -> Any:
        if not slot.lock.acquire(timeout=_left(deadline)):
            raise Unreachable(f"{host.name} was not connected in time")
        try:
            if slot.connection is None or not slot.connection.is_connected:
                if slot.connection is not None:
                    _close(slot.connection)
                slot.connection = None
                slot.connection = self._open(host, login, min(self.settings.connect, _left(deadline)))
            return slot.connection
        finally:
            slot.lock.release()

    def _retire(self, slot: _Slot, connection: Any) -> None:
        """Give nobody this connection any more. Not closed: others may still hear something over it."""
        with slot.lock:
            if slot.connection is connection:
                slot.connection = None
                slot.retired.append(connection)

    def _alone(self, host: Host, login: Login, deadline: float) -> Any:
        import paramiko

        connection = self._open(host, login, min(self.settings.connect, _left(deadline)))
        try:
            with _watched(connection, self.settings.silence):
                channel = connection.transport.open_session(timeout=_SESSION)
        except (paramiko.SSHException, OSError, EOFError) as error:
            _close(connection)
            raise Unreachable(f"{host.name} opens no session: {_text(error)}") from error
        close_channel = channel.close

        def close() -> None:
            close_channel()
            _close(connection)

        channel.close = close
        return channel

    def _open(self, host: Host, login: Login, within: float) -> Any:
        import paramiko

        connection = _made(login, self.settings, within)
        try:
            with _watched(connection, within):
                if not connection.gateway:
                    # Made here, so that looking up the name is bounded too.
                    connection.connect_kwargs["sock"] = connect(connection.host, connection.port, within)
                connection.open()
        except paramiko.BadHostKeyException as error:
            _close(connection)
            raise _changed_key(host, login, error) from error
        except HostKeyRefused:
            _close(connection)
            raise
        except paramiko.AuthenticationException as error:
            _close(connection)
            raise Unreachable(
                f"{host.name} does not let {connection.user} in: {_text(error)}",
                mend=f"try: ssh -p {connection.port} {connection.user}@{connection.host} true; "
                "ansible_user and ansible_ssh_private_key_file in the inventory say who and with which key",
            ) from error
        except (paramiko.SSHException, OSError, EOFError, ValueError) as error:
            _close(connection)
            raise Unreachable(
                f"{host.name} ({connection.host}:{connection.port}) is not reachable over ssh: {_text(error)}",
                mend="look whether the host is up and its address right; nothing was begun on it",
            ) from error
        transport = connection.transport
        if transport is None:
            raise Unreachable(f"{host.name} was not connected in time")
        transport.set_keepalive(5)
        return connection


def _refused(connection: Any, error: Exception) -> bool:
    """Whether the server said no, over a link that works.

    Not told by the error's class alone: paramiko keeps one last error per connection, and with many threads the one
    gets another's.
    """
    return bool(connection.is_connected) and "Timeout" not in str(error)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _close(connection: Any) -> None:
    # Also where it never got as far as being open: Fabric's own close() leaves such a socket behind.
    with contextlib.suppress(OSError, EOFError):
        connection.client.close()
    sock = connection.connect_kwargs.pop("sock", None)
    if sock is not None:
        sock.close()
    if connection.gateway and not isinstance(connection.gateway, str):
        _close(connection.gateway)


@contextlib.contextmanager
def _watched(connection: Any, within: float) -> Iterator[None]:
    """Whatever blocks inside is ended after ``within`` seconds by closing the connection: several of paramiko's calls
    know no deadline, and none of them ends on a silent link by itself."""
    timer = threading.Timer(max(within, 0.05), _close, args=(connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _made(login: Login, settings: SshSettings, within: float) -> Any:
    """A Fabric connection, not opened yet, that asks nobody and trusts only known host keys."""
    import fabric
    import paramiko

    ssh_config = paramiko.SSHConfig()
    if settings.config is not None:
        path = Path(settings.config).expanduser()
        if path.is_file():
            ssh_config = paramiko.SSHConfig.from_path(str(path))
    # Given explicitly, and lazy: Fabric's own configuration files can be Python code.
    config = fabric.Config(lazy=True, ssh_config=ssh_config)

    def kwargs() -> dict[str, Any]:
        known: dict[str, Any] = {"banner_timeout": within, "auth_timeout": within, "channel_timeout": within}
        if login.key_file:
            known |= {"key_filename": [login.key_file], "look_for_keys": False}
        if login.password:
            known["password"] = login.password
        return known

    gateway = None
    for hop in login.jump:
        gateway = fabric.Connection(hop, config=config, gateway=gateway or False, connect_kwargs=kwargs())
    connection = fabric.Connection(
        login.address,
        user=login.user,
        port=login.port,
        config=config,
        gateway=gateway,
        connect_timeout=max(1, int(within)),
        connect_kwargs=kwargs(),
    )
    link = connection
    while link and not isinstance(link, str):
        _trust(link, login)
        link.connect_timeout = max(1, int(within))
        link = link.gateway
    return connection


def _trust(connection: Any, login: Login) -> None:
    import paramiko

    class Refusing(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko is untyped here
        """RejectPolicy, with the fingerprint and the mend in what it says."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:  # noqa: ARG002  paramiko's signature
            raise HostKeyRefused(
                f"the host key of {hostname} is not known; it shows {key.get_name()} {key.fingerprint}",
                mend=_scan(connection.host, connection.port, login),
            )

    connection.client.set_missing_host_key_policy(Refusing())
    for name in login.known_hosts:
        if Path(name).is_file():
            connection.client.load_system_host_keys(name)


def _scan(address: str, port: int, login: Login) -> str:
    file = login.known_hosts[0] if login.known_hosts else "~/.ssh/known_hosts"
    return (
        f"run ssh-keyscan -p {port} {address} | tee new-key | ssh-keygen -lf -, compare the fingerprint with the one "
        f"read on the host's own console, and only then append new-key to {file}"
    )


def _changed_key(host: Host, login: Login, error: Any) -> HostKeyRefused:
    shown, known = error.key, error.expected_key
    port = login.port or 22
    name = login.address if port == 22 else f"[{login.address}]:{port}"
    return HostKeyRefused(
        f"the host key of {host.name} has changed: it shows {shown.get_name()} {shown.fingerprint}, known is "
        f"{known.get_name()} {known.fingerprint}. Somebody may be in between",
        mend=f"if the host was rebuilt: ssh-keygen -R '{name}' -f {login.known_hosts[0]}, then "
        f"{_scan(login.address, port, login)}",
    )
