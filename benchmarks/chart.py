"""The results as one picture: for each contest a group of bars, each with its median, range and ratio."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.contest import Contest, Measure, Results
from benchmarks.medians import Spread, amount, ratio

WIDTH, LEFT, RIGHT = 960, 290, 170
"""The bars' part lies between the names on the left and the numbers on the right."""
BAR, GAP, HEAD = 18, 8, 58
_OURS, _OTHERS, _RANGE = "#1f5fa8", "#9aa7b4", "#333333"


def chart(contests: Sequence[Contest], results: Results, title: str) -> str:
    """An SVG. Each group has a scale of its own, from zero; the shorter the bar the better."""
    parts: list[str] = []
    y = 50
    for contest in contests:
        for measure in _worth_showing(contest, results):
            group, height = _group(contest, measure, results, y)
            if group:
                parts += group
                y += height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 10}" width="{WIDTH}" height="{y + 10}" '
        "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\">"
        f"<title>{escape(title)}</title>"
        f'<rect width="{WIDTH}" height="{y + 10}" fill="#ffffff"/>'
        f'<text x="20" y="30" font-size="17" font-weight="600" fill="#111">{escape(title)}</text>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _worth_showing(contest: Contest, results: Results) -> Sequence[Measure]:
    """The contest's first measure, and the second where more than one contestant has it."""
    first, *rest = contest.measures
    compared = [
        measure
        for measure in rest[:1]
        if measure.unit == "s"
        and sum(results.of(contest.name, one.name, measure.name) is not None for one in contest.contestants) > 1
    ]
    return [first, *compared]


def _group(contest: Contest, measure: Measure, results: Results, y: int) -> tuple[list[str], int]:
    seen = [(one, results.of(contest.name, one.name, measure.name)) for one in contest.contestants]
    bars = sorted(((one, found) for one, found in seen if found is not None), key=lambda pair: pair[1].median)
    if not bars:
        return [], 0
    most = max(found.high for _, found in bars) or 1.0
    base = results.of(contest.name, contest.baseline, measure.name)
    base_title = next(one.title for one in contest.contestants if one.name == contest.baseline)
    parts = [
        f'<text x="20" y="{y + 22}" font-weight="600" fill="#111">{escape(contest.title)}</text>',
        f'<text x="20" y="{y + 40}" font-size="12" fill="#555">'
        f"{escape(f'{measure.title}; median of {bars[0][1].count}; × {base_title}')}</text>",
    ]
    for number, (one, found) in enumerate(bars):
        ours = one.title.lower().startswith("holdfast") or one.name == "holdfast"
        parts += _bar(one.title, found, measure, ratio(found, base), most, y + HEAD + number * (BAR + GAP), ours=ours)
    return parts, HEAD + len(bars) * (BAR + GAP) + 14


def _bar(
    title: str, found: Spread, measure: Measure, compared: float | None, most: float, y: int, *, ours: bool
) -> list[str]:
    scale = (WIDTH - LEFT - RIGHT) / most
    low, middle, high = (LEFT + value * scale for value in (found.low, found.median, found.high))
    centre, base = y + BAR / 2, y + BAR - 5
    told = amount(found.median, measure.unit) + ("" if compared is None else f"  ({compared:.2f} ×)")
    weight = ' font-weight="600"' if ours else ""
    return [
        f'<text x="{LEFT - 10}" y="{base}" text-anchor="end" fill="#111"{weight}>{escape(title)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{max(middle - LEFT, 1):.1f}" height="{BAR}" rx="2" '
        f'fill="{_OURS if ours else _OTHERS}"/>',
        f'<path d="M{low:.1f} {centre}H{high:.1f}M{low:.1f} {centre - 4}v8M{high:.1f} {centre - 4}v8" '
        f'stroke="{_RANGE}" stroke-width="1" fill="none"/>',
        f'<text x="{max(high, middle) + 8:.1f}" y="{base}" fill="#111"{weight}>{escape(told)}</text>',
    ]
