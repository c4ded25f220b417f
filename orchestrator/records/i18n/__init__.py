"""The record's two languages: labels, remarks, durations, numbers and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from orchestrator.model.document import Text
from orchestrator.model.duration import format_duration
from orchestrator.model.remark import ENGLISH, Remark, Value
from orchestrator.plain import dataclass
from orchestrator.records.i18n import en, zh, zh_remarks

Code = Literal["en", "zh"]

_MEANT: Mapping[str, str] = {
    "mode": "mode", "purpose": "purpose", "verdict": "verdict", "name": "milestone", "previous": "milestone",
    "how": "verb",
}  # fmt: skip
"""Which group of labels a remark's value belongs to."""


@dataclass(frozen=True)
class Language:
    """One language of the record."""

    code: Code
    html_lang: str
    labels: Mapping[str, str]
    remarks: Mapping[str, str]

    def label(self, key: str, **values: object) -> str:
        """The words for ``key``, values put in. Raises KeyError for a key nobody wrote."""
        words = self.labels[key]
        return words.format_map(values) if values else words

    def word(self, group: str, name: object) -> str:
        """The word for one of a group's names (``verdict``, ``status``, ...); the name itself where it is new."""
        return self.labels.get(f"{group}.{name}", str(name))

    def text(self, text: Text) -> str:
        """What an author wrote, in this language."""
        return text.in_language(self.code)

    def remark(self, remark: Remark) -> str:
        """A remark in this language; in English as it came where the sentence is not known."""
        sentence = self.remarks.get(remark.code)
        if sentence is None:
            return remark.text
        return sentence.format_map({name: self._value(name, value) for name, value in remark.values.items()})

    def _value(self, name: str, value: Value) -> Value:
        if name.endswith("_s") and isinstance(value, int | float):
            return self.duration(value)
        if name == "status":
            return self.labels.get(f"status.{value}") or self.word("step", value)
        return self.word(_MEANT[name], value) if name in _MEANT else value

    def duration(self, seconds: float) -> str:
        """Seconds as people say them."""
        short = format_duration(seconds)
        if self.code == "en":
            return short
        return short.replace("d", " 天 ").replace("h", " 小时 ").replace("m", " 分 ").replace("s", " 秒").strip()


ENGLISH_RECORD = Language("en", "en", en.LABELS, ENGLISH)
CHINESE_RECORD = Language("zh", "zh-Hans", zh.LABELS, zh_remarks.REMARKS)


def language(code: str) -> Language:
    """The language ``en`` or ``zh``. Raises KeyError for another."""
    return {"en": ENGLISH_RECORD, "zh": CHINESE_RECORD}[code]
