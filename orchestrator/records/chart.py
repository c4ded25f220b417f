"""The timeline chart's geometry: which bar, line and label goes where. Drawn by templates/chart.svg.j2.

Numbers are in the drawing's own units; seconds are on the run's axis. Nothing here is markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.model.document import Milestone
from orchestrator.model.measurement import Measurement
from orchestrator.model.record import Record
from orchestrator.model.step_row import StepRow
from orchestrator.model.transition import STUCK, StepStatus
from orchestrator.plain import dataclass
from orchestrator.records.clockface import Clockface
from orchestrator.records.i18n import Language
from orchestrator.records.lettering import Lane, lanes, shortened, width

WIDTH = 1000.0
GUTTER = 262.0
RIGHT = 26.0
ROW = 21.0
LANE = 15.0
AXIS = 34.0
MOST_ROWS = 48
"""More steps than this are drawn several to a row."""

MARKS = {
    StepStatus.SUCCEEDED: "✓", StepStatus.SKIPPED: "–", StepStatus.UNDONE: "↩", StepStatus.PENDING: "·",
    StepStatus.READY: "·", StepStatus.RUNNING: "▸", StepStatus.WAITING: "▸", StepStatus.UNDOING: "▸",
}  # fmt: skip
"""A sign for each status, so that it is not told by colour alone; everything else is ✗."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of work, waiting, or (for a group) from the first start to the last end."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the chart."""

    y: float
    mark: str
    bad: bool
    label: str
    full: str
    bars: tuple[Bar, ...]
    budget_x: float | None
    note: str
    note_x: float
    note_end: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the time axis."""

    x: float
    offset: str
    local: str
    utc: str


@dataclass(frozen=True, slots=True)
class Post:
    """A milestone's vertical line with its label."""

    lane: Lane
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template draws."""

    width: float
    height: float
    left: float
    top: float
    bottom: float
    rows: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    posts: tuple[Post, ...]
    gaps: tuple[Bar, ...]
    limit_x: float | None
    limit_text: str
    limit_lane: Lane | None
    note: str
    zero_text: str
    kinds: tuple[str, ...]


class Scale:
    """Seconds to drawing units."""

    def __init__(self, first: float, last: float) -> None:
        self.first, self.last = first, max(last, first + 0.001)

    def x(self, seconds: float) -> float:
        """Where a moment lies, kept inside the drawing."""
        share = (seconds - self.first) / (self.last - self.first)
        return round(GUTTER + min(max(share, 0.0), 1.0) * (WIDTH - GUTTER - RIGHT), 2)


def draw(record: Record, language: Language, face: Clockface) -> Chart | None:
    """The chart; None where no step was begun."""
    measurement = record.measurement
    begun = [row for row in measurement.steps if row.stretches]
    if not begun:
        return None
    onset = measurement.milestone(Milestone.ONSET)
    zero = onset.offset_s if onset else 0.0
    target = measurement.rto.target_s
    limit = zero + target if onset is not None and target is not None else None
    last = max([measurement.elapsed_s, *(moment.offset_s for moment in measurement.milestones)])
    first = min([0.0, *(moment.offset_s for moment in measurement.milestones)])
    beyond = limit is not None and limit - first > 1.5 * (last - first)
    if limit is not None and not beyond:
        last = max(last, limit)
    scale = Scale(first, last + (last - first) * 0.03)
    labels = [(scale.x(m.offset_s), _post_text(m.name, m.offset_s - zero, language)) for m in measurement.milestones]
    limit_text = ""
    if limit is not None and target is not None:
        key = "chart.rto_beyond" if beyond else "chart.rto_limit"
        limit_text = language.label(key, limit=language.duration(target))
        labels.append((scale.x(scale.last if beyond else limit), limit_text))
    placed = lanes(labels, GUTTER, WIDTH - 4)
    top = 8 + LANE * (1 + max((lane.row for lane in placed), default=0)) + 8
    size = -(-len(measurement.steps) // MOST_ROWS)
    rows = tuple(_rows(measurement.steps, size, scale, top, language))
    bottom = top + ROW * len(rows) + 6
    count = len(measurement.milestones)
    return Chart(
        width=WIDTH,
        height=bottom + AXIS + 14,
        left=GUTTER,
        top=top,
        bottom=bottom,
        rows=rows,
        ticks=tuple(_ticks(scale, zero, measurement, language, face)),
        posts=tuple(
            Post(lane, str(moment.name), text)
            for moment, lane, (_, text) in zip(measurement.milestones, placed, labels, strict=False)
        ),
        gaps=tuple(_gaps(measurement, scale, language)),
        limit_x=scale.x(limit) if limit is not None and not beyond else None,
        limit_text=limit_text,
        limit_lane=placed[count] if limit_text else None,
        note=language.label("chart.grouped", count=len(measurement.steps), size=size) if size > 1 else "",
        zero_text=language.label("chart.t0" if onset else "chart.t0_run"),
        kinds=_kinds(measurement, begun),
    )


def _kinds(measurement: Measurement, begun: Sequence[StepRow]) -> tuple[str, ...]:
    """What the legend has to explain."""
    used = {_look(_work(row, stretch.kind)) for row in begun for stretch in row.stretches}
    found: list[str] = [kind for kind in ("action", "watch", "verify", "waiting", "undo") if kind in used]
    still = {gap.kind for gap in measurement.standstills}
    found += [kind for kind in ("stop", "absent") if kind in still]
    found += ["budget"] if any(row.budget_s is not None for row in begun) else []
    return tuple(found)


def _look(kind: str) -> str:
    return {"undo_verify": "verify", "steady": "verify"}.get(kind, kind)


def _work(row: StepRow, kind: str) -> str:
    """Looking and waiting for a condition is told apart from work: much of a recovery's time is spent beside it."""
    return "watch" if kind == "action" and row.kind in ("probe", "wait") else kind


def _post_text(name: Milestone, after: float, language: Language) -> str:
    word = language.word("milestone", name)
    sign = "+" if after > 0 else ""
    return f"{word} {sign}{language.duration(after)}" if after else word


def _gaps(measurement: Measurement, scale: Scale, language: Language) -> Iterator[Bar]:
    for gap in measurement.standstills:
        x = scale.x(gap.start_s)
        yield Bar(gap.kind, x, round(max(scale.x(gap.end_s) - x, 1.0), 2), language.label(f"chart.{gap.kind}"))


def _rows(steps: Sequence[StepRow], size: int, scale: Scale, top: float, language: Language) -> Iterator[Line]:
    for number, start in enumerate(range(0, len(steps), size)):
        y = top + ROW * number
        group = steps[start : start + size]
        yield _row(group[0], y, scale, language) if size == 1 else _group(group, y, scale, language)


def _row(row: StepRow, y: float, scale: Scale, language: Language) -> Line:
    title = language.text(row.title)
    bars = tuple(
        _bar(
            _work(row, stretch.kind),
            stretch.start_s,
            stretch.end_s,
            scale,
            f"{title}: {language.word('phase', stretch.kind)}",
        )
        for stretch in row.stretches
    )
    budget = None
    if row.budget_s is not None and row.start_s is not None and row.start_s + row.budget_s <= scale.last:
        budget = scale.x(row.start_s + row.budget_s)
    took = language.duration(row.elapsed_s) if row.elapsed_s is not None else language.word("step", row.status)
    return _line(y, MARKS.get(row.status, "✗"), row.status in STUCK, title, bars, budget, took)


def _group(group: Sequence[StepRow], y: float, scale: Scale, language: Language) -> Line:
    label = language.label("chart.group", first=group[0].id, last=group[-1].id, count=len(group))
    stretches = [stretch for row in group for stretch in row.stretches]
    bars: tuple[Bar, ...] = ()
    if stretches:
        low, high = min(s.start_s for s in stretches), max(s.end_s for s in stretches)
        bars = (_bar("action", low, high, scale, label),)
    bad = [row for row in group if row.status in STUCK]
    done = all(row.status in (StepStatus.SUCCEEDED, StepStatus.SKIPPED) for row in group)
    note = ", ".join(row.id for row in bad[:2]) + (" …" if len(bad) > 2 else "")
    return _line(y, "✗" if bad else "✓" if done else "▸", bool(bad), label, bars, None, note)


def _bar(kind: str, start: float, end: float, scale: Scale, title: str) -> Bar:
    x = scale.x(start)
    return Bar(_look(kind), x, round(max(scale.x(end) - x, 1.6), 2), title)


def _line(y: float, mark: str, bad: bool, label: str, bars: tuple[Bar, ...], budget: float | None, note: str) -> Line:
    right = max([bar.x + bar.width for bar in bars] + ([budget] if budget is not None else []), default=GUTTER)
    needs = width(note, 11) + 8
    at_end = right + needs > WIDTH - 2
    left = min((bar.x for bar in bars), default=GUTTER)
    # To the right of the bars; where there is no room, to their left; where there is none either, not at all.
    shown = note if not at_end or left - needs > GUTTER else ""
    return Line(
        y=y,
        mark=mark,
        bad=bad,
        label=shortened(label, GUTTER - 34, 12),
        full=label,
        bars=bars,
        budget_x=budget,
        note=shown,
        note_x=round(left - 5 if at_end else right + 5, 2),
        note_end=at_end,
    )


_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def _ticks(scale: Scale, zero: float, measurement: Measurement, language: Language, face: Clockface) -> Iterator[Tick]:
    span = scale.last - scale.first
    every = next((step for step in _STEPS if span / step <= 8), 86400.0 * -(-span // (8 * 86400)))
    number = -int((zero - scale.first) // every)
    while zero + number * every <= scale.last:
        at = zero + number * every
        local, utc = face.tick(measurement.started_at, at, fine=every < 60)
        yield Tick(scale.x(at), language.duration(number * every) if number else "0", local, utc)
        number += 1
