"""The papers as files, and of every beginning of a run."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from example_runs import EXAMPLES, hostile, success

from orchestrator.model.event import Event
from orchestrator.records import build, write_papers
from orchestrator.records.html import render
from orchestrator.records.junit import junit

NAMES = ["record.json", "record.en.html", "record.zh.html", "record.junit.xml"]


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_beginning_of_a_run_has_its_papers(make: Callable[[], list[Event]]) -> None:
    events = make()
    for count in range(1, len(events) + 1):
        record = build(events[:count], zone="Asia/Shanghai")
        assert render(record, "en").endswith("</html>")
        assert render(record, "zh").endswith("</html>")
        assert junit(record)


def test_all_papers_are_written_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "papers"
    paths = write_papers(build(success()), folder)
    assert [path.name for path in paths] == NAMES
    assert sorted(os.listdir(folder)) == sorted(NAMES)
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_writing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    record = build(hostile())
    first = [path.read_bytes() for path in write_papers(record, tmp_path)]
    assert [path.read_bytes() for path in write_papers(record, tmp_path)] == first


def test_a_full_disk_leaves_the_old_paper_whole_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_papers(build(success()[:5]), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_papers(build(success()), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
