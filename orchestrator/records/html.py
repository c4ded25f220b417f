"""The record as one self-contained HTML page: no scripts, nothing loaded from anywhere, everything escaped.

Only the style sheet is allowed by the page's content security policy, by its hash, so that markup that were to slip
through could neither run nor load nor restyle anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from orchestrator.model.document import Milestone
from orchestrator.model.objectives import Objective
from orchestrator.model.record import Record
from orchestrator.records.chart import draw
from orchestrator.records.clockface import Clockface, zone_of
from orchestrator.records.i18n import Language, language

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
LONGEST = 1200
"""Characters of one output or text that a page shows; the rest is in record.json."""

SIGNS = {"met": "✓", "missed": "✗", "unproven": "?", "not_applicable": "–"}


def render(record: Record, code: str) -> str:
    """The page in language ``en`` or ``zh``. The same record gives the same page."""
    words = language(code)
    face = Clockface(zone_of(record.zone))
    css = _css(record, words)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    page = _environment().get_template("record.html.j2")
    return page.render(
        r=record,
        m=record.measurement,
        chart=draw(record, words, face),
        css=Markup(css),  # noqa: S704  # ours, but for the run's id, which _css_string leaves harmless
        style_hash=f"sha256-{digest}",
        lang=words,
        t=words.label,
        w=words.word,
        say=words.remark,
        dur=words.duration,
        txt=words.text,
        face=face,
        kind=_kind(record),
        onset=record.measurement.milestone(Milestone.ONSET),
        achieved=lambda objective: _achieved(objective, words),
        signs=SIGNS,
        clip=_clipper(words),
        brief=_brief,
        compact=_compact,
        shown=_shown,
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
        auto_reload=False,
    )


def _kind(record: Record) -> str:
    """Which kind of record it is: a restore and a change have their own names."""
    if record.purpose in ("restore", "change") and record.mode in ("drill", "live"):
        return record.purpose
    return str(record.mode)


def _achieved(objective: Objective, words: Language) -> str:
    return words.duration(objective.achieved_s) if objective.achieved_s is not None else "—"


def _visible(value: Any) -> Any:
    """Control characters and marks that turn the writing direction, made visible; they could disguise a text."""
    if isinstance(value, Markup) or not isinstance(value, str) or not _HIDDEN.search(value):
        return value
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", value)


_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def _compact(value: Mapping[str, Any]) -> str:
    """A small JSON object on one line."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str) if value else ""


def _shown(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer without the raw body of what was read as JSON too."""
    if answer.get("json") is None:
        return answer
    return {name: value for name, value in answer.items() if name != "body"}


def _clipper(words: Language) -> Callable[[str], str]:
    def clip(text: str) -> str:
        if len(text) <= LONGEST:
            return text
        cut = words.label("cut")
        return f"{text[:LONGEST]} … ({cut})"

    return clip


def _brief(text: str, most: int = 90) -> str:
    """A name or a line that must not push the rest off the first screen."""
    return text if len(text) <= most else f"{text[:most]}…"


def _css(record: Record, words: Language) -> str:
    """The style sheet with the page's running header put in."""
    css = (TEMPLATES / "record.css").read_text(encoding="utf-8")
    header = f"{words.label('record.' + _kind(record))}  {record.run_id}"
    return css.replace("RUNNING_HEADER", _css_string(header)).replace("PAGE_WORD", _css_string(words.label("page")))


def _css_string(text: str) -> str:
    """A CSS string whatever is in ``text``: all but letters and digits are written as escapes."""

    def sign(one: str) -> str:
        return one if (one.isascii() and one.isalnum()) or unicodedata.category(one) == "Lo" else f"\\{ord(one):06x}"

    return '"' + "".join(sign(one) for one in text[:120]) + '"'
