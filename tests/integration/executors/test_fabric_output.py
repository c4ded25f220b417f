"""What a command printed as a step's output."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.executors.fabric_output import LARGEST_OBJECT, SHOWN, complaint, described, gather


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    (tmp_path / "out").write_bytes(b"")
    (tmp_path / "err").write_bytes(b"")
    return tmp_path


def test_the_objects_own_keys_win(printed: Path) -> None:
    (printed / "out").write_text('{"rc": "its own", "lag_s": 1}')
    output, problem = described(printed, 0, "auto")
    assert output["rc"] == "its own" and output["lag_s"] == 1 and output["stdout"].startswith("{")
    assert problem == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "printed nothing"),
        ("[1, 2]", "no object but list"),
        ('{"a": NaN}', "did not print JSON"),
        ("{", "did not print JSON"),
        ("[" * 100_000, "did not print JSON"),
        ('{"a": "' + "x" * LARGEST_OBJECT + '"}', "too much"),
    ],
)
def test_what_is_no_small_object_is_text_unless_json_was_demanded(printed: Path, text: str, says: str) -> None:
    (printed / "out").write_text(text)
    assert described(printed, 0, "auto") == ({"rc": 0, "stdout": text[:SHOWN]}, "")
    assert says in described(printed, 0, "json")[1]


def test_text_is_never_read_as_json(printed: Path) -> None:
    (printed / "out").write_text('{"a": 1}')
    assert described(printed, 0, "text") == ({"rc": 0, "stdout": '{"a": 1}'}, "")


def test_a_parser_reads_what_its_command_prints(printed: Path) -> None:
    (printed / "out").write_text("/dev/sda2 partition 1000 250 -2\n")
    output, problem = described(printed, 0, "swapon")
    assert problem == ""
    assert (output["used_percent"], output["rc"], output["stdout"][:9]) == (25.0, 0, "/dev/sda2")


@pytest.mark.parametrize(
    ("text", "says"), [("what?\n", "not read as swapon"), ("x" * LARGEST_OBJECT + "x", "too much")]
)
def test_what_a_parser_cannot_read_is_a_problem_and_still_shown(printed: Path, text: str, says: str) -> None:
    (printed / "out").write_text(text)
    output, problem = described(printed, 0, "swapon")
    assert says in problem and output == {"rc": 0, "stdout": text[:SHOWN]}


def test_bytes_that_are_no_text_do_no_harm(printed: Path) -> None:
    (printed / "out").write_bytes(b"\xff\xfe" * 4000)
    output, _ = described(printed, 1, "auto")
    assert len(output["stdout"]) == SHOWN


@pytest.mark.parametrize(
    ("rc", "says"), [(1, "exit code 1: last"), (127, "no such program"), (126, "not allowed"), (137, "signal 9")]
)
def test_a_failure_is_one_line(printed: Path, rc: int, says: str) -> None:
    (printed / "err").write_text("first\nlast\n\n")
    assert says in complaint(printed, rc) and "\n" not in complaint(printed, rc)


def test_all_hosts_outputs_come_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "out").write_text(f"{name} says\n")
    (tmp_path / "b" / "err").write_text("oops\n")
    gather(tmp_path / "out", [(name, tmp_path / name) for name in ("a", "b", "never")])
    expected = "=== a ===\na says\n=== b ===\nb says\n--- stderr ---\noops\n=== never ===\n"
    assert (tmp_path / "out").read_text() == expected


def test_where_no_host_has_printed_anything_there_is_nothing_to_keep(tmp_path: Path) -> None:
    for host in ("a", "b"):
        (tmp_path / host).mkdir()
    (tmp_path / "a" / "out").touch()
    gather(tmp_path / "out", [("a", tmp_path / "a"), ("b", tmp_path / "b"), ("c", tmp_path / "c")])
    assert (tmp_path / "out").read_bytes() == b""
