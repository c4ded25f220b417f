"""What a YAML syntax error means in plain words, and what most likely mends it."""

from __future__ import annotations

import re

import yaml

from orchestrator.errors import Problem

_UNQUOTED_TEMPLATE = re.compile(r"(?:^|[:,\[-])\s*\{\{")

_MENDS = (
    ("mapping values are not allowed", "quote the text that has ': ' in it, or mend the indentation"),
    ("did not find expected key", "check the indentation, and that every key has its colon"),
    ("could not find expected ':'", "put a colon and a space after the key"),
    ("did not find expected '-' indicator", "start each entry of the list with '- ' in the same column"),
    ("did not find expected ',' or '", "close the bracket, or put a comma between the entries"),
    ("unexpected end of stream", "close the quote or bracket that was opened here"),
    ("found character that cannot start any token", "quote the text: it begins with a reserved character"),
    ("unknown escape character", "in double quotes write \\\\ for a backslash, or use single quotes"),
    ("expected alphabetic or numeric character", "quote the text: it begins with a reserved character"),
    ("block sequence entries are not allowed", "put the '- ' on a line of its own"),
    ("found undefined tag handle", "take the tag out"),
    ("incompatible YAML document", "take the directive out"),
)


def explain(error: yaml.YAMLError, file: str, text: str) -> Problem:
    """The syntax error as a problem with its place and mend."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return Problem(file, 1, 1, f"not YAML: {error}", "check the file's syntax")
    said = str(getattr(error, "problem", "") or getattr(error, "context", "") or "syntax error")
    line, column = mark.line + 1, mark.column + 1
    opened = getattr(error, "context_mark", None)
    if "unexpected end of stream" in said and opened is not None:
        line, column = opened.line + 1, opened.column + 1
    lines = re.split(r"\r\n|\r|\n", text)
    near = lines[max(0, line - 2) : line]
    mend = next((mend for words, mend in _MENDS if words in said), "check the syntax here and on the line above")
    if any(_UNQUOTED_TEMPLATE.search(one) for one in near):
        mend = 'a value that begins with a template goes in quotes: "{{ ... }}"'
    return Problem(file, line, column, f"not YAML: {said}", mend)
