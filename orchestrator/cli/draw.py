"""Drawing a run on a terminal, any width from 60 columns up. Lines in, lines out: never wider, never too many."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from orchestrator.cli.board import NEEDS_EYES, Outage, Row, Spent
from orchestrator.cli.hints import Hint
from orchestrator.cli.lines import hint_lines as hint_words
from orchestrator.cli.lines import wrapped as folded
from orchestrator.cli.marks import WIDEST, bar
from orchestrator.model.duration import format_duration
from orchestrator.model.plan import Plan
from orchestrator.model.transition import GOOD, StepStatus

BAR = 12
TIMES = 15


def fit(line: Text, width: int) -> Text:
    """The line, cut to ``width`` cells."""
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line


def wrapped(text: str, width: int, *, indent: int, style: str = "", most: int = 3) -> list[Text]:
    """See ``lines.wrapped``."""
    return [fit(line.drawn(), width) for line in folded(text, width, indent=indent, style=style, most=most)]


def header(plan: Plan, outage: Outage | None, spent: Spent, breaches: Sequence[str], width: int) -> list[Text]:
    """What runs, the clock against the RTO, where the time goes, and promises broken."""
    first = Text()
    first.append(f" {plan.mode} ", style="bold white on red" if plan.mode == "live" else "bold black on cyan")
    first.append(f" {plan.title.en}", style="bold")
    first.append(f"  {plan.runbook}", style="dim")
    second = Text(f" run {plan.run_id}", style="dim")
    if plan.site:
        second.append(f"   site {plan.site}")
    if plan.system:
        second.append(f"   system {plan.system}")
    lines = [fit(first, width), fit(second, width)]
    if outage is not None and plan.mode in ("live", "drill"):
        lines.append(fit(_clock(plan, outage, width), width))
    lines.append(fit(_spent(spent), width))
    for breach in breaches:
        lines.extend(wrapped(f"BREACH: {breach}", width, indent=1, style="bold red", most=2))
    return lines


def _clock(plan: Plan, outage: Outage, width: int) -> Text:
    text = Text(" ")
    limit = outage.limit
    told = "restored" if outage.restored else "outage so far" if outage.since == "onset" else "elapsed"
    if not outage.since:
        target = f"RTO {format_duration(limit)}: " if limit is not None else ""
        text.append(f"{target}counts from the fault, which is still to come", style="dim")
        return text
    if limit is None:
        text.append(f"{told} {format_duration(outage.seconds)} from {outage.since}; no RTO is set")
        return text
    left = limit - outage.seconds
    late = left < 0
    style = "bold red" if late else "bold green" if outage.restored else "bold yellow" if left < limit / 4 else "bold"
    if late:
        text.append(f"RTO {format_duration(limit)} MISSED by {format_duration(-left)}", style=style)
    elif outage.restored:
        text.append(f"RTO {format_duration(limit)}: restored after {format_duration(outage.seconds)}", style=style)
    else:
        text.append(f"RTO {format_duration(limit)}: {_counting(left)} left", style=style)
    basis = f"counted from {outage.since}"
    if outage.since != "onset" and plan.purpose == "recovery":
        basis += " (nobody said when the fault began)"
    text.append(f"  {basis}", style="dim")
    if width >= 100 and not outage.restored:
        text.append("  " + bar(outage.seconds / limit, 24), style=style)
    return text


def _counting(seconds: float) -> str:
    # Fractions that change five times a second cannot be read.
    return format_duration(float(max(int(seconds), 0)))


def _spent(spent: Spent) -> Text:
    text = Text(" time: ", style="dim")
    for name, value in (("machine", spent.machine), ("people", spent.people), ("decision", spent.decision)):
        text.append(f"{name} ", style="dim")
        text.append(f"{_counting(value)}   ", style="bold" if value >= 1 else "")
    if spent.counted is not None:
        limit = f" of {format_duration(spent.counted_limit)} to {spent.counted_for}" if spent.counted_limit else ""
        text.append(f"contract clock {_counting(spent.counted)}{limit}", style="dim")
        if spent.left_out >= 1:
            text.append(f" ({_counting(spent.left_out)} waiting for the customer left out)", style="dim")
    return text


def step_lines(row: Row, width: int, id_width: int, *, live: bool = True) -> list[Text]:
    """One step: a line, and where its note matters, the note below it."""
    mark = row.mark
    line = Text(" ")
    line.append(f"{mark.symbol} {mark.word}".ljust(WIDEST + 1), style=mark.style)
    line.append(_cut(row.step, id_width).ljust(id_width + 1), style="bold" if row.status in NEEDS_EYES else mark.style)
    line.append(_times(row).rjust(TIMES), style=_time_style(row))
    if live:
        share = row.seconds / row.budget if row.seconds is not None and row.budget else None
        running = share is not None and row.status in NEEDS_EYES
        line.append(" " + (bar(share or 0.0, BAR) if running else " " * BAR), style=_time_style(row))
    if row.attempt > 1:
        line.append(f"  attempt {row.attempt}", style="yellow")
    if row.note and not row.urgent:
        line.append(f"  {row.note}", style="bold red" if row.note == "OVER BUDGET" else "dim")
    title_at = 110
    if width >= title_at and row.title:
        line.truncate(title_at - 20, overflow="ellipsis", pad=True)
        line.append("  " + row.title, style="dim")
    lines = [fit(line, width)]
    if row.note and row.urgent:
        lines.extend(wrapped(row.note, width, indent=4, style="red"))
    return lines


def _cut(text: str, width: int) -> str:
    # The end of a nested step's name tells more than its beginning.
    return text if len(text) <= width else "..." + text[len(text) - width + 3 :]


def _times(row: Row) -> str:
    if row.seconds is None:
        return "" if row.budget is None or row.status in GOOD else f"/ {format_duration(row.budget)}"
    took = f"{row.seconds:.1f}s" if row.seconds < 60 else format_duration(row.seconds)
    return f"{took} / {format_duration(row.budget)}" if row.budget is not None else took


def _time_style(row: Row) -> str:
    if row.seconds is None or row.budget is None:
        return "dim"
    return "bold red" if row.seconds > row.budget else "green" if row.status is StepStatus.SUCCEEDED else ""


def id_width(rows: Sequence[Row], width: int) -> int:
    """How wide the column of step names is."""
    return min(max((len(row.step) for row in rows), default=10), max(14, width // 3))


def hint_lines(found: Sequence[Hint], width: int) -> list[Text]:
    """See ``lines.hint_lines``."""
    return [line.drawn() for line in hint_words(found, width)]


def windowed(rows: Sequence[Row], width: int, room: int) -> list[Text]:
    """The steps in at most ``room`` lines: all of them, else those at work first, then what is near them."""
    name_width = id_width(rows, width)
    drawn = [step_lines(row, width, name_width) for row in rows]
    if sum(map(len, drawn)) <= room:
        return [line for lines in drawn for line in lines]
    budget = room - 1
    kept: set[int] = set()
    for number in _by_interest(rows):
        if len(drawn[number]) <= budget:
            kept.add(number)
            budget -= len(drawn[number])
        if budget <= 0:
            break
    left = [row for number, row in enumerate(rows) if number not in kept]
    done = sum(row.status in GOOD for row in left)
    told = ", ".join(f"{count} {word}" for count, word in ((done, "done"), (len(left) - done, "not done yet")) if count)
    shown = [line for number in sorted(kept) for line in drawn[number]]
    return [*shown, fit(Text(f"   and {len(left)} more steps: {told}", style="dim"), width)]


def _by_interest(rows: Sequence[Row]) -> list[int]:
    active = [number for number, row in enumerate(rows) if row.status in NEEDS_EYES]
    focus = (
        active[-1]
        if active
        else next((number for number, row in enumerate(rows) if row.status not in GOOD), len(rows) - 1)
    )
    rest = sorted(set(range(len(rows))) - set(active), key=lambda number: (abs(number - focus), number))
    return [*active, *rest]
