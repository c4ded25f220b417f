"""Fabric and what it stands on, imported once and without waste."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

_guard = threading.Lock()
_MOCK = "unittest.mock"


def load() -> None:
    """Import Fabric and paramiko. To be called before either is imported.

    Invoke, below both, imports ``unittest.mock`` for a class meant for tests of its users, and with it asyncio and ssl:
    a fifth of the whole import. It is shown an empty stand-in where nobody has imported the real one.
    """
    if "fabric" in sys.modules and "paramiko" in sys.modules:
        return
    with _guard:
        stand_in: ModuleType | None = None
        if _MOCK not in sys.modules:
            stand_in = ModuleType(_MOCK)
            stand_in.Mock = object  # type: ignore[attr-defined]  # what invoke takes from it
            sys.modules[_MOCK] = stand_in
        try:
            import fabric  # noqa: F401
            import paramiko  # noqa: F401
        finally:
            if stand_in is not None and sys.modules.get(_MOCK) is stand_in:
                del sys.modules[_MOCK]
