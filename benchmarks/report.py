"""The paper: RESULTS.md, with everything somebody needs to doubt the numbers or to measure again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contest import Contest, Results
from benchmarks.table import markdown, rows_of, target_rows


@dataclass(frozen=True, slots=True)
class About:
    """What the measuring was: when, how often, on what, with which versions, and what could not be held at all."""

    date: str
    command: str
    rounds: int
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    missing: Mapping[str, str]


_HEAD = """# Benchmark results

Measured on {date} by `{command}`: every contestant in turn, round by round, in one go; {rounds} rounds after one that
warms up and does not count (slow contests fewer, as told there). Medians; ratios are of medians. Ratios travel between
machines, seconds do not. How it is measured: [docs/benchmarks.md](../docs/benchmarks.md).

![Results](results.svg)
"""


def report(contests: Sequence[Contest], results: Results, about: About) -> str:
    """The whole of RESULTS.md."""
    parts = [
        _HEAD.format(date=about.date, command=about.command, rounds=about.rounds),
        "## Targets\n",
        markdown(target_rows(results)) + "\n",
    ]
    for contest in contests:
        parts += _section(contest, results, about.rounds)
    if about.missing:
        parts += ["## Not measured\n", *(f"- {name}: {why}" for name, why in about.missing.items()), ""]
    parts += [
        "## Machine and versions\n",
        markdown([["", ""], *([name, value] for name, value in about.machine.items())]) + "\n",
        markdown([["", "version"], *([name, value] for name, value in about.versions.items())]),
    ]
    return "\n".join(parts) + "\n"


def _section(contest: Contest, results: Results, rounds: int) -> list[str]:
    measured = min(contest.rounds or rounds, rounds) * contest.repeats
    parts = [f"## {contest.title}\n", markdown(rows_of(contest, results)) + "\n"]
    baseline = next(one.title for one in contest.contestants if one.name == contest.baseline)
    parts.append(f"Ratio: to {baseline}. Measured {measured} times each.\n")
    parts += [f"{note}\n" for note in contest.notes]
    for who, why in contest.absent.items():
        parts.append(f"Not in it: {who}: {why}.\n")
    for who, why in results.failures.get(contest.name, {}).items():
        parts.append(f"Failed: {who}: `{_one_line(why)}`\n")
    parts += ["```", *(f"{one.title}: {one.command}" for one in contest.contestants), "```\n"]
    return parts


def _one_line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())[:300]
