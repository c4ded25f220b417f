"""What is said to the target's shell and how its answers read, without a shell."""

from __future__ import annotations

import itertools
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ExecutorError
from orchestrator.executors.fabric_wrapper import (
    LARGEST_STDIN,
    Command,
    Frames,
    Piece,
    Place,
    Result,
    Said,
    payload,
    safe_name,
    shell_line,
)


def test_the_line_for_the_accounts_shell_holds_nothing_of_the_command() -> None:
    whole = payload(
        "start", Command(["do", "s3cret-word"], {"A": "s3cret-env"}, "s3cret-in"), Place("r", "n"), nonce="x"
    )
    line = shell_line(whole)
    assert "s3cret" not in line
    assert line.startswith("exec /bin/sh -c '") and line.endswith(f" holdfast {len(whole)}")
    # csh takes neither of them inside single quotes.
    assert "\n" not in line and "!" not in line


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_words_are_quoted_for_the_shell(words: list[str]) -> None:
    whole = payload("start", Command(["prog", *words], {}), Place("r", "n"), nonce="x").decode()
    assert whole.endswith(shlex.join(["hf_main", "prog", *words]) + "\n# whole")


@pytest.mark.parametrize(
    ("argv", "env", "stdin", "says"),
    [
        ([""], {}, None, "name of a program"),
        (["-oProxyCommand=x"], {}, None, "name of a program"),
        (["a", "b\0c"], {}, None, "NUL"),
        (["a"], {"X": "\0"}, None, "NUL"),
        (["a"], {}, "\0", "NUL"),
        (["a"], {"X;touch hurt": "1"}, None, "environment variable"),
        (["a"], {"": "1"}, None, "environment variable"),
        (["a"], {}, "x" * (LARGEST_STDIN + 1), "at most"),
    ],
)
def test_what_cannot_be_handed_over_exactly_is_refused(
    argv: list[str], env: dict[str, str], stdin: str, says: str
) -> None:
    with pytest.raises(ExecutorError, match=says):
        Command(argv, env, stdin)


@pytest.mark.parametrize("name", ["../../x", "/etc", ".", "..", "-rf", "a b", "a\nb", "$(id)", "é", ""])
def test_any_name_makes_one_harmless_directory(name: str) -> None:
    made = safe_name(name)
    assert "/" not in made and made[0] not in ".-" and made.isascii() and made.isprintable() and " " not in made


def test_names_that_look_alike_stay_apart() -> None:
    assert len({safe_name("a/b"), safe_name("a_b"), safe_name("a b")}) == 3
    assert safe_name("promote.action.1@db-1.example") == "promote.action.1@db-1.example"


ANSWER = b"login banner\nmark started\nmark beat\nmark result 3 11 4\nmark beat\nxoops\nmark end\n"
READ = [
    Said("started"),
    Said("beat"),
    Result(3, 11, 4),
    Piece("out", b"mark beat\nx"),
    Piece("err", b"oops"),
]


def glued(seen: list[object]) -> list[object]:
    """Pieces of the same stream as one."""
    whole: list[object] = []
    for item in seen:
        if isinstance(item, Piece) and whole and isinstance(whole[-1], Piece) and whole[-1].stream == item.stream:
            whole[-1] = Piece(item.stream, whole[-1].data + item.data)
        else:
            whole.append(item)
    return whole


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_answers_read_the_same_however_they_are_cut(cuts: list[int]) -> None:
    frames, seen = Frames("mark"), []
    bounds = [0, *sorted(cuts), len(ANSWER)]
    for start, end in itertools.pairwise(bounds):
        seen += frames.feed(ANSWER[start:end])
    # What the command printed may look like the wrapper's own words, and is not taken for them.
    assert glued(seen)[:5] == READ
    assert b"login banner" in frames.noise


def test_chatter_without_a_newline_before_the_mark_does_no_harm() -> None:
    assert list(Frames("mark").feed(b"welcome! mark started\n")) == [Said("started")]


def test_endless_chatter_is_not_kept() -> None:
    frames = Frames("mark")
    for _ in range(100):
        assert list(frames.feed(b"x" * 65536)) == []
    assert len(frames._line) <= 65536
