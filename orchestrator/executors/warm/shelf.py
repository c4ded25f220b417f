# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""Plugins of ansible-core and what their documentation says of their options, loaded ahead and handed out when asked.

A play that is started fresh loads them one by one; most of its start goes into that. Here they are loaded once. They
are not left in ``sys.modules`` or in Ansible's own caches, where they would hide a workspace's plugin of the same name:
Ansible looks for each plugin as always, and only when it has settled on a file of ansible-core's own does it get what
lies here. Everything else it loads by itself.
"""

from __future__ import annotations

import ast
import json
import mmap
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible
from ansible import constants
from ansible.executor.task_executor import TaskExecutor
from ansible.plugins import get_plugin_class
from ansible.plugins import loader as loaders
from ansible.utils.collection_loader import _collection_finder

DONE = b"done"
"""The line that a play writes when it has ended."""
QUIET = b"quiet"
"""The line that a play writes when it is about to wait for a host."""
_CORE = Path(ansible.__file__).parent
_MODULE, _OPTIONS = "module", "options"

Load = Callable[..., ModuleType]


class Shelf:
    """What was loaded ahead."""

    def __init__(self) -> None:
        self._modules: dict[tuple[str, str], _Shelved] = {}
        self._options: dict[tuple[str, str, str], Any] = {}
        self._load: Load = loaders.PluginLoader._load_module_source
        self._define: Callable[..., None] = loaders.PluginLoader._load_config_defs
        self._teach: Callable[[bytes], None] | None = None
        self._quiet = mmap.mmap(-1, mmap.PAGESIZE)
        self.loads: Callable[[str, str], None] = lambda _class_name, _path: None
        """Told the class and the file of each plugin before it is loaded or handed out."""

    def begin(self, teach: Callable[[bytes], None]) -> None:
        """Be that of a play, which tells ``teach`` what was not here, and once that it waits for a host."""
        self._teach = teach
        self._quiet = mmap.mmap(-1, mmap.PAGESIZE)  # its workers see it too

    def install(self) -> None:
        """Stand between Ansible's loaders and the disk, in this process and its forks."""
        shelf = self

        def load(loader: Any, *, python_module_name: str, path: str) -> ModuleType:
            return shelf._module(loader, python_module_name, path)

        def define(loader: Any, name: str, module: ModuleType, path: str) -> None:
            shelf._defined(loader, name, module, path)

        begins = TaskExecutor._get_action_handler_with_module_context

        def handler(task: Any, *args: Any, **more: Any) -> Any:
            shelf._say_quiet()
            return begins(task, *args, **more)

        TaskExecutor._get_action_handler_with_module_context = handler
        loaders.PluginLoader._load_module_source = load
        loaders.PluginLoader._load_config_defs = define

    def learn(self, lines: bytes) -> bool:
        """Load what these lines name; answers whether there was anything new."""
        wanted = dict.fromkeys(line for line in lines.decode().splitlines() if line.encode() not in (DONE, QUIET))
        return sum(self._learn_one(*line.split("\t")) for line in wanted) > 0

    def add(self, kind: str, names: Iterable[str]) -> None:
        """Load plugins of ansible-core's own and their options."""
        loader = getattr(loaders, f"{kind}_loader")
        for name in names:
            path = str(_CORE / "plugins" / kind / f"{name}.py")
            self._learn_one(_MODULE, loader.class_name, f"ansible.plugins.{kind}.{name}", path)
            self._learn_one(_OPTIONS, loader.class_name, name, path)

    def add_full_names(self, kind: str, names: Iterable[str]) -> None:
        """The same plugins for those who call them ``ansible.builtin.NAME``: to Ansible that is another module."""
        loader = getattr(loaders, f"{kind}_loader")
        for name in names:
            full = f"ansible_collections.ansible.builtin.plugins.{kind}.{name}"
            self._learn_one(_MODULE, loader.class_name, full, str(_CORE / "plugins" / kind / f"{name}.py"))

    def add_options(self, kind: str, file: Path) -> None:
        """What the documentation in ``file`` says of its options. The plugin itself is loaded by each play."""
        loader = getattr(loaders, f"{kind}_loader")
        module = ModuleType(file.stem)
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
                module.DOCUMENTATION = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        key = (loader.class_name, file.stem, str(file))
        self._options[key] = self._options_of(loader, file.stem, module, str(file))

    # -- in a fork -------------------------------------------------------------------------------------------------

    def _module(self, loader: Any, name: str, path: str) -> ModuleType:
        self.loads(loader.class_name, path)
        if name not in sys.modules and is_core(path):
            if known := self._modules.get((name, path)):
                return known.take()
            self._missed(_MODULE, loader.class_name, name, path)
        return self._load(loader, python_module_name=name, path=path)

    def _defined(self, loader: Any, name: str, module: ModuleType, path: str) -> None:
        if loader.class_name and (is_core(path) or (loader.class_name, name, path) in self._options):
            kind = get_plugin_class(loader.class_name)
            if kind in constants.CONFIGURABLE_PLUGINS and not constants.config.has_configuration_definition(kind, name):
                key = (loader.class_name, name, path)
                if key in self._options and _fragments_are_core():
                    if (options := self._options[key]) is not None:
                        constants.config.initialize_plugin_configuration_definitions(kind, name, options)
                    return
                self._missed(_OPTIONS, *key)
        self._define(loader, name, module, path)

    def _say_quiet(self) -> None:
        if self._teach is not None and not self._quiet[0]:
            self._quiet[0] = 1
            self._teach(QUIET + b"\n")

    def _missed(self, *words: str) -> None:
        if self._teach is not None:
            self._teach("\t".join(words).encode() + b"\n")

    # -- in the process that is forked -----------------------------------------------------------------------------

    def _learn_one(self, what: str, class_name: str, name: str, path: str) -> bool:
        loader = next(each for each in vars(loaders).values() if getattr(each, "class_name", None) == class_name)
        if what == _MODULE:
            return self._shelve(loader, name, path)
        key = (class_name, name, path)
        if key in self._options:
            return False
        known = [shelved.module for (_, file), shelved in self._modules.items() if file == path]
        known += [module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == path]
        if known:
            self._options[key] = self._options_of(loader, name, known[0], path)
        return bool(known)

    def _shelve(self, loader: Any, name: str, path: str) -> bool:
        if (name, path) in self._modules or name in sys.modules:
            return False
        with _put_back() as beside:
            module = self._load(loader, python_module_name=name, path=path)
        self._modules[name, path] = _Shelved(module, dict(beside))
        return True

    def _options_of(self, loader: Any, name: str, module: ModuleType, path: str) -> Any:
        kind = get_plugin_class(loader.class_name)
        with _put_back():
            self._define(loader, name, module, path)
        return constants.config._plugins.get(kind, {}).pop(name, None)


@dataclass(frozen=True, slots=True)
class _Shelved:
    """A plugin, and all plugins that came in with it, itself included."""

    module: ModuleType
    brought: Mapping[str, ModuleType]

    def take(self) -> ModuleType:
        """Be there as if it had been loaded now."""
        for name, module in self.brought.items():
            if name not in sys.modules:
                sys.modules[name] = module
        return self.module


@contextmanager
def _put_back() -> Iterator[dict[str, ModuleType]]:
    """Plugins that come into ``sys.modules`` meanwhile leave it for the answer; Ansible's caches forget them."""
    before = set(sys.modules)
    brought: dict[str, ModuleType] = {}
    try:
        yield brought
    finally:
        for name in set(sys.modules) - before:
            package, _, own = name.rpartition(".")
            if package.startswith(("ansible.plugins.", "ansible_collections.")):
                brought[name] = sys.modules.pop(name)
                if hasattr(sys.modules.get(package), own):
                    delattr(sys.modules[package], own)
        fragments = loaders.fragment_loader
        fragments._module_cache.clear()
        fragments._plugin_path_cache.clear()
        fragments._searched_paths.clear()
        fragments._paths = None


def is_core(path: str) -> bool:
    """Whether it is a file of ansible-core's own."""
    return path.startswith(f"{_CORE}{os.sep}")


def _fragments_are_core() -> bool:
    """Whether no directory of the workspace can have a say in what a plugin's documentation holds."""
    return not any(Path(directory).is_dir() for directory in loaders.fragment_loader._extra_dirs)


class Routes:
    """Ansible's table of renamed plugins: 300 kB of YAML, and the same for every play.

    Reading it takes a tenth of what warming up takes: from the start on a process beside this one does it.
    """

    def __init__(self) -> None:
        self._read = _collection_finder._meta_yml_to_dict
        self._table = (_CORE / "config/ansible_builtin_runtime.yml").read_bytes()
        answer, tell = os.pipe()
        self._beside = os.fork()
        if self._beside == 0:
            os.close(answer)  # so that it ends with the process that it was forked from
            try:
                with os.fdopen(tell, "w") as file:
                    json.dump(self._known(), file)
            finally:
                os._exit(0)
        os.close(tell)
        self._answer = answer

    def install(self) -> None:
        """Have it read, in this process and its forks."""
        with os.fdopen(self._answer) as file:
            told = file.read()
        os.waitpid(self._beside, 0)
        read, table = self._read, self._table
        try:
            known = json.loads(told)
        except ValueError:  # it was killed
            known = self._known()

        def remembered(text: Any, content_id: Any) -> Any:
            return known if text == table else read(text, content_id)

        _collection_finder._meta_yml_to_dict = remembered

    def _known(self) -> Any:
        return self._read(self._table, ("ansible.builtin", "runtime.yml"))
