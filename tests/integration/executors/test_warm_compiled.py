"""What a module is compiled to goes with it, and is used only where it is what the source means there."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from orchestrator.executors.warm import compiled

_SOURCE = "def where():\n    return __file__, where.__code__.co_filename, 'as compiled'\n"
_NAME = "ansible/module_utils/of_this_test.py"
_PROGRAM = f"""#!/usr/bin/python

import zipimport

done = []
compiles = zipimport._compile_source


def count(pathname, source):
    done.append(pathname)
    return compiles(pathname, source)


zipimport._compile_source = count

import datetime

if __name__ == "__main__":
    import json
    import sys

    sys.path.insert(0, sys.argv[1])
    from ansible.module_utils import of_this_test
    print(json.dumps([*of_this_test.where(), [path for path in done if path.endswith({Path(_NAME).name!r})]]))
"""


def archive(source: str = _SOURCE) -> bytes:
    """An archive like those of AnsiballZ."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ansible/__init__.py", "")
        file.writestr("ansible/module_utils/__init__.py", "")
        file.writestr(_NAME, source)
    return whole.getvalue()


def on_the_host(program: bytes, sent: bytes, place: Path, *flags: str) -> tuple[Any, Any, Any, Any]:
    """What the module answers there: its file twice, which source it is of, and what had to be compiled."""
    file = place / "ansible_x_payload.zip"
    file.write_bytes(sent)
    words = [sys.executable, *flags, "-", str(file)]
    done = subprocess.run(words, input=program, capture_output=True, timeout=60, check=True)
    module, code, which, new = json.loads(done.stdout)
    assert module == code == str(file / _NAME)
    return module, code, which, new


def program() -> bytes:
    """What is sent, with what the archive of this test is compiled to."""
    return compiled.beside(_PROGRAM.encode(), compiled.packed(archive()))


def test_a_host_with_the_same_python_compiles_nothing_anew(tmp_path: Path) -> None:
    *_, which, new = on_the_host(program(), archive(), tmp_path)
    assert (which, new) == ("as compiled", [])
    *_, which, new = on_the_host(_PROGRAM.encode(), archive(), tmp_path)
    assert which == "as compiled"
    assert new, "without it, it is compiled there"


def test_the_source_is_what_counts(tmp_path: Path) -> None:
    *_, which, new = on_the_host(program(), archive(_SOURCE.replace("as compiled", "as changed!")), tmp_path)
    assert which == "as changed!"
    assert new


def test_another_kind_of_python_compiles_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_the_host(program(), archive(), tmp_path, "-O")[3]
    monkeypatch.setattr(compiled, "MAGIC_NUMBER", b"\0\0\r\n")
    assert on_the_host(program(), archive(), tmp_path)[3]


def test_it_is_sent_where_the_name_of_the_python_says_that_it_is_of_use(tmp_path: Path) -> None:
    major, minor = sys.version_info[:2]
    assert compiled.is_like_ours(sys.executable)
    assert compiled.is_like_ours(f"/nowhere/bin/python{major}.{minor}")
    assert not compiled.is_like_ours(f"/nowhere/bin/python{major}.{minor + 1}")
    assert not compiled.is_like_ours("/nowhere/bin/python3")
    assert not compiled.is_like_ours("")


def test_lines_keep_their_numbers() -> None:
    lines = program().splitlines()
    was = _PROGRAM.encode().splitlines()
    assert len(lines) == len(was)
    assert [new for new, old in zip(lines, was, strict=True) if new != old and not new.startswith(old + b"; ")] == []


def test_a_program_of_another_form_is_left_alone() -> None:
    assert compiled.beside(b"#!/bin/sh\necho\n", b"code") == b"#!/bin/sh\necho\n"
