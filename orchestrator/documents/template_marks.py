"""Whether a text is a template at all, and which names it reads.

Asked of every text in a document. The template library, which takes longer to load than most runbooks take to read,
is loaded only where a text turns out to be a template.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"\{\{|\{%")


class NotTaken(ValueError):
    """The template uses something that is not taken. ``mend`` says what to write instead."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


def has_template(text: str) -> bool:
    """Whether ``text`` has template marks in it at all."""
    return _MARK.search(text) is not None


def names_in(template: str) -> set[str]:
    """All values a template reads, dotted: ``steps.lag.output.lag_s``. Raises NotTaken."""
    from orchestrator.documents import expressions

    return expressions.names_in(template)
