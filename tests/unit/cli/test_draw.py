"""What is drawn fits, whatever the terminal; and what needs a person is never cut away."""

from __future__ import annotations

import pytest
from cli_kit import PLAN, row
from rich.cells import cell_len

from orchestrator.cli.board import NEEDS_EYES, Outage, Row, Spent
from orchestrator.cli.draw import header, hint_lines, id_width, step_lines, windowed, wrapped
from orchestrator.cli.hints import Hint
from orchestrator.cli.marks import MARKS, bar
from orchestrator.model.transition import StepStatus

WIDTHS = (60, 80, 100, 200)


@pytest.mark.parametrize("status", StepStatus)
def test_every_status_has_a_word_and_a_symbol_one_cell_wide(status: StepStatus) -> None:
    mark = MARKS[status]
    assert mark.word
    assert cell_len(mark.symbol) == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("status", StepStatus)
def test_a_step_is_never_wider_than_the_terminal(width: int, status: StepStatus) -> None:
    rows = [
        row("a-step-with-quite-a-long-name/inside-another-one", status, note="主机接管" * 60, urgent=True),
        row("short", status, note="x" * 300),
    ]
    for one in rows:
        for line in step_lines(one, width, id_width(rows, width)):
            assert cell_len(line.plain) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_the_header_fits(width: int) -> None:
    spent = Spent(3700.0, 60.0, 500.0, counted=3000.0, counted_limit=7200.0, counted_for="restore", left_out=90.0)
    for outage in (
        Outage("onset", 12.0, 300.0, restored=False),
        Outage("onset", 400.0, 300.0, restored=True),
        Outage("the start of the run", 12.0, None, restored=False),
        Outage("", 0.0, 300.0, restored=False),
    ):
        for line in header(PLAN, outage, spent, ["a breach " * 40], width):
            assert cell_len(line.plain) <= width


def test_the_countdown_says_what_it_counts_from() -> None:
    def told(outage: Outage) -> str:
        return "\n".join(line.plain for line in header(PLAN, outage, Spent(), (), 120))

    assert "RTO 5m00s: 4m48s left  counted from onset" in told(Outage("onset", 12.0, 300.0, restored=False))
    started = told(Outage("the start of the run", 12.0, 300.0, restored=False))
    assert "counted from the start of the run (nobody said when the fault began)" in started
    assert "RTO 5m00s MISSED by 10s" in told(Outage("onset", 310.0, 300.0, restored=False))
    assert "restored after 12s" in told(Outage("onset", 12.0, 300.0, restored=True))
    assert "still to come" in told(Outage("", 0.0, 300.0, restored=False))


def test_an_overrun_shows_in_the_bar_and_in_the_time() -> None:
    (line,) = step_lines(row("fence", StepStatus.RUNNING, seconds=75.0, budget=60.0, note="OVER BUDGET"), 80, 10)
    assert "1m15s / 1m00s" in line.plain
    assert ">]" in line.plain
    assert "OVER BUDGET" in line.plain


def test_bars_are_exactly_as_wide_as_asked() -> None:
    assert [len(bar(share, 12)) for share in (-1.0, 0.0, 0.5, 1.0, 7.0)] == [12] * 5
    assert bar(0.5, 12) == "[#####.....]"
    assert bar(0.5, 2) == ""


def test_a_command_is_never_cut() -> None:
    command = "holdfast approve 20261122-184811-716ca5 " + "a-long-step-name/" * 6
    lines = hint_lines([Hint("go", "asks: May we?", (command,))], 60)
    assert command in lines[-1].plain
    assert not lines[-1].no_wrap


def test_all_steps_are_shown_where_there_is_room() -> None:
    rows = [row(f"s{number}", StepStatus.SUCCEEDED) for number in range(8)]
    assert len(windowed(rows, 80, 8)) == 8


def test_where_there_is_no_room_those_at_work_stay_and_the_rest_is_counted() -> None:
    rows = [row(f"s{number}", StepStatus.SUCCEEDED) for number in range(40)]
    rows += [row("at-work", StepStatus.RUNNING), row("broken", StepStatus.FAILED, note="why", urgent=True)]
    rows += [row(f"p{number}", StepStatus.PENDING) for number in range(40)]
    lines = windowed(rows, 80, 10)
    text = "\n".join(line.plain for line in lines)
    assert len(lines) <= 10
    assert "at-work" in text
    assert "broken" in text
    assert "why" in text
    assert "done" in lines[-1].plain
    assert "not done yet" in lines[-1].plain


def test_the_steps_that_are_shown_stay_in_their_order() -> None:
    rows = [row(f"s{number:02}", StepStatus.PENDING) for number in range(60)]
    shown = [line.plain.split()[2] for line in windowed(rows, 80, 12)[:-1]]
    assert shown == sorted(shown)


def test_what_needs_eyes_is_all_that_works_waits_or_is_stuck() -> None:
    quiet = {StepStatus.PENDING, StepStatus.READY, StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.UNDONE}
    assert set(StepStatus) - quiet == NEEDS_EYES


def test_a_long_text_is_cut_visibly() -> None:
    lines = wrapped("word " * 200, 40, indent=4, most=3)
    assert len(lines) == 3
    assert lines[-1].plain.rstrip().endswith(("...", "…"))


def test_a_row_is_frozen() -> None:
    assert isinstance(row("x", StepStatus.READY), Row)
