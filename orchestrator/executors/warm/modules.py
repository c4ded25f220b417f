# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""Modules of ansible-core, packed for their hosts once for all plays.

Ansible packs a module with what it imports into one archive, and keeps that for the rest of the play. It is made of
ansible-core's own files alone, and so is the same for the next play; packing takes longer than many a task.
"""

from __future__ import annotations

import base64
import dataclasses
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.executor import module_common
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins import loader as loaders
from ansible.plugins.action import ActionBase

from orchestrator.executors.warm import compiled
from orchestrator.executors.warm.shelf import is_core

COMPILED = "holdfast_compiled_modules"
"""The variable of a host that takes modules together with what they are compiled to."""
_CACHE = "ansiballz_cache"


def keep_packed(store: Path) -> None:
    """Keep archives in the directory ``store``, from now on and in all forks."""
    codes = store / "compiled"
    codes.mkdir(mode=0o700, parents=True)
    build = module_common._find_module_utils
    configure = ActionBase._configure_module
    wanted: list[bool] = []

    def configured(action: ActionBase, *args: Any, task_vars: Mapping[str, Any], **more: Any) -> Any:
        # A worker has one task, and one connection at a time. On this machine nothing is gained: Python is told not to
        # buffer there, and reads a program letter by letter.
        over_there = action._connection.transport != "local"
        wanted[:] = [over_there and boolean(task_vars.get(COMPILED, False), strict=False)]
        return configure(action, *args, task_vars=task_vars, **more)

    def built(**given: Any) -> Any:
        path = given["module_path"]
        if not (is_core(path) and _only_core_is_packed()):
            return build(**given)
        cache = Path(constants.DEFAULT_LOCAL_TMP) / _CACHE
        name = module_common._get_ansible_module_fqn(path)
        pattern = f"{name}-*"
        _copy(pattern, store, cache)
        answer = build(**given)
        _copy(pattern, cache, store)
        plain = f"{name}-{given['module_compression']}-none"
        return _with_code(answer, cache / plain, codes / plain) if wanted == [True] else answer

    ActionBase._configure_module = configured
    module_common._find_module_utils = built


def _with_code(answer: Any, archive: Path, kept: Path) -> Any:
    """What was built, with what it is compiled to, for a host that can use it. ``kept`` is where that is kept."""
    interpreter = (answer.shebang or "").removeprefix("#!").partition(" ")[0]
    if not compiled.is_like_ours(interpreter):
        return answer
    try:
        code = kept.read_bytes() if kept.is_file() else _compiled(archive, kept)
    except OSError:
        return answer  # no room, or a coverage of its own is asked for: the host compiles it
    return dataclasses.replace(answer, b_module_data=compiled.beside(answer.b_module_data, code))


def _compiled(archive: Path, kept: Path) -> bytes:
    code = compiled.packed(base64.b64decode(module_common._CachedModule.load(str(archive)).zip_data))
    _put(kept, code)
    return code


def _only_core_is_packed() -> bool:
    """Whether no directory of the workspace has a say in what a module imports."""
    return all(is_core(path) for path in loaders.module_utils_loader._get_paths(subdirs=False) if Path(path).is_dir())


def _copy(pattern: str, source: Path, target: Path) -> None:
    """Copy what is not there yet, whole or not at all. What cannot be copied is packed again."""
    with suppress(OSError):
        for file in source.glob(pattern):
            unfinished = file.suffix in (".lock", ".new") or file.name.endswith("-part")
            if not unfinished and not (target / file.name).exists():
                target.mkdir(mode=0o700, exist_ok=True)
                _put(target / file.name, file.read_bytes())


def _put(file: Path, content: bytes) -> None:
    """Write it whole or not at all."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.rename(file)
