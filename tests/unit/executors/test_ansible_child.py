"""What the child prints is redacted as it comes."""

from __future__ import annotations

import os

from orchestrator.executors.ansible_child import RedactedOutput
from orchestrator.model.redaction import Redactor

SECRET = "s3cr3t-word"


def printed(*pieces: str) -> tuple[str, RedactedOutput]:
    hear, tell = os.pipe()
    output = RedactedOutput(tell, Redactor([SECRET]))
    for piece in pieces:
        assert output.write(piece) == len(piece)
    output.finish()
    os.close(tell)
    with os.fdopen(hear, encoding="utf-8") as reader:
        return reader.read(), output


def test_secrets_do_not_get_through_however_they_are_cut() -> None:
    text, output = printed("a s3cr", "3t-wo", "rd b\nand s3cr3t-word at the end")
    assert text == "a [redacted] b\nand [redacted] at the end"
    assert output.tail == text


def test_terminal_line_ends_become_plain_ones() -> None:
    assert printed("one\r\ntwo\r", "\nthree")[0] == "one\ntwo\nthree"


def test_the_tail_is_bounded() -> None:
    assert len(printed(*["x" * 79 + "\n"] * 200)[1].tail) == 6000


def test_a_full_disk_does_not_stop_the_play() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        output = RedactedOutput(full.fileno(), Redactor())
        output.write("line\n")
    assert "No space left" in output.lost
    assert output.tail == "line\n"
