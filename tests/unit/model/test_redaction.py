from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.redaction import MASK, Redactor

SECRET = 'p@ss/wörd+"7 x'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(json.dumps(SECRET)),
        repr(SECRET),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_blotted_out_in_every_encoding(form: str) -> None:
    shown = Redactor([SECRET]).text(f"before {form} after")
    assert MASK in shown
    assert SECRET not in shown
    assert "p@ss" not in shown and "p%40ss" not in shown


@settings(database=None, max_examples=60)
@given(st.binary(max_size=5), st.text("abcXYZ0189/+", min_size=6, max_size=20), st.binary(max_size=5))
def test_a_secret_inside_something_encoded_is_found(before: bytes, secret: str, after: bytes) -> None:
    text = base64.b64encode(before + secret.encode() + after).decode()
    assert MASK in Redactor([secret]).text(text)


def test_values_are_redacted_keys_included() -> None:
    value = {"a": [SECRET, 1, None, True], SECRET: {"b": f"x{SECRET}y"}}
    shown = Redactor([SECRET]).value(value)
    assert shown == {"a": [MASK, 1, None, True], MASK: {"b": f"x{MASK}y"}}


def test_the_longer_of_two_secrets_wins() -> None:
    assert Redactor(["hunter", "hunter22"]).text("hunter22!") == f"{MASK}!"


def test_each_line_of_a_secret_with_lines_is_one() -> None:
    assert "MIIEvQ" not in Redactor(["-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----"]).text("key MIIEvQIBADAN")


def test_bytes_are_redacted_and_the_overlap_needed_is_told() -> None:
    redactor = Redactor([SECRET])
    assert redactor.data(b"x" + SECRET.encode() + b"y") == b"x" + MASK.encode() + b"y"
    assert redactor.longest >= len(SECRET)


def test_without_secrets_nothing_changes() -> None:
    value = {"a": ["b"]}
    assert Redactor().value(value) == value
    assert Redactor([""]).text("abc") == "abc"


def test_a_secret_that_is_a_number_in_an_object_is_blotted_out_too() -> None:
    assert Redactor(["12345678"]).value({"pin": 12345678}) == {"pin": MASK}


@settings(database=None, max_examples=60)
@given(st.lists(st.sampled_from(["hunter", "22", "hunter22", "x", "", "hun"]), max_size=8), st.integers(1, 7))
def test_a_stream_is_redacted_like_the_whole(parts: list[str], size: int) -> None:
    redactor = Redactor(["hunter22", "hunter", "22xhun"])
    raw = "".join(parts).encode()
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert b"".join(redactor.stream(pieces)) == redactor.data(raw)
