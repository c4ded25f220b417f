"""Fabric and what it stands on, imported once and without waste."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_guard = threading.Lock()


def load() -> None:
    """Import Fabric and paramiko. To be called before either is imported.

    A third of that import is for what nobody uses here, and waits on the way to a run's first step: invoke imports
    ``unittest.mock`` (and with it asyncio and ssl) for a class meant for tests of its users, and a YAML reader for
    configuration files that are not read here; paramiko imports ``importlib.metadata`` (and with it email and zipfile)
    to learn its own version. Each is shown a stand-in where nobody has imported the real one.
    """
    if "fabric" in sys.modules and "paramiko" in sys.modules:
        return
    with _guard, _in_place(_Mock("unittest.mock")), _in_place(_Yaml("invoke.vendor.yaml")), _in_place(_Metadata()):
        import fabric  # noqa: F401
        import paramiko  # noqa: F401


class _StandIn(ModuleType):
    """Stands where a module would. Asked for anything else, it makes way for the real one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return importlib.import_module(self.__name__)


class _Mock(_StandIn):
    Mock = object


class _Yaml(_StandIn):
    pass


class _Metadata(_StandIn):
    def __init__(self) -> None:
        super().__init__("importlib.metadata")

    def version(self, name: str) -> str:
        """As ``importlib.metadata`` answers it, told by the name of the directory that it would read."""
        spec = find_spec(name)
        beside = Path(spec.origin).parents[1] if spec is not None and spec.origin else None
        found = list(beside.glob(f"{name}-*.dist-info")) if beside is not None else []
        if len(found) == 1:
            return found[0].name.removesuffix(".dist-info").rpartition("-")[2]
        answer: str = self._real().version(name)
        return answer


@contextmanager
def _in_place(stand_in: ModuleType) -> Iterator[None]:
    name = stand_in.__name__
    if name in sys.modules:
        yield
        return
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
