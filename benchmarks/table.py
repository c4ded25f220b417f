"""Results as tables: for the terminal and for Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from benchmarks.contest import Contest, Measure, Results
from benchmarks.medians import amount, ratio
from benchmarks.targets import TARGETS, Target

Rows = list[list[str]]


def rows_of(contest: Contest, results: Results) -> Rows:
    """A head, then a row for each contestant: per measure the median, its range, and the ratio to the baseline."""
    shown = [measure for measure in contest.measures if _anybody(contest, results, measure)]
    head = [""]
    for measure in shown:
        head += [measure.title, "range", "ratio"]
    rows = [head]
    for contestant in contest.contestants:
        row = [contestant.title]
        for measure in shown:
            row += _cells(contest, results, contestant.name, measure)
        rows.append(row)
    return rows


def _anybody(contest: Contest, results: Results, measure: Measure) -> bool:
    return any(results.of(contest.name, one.name, measure.name) for one in contest.contestants)


def _cells(contest: Contest, results: Results, name: str, measure: Measure) -> list[str]:
    seen = results.of(contest.name, name, measure.name)
    if seen is None:
        return ["failed" if name in results.failures.get(contest.name, {}) else "", "", ""]
    compared = ratio(seen, results.of(contest.name, contest.baseline, measure.name))
    low, high = amount(seen.low, measure.unit), amount(seen.high, measure.unit)
    return [amount(seen.median, measure.unit), f"{low} to {high}", "" if compared is None else f"{compared:.2f}"]


def target_rows(results: Results, targets: Sequence[Target] = TARGETS) -> Rows:
    """A head, then a row for each target: what was promised, what was measured, met or not."""
    rows = [["target", "at most", "measured", ""]]
    for target in targets:
        reached = target.reached(results)
        measured = "not measured" if reached is None else f"{reached:.2f} {target.unit}"
        verdict = "" if reached is None else "met" if reached <= target.limit else "NOT MET"
        rows.append([target.text, f"{target.limit:g} {target.unit}", measured, verdict])
    return rows


def plain(rows: Rows) -> str:
    """Columns side by side: the first to the left, the others to the right."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell + " " * (width - _width(cell)) if column == 0 else " " * (width - _width(cell)) + cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows: Rows) -> str:
    """The same as a Markdown table."""
    head, *rest = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rest))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
