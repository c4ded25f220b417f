"""Both languages say everything."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from orchestrator.model.document import FaultClass, Milestone, Mode
from orchestrator.model.objectives import Verdict
from orchestrator.model.remark import ENGLISH, remark
from orchestrator.model.transition import StepStatus
from orchestrator.records.clockface import Clockface, zone_of
from orchestrator.records.i18n import CHINESE_RECORD, ENGLISH_RECORD, en, zh, zh_remarks


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_labels_and_remarks() -> None:
    assert en.LABELS.keys() == zh.LABELS.keys()
    assert ENGLISH.keys() == zh_remarks.REMARKS.keys()


def test_every_sentence_has_the_same_values_in_both_languages() -> None:
    for key in en.LABELS:
        assert fields(en.LABELS[key]) == fields(zh.LABELS[key]), key
    for code in ENGLISH:
        assert fields(ENGLISH[code]) == fields(zh_remarks.REMARKS[code]), code


def test_no_chinese_text_was_forgotten() -> None:
    # Names of programs and verbs that are typed are the same in both languages.
    same = {key for key in en.LABELS if en.LABELS[key] == zh.LABELS[key]}
    assert same == {"kind.ansible", "breach.rto"}
    assert all(re.search("[\u4e00-\u9fff]", text) for text in zh_remarks.REMARKS.values() if "{" not in text)


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("milestone", [*Milestone, "last_action_ended"]),
        ("verdict", Verdict),
        ("step", StepStatus),
        ("mode", Mode),
        ("class", FaultClass),
        ("purpose", ["recovery", "restore", "change"]),
        ("verb", ["approve", "reject", "retry", "skip", "mark-done", "abort", "rollback", "override"]),
        ("breach", ["rto", "fence", "approval", "expectation"]),
        ("severity", range(5)),
    ],
)
def test_every_name_the_model_has_has_a_word(group: str, names: object) -> None:
    for name in names:  # type: ignore[attr-defined]
        for labels in (en.LABELS, zh.LABELS):
            assert f"{group}.{name}" in labels


def test_every_label_a_template_asks_for_exists() -> None:
    folder = Path(en.__file__).parents[1] / "templates"
    asked = {
        key for file in folder.glob("*.j2") for key in re.findall(r'\bt\("([a-z_.]+)"[,)]', file.read_text("utf-8"))
    }
    assert asked
    assert asked <= en.LABELS.keys()


def test_no_label_is_left_over() -> None:
    root = Path(en.__file__).parents[1]
    used = "".join(file.read_text("utf-8") for file in [*root.glob("*.py"), *root.glob("templates/*.j2")])
    # Labels whose key is put together: "verdict." and the verdict.
    groups = set(re.findall(r'\b(?:w|word)\("([a-z._]+)"', used)) | set(re.findall(r'"([a-z_.]+)\." ?[~+]', used))
    groups |= {"chart"}
    alone = {key for key in en.LABELS if f'"{key}"' not in used and key.rpartition(".")[0] not in groups}
    assert alone == set()


def test_a_remark_is_said_in_both_languages_with_its_values_in_words() -> None:
    late = remark("beyond", achieved_s=84.0, over_s=64.0, limit_s=20.0)
    assert ENGLISH_RECORD.remark(late) == "1m24s, which is 1m04s over the limit of 20s."
    assert CHINESE_RECORD.remark(late) == "1 分 24 秒，超出上限 20 秒 达 1 分 04 秒。"
    early = remark("before_onset", name="declared")
    assert ENGLISH_RECORD.remark(early) == "declared lies before onset and is not used for the intervals."
    assert CHINESE_RECORD.remark(early) == "「宣布应急」早于故障发生，不用于计算时段。"


def test_values_are_put_in_once() -> None:
    nasty = remark("had_breach", detail="{detail} {0.__class__} {missing}")
    for language in (ENGLISH_RECORD, CHINESE_RECORD):
        assert "{detail} {0.__class__} {missing}" in language.remark(nasty)


def test_a_remark_of_a_later_program_is_shown_as_it_came() -> None:
    new = remark("within", achieved_s=1.0, limit_s=2.0).model_copy(update={"code": "not_known_here", "text": "So."})
    assert CHINESE_RECORD.remark(new) == "So."


@pytest.mark.parametrize(
    ("zone", "local", "name"),
    [
        ("Asia/Shanghai", "2026-11-15 03:00:00", "Asia/Shanghai (+08:00)"),
        ("+08:00", "2026-11-15 03:00:00", "+08:00"),
        ("-03:30", "2026-11-14 15:30:00", "-03:30"),
        ("UTC", "2026-11-14 19:00:00", "UTC"),
        ("Nowhere/Land", "2026-11-14 19:00:00", "UTC"),
        ("../../etc/passwd", "2026-11-14 19:00:00", "UTC"),
    ],
)
def test_moments_are_shown_in_local_time(zone: str, local: str, name: str) -> None:
    face = Clockface(zone_of(zone))
    assert face.local("2026-11-14T19:00:00.123456Z") == local
    assert face.name("2026-11-14T19:00:00.123456Z") == name


def test_what_is_no_moment_is_shown_as_it_is() -> None:
    face = Clockface(zone_of("UTC"))
    assert [face.local(""), face.time("soon"), face.utc("2026")] == ["", "soon", "2026"]
