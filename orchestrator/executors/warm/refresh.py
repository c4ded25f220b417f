# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""Ansible's settings anew in a fork: those that name the private directory, which is another for each play."""

from __future__ import annotations

import atexit
import secrets
from typing import Any

from ansible import constants
from ansible.config import manager
from ansible.utils import vars as unique


def refresh(place: str, private: str) -> None:
    """Take the settings from the environment again wherever they name ``place``, which was the parent's own."""
    atexit.unregister(manager.cleanup_tmp_file)  # what the parent would remove at its end
    if constants.config._config_file.startswith(place):
        ours = private + constants.config._config_file.removeprefix(place)
        constants.config._parsers[ours] = constants.config._parsers.pop(constants.config._config_file)
        constants.config._config_file = ours
    for name in constants.config.get_configuration_definitions():
        if place in str(vars(constants).get(name)):
            _renew(name)
    unique.random_int = secrets.token_hex(4)  # part of the names that a play gives to its tasks


def _renew(name: str) -> None:
    value: Any = constants.config.get_config_value(name, variables=vars(constants))
    known = getattr(constants, name)
    if isinstance(known, list):
        known[:] = value  # Ansible's plugin loaders hold the same list
    else:
        constants.set_constant(name, value)
