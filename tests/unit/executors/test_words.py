"""Values in a command's words are texts, whatever type the input has."""

from __future__ import annotations

from orchestrator.executors.words import as_texts
from orchestrator.model.actions import FabricAction, WaitAction


def test_numbers_and_truth_in_words_and_environment_become_texts() -> None:
    spec = {"host": "a", "argv": ["chps", "-s", 8, 1.5, True], "env": {"N": 3, "YES": False}, "parse": "auto"}
    action = FabricAction.model_validate(as_texts(spec))
    assert action.argv == ("chps", "-s", "8", "1.5", "true")
    assert action.env == {"N": "3", "YES": "false"}


def test_a_command_inside_a_wait_is_reached_and_nothing_else_is_changed() -> None:
    spec = {"until": {"probe": {"command": ["lsps", 1], "target": "a"}, "expect": {"rc": {"equals": 0}}, "every": 0.5}}
    worded = as_texts(spec)
    assert worded["until"]["expect"] == {"rc": {"equals": 0}} and worded["until"]["every"] == 0.5
    action = WaitAction.model_validate(worded)
    assert action.until is not None and action.until.probe.command == ("lsps", "1")


def test_what_is_no_word_stays_to_be_refused() -> None:
    assert as_texts({"argv": ["a", None, ["b"]]}) == {"argv": ["a", None, ["b"]]}
