"""Reading from disk: size bound before reading, regular files only."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orchestrator.documents.files import read_file
from orchestrator.errors import DocumentError, Problem


def problem(path: Path) -> Problem:
    with pytest.raises(DocumentError) as caught:
        read_file(path)
    (found,) = caught.value.problems
    return found


def test_a_fifty_megabyte_file_is_refused_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    line = b"- {id: step, needs: [a, b, c], title: a title that is quite long}\n"
    with path.open("wb") as file:
        for _ in range(50):
            file.write(line * (1024 * 1024 // len(line) + 1))
    assert path.stat().st_size > 50_000_000
    began = time.perf_counter()
    found = problem(path)
    assert time.perf_counter() - began < 1
    assert (found.line, found.column) == (1, 1)
    assert "at most 1 MiB is read" in found.message and "split it" in found.mend


def test_an_endless_file_is_refused_within_a_second() -> None:
    began = time.perf_counter()
    assert "not a regular file" in problem(Path("/dev/zero")).message
    assert time.perf_counter() - began < 1


def test_a_named_pipe_nobody_writes_to_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in problem(tmp_path / "pipe.yaml").message


def test_a_directory_and_a_missing_file_are_refused_with_the_mend(tmp_path: Path) -> None:
    assert problem(tmp_path).mend
    found = problem(tmp_path / "none.yaml")
    assert "no such file" in found.message and found.mend


def test_an_alias_bomb_on_disk_is_refused_within_a_second(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    began = time.perf_counter()
    with pytest.raises(DocumentError) as caught:
        read_file(path)
    assert time.perf_counter() - began < 1
    first = caught.value.problems[0]
    assert (first.line, first.column) == (1, 5)
    assert "anchor &a0" in first.message


def test_problems_call_the_file_as_they_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: no\n")
    with pytest.raises(DocumentError, match=r"^runbooks/x\.yaml:1:4: "):
        read_file(path, "runbooks/x.yaml")
