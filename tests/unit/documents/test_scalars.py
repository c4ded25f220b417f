"""Plain scalars: taken only where every reader of YAML takes them alike."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.scalars import Doubtful, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("0x1F", 31),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1.0e+3", 1000.0),
        ("10.0.0.1", "10.0.0.1"),
        ("1.2.3", "1.2.3"),
        ("db1:5432", "db1:5432"),
        ("--json", "--json"),
        ("-", "-"),
        ("+x", "+x"),
        ("3-4", "3-4"),
        ("30m", "30m"),
        ("Norway", "Norway"),
        ("offline", "offline"),
        ("true story", "true story"),
        ("...", "..."),
    ],
)
def test_what_all_readers_read_alike_is_taken(text: str, value: Any) -> None:
    got = resolve(text)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "No", "ON", "off", "y", "N"),
        *("0755", "0o755", "0b101", "08", "-0x1F", "00"),
        *("1_000", "1:30:00", "1:30", "-1:30.5", "190:20:30.15"),
        *("2026-11-22", "2026-11-22T10:00:00Z", "2026-11-22 10:00:00"),
        *("1e3", "1.5e3", "-.5", "+.5e-3", "1_0.5"),
        *(".inf", "-.INF", ".nan", "1.0e+999"),
        *("<<", "="),
        *("9999999999999999999", "0xffffffffffffffffffff"),
    ],
)
def test_what_readers_read_differently_is_doubtful(text: str) -> None:
    assert isinstance(resolve(text), Doubtful)


SCALARS = st.one_of(
    st.text(alphabet="0123456789+-._:eExXobTZ ~=<>tfynNYaulrsTFAULRSE", min_size=1, max_size=12),
    st.from_regex(r"[-+]?[0-9_]{0,4}[.:_-]?[0-9_]{0,4}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
)


@settings(deadline=None, database=None, max_examples=50)
@given(SCALARS)
def test_a_value_that_is_taken_is_the_one_pyyaml_reads(text: str) -> None:
    text = text.strip()
    value = resolve(text)
    if isinstance(value, Doubtful):
        return
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
    theirs = yaml.SafeLoader("").construct_document(yaml.ScalarNode(tag, text))
    assert theirs == value and type(theirs) is type(value)
