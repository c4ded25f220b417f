"""Reads YAML text into plain data with positions, refusing everything that is ambiguous or dangerous.

Refused, each with line and column: tags, anchors and aliases, merge keys, duplicate keys, keys that are not text,
scalars that YAML 1.1 and 1.2 read differently, tabs and control characters, more than one document, directives, deep
nesting, and anything above the size bounds. The parser's events are walked without recursion and without building
its node graph, so an expansion bomb has nothing to expand.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import yaml

from orchestrator.documents.scalars import Doubtful, resolve
from orchestrator.documents.source import Keys, Position, Source
from orchestrator.documents.syntax import explain
from orchestrator.errors import DocumentError, Problem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 60_000
MAX_PROBLEMS = 100

_ALLOWED = (
    ("\n", "\n"), ("\r", "\r"), ("\x20", "\x7e"), ("\xa0", "\u2027"), ("\u202a", "\ud7ff"), ("\ue000", "\ufefe"),
    ("\uff00", "\ufffd"), ("\U00010000", "\U0010ffff"),
)  # fmt: skip
"""Characters a document may have: the first and the last of each range."""
_LINE_END = re.compile(r"\r\n|\r|\n")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(text: str, file: str) -> Source:
    """The one document in ``text``. ``file`` is what problems call it. Raises DocumentError with all problems."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        raise too_large(file, len(text))
    problems = _forbidden_characters(text, file)
    if problems:
        raise DocumentError(problems)
    builder = _Builder(file, text)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        builder.problems.append(explain(error, file, text))
    if builder.problems:
        raise DocumentError(builder.problems)
    return Source(file, builder.root, builder.positions)


def read_bytes(raw: bytes, file: str) -> Source:
    """The one document in ``raw``, which must be UTF-8. Raises DocumentError."""
    if len(raw) > MAX_BYTES:
        raise too_large(file, len(raw))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        line, column = _where(before, len(before))
        raise DocumentError(
            [Problem(file, line, column, "the file is not UTF-8 text", "save it with encoding UTF-8")]
        ) from error
    return read_text(text, file)


def too_large(file: str, size: int) -> DocumentError:
    """The error for a file of ``size`` bytes that nobody should try to read."""
    shown = f"{size / 1024 / 1024:.1f} MiB" if size >= 1024 * 1024 else f"{size} bytes"
    limit = f"{MAX_BYTES // 1024 // 1024} MiB"
    return DocumentError(
        [Problem(file, 1, 1, f"the file is {shown}; at most {limit} is read", "split it: a runbook can nest others")]
    )


def _where(text: str, index: int) -> tuple[int, int]:
    line, start = 1, 0
    for end in _LINE_END.finditer(text, 0, index):
        line, start = line + 1, end.end()
    return line, index - start + 1


def _forbidden_characters(text: str, file: str) -> list[Problem]:
    # One look at each character there is: a pattern over all of Unicode takes longer to compile than to be searched.
    forbidden = "".join(one for one in sorted(set(text)) if not any(low <= one <= high for low, high in _ALLOWED))
    if not forbidden:
        return []
    problems = []
    for found in re.finditer(f"[{re.escape(forbidden)}]", text):
        line, column = _where(text, found.start())
        if found[0] == "\t":
            message, mend = "tab character", 'indent with spaces; inside a text write "\\t" in double quotes'
        else:
            message = f"control or invisible character U+{ord(found[0]):04X}"
            mend = f'take it out; inside a text write "\\u{ord(found[0]):04x}" in double quotes'
        problems.append(Problem(file, line, column, message, mend))
        if len(problems) == MAX_PROBLEMS:
            break
    return problems


def _mark_of(event: yaml.Event) -> Any:
    mark = event.start_mark
    assert mark is not None  # the parser marks every event
    return mark


def _place_of(event: yaml.Event) -> tuple[int, int]:
    mark = _mark_of(event)
    return mark.line + 1, mark.column + 1


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


class _Frame:
    """A mapping or list that is still open."""

    __slots__ = ("container", "key", "keys", "path", "skip")

    def __init__(self, container: Any, path: Keys, skip: bool) -> None:
        self.container = container
        self.path = path
        self.skip = skip
        """What is inside is read for its problems only."""
        self.key: tuple[str | None, int, int] | None = None
        """The key read last, waiting for its value; its text is None where the key was refused."""
        self.keys: dict[str, int] = {}
        """Keys so far, and the line each is on."""


class _Builder:
    """Puts the parser's events together, noting problems on the way."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.root: Any = None
        self.positions: dict[Keys, Position] = {}
        self.problems: list[Problem] = []
        self._open: list[_Frame] = []
        self._documents = 0
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        """One event. Raises DocumentError where reading on is pointless or dangerous."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._start(event, {})
        elif isinstance(event, yaml.SequenceStartEvent):
            self._start(event, [])
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._note(event, f"alias *{event.anchor}: aliases are not taken", "write the part out again")
            if self._wants_key():
                self._open[-1].key = (None, 0, 0)
            else:
                self._place(event, None)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)
        elif isinstance(event, yaml.StreamEndEvent) and not self._documents:
            self._note(event, "the file is empty", "the first key says what it is, e.g. runbook: my-runbook")

    def _note(self, event: yaml.Event, message: str, mend: str) -> None:
        self.problems.append(Problem(self.file, *_place_of(event), message, mend))
        if len(self.problems) >= MAX_PROBLEMS:
            raise DocumentError(self.problems)

    def _give_up(self, event: yaml.Event, message: str, mend: str) -> NoReturn:
        self._note(event, message, mend)
        raise DocumentError(self.problems)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._give_up(event, "a second document begins here", "put each document in a file of its own")
        if event.version or event.tags:
            self._note(event, "directives (%YAML, %TAG) are not taken", "take the directive out")

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._give_up(event, f"more than {MAX_NODES} values", "split the file")
        if event.anchor is not None:
            self._note(
                event, f"anchor &{event.anchor}: anchors are not taken", "take it out; write the part where needed"
            )
        if event.tag is not None:
            self._note(event, f"tag {event.tag}: tags are not taken", _tag_mend(event.tag))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._node(event)
        value: Any = event.value
        if not event.style and event.tag is None:
            value = resolve(value)
            if event.value == "<<" and self._wants_key():
                self._note(event, "merge key <<: merging is not taken", "write the keys out")
                value = event.value
            elif isinstance(value, Doubtful):
                self._note(event, f"{_cut(event.value)} is not quoted: {value.why}", f"quote it: '{_cut(event.value)}'")
                value = event.value
        if self._wants_key():
            self._key(event, value)
        else:
            self._place(event, value)

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].container, dict) and self._open[-1].key is None

    def _key(self, event: yaml.ScalarEvent, value: Any) -> None:
        frame = self._open[-1]
        line, column = _place_of(event)
        if not isinstance(value, str):
            shown = _cut(event.value) or "(nothing)"
            self._note(event, f"the key {shown} is not text", f"quote it: '{_cut(event.value)}'")
            value = event.value
        if value in frame.keys:
            self._note(
                event,
                f"the key {_cut(value)!r} is here twice; the first is on line {frame.keys[value]}",
                "keep one of the two",
            )
        frame.keys.setdefault(value, line)
        frame.key = (value, line, column)

    def _start(self, event: yaml.CollectionStartEvent, container: Any) -> None:
        self._node(event)
        if len(self._open) >= MAX_DEPTH:
            self._give_up(event, f"nested more than {MAX_DEPTH} deep", "a document needs no more than a few levels")
        if self._wants_key():
            if self.text.startswith("{{", _mark_of(event).index - 1):
                message = "a template begins with '{{' and is not quoted"
                mend = 'put the whole value in quotes: "{{ ... }}"'
                line, column = _place_of(event)
                self.problems.append(Problem(self.file, line, column - 1, message, mend))
            else:
                self._note(event, "a key that is a list or a mapping", "a key is a plain word")
            frame = self._open[-1]
            frame.key = (None, 0, 0)
            self._open.append(_Frame(container, frame.path, skip=True))
            return
        path, skip = self._place(event, container)
        self._open.append(_Frame(container, path, skip))

    def _place(self, event: yaml.Event, value: Any) -> tuple[Keys, bool]:
        """Put a value where it belongs; answers its path, and whether it is thrown away."""
        line, column = _place_of(event)
        if not self._open:
            self.root = value
            self.positions[()] = Position(line, column, line, column)
            return (), False
        frame = self._open[-1]
        if isinstance(frame.container, dict):
            assert frame.key is not None  # a value follows its key: the parser's grammar
            name, key_line, key_column = frame.key
            frame.key = None
            if name is None or frame.skip:
                return frame.path, True
            path = (*frame.path, name)
            frame.container[name] = value
            self.positions[path] = Position(key_line, key_column, line, column)
            return path, False
        if frame.skip:
            return frame.path, True
        path = (*frame.path, len(frame.container))
        frame.container.append(value)
        self.positions[path] = Position(line, column, line, column)
        return path, False


def _tag_mend(tag: str) -> str:
    if "vault" in tag:
        return "secrets go by reference: make it a secret input, given as env:NAME or file:/path"
    if "unsafe" in tag:
        return "take the tag out; values are data and never rendered a second time"
    return "take the tag out; quote the value if it must be text"
