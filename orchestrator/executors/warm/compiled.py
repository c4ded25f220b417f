# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""Modules of ansible-core go to their hosts with what they are compiled to, where an operator wants it so.

A module comes as source, some fifty files of it, and is compiled anew for each task on each host: 0.1 s of the host's
processor, a third of a small task. What it is compiled to is known here. It is sent beside the sources, which go along
as always and are what counts: a Python that is not of exactly this kind compiles them as ever, tracebacks and
``__file__`` name the same files, and a source that is another than the one that was compiled is compiled.
"""

from __future__ import annotations

import base64
import marshal
import sys
import zipfile
import zipimport
import zlib
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from io import BytesIO
from pathlib import Path
from types import CodeType

import ansible

_PACKAGES = Path(ansible.__file__).parents[1]
_BEGINS = b"\nimport datetime\n"
"""The first line of the program that Ansible sends, which is no part of any traceback."""
_ON_THE_HOST = """
import importlib.util
import sys


def use():
    import _imp
    import base64
    import marshal
    import zipimport
    import zlib

    known = marshal.loads(zlib.decompress(base64.b64decode(packed)))
    compiles = zipimport._compile_source

    def compile_source(pathname, source):
        size, checksum, code = known.get(pathname.rpartition(".zip/")[2], (None, None, None))
        if size != len(source) or checksum != zlib.crc32(source):
            return compiles(pathname, source)
        _imp._fix_co_filename(code, pathname)
        return code

    zipimport._compile_source = compile_source


if importlib.util.MAGIC_NUMBER == magic and not sys.flags.optimize:
    try:
        use()
    except (ImportError, AttributeError, ValueError, EOFError, TypeError):
        pass  # a Python of its own kind: it compiles as ever
"""


def is_like_ours(interpreter: str) -> bool:
    """Whether the Python of this name is surely or most likely of the same version as the one that this process is.

    What is compiled more than doubles what is sent, which a host with another Python would get for nothing.
    """
    if not hasattr(zipimport, "_compile_source") or sys.implementation.name != "cpython":
        return False
    if Path(interpreter).name == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return True
    try:
        return Path(interpreter).samefile(sys.executable)
    except OSError:
        return False


def packed(archive: bytes) -> bytes:
    """What the sources in an AnsiballZ archive are compiled to, in the form that ``beside`` takes."""
    with zipfile.ZipFile(BytesIO(archive)) as sources:
        known = {name: _compiled(name, sources.read(name)) for name in sources.namelist() if name.endswith(".py")}
    return base64.b64encode(zlib.compress(marshal.dumps(known)))


def beside(program: bytes, code: bytes) -> bytes:
    """The program that Ansible sends to a host, with ``code`` (see ``packed``) for it to use. It keeps its lines."""
    before, first, after = program.partition(_BEGINS)
    use = b"exec(%a, {'magic': %a, 'packed': '%b'})" % (_ON_THE_HOST, MAGIC_NUMBER, code)
    return b"".join((before, first.rstrip(b"\n"), b"; ", use, b"\n", after)) if first else program


def _compiled(name: str, source: bytes) -> tuple[int, int, CodeType]:
    file = _PACKAGES / name
    if file.is_file() and file.read_bytes() == source:  # Python may have kept what it is compiled to
        code = SourceFileLoader(file.stem, str(file)).get_code(file.stem)
    else:
        code = compile(source, name, "exec", dont_inherit=True)
    assert code is not None
    return len(source), zlib.crc32(source), code
