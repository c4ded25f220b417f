"""The page: whole in itself, safe against its own data, in both languages."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from example_runs import (  # fmt: skip
    EXAMPLES,
    Writer,
    crashed_and_resumed,
    hostile,
    missed,
    plan,
    simulated,
    step,
    success,
    thousand_steps,
)

from orchestrator.model.document import Text
from orchestrator.records import build
from orchestrator.records.html import render

VOID = {"meta", "br", "col", "line", "rect", "circle", "path"}


class Page(HTMLParser):
    """Takes a page apart and fails where it is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_is_well_formed_and_loads_nothing(name: str, language: str) -> None:
    page = Page(render(build(EXAMPLES[name]()), language))
    assert page.tags.isdisjoint(
        {"script", "iframe", "object", "embed", "link", "img", "base", "form", "a", "foreignobject"}
    )
    for _, attribute, value in page.attributes:
        assert not attribute.startswith("on")
        assert attribute not in ("style", "src", "href", "xlink:href")
        assert "url(" not in value or value.startswith("url(#")


def test_only_the_pages_own_style_sheet_is_allowed_by_its_hash() -> None:
    page = render(build(success()), "en")
    css = re.search(r"<style>(.*?)</style>", page, re.S)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css.group(1).encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy.group(1).replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_data_is_text_whatever_is_in_it(language: str) -> None:
    text = render(build(hostile()), language)
    page = Page(text)
    assert "script" not in page.tags
    assert text.count("</style>") == 1
    assert "{{ 7*7 }}{% raw %}" in page.text, "nothing in the data is rendered"
    assert "\u202e" not in text and "\x00" not in text and "\x1b" not in text
    assert "⟨U+202E⟩" in page.text, "what could turn the writing round is shown"


def test_a_run_id_cannot_leave_the_style_sheets_string() -> None:
    nasty = 'x"; } body { display: none } </style><b>'
    page = Page(render(build(Writer(plan([step("a")], run_id=nasty)).events), "en"))
    assert "b" not in page.tags
    assert page.tags >= {"style", "body"}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Drill record", "✓ met", "27.5s", "at most 27.9s", "Target: 5m00s", "3 transactions lost", "Counts"]),
        ("zh", ["应急演练记录", "✓ 达标", "27.5 秒", "最长 27.9 秒", "目标：5 分 00 秒", "丢失 3 笔交易", "有效"]),
    ],
)
def test_what_when_and_the_verdicts_come_first(language: str, words: list[str]) -> None:
    text = Page(render(build(success(), zone="Asia/Shanghai"), language)).text
    top = text[: text.index("cluster/orders")]
    assert "20261114T190000-a1b2c3" in top
    assert "2026-11-15 03:00:00" in top and "2026-11-14 19:00:00Z" in top and "Asia/Shanghai (+08:00)" in top
    for word in words:
        assert word in re.sub(r"([✓✗?–▸]) *", r"\1 ", top), word


def test_a_verdict_is_told_by_word_and_sign_not_by_colour_alone() -> None:
    text = Page(render(build(missed()), "en")).text
    assert "✗ missed" in re.sub(r"✗ *", "✗ ", text)


def test_an_unfinished_record_says_so() -> None:
    events = crashed_and_resumed()
    assert "Not finished. As of" in Page(render(build(events[:8]), "en")).text
    assert "Not finished" not in Page(render(build(events), "en")).text


def test_what_to_do_stands_before_everything_else() -> None:
    text = Page(render(build(EXAMPLES["rollback_failed"]()), "en")).text
    assert text.index("To be done now") < text.index("Status")


def test_the_page_is_the_same_each_time() -> None:
    record = build(success())
    assert render(record, "zh") == render(record, "zh")


def test_long_texts_are_cut_and_say_where_the_whole_is() -> None:
    w = Writer(plan([step("a", title=Text(en="y" * 5000))]))
    page = render(build(w.do("a", 1.0).finish()), "en")
    assert "cut here; the whole is in record.json" in page
    assert "y" * 1201 not in page


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(KeyError):
        render(build(success()), "fr")


def test_a_thousand_steps_give_a_page_with_a_chart_of_few_rows() -> None:
    page = render(build(thousand_steps()), "en")
    chart = page[page.index('<svg viewBox="0 0 1000.0') :]
    chart = chart[: chart.index("</svg>")]
    assert chart.count('class="bar-action"') == 48
    assert "1000 steps, up to 21 in a row of the chart" in page
    assert len(page) < 2_500_000


def test_a_simulated_run_says_so_at_its_top_in_both_languages() -> None:
    made = build(simulated())
    steps = sum(row.simulated for row in made.measurement.steps)
    assert f"SIMULATED: {steps} steps" in render(made, "en") and steps > 3
    assert "模拟运行" in render(made, "zh")
    assert "SIMULATED" not in render(build(success()), "en")
