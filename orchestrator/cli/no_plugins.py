"""Plugins of other packages are not looked for while this program checks documents.

Pydantic asks every installed package whether it has a plugin for it; reading what they all say took a fifteenth of what
passed before the first step of a run. And nobody's plugin is to meddle with documents in an outage.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

LOADER = "pydantic.plugin._loader"
"""Pydantic's module that looks for them. Where another release has none of this name, it looks as ever."""


class _Nobody(ModuleType):
    """Stands where the loader would: there are no plugins. Asked for anything else, it makes way for the real one."""

    @staticmethod
    def get_plugins() -> tuple[()]:
        """None at all."""
        return ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(LOADER) is self:
            del sys.modules[LOADER]
        return getattr(importlib.import_module(LOADER), name)


def look_for_none() -> None:
    """To be called before anything is checked, by a process that is this program."""
    sys.modules.setdefault(LOADER, _Nobody(LOADER))
