# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""All that a play needs, imported ahead; and for which surroundings."""

from __future__ import annotations

import fnmatch
import gc
import hashlib
import importlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.executors.ansible_child import PRIVATE
from orchestrator.executors.ansible_surroundings import EMPTY_CONFIG, SSH_ARGS_TEMPLATE
from orchestrator.executors.warm import later
from orchestrator.executors.warm.memory import Pages

if TYPE_CHECKING:
    from orchestrator.executors.warm.shelf import Shelf

KNOWN = ("2.19.",)
"""Versions of ansible-core whose insides are known here. With any other, each step is begun fresh."""
_INTERPRETER = re.compile(r"#!(?:/bin/sh\n'''exec' [\"']?(?P<long>[^\"'\s]+)|(?P<short>\S+))")
"""In the first line of a program, or in the second where the path is too long for the first."""
_MODULES = (
    "ansible.cli.playbook",  # has to be the first of Ansible's
    "ansible.executor.module_common",
    "ansible.executor.playbook_executor",
    "ansible.executor.process.worker",
    "ansible.executor.task_executor",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
    "ansible.playbook.handler_task_include",
    "ansible.plugins.strategy",
    "ansible.utils._junit_xml",
    "ansible.utils.shlex",
    "ansible_runner",
    "multiprocessing.popen_fork",
    "multiprocessing.synchronize",
    "pexpect",
    "ptyprocess",
    "xml.dom.minidom",
)
_PLUGINS = {
    "callback": ("default", "junit", "minimal", "oneline", "tree"),
    "connection": ("ssh", "local", "paramiko_ssh", "_paramiko_ssh", "psrp", "winrm"),
    "shell": ("sh", "cmd", "powershell"),
    "become": ("su", "sudo", "runas"),
    "inventory": ("yaml", "ini"),
    "cache": ("memory",),
    "strategy": ("linear",),
    "vars": ("host_group_vars",),
    "action": ("normal", "command", "raw", "shell"),
}
"""What nearly every play loads; more is learnt."""


class Unknown(Exception):
    """This Ansible is not one that can be kept warm."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """For what the process was warmed up.

    ``env`` is the environment, with ``place`` wherever a play has its own private directory. ``program`` is the
    ansible-playbook whose place a fork takes, ``cwd`` where it has to work, if that matters. ``descriptors`` are open
    for Ansible's own sake. ``pages`` is what a play writes to. ``only_reads`` says that Ansible, by its settings, does
    nothing but read before a play begins.
    """

    place: str
    env: Mapping[str, str]
    program: str
    cwd: str | None
    config: bytes
    descriptors: frozenset[int]
    shelf: Shelf
    pages: Pages
    only_reads: bool

    def unfit(self, env: Mapping[str, str], directory: Path) -> str:
        """Why a play in ``directory`` with the environment ``env`` would not find what it should; empty: it would."""
        mine = self.general(env, str(directory / PRIVATE))
        theirs = {name: value for name, value in self.env.items() if name in mine or name not in _runners(self.place)}
        if odd := sorted(name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)):
            return f"it was warmed up for other values of {', '.join(odd)}"
        if _content(env) != self.config:
            return f"{env['ANSIBLE_CONFIG']} has changed since it was warmed up"
        return ""

    def general(self, env: Mapping[str, str], private: str) -> dict[str, str]:
        """``env`` with this process's own place for a play's private directory, which is below the PWD left out."""
        return {name: value.replace(private, self.place) for name, value in env.items() if name != "PWD"}


def everything(directory: Path) -> Warmed:
    """Import, and prepare for plays with this process's environment. Raises Unknown."""
    gc.disable()
    place = str(directory)
    program = Path(os.environ["PATH"].split(os.pathsep)[0]) / "ansible-playbook"
    sys.executable = _python_of(program)
    os.environ.update(_runners(place))
    (directory / EMPTY_CONFIG).touch(mode=0o600)
    config = _content(os.environ)
    from ansible.release import __version__

    if not __version__.startswith(KNOWN):
        raise Unknown(f"ansible-core {__version__} is not among those it knows ({', '.join(KNOWN)}x)")
    cwd = str(Path(os.environ["ANSIBLE_ROLES_PATH"]).parent)
    os.chdir(cwd)
    before = _open()
    later.put_off()
    for name in _MODULES:
        importlib.import_module(name)
    from orchestrator.executors.warm import modules, reading, refresh, waiting
    from orchestrator.executors.warm.shelf import Routes, Shelf

    routes = Routes()
    refresh.naming(place)
    modules.keep_packed(directory / "modules")
    waiting.wait_for_results()
    waiting.wait_for_workers()
    _know_words()
    _know_patterns()
    _know_template(SSH_ARGS_TEMPLATE)
    shelf = Shelf()
    shelf.install()
    for kind, names in _PLUGINS.items():
        shelf.add(kind, names)
    shelf.add_full_names("action", _PLUGINS["action"])
    shelf.add_options("callback", Path(_callbacks()) / "awx_display.py")
    routes.install()
    gc.freeze()  # it is not looked through for waste, of which it has none that is worth it
    gc.enable()
    return Warmed(
        place=place,
        env={name: value for name, value in os.environ.items() if name != "PWD"},
        program=str(program),
        cwd=cwd if b"CWD" in _read(os.environ) else None,
        config=config,
        descriptors=frozenset(_open() - before),
        shelf=shelf,
        pages=Pages(),
        only_reads=reading.settings_only_read(),
    )


def _python_of(program: Path) -> str:
    """The name of the Python that ``program`` is run by, which plays are told. Raises Unknown where it is another."""
    try:
        with program.open(encoding="utf-8", errors="replace") as file:
            found = _INTERPRETER.match(file.read(4096))
    except OSError as error:
        raise Unknown(f"there is no {program} to stand in for") from error
    name = (found.group("long") or found.group("short")) if found else ""
    if not name or not Path(name).exists() or not Path(name).samefile(sys.executable):
        raise Unknown(f"{program} runs with another Python than this one")
    return name


def _know_words() -> None:
    """The words that ansible-playbook takes are the same for every play."""
    from ansible.cli.playbook import PlaybookCLI

    first = PlaybookCLI(["ansible-playbook"])
    first.init_parser()

    def init_parser(later: PlaybookCLI) -> None:
        later.parser = first.parser

    PlaybookCLI.init_parser = init_parser


def _know_patterns() -> None:
    """Python remembers regular expressions that it has compiled: here those that nearly every play begins with."""
    import ansible

    for file in (Path(ansible.__file__).parent / "plugins/connection").glob("*.py"):
        re.compile(f"^ansible_{re.escape(file.stem)}_")  # by ansible.vars.clean, as the next one is
    re.compile("^ansible_.*_interpreter$")
    for pattern in ("*.py", "all", *(f"{name}.*" for name in _PLUGINS["action"])):
        fnmatch.fnmatchcase("", pattern)  # by ansible.plugins.loader and ansible.inventory.manager
    for pattern in ("(A)", "(-*A[A-]*)"):
        re.compile(pattern)  # by argparse, of an option and of the playbooks
    re.compile(r"/ansible_collections/(?P<ns>\w+)/(?P<coll>\w+)/plugins/(?P<plugin_type>\w+)/(?P<plugin_name>\w+)")


def _know_template(ours: str) -> None:
    """This template is in every play, and compiled anew for each task of each host."""
    from ansible._internal._templating._jinja_bits import AnsibleEnvironment

    compile_ = AnsibleEnvironment.compile
    code = compile_(AnsibleEnvironment(), ours)

    def compiled(self: AnsibleEnvironment, source: Any, *args: Any, **more: Any) -> Any:
        plain = type(self) is AnsibleEnvironment and not (self.overlayed or self._debuggable_template_source)
        return code if plain and source == ours and not (args or more) else compile_(self, source, *args, **more)

    AnsibleEnvironment.compile = compiled


def _runners(private: str) -> dict[str, str]:
    """What ansible-runner adds to the environment. Where it adds anything else, a play is begun fresh."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": _callbacks(),
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "AWX_ISOLATED_DATA_DIR": f"{private}/artifacts/run",
        "RUNNER_OMIT_EVENTS": "False",
        "RUNNER_ONLY_FAILED_EVENTS": "False",
    }


def _callbacks() -> str:
    from ansible_runner.utils import get_callback_dir

    return str(get_callback_dir())


def _content(env: Mapping[str, str]) -> bytes:
    """A digest of the configuration file; of nothing where there is none."""
    return hashlib.sha256(_read(env)).digest()


def _read(env: Mapping[str, str]) -> bytes:
    file = Path(env["ANSIBLE_CONFIG"])
    return file.read_bytes() if file.is_file() else b""


def _open() -> set[int]:
    return {int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.exists()}
