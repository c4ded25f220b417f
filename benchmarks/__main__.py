"""``python -m benchmarks``: set up the contestants, let them take turns, print and write what came out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import contestants
from benchmarks.chart import chart
from benchmarks.contest import Contest, Failed, Results, hold
from benchmarks.machine import machine, versions
from benchmarks.place import CHECKOUT, Place, private_place
from benchmarks.report import About, report
from benchmarks.sections import SECTIONS, section
from benchmarks.table import plain, rows_of, target_rows

HERE = Path(__file__).parent


def main(argv: list[str] | None = None) -> int:
    """Measure. Answers 1 where a contestant failed, which the results then say."""
    given = _words().parse_args(argv)
    chosen = given.only.split(",") if given.only else list(SECTIONS)
    if unknown := [name for name in chosen if name not in SECTIONS]:
        sys.stderr.write(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}\n")
        return 2
    about_machine = machine()
    with private_place(quick=given.quick) as place, ExitStack() as stack:
        if not given.no_install:
            place.packages.update(contestants.install(_tell))
        contests, missing = _set_up(chosen, place, stack)
        # A partial or quick run must not pass for the real one.
        out = given.out or (None if given.only or given.quick else HERE)

        loads: list[float] = []

        def keep(results: Results, rounds: int) -> None:
            # After each round: what was measured in half an hour is not lost with the last minute of it.
            # Other work on the machine shows here; the contestants' own comes to about two.
            loads.append(os.getloadavg()[1])
            about = About(
                date=datetime.now(UTC).strftime("%Y-%m-%d"),
                command=_shown(given),
                rounds=rounds,
                machine={**about_machine, "load after each round": _loads(loads)},
                versions=versions(contestants.WANTED, place.packages),
                missing=missing,
            )
            if out is not None:
                _write(out, contests, results, about)

        results = hold(contests, given.rounds, _tell, keep)
        for contest in contests:
            print(f"\n{contest.title}\n{plain(rows_of(contest, results))}")
        print(f"\n{plain(target_rows(results))}")
    return 1 if any(results.failures.values()) else 0


def _words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("--only", metavar="NAMES", help=f"some sections, with commas between: {','.join(SECTIONS)}")
    words.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    words.add_argument("--quick", action="store_true", help="as little work as shows that everything works")
    words.add_argument("--no-install", action="store_true", help="leave out contestants that would be installed")
    words.add_argument("--out", type=Path, metavar="DIR", help="where the results go; a part of them is not kept else")
    return words


def _loads(loads: list[float]) -> str:
    return ", ".join(f"{load:.1f}" for load in loads) + " (5 min)"


def _shown(given: argparse.Namespace) -> str:
    """The command as it can be typed anywhere: without a directory of this machine."""
    words = ["python -m benchmarks"]
    words += ["--only", given.only] if given.only else []
    words += ["--rounds", str(given.rounds)] if given.rounds != 5 else []
    return " ".join([*words, *(["--quick"] if given.quick else []), *(["--no-install"] if given.no_install else [])])


def _set_up(chosen: list[str], place: Place, stack: ExitStack) -> tuple[list[Contest], dict[str, str]]:
    contests: list[Contest] = []
    missing: dict[str, str] = {}
    for name in chosen:
        _tell(f"setting up {name} ...")
        try:
            contests += section(name)(place, stack)
        except Failed as error:
            missing[name] = str(error)
            _tell(f"{name} cannot be measured here: {error}")
    return contests, missing


def _write(out: Path, contests: list[Contest], results: Results, about: About) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "RESULTS.md").write_text(report(contests, results, about), encoding="utf-8")
    title = f"Holdfast beside what people would use instead ({about.date})"
    (out / "results.svg").write_text(chart(contests, results, title), encoding="utf-8")
    (out / "results.json").write_text(
        json.dumps({"date": about.date, "values": results.values, "failures": results.failures}, indent=1) + "\n",
        encoding="utf-8",
    )
    where = out.relative_to(CHECKOUT) if out.is_relative_to(CHECKOUT) else out
    _tell(f"written: {where}/RESULTS.md, results.svg, results.json")


def _tell(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
