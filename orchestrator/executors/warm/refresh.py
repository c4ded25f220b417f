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
import functools
import secrets
from typing import Any

from ansible import constants
from ansible.config import manager
from ansible.module_utils._internal._datatag import AnsibleTagHelper
from ansible.utils import vars as unique

_TMP = "DEFAULT_LOCAL_TMP"


def refresh(place: str, private: str) -> None:
    """Let the settings name ``private`` wherever they name ``place``, which was the parent's own."""
    atexit.unregister(manager.cleanup_tmp_file)  # what the parent would remove at its end
    if constants.config._config_file.startswith(place):
        ours = private + constants.config._config_file.removeprefix(place)
        constants.config._parsers[ours] = constants.config._parsers.pop(constants.config._config_file)
        constants.config._config_file = ours
    for name in naming(place):
        value = getattr(constants, name)
        if isinstance(value, list):
            value[:] = [_moved(item, place, private) for item in value]  # Ansible's plugin loaders hold the same list
        else:
            constants.set_constant(name, _moved(value, place, private))
    constants.set_constant(_TMP, constants.config.get_config_value(_TMP, variables=vars(constants)))  # makes it, too
    unique.random_int = secrets.token_hex(4)  # part of the names that a play gives to its tasks


@functools.cache  # by the parent, for all its forks
def naming(place: str) -> tuple[str, ...]:
    """The settings that name ``place``."""
    return tuple(
        name for name in constants.config.get_configuration_definitions() if place in str(vars(constants).get(name))
    )


def _moved(value: Any, place: str, private: str) -> Any:
    if not isinstance(value, str) or place not in value:
        return value
    return AnsibleTagHelper.tag_copy(value, str(value).replace(place, private))
