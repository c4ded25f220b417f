"""Which names stand for secrets: their values are given by reference, never written into a file."""

from __future__ import annotations

import re

WORDS = r"pass(?:word|wd|phrase)?|secret|token|api[_-]?key|private[_-]?key|credentials?|authorization"

_NAME = re.compile(rf"(?:^|[_-])(?:pg|db|my|http)?(?:{WORDS})$", re.IGNORECASE)
_REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)\Z")


def names_a_secret(name: str) -> bool:
    """Whether a value of this name is a secret; ``token_url`` or ``password_file`` only say where one is."""
    return _NAME.search(name) is not None


def is_reference(value: str) -> bool:
    """Whether the value says where the secret is: ``env:NAME`` or ``file:/path``."""
    return _REFERENCE.match(value) is not None
