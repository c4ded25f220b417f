"""``holdfast demo``, as somebody sees it who has just installed the program."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_kit import COMMAND, wait_until

from orchestrator.lab.lab import Lab, take_down


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of its own, not below pytest's, which the lab's account may not enter."""
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as name:
        path = Path(name)
        path.chmod(0o755)
        try:
            yield path
        finally:
            take_down(path / "holdfast-demo/lab", remove=True)


def start(place: Path, *words: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    env |= {"HOME": str(place / "home"), "HOLDFAST_BREAK_GLASS": str(place / "break-glass")}
    return subprocess.Popen(
        [str(COMMAND), "demo", *words], cwd=place, env=env, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def holdfast(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(COMMAND), *words], cwd=place, capture_output=True, text=True, check=False, timeout=180)


def processes_in(place: Path) -> list[str]:
    """Command lines of living processes that name the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(place) in line:
                found.append(line)
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("words", [(), ("--synchronous",)], ids=["asynchronous", "synchronous"])
def test_the_demo_holds_everything_it_says(place: Path, words: tuple[str, ...]) -> None:
    process = start(place, *words)
    out, _ = process.communicate(timeout=800)
    assert process.returncode == 0, out
    assert "Traceback" not in out
    assert "The lab is down" in out
    wait_until("nothing of it runs", lambda: not processes_in(place), seconds=60)
    demo = place / "holdfast-demo"
    for name in ("takeover", "restore"):
        assert holdfast(place, "verify", f"holdfast-demo/{name}").returncode == 0
        record = json.loads((demo / name / "record.json").read_text())
        assert record["measurement"]["rto"]["verdict"] == "met"
        assert record["measurement"]["rpo"]["verdict"] == "met"
        assert (demo / name / "record.zh.html").exists()
    forged = holdfast(place, "verify", "holdfast-demo/forged")
    assert forged.returncode == 9
    assert re.search(r"record \d+ was changed", forged.stderr)
    outage = re.search(r"outage ([\d.]+)s; the customer outside saw ([\d.]+)s", out)
    assert outage is not None
    assert abs(float(outage[1]) - float(outage[2])) < 1.0
    assert re.search(r"lost \d+ of \d+ orders", out)
    if words:
        assert re.search(r"lost 0 of \d+ markers.*lost 0 of \d+ orders", out)
    listed = holdfast(place, "--state", "holdfast-demo/state", "status")
    assert listed.stdout.count("succeeded") == 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_leaves_nothing_running(place: Path, number: signal.Signals, code: int) -> None:
    process = start(place)
    wait_until("the primary is dead", lambda: _is_broken(place), seconds=300)
    process.send_signal(number)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == code, out
    assert "The lab is down" in out
    wait_until("nothing of it runs", lambda: not processes_in(place), seconds=60)


@pytest.mark.timeout(600)
def test_a_demo_interrupted_while_the_lab_comes_up_leaves_nothing_either(place: Path) -> None:
    process = start(place)
    wait_until("the lab is being made", lambda: (place / "holdfast-demo/lab/lab.json").exists(), seconds=180)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 130, out
    wait_until("nothing of it runs", lambda: not processes_in(place), seconds=60)


def _is_broken(place: Path) -> bool:
    lab = place / "holdfast-demo/lab"
    if not (lab / "lab.json").exists():
        return False
    return any(effect.what.startswith("break:") for effect in Lab.open(lab).effects())


def test_a_directory_with_other_things_in_it_is_left_alone(place: Path) -> None:
    (place / "holdfast-demo").mkdir()
    (place / "holdfast-demo/mine.txt").write_text("mine")
    process = start(place)
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 2
    assert "--out" in out
    assert [path.name for path in (place / "holdfast-demo").iterdir()] == ["mine.txt"]
