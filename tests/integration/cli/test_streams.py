"""Output never gets in the way: no colour where nobody looks, any locale, readers that leave."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

import pytest
from desk_kit import COMMAND, Desk

COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7])(?:;[0-9;]*)?m")


def on_a_terminal(desk: Desk, *words: str, columns: int = 80, **env: str) -> tuple[int, str]:
    """Run on a terminal of our own; answers the exit code and everything that was drawn."""
    main, side = pty.openpty()
    process = desk.start(
        *words, env={"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "30", **env},
        stdin=side, stdout=side, stderr=side, text=False, encoding=None, start_new_session=True,
    )  # fmt: skip
    os.close(side)
    drawn = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([main], [], [], 0.1)[0]:
            try:
                data = os.read(main, 65536)
            except OSError:
                break
            if not data:
                break
            drawn += data
        elif process.poll() is not None:
            break
    os.close(main)
    return process.wait(10), drawn.decode()


def test_a_terminal_gets_the_live_view_and_at_the_end_the_whole_table(desk: Desk) -> None:
    code, drawn = on_a_terminal(
        desk, "run", "slow", "--mode", "drill", "--input", f"notes={desk.root / 'n'}", "--onset", "1m ago"
    )
    assert code == 0, drawn
    assert COLOUR.search(drawn)
    assert "► running" in drawn
    assert " left" in drawn
    assert "counted from onset" in drawn
    assert "RTO 5m00s: met." in drawn
    assert "its record:" in drawn
    assert "\x1b[?25h" in drawn


def test_no_color_is_respected(desk: Desk) -> None:
    code, drawn = on_a_terminal(desk, "run", "good", "--mode", "drill", NO_COLOR="1")
    assert code == 5
    assert not COLOUR.search(drawn)
    assert "✓ done" in drawn


def test_a_dumb_terminal_gets_plain_lines(desk: Desk) -> None:
    code, drawn = on_a_terminal(desk, "run", "good", "--mode", "drill", TERM="dumb")
    assert code == 5
    assert "\x1b" not in drawn


def test_a_live_run_asks_once_on_a_terminal(desk: Desk) -> None:
    main, side = pty.openpty()
    process = desk.start(
        "run", "good", "--mode", "live", stdin=side, stdout=side, stderr=side, text=False, encoding=None,
        env={"TERM": "xterm"}, start_new_session=True,
    )  # fmt: skip
    os.close(side)
    drawn = b""
    while b"Start it?" not in drawn:
        drawn += os.read(main, 4096)
    os.write(main, b"n\n")
    assert process.wait(30) == 0
    os.close(main)
    assert not desk.state.exists()


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1:strict"},
    ],
)
def test_any_locale_gets_utf_8(desk: Desk, env: dict[str, str]) -> None:
    text = (desk.root / "runbooks/good.yaml").read_text().replace("A scripted takeover", "备机接管")
    desk.write("runbooks/good.yaml", text)
    answer = desk("plan", "good", **env)
    assert answer.code == 0, answer.err
    assert "备机接管" in answer.out
    assert desk("run", "good", "--mode", "drill", **env).code == 5
    assert "备机接管" in desk("status", "last", **env).out


def test_a_run_goes_on_though_nobody_reads(desk: Desk) -> None:
    notes = desk.root / "notes"
    process = desk.start("run", "slow", "--mode", "drill", "--input", f"notes={notes}", "--onset", "now")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stream:
        errors = stream.read()
    assert process.wait(60) == 0, errors
    assert "Traceback" not in errors
    assert notes.read_text() == "begun\nended\n"
    assert desk("status").out.splitlines()[1].split()[-1] == "succeeded"


def test_other_commands_end_quietly_when_nobody_reads(desk: Desk) -> None:
    desk("run", "good", "--mode", "drill")
    read, write = os.pipe()
    os.close(read)
    process = desk.start("journal", "last", stdout=write)
    os.close(write)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 141
    assert errors == ""


def test_closed_streams_are_no_reason_to_fail(desk: Desk) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" >&- 2>&- <&-', str(COMMAND), "run", "good", "--mode", "drill"],
        env=desk.env(), cwd=desk.root, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 5
