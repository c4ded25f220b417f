"""The words that are answered without the command-line library mean the same as with it."""

from __future__ import annotations

import pytest

from orchestrator.cli.at_once import RUN_FLAGS, RUN_VALUES, run_words
from orchestrator.cli.lazy import load


def test_run_knows_the_same_options_both_ways() -> None:
    options = {word: parameter for parameter in load("run").params for word in parameter.opts if word.startswith("-")}
    assert {word for word, option in options.items() if option.is_flag} == set(RUN_FLAGS)
    assert {word for word, option in options.items() if not option.is_flag} == set(RUN_VALUES)
    for word, name in {**RUN_FLAGS, **RUN_VALUES}.items():
        assert options[word].name == name


def test_plain_words_are_read() -> None:
    words = ["takeover", "-m", "drill", "--input", "a=1", "--input", "b=2 3", "--json", "--by", "anna", "--no-wait"]
    assert run_words(words) == {
        "name": "takeover", "mode": "drill", "inputs": ["a=1", "b=2 3"], "as_json": True, "by": "anna",
        "no_wait": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    ["", "--help", "takeover --help", "a b", "takeover --mode", "takeover --mode=drill", "takeover --mode --yes",
     "takeover --nope", "takeover -ym drill", "takeover -- b", "--mode drill"],
)  # fmt: skip
def test_anything_else_goes_the_usual_way(words: str) -> None:
    assert run_words(words.split()) is None
