"""The practice lab from the command line."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_kit import Desk


@pytest.fixture
def place() -> Iterator[Path]:
    """Not below pytest's own directory, which the lab's account may not enter."""
    found = Path(tempfile.mkdtemp(prefix="holdfast-lab-"))
    found.chmod(0o755)
    try:
        yield found / "lab"
    finally:
        shutil.rmtree(found, ignore_errors=True)


def test_a_lab_comes_up_breaks_heals_is_reset_and_goes_down(desk: Desk, place: Path) -> None:
    lab = ["--lab", str(place)]
    try:
        up = desk("lab", "up", *lab)
        assert up.code == 0, up.err
        assert "ready, asynchronous" in up.out
        assert "primary-killed" in desk("lab", "break", *lab).out
        broken = desk("lab", "break", "replication-cut", *lab)
        assert broken.code == 0, broken.err
        assert "--onset" in broken.out
        assert json.loads(desk("lab", "status", "--json", *lab).out)["faults"].keys() == {"replication-cut"}
        assert "healed" in desk("lab", "heal", "replication-cut", *lab).out
        wrong = desk("lab", "break", "primary-kiled", *lab)
        assert wrong.code != 0
        assert "primary-killed" in wrong.err
        assert "synchronous" in desk("lab", "reset", "--synchronous", *lab).out
    finally:
        down = desk("lab", "down", "--remove", *lab)
    assert down.code == 0, down.err
    assert not place.exists()
    assert "nothing was running" in desk("lab", "down", *lab).out


def test_a_lab_that_is_not_there_is_told_with_the_mend(desk: Desk, place: Path) -> None:
    answer = desk("lab", "status", "--lab", str(place))
    assert answer.code == 1
    assert "holdfast lab up" in answer.err
