"""Values stay values: a command word made from one is no option, and no value becomes part of a program's text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.documents.lint.book import Book, probes_of
from orchestrator.documents.source import Keys
from orchestrator.documents.template_marks import NotTaken, has_template, names_in
from orchestrator.errors import Problem
from orchestrator.model.runbook import InputSpec

_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_DASHED = ("-", "--", "-x", "--x", "-1", "-a-", "-A", "--help", "-o=x")
_QUOTED = ("'", '"', "a'b", 'a"b', "a;b", "a b'", "$(a)", "`a`", "a\nb", "\\", "1'", "A'B", "a$b", "a|b", "a&b")
_INTERPRETERS = {
    **dict.fromkeys(("sh", "bash", "dash", "ksh", "zsh", "ash"), re.compile(r"-[a-z]*c\Z")),
    **dict.fromkeys(("python", "python3"), re.compile(r"-c\Z")),
    **dict.fromkeys(("perl", "ruby", "node"), re.compile(r"-e\Z")),
}
"""Programs that take a program's text as a word, and the option the text follows."""

Command = tuple[Keys, tuple[str, ...]]


def _commands(book: Book) -> Iterator[Command]:
    for number, step in book.steps:
        at: Keys = ("steps", number)
        if step.fabric is not None:
            yield (*at, "fabric", "argv"), step.fabric.argv
        if step.undo is not None and step.undo.fabric is not None:
            yield (*at, "undo", "fabric", "argv"), step.undo.fabric.argv
    for path, probe in probes_of(book):
        if probe.command is not None:
            yield (*path, "command"), probe.command


def words_do_not_begin_with_values(book: Book) -> Iterator[Problem]:
    """``--`` before such a word ends the options, or the input's pattern keeps dashes out at its beginning."""
    for path, words in _commands(book):
        for number, word in enumerate(words):
            if word == "--":
                break
            begins = _VALUE.match(word)
            if begins is None or not _may_be_one_of(book, begins[0], _DASHED):
                continue
            if number == 0:
                message, mend = "the program itself comes from a value", "write the program's name"
            else:
                message = "a word that begins with a value could be read as an option"
                mend = "put -- before it, or give the input a pattern that does not begin with '-'"
            yield book.problem((*path, number), message, mend, warning=True)


def values_stay_out_of_programs(book: Book) -> Iterator[Problem]:
    """A value put into a shell script's text could be a command of its own."""
    for path, words in _commands(book):
        option: re.Pattern[str] | None = None
        program = ""
        for number, word in enumerate(words):
            if option is not None and option.match(words[number - 1]) and _unsafe_in_a_text(book, word):
                message = f"a value becomes part of the program that {program} runs"
                mend = "hand it over as a word of its own: [sh, -c, 'echo \"$1\"', sh, '{{ value }}'], or in env"
                yield book.problem((*path, number), message, mend)
                break
            # Not only the first word: sudo, env and the like come before.
            name = word.rpartition("/")[2]
            if name in _INTERPRETERS:
                option, program = _INTERPRETERS[name], name


def values_stay_out_of_queries(book: Book) -> Iterator[Problem]:
    """A value put into a query's text could end the query and begin another."""
    mend = "give the input a pattern or choices without quotes and semicolons"
    message = "a value becomes part of a query"
    for path, probe in probes_of(book):
        if probe.sql is not None and _unsafe_in_a_text(book, probe.sql.query):
            yield book.problem((*path, "sql"), message, mend, warning=True)
    for number, step in book.steps:
        measure = step.marker.measure if step.marker is not None else None
        if measure is not None and measure.ledger is not None and _unsafe_in_a_text(book, measure.ledger):
            yield book.problem(("steps", number, "marker", "measure", "ledger"), message, mend, warning=True)


def _unsafe_in_a_text(book: Book, text: str) -> bool:
    return has_template(text) and any(_may_be_one_of(book, one, _QUOTED) for one in _VALUE.findall(text))


def _may_be_one_of(book: Book, template: str, texts: tuple[str, ...]) -> bool:
    """Whether the value may look like one of ``texts``; outputs of steps may look like anything."""
    try:
        names = names_in(template)
    except NotTaken:
        return False  # named by the rule on templates
    return any(_reaches(name, book.runbook.inputs.get(name.removeprefix("inputs.")), texts) for name in names)


def _reaches(name: str, spec: InputSpec | None, texts: tuple[str, ...]) -> bool:
    if spec is None:
        # The run's id is made by the program, of letters and digits.
        return name not in ("run.id", "run.mode", "run.runbook")
    if spec.type in ("boolean", "duration"):
        return False
    if spec.type in ("integer", "number"):
        # A negative number begins with a dash.
        return texts is _DASHED and (spec.min is None or spec.min < 0)
    if spec.choices:
        return any(choice.startswith("-") if texts is _DASHED else not _harmless(choice) for choice in spec.choices)
    return spec.pattern is None or any(_matches(spec.pattern, text) for text in texts)


def _harmless(text: str) -> bool:
    return re.fullmatch(r"[\w.:/@%+,=-]*", text) is not None


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


RULES = (words_do_not_begin_with_values, values_stay_out_of_programs, values_stay_out_of_queries)
