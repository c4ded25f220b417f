"""The textfile: whole or not at all, readable for the collector, and never in a recovery's way."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from example_runs import missed, success
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.metrics import families, publish, write_textfile
from orchestrator.records import build


def test_the_file_is_whole_and_readable_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.prom"
    assert publish(path, [build(success())], version="0.1.0") == ""
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["holdfast.prom"]
    names = {family.name for family in text_string_to_metric_families(path.read_text())}
    assert {"holdfast_info", "holdfast_run_recovery_time_seconds", "holdfast_step_duration_seconds"} <= names


def test_what_cannot_be_written_is_a_warning_and_no_more(tmp_path: Path) -> None:
    warning = publish(tmp_path / "missing" / "holdfast.prom", [build(success())])
    assert "metrics were not written" in warning and "missing" in warning


def test_whatever_is_wrong_it_does_not_raise(tmp_path: Path) -> None:
    assert "metrics were not written" in publish(tmp_path / "x.prom", [None])  # type: ignore[list-item]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "holdfast.prom"
    write_textfile(path, families([build(success())]))
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in publish(path, [build(missed())])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["holdfast.prom"]
