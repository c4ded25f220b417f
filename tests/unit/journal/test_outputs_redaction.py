"""A secret that is split over two pieces of a stream is found, wherever the cut is."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.redaction import Redactor

SECRETS = ["geheim-wort-12", "wort-12-und-mehr", "密码密码"]


def test_every_cut_through_a_secret_gives_the_same_text() -> None:
    redactor = Redactor(SECRETS)
    encoded = base64.b64encode(b"user:geheim-wort-12:x")
    raw = b"a geheim-wort-12 b wort-12-und-mehr c " + "密码密码".encode() + b" geheim-wort-12-und-mehr " + encoded
    whole = redactor.data(raw)
    assert b"wort" not in whole
    assert encoded not in whole
    for cut in range(len(raw) + 1):
        assert b"".join(redactor.stream([raw[:cut], raw[cut:]])) == whole


def test_one_byte_at_a_time_gives_the_same_text() -> None:
    redactor = Redactor(SECRETS)
    raw = b"x" * 300 + b"geheim-wort-12" * 3 + b"y" * 300
    assert b"".join(redactor.stream(bytes([byte]) for byte in raw)) == redactor.data(raw)


def test_little_is_kept_back() -> None:
    redactor = Redactor(SECRETS)
    given_out = 0
    for number, piece in enumerate(redactor.stream(b"z" * 1000 for _ in range(50)), start=1):
        given_out += len(piece)
        if number <= 50:
            assert number * 1000 - given_out < redactor.longest


@pytest.mark.parametrize("pieces", [[], [b""], [b"abc"]])
def test_nothing_to_redact_passes_through(pieces: list[bytes]) -> None:
    assert b"".join(Redactor().stream(pieces)) == b"".join(pieces)
    assert b"".join(Redactor(SECRETS).stream(pieces)) == b"".join(pieces)


@given(st.lists(st.sampled_from([b"abab", b"ababc", b"cab", b"ab", b"c", b"x", b""]), max_size=30), st.data())
def test_any_cutting_of_any_text_gives_what_the_whole_gives(words: list[bytes], data: st.DataObject) -> None:
    redactor = Redactor(["abab", "ababc", "cabc", "babcx"])
    raw = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert b"".join(redactor.stream(pieces)) == redactor.data(raw)


def test_a_number_that_is_a_secret_is_blotted_out() -> None:
    assert Redactor(["20260501"]).value({"pin": 20260501, "ok": True, "n": 7}) == {
        "pin": "[redacted]", "ok": True, "n": 7,
    }  # fmt: skip
