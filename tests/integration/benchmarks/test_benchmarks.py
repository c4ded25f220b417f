"""The benchmarks' own arithmetic and papers, and one section held for real, as quickly as can be."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT))  # the benchmarks are no part of the installed package

from benchmarks.chart import LEFT, RIGHT, WIDTH, chart  # noqa: E402 - found only from here on
from benchmarks.contest import WHOLE, Contest, Contestant, Failed, Results, hold, shifted  # noqa: E402
from benchmarks.effects import prove  # noqa: E402
from benchmarks.medians import amount, ratio, spread  # noqa: E402
from benchmarks.report import About, report  # noqa: E402
from benchmarks.table import markdown, plain, rows_of, target_rows  # noqa: E402
from benchmarks.targets import Target  # noqa: E402


def _contestant(name: str, run: Callable[[], dict[str, float]]) -> Contestant:
    return Contestant(name, f"the {name}", f"do {name}", run)


def _measured() -> tuple[Contest, Results]:
    fast, slow = iter([9.0, 1.0, 3.0, 2.0]), iter([9.0, 8.0, 4.0, 6.0])
    contest = Contest(
        "race",
        "A race",
        [_contestant("fast", lambda: {"whole": next(fast)}), _contestant("slow", lambda: {"whole": next(slow)})],
        (WHOLE,),
        baseline="fast",
    )
    return contest, hold([contest], 3, lambda _text: None)


def test_the_first_round_does_not_count_and_ratios_are_of_medians() -> None:
    _, results = _measured()
    seen = results.of("race", "slow", "whole")
    assert seen is not None and (seen.median, seen.low, seen.high, seen.count) == (6.0, 4.0, 8.0, 3)
    assert ratio(seen, results.of("race", "fast", "whole")) == 3.0
    assert ratio(None, seen) is None and spread([]) is None


def test_everybody_takes_turns_and_nobody_is_always_first() -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[], dict[str, float]]:
        return lambda: (order.append(name), {"whole": 1.0})[1]

    contest = Contest("c", "C", [_contestant(name, note(name)) for name in "abc"], (WHOLE,), baseline="a")
    hold([contest], 2, lambda _text: None)
    assert "".join(order) == "abc" + "bca" + "cab"
    assert shifted([], 3) == []


def test_who_fails_is_out_and_is_said_to_have_failed() -> None:
    def fail() -> dict[str, float]:
        raise Failed("exit code 3: no `such` thing")

    good = _contestant("good", lambda: {"whole": 1.0})
    contest = Contest("c", "C", [good, _contestant("bad", fail)], (WHOLE,), baseline="good")
    results = hold([contest], 2, lambda _text: None)
    assert results.of("c", "bad", "whole") is None
    assert "failed" in plain(rows_of(contest, results))
    told = report([contest], results, About("2026-01-01", "bench", 2, {}, {}, {"lab": "it is not there"}))
    assert "Failed: the bad" not in told and "Failed: bad: `exit code 3: no 'such' thing`" in told
    assert "- lab: it is not there" in told


def test_a_target_is_met_missed_or_not_measured() -> None:
    _, results = _measured()
    targets = [
        Target("kept", ("race", "slow", "whole"), ("race", "fast", "whole"), 3.0),
        Target("broken", ("race", "slow", "whole"), 1.0, 5.0, "s"),
        Target("unknown", ("race", "nobody", "whole"), 1.0, 5.0),
    ]
    _, kept, broken, unknown = target_rows(results, targets)
    assert kept[2:] == ["3.00 ×", "met"]
    assert broken[2:] == ["6.00 s", "NOT MET"]
    assert unknown[2:] == ["not measured", ""]


def test_tables_have_a_cell_for_every_column() -> None:
    contest, results = _measured()
    rows = rows_of(contest, results)
    assert {len(row) for row in rows} == {4}
    assert markdown(rows).splitlines()[1] == "| --- | ---: | ---: | ---: |"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0123, "s", "12.3 ms"), (1.234, "s", "1.23 s"), (1234.0, "MB", "1,234 MB"), (4.5, "ms", "4.50 ms")],
)
def test_amounts_read_well(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_the_chart_is_well_formed_and_no_two_texts_share_a_line_and_a_side() -> None:
    contest, results = _measured()
    root = ET.fromstring(chart([contest], results, "Title <&>"))
    texts = [node for node in root.iter() if node.tag.endswith("}text")]
    places = [(node.get("x"), node.get("y")) for node in texts]
    assert len(set(places)) == len(places)
    numbers = [node for node in texts if "×)" in (node.text or "")]
    assert all(LEFT < float(node.get("x") or 0) <= WIDTH - RIGHT + 8 for node in numbers)


def test_effects_are_proved_once_each(tmp_path: Path) -> None:
    for name in ("1.h1", "2.h1"):
        (tmp_path / name).write_text("done\n")
    prove(tmp_path, 2, ["h1"])
    with pytest.raises(Failed, match=r"missing: 3\.h1"):
        prove(tmp_path, 3, ["h1"])
    (tmp_path / "2.h1").write_text("done\ndone\n")
    with pytest.raises(Failed, match=r"more than once.*2\.h1"):
        prove(tmp_path, 2, ["h1"])


@pytest.mark.timeout(600)
def test_a_quick_round_of_the_overhead_writes_its_papers(tmp_path: Path) -> None:
    words = ["--only", "overhead", "--rounds", "1", "--quick", "--no-install", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    paper = (tmp_path / "RESULTS.md").read_text()
    assert "Holdfast, 100 steps" in paper and "not measured" in paper
    assert str(CHECKOUT) not in paper
    values = json.loads((tmp_path / "results.json").read_text())["values"]["overhead"]
    assert len(values["steps-100"]["step"]) == 1
    assert (tmp_path / "results.svg").read_text().endswith("</svg>\n")
