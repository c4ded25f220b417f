# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""Packages that come in with others and that hardly any play uses: they are imported when somebody does."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

RARE = ("invoke",)
"""paramiko imports it for one word in an ssh configuration (``Match exec``). With it would come asyncio, unittest and
some hundred modules more: a tenth of all that is imported."""


class _Later(ModuleType):
    """In the place of a package that is there, until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        own = self.__name__
        if sys.modules.get(own) is self:
            del sys.modules[own]
        return getattr(importlib.import_module(own), name)


def put_off() -> None:
    """From now on and in all forks. A package that is not there, or was imported already, is left alone."""
    for name in RARE:
        if name not in sys.modules and (spec := importlib.util.find_spec(name)) is not None:
            sys.modules[name] = stand_in = _Later(name)
            # Whoever goes through all modules asks for these, and wants nothing of any.
            stand_in.__spec__, stand_in.__loader__, stand_in.__file__ = spec, spec.loader, spec.origin
