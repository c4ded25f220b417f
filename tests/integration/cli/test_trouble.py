"""A fault of our own: a short message, the traceback in a private file, and no secret in either."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.cli import place
from orchestrator.cli.main import main

SECRET = "correct-horse-battery"


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["holdfast", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("words", [("status",), ("record", "last")])
def test_an_unexpected_error_keeps_its_traceback_in_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise ValueError(f"could not log in with {SECRET}")

    monkeypatch.setattr(place, "app", broken)
    monkeypatch.setenv("HOLDFAST_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    assert call(monkeypatch, *words) == 1
    told = capsys.readouterr()
    (kept,) = (tmp_path / "state/tracebacks").iterdir()
    assert str(kept) in told.err
    assert "Traceback" not in told.err
    assert SECRET not in told.err
    text = kept.read_text()
    assert "could not log in with [redacted]" in text
    assert "Traceback" in text
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_where_nothing_can_be_kept_the_message_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise ValueError

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(place, "app", broken)
    monkeypatch.setenv("HOLDFAST_STATE", str(tmp_path / "file/state"))
    assert call(monkeypatch, "status") == 1
    assert "could not be kept" in capsys.readouterr().err
