"""The wrapper under every POSIX shell this machine has: targets do not all have the same one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.executors import fabric_wrapper
from orchestrator.executors.fabric_wrapper import Command, Frames, Piece, Place, Result, Said

SHELLS = {
    name: [path, *more]
    for name, more in {
        "sh": (),
        "dash": (),
        "bash": ("--posix",),
        "ksh": (),
        "mksh": (),
        "zsh": ("--emulate", "sh"),
        "busybox": ("sh",),
    }.items()
    if (path := shutil.which(name))
}


def say(
    shell: list[str],
    mode: fabric_wrapper.Mode,
    command: Command,
    base: Path,
    answer: bytes = b"",
    *,
    home: Path | None = None,
) -> list[object]:
    """What it says about a job below ``base``; below the account's ``home`` where that is given."""
    place = Place("run", "job", None if home else str(base))
    payload = fabric_wrapper.payload(mode, command, place, nonce="mark", beat=0)
    _, *words = fabric_wrapper.shell_words(payload)
    env = {**os.environ, "HOME": str(home)} if home else None
    done = subprocess.run(
        [*shell, *words], input=payload + answer, capture_output=True, timeout=30, check=False, env=env
    )
    assert done.stderr == b""
    return list(Frames("mark").feed(done.stdout))


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
def test_it_starts_once_keeps_the_end_and_leaves_nothing(shell: list[str], tmp_path: Path) -> None:
    words = ["-n", "$(id)", "a'b", "two\nlines", "*", ""]
    script = 'printf "<%s>" "$@" "$E"; cat; echo bad >&2; exit 5'
    command = Command(["sh", "-c", script, "sh", *words], {"E": "x'y"}, "in\n\n")
    printed = "".join(f"<{word}>" for word in [*words, "x'y"]).encode() + b"in\n\n"
    expected = [Result(5, len(printed), 4), Piece("out", printed), Piece("err", b"bad\n"), Said("end")]
    assert say(shell, "start", command, tmp_path) == [Said("started"), *expected]
    assert say(shell, "start", command, tmp_path) == [Said("exists"), *expected]
    assert say(shell, "attach", command, tmp_path) == [Said("found"), *expected]
    assert say(shell, "stop", command, tmp_path, fabric_wrapper.TAKEN) == expected
    assert say(shell, "attach", command, tmp_path) == [Said("absent")]
    assert list(tmp_path.iterdir()) == [] if tmp_path.exists() else True


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
def test_half_a_payload_starts_nothing(shell: list[str], tmp_path: Path) -> None:
    command = Command(["touch", str(tmp_path / "hurt")], {}, "x" * 200)
    payload = fabric_wrapper.payload("start", command, Place("run", "job", str(tmp_path)), nonce="mark")
    _, *words = fabric_wrapper.shell_words(payload)
    for cut in (0, 10, len(payload) // 2, len(payload) - 100, len(payload) - 1):
        done = subprocess.run([*shell, *words], input=payload[:cut], capture_output=True, timeout=30, check=False)
        assert done.returncode == 97
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
def test_a_place_that_cannot_be_written_to_is_refused_before_anything(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (said,) = say(shell, "start", Command(["true"], {}), tmp_path / "file")
    assert isinstance(said, Said) and said.word == "refused" and said.rest


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
def test_a_command_that_could_still_begin_is_forestalled_by_attach(shell: list[str], tmp_path: Path) -> None:
    # The directory stands, but its keeper never got as far as starting the command.
    (tmp_path / "job").mkdir()
    assert say(shell, "attach", Command(["true"], {}), tmp_path) == [Said("found"), Said("absent")]
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
def test_in_the_accounts_home_too_it_starts_once_keeps_the_end_and_leaves_nothing(
    shell: list[str], tmp_path: Path
) -> None:
    command = Command(["sh", "-c", f"echo x >>{tmp_path}/done; echo out; echo bad >&2; exit 5"], {})
    expected = [Result(5, 4, 4), Piece("out", b"out\n"), Piece("err", b"bad\n"), Said("end")]
    home = tmp_path / "home"
    home.mkdir()
    assert say(shell, "attach", command, tmp_path, home=home) == [Said("absent")]
    assert say(shell, "start", command, tmp_path, home=home) == [Said("started"), *expected]
    assert say(shell, "start", command, tmp_path, home=home) == [Said("exists"), *expected]
    assert say(shell, "attach", command, tmp_path, home=home) == [Said("found"), *expected]
    jobs = home / ".holdfast/jobs"
    assert {oct(path.stat().st_mode & 0o777) for path in (jobs / "run").iterdir()} == {"0o600"}
    assert say(shell, "stop", command, tmp_path, fabric_wrapper.TAKEN, home=home) == expected
    assert list(jobs.iterdir()) == []
    assert (tmp_path / "done").read_text() == "x\n"


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS.keys())
def test_what_was_forestalled_begins_no_more_however_late_unless_it_is_begun_anew(
    shell: list[str], tmp_path: Path
) -> None:
    command = Command(["sh", "-c", f"echo x >>{tmp_path}/done"], {})
    run = tmp_path / ".holdfast/jobs/run"
    run.mkdir(parents=True)
    (run / "job.rc").write_text("   \n")  # as left by who was killed before there was a keeper
    assert say(shell, "stop", command, tmp_path, home=tmp_path) == [Said("absent")]
    # A keeper that comes later finds that go is taken.
    assert {path.name for path in run.iterdir()} == {"job.go"}
    assert say(shell, "attach", command, tmp_path, home=tmp_path) == [Said("absent")]
    ended = [Said("started"), Result(0, 0, 0), Said("end")]
    assert say(shell, "start", command, tmp_path, fabric_wrapper.TAKEN, home=tmp_path) == ended
    assert (tmp_path / "done").read_text() == "x\n"
    assert not run.exists()
