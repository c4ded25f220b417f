"""Lines folded to a width: the same words for a terminal and for a file."""

from __future__ import annotations

from rich.cells import cell_len

from orchestrator.cli.hints import Hint
from orchestrator.cli.lines import Line, hint_lines, wrapped


def test_a_text_is_folded_between_words_and_cut_visibly() -> None:
    assert [line.plain for line in wrapped("one two three", 12, indent=1)] == [" one two", " three"]
    assert [line.plain for line in wrapped("aa " * 40, 12, indent=2)] == ["  aa aa aa", "  aa aa aa", "  aa aa aa …"]
    (long,) = wrapped("x" * 50, 20, indent=1)
    assert long.plain == " " + "x" * 18 + "…"


def test_a_chinese_character_takes_two_columns() -> None:
    (line,) = wrapped("恢" * 30, 21, indent=1)
    assert cell_len(line.plain) <= 21 and line.plain.endswith("…")


def test_a_line_is_drawn_with_the_words_it_has_plain() -> None:
    for line in (
        Line("failed", "bold red", head=" drill run x: "),
        Line("plain"),
        Line("a command", "bold", whole=True),
    ):
        assert line.drawn().plain == line.plain
    drawn = Line("failed", "bold red", head=" run: ").drawn()
    assert [(span.start, span.end, span.style) for span in drawn.spans] == [(6, 12, "bold red")]


def test_a_command_is_never_cut() -> None:
    command = "holdfast approve " + "x" * 100
    assert hint_lines([Hint("s1", "a decision is needed", (command,))], 60)[-1].plain == f"   {command}"
